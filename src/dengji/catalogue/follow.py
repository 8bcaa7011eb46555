"""Follows the log by a cursor of its own and keeps items and tallies as the public entries say (design §3, §7).

What is counted comes from the entries, which stay when a text is suppressed; so to read the log again from its
beginning gives the same items and the same figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from dengji.law.calendar import shanghai_date
from dengji.law.codes import CodeError, division, region
from dengji.ledger import services as ledger
from dengji.ledger.models import Entry
from dengji.registration.models import Application, Registration
from dengji.registration.services import rows
from dengji.registration.services.clockwork import Round

from . import tallies
from .models import Item

CONSUMER = "catalogue"
_BATCH = 1000
#: Acts after which a registration stands in this state.
_STATES = {"assign_code": "VALID", "adopt": "VALID", "cancel": "CANCELLED", "revoke": "REVOKED"}
_RANK_SHIFT = 40
_LEVELS = {"province": ("provinces", 2), "prefecture": ("cities", 4), "county": ("counties", 6)}
_COLUMNS = (
    "object_id", "register_id", "position", "changed_at", "code", "serial", "agency", "state", "data_type",
    "access_mode", "version", "coded_on", "valid_to", "year", "sections", "industries", "provinces", "cities",
    "counties", "suppressed",
)  # fmt: skip
_ARRAYS = frozenset({"sections", "industries", "provinces", "cities", "counties"})
_KEPT = frozenset({"object_id", "code", "serial", "agency", "coded_on", "year"})


@dataclass(frozen=True)
class Standing:
    """An item as it stands in the course of reading."""

    object_id: UUID
    register_id: UUID
    position: int
    changed_at: datetime
    code: str
    serial: str
    agency: str
    state: str
    data_type: str
    access_mode: str
    version: int
    coded_on: date
    valid_to: date
    year: int
    sections: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()
    provinces: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    counties: tuple[str, ...] = ()
    suppressed: bool = False

    def counted(self) -> tallies.Counted:
        """Return what statistics count of it."""
        return tallies.Counted(
            self.register_id, self.data_type, self.state, self.access_mode,
            self.sections, self.industries, self.provinces, self.cities, self.counties,
        )  # fmt: skip


@dataclass
class _Reading:
    """One run of entries: what stood before, what stands now, and every step between."""

    standing: dict[UUID, Standing]
    agencies: Mapping[UUID, str]
    touched: set[UUID] = field(default_factory=set)
    changes: list[tallies.Change] = field(default_factory=list)

    def put(self, after: Standing) -> None:
        before = self.standing.get(after.object_id)
        self.standing[after.object_id] = after
        self.touched.add(after.object_id)
        was = before.counted() if before else None
        if was != after.counted():
            self.changes.append(tallies.Change(shanghai_date(after.changed_at), was, after.counted()))


def follow(now: Round) -> int:
    """Read what has been placed in the log since the last time; return how many entries were read."""
    read = 0
    while read < now.limit and (handed := ledger.consume(CONSUMER, read_entries, _BATCH)):
        read += handed
    return read


def read_entries(entries: Iterable[tuple[int, Entry]]) -> None:
    """Bring items and tallies up to a run of entries, in the transaction that moves the cursor."""
    wanted = [(index, entry, target) for index, entry, target in _targets(list(entries)) if target]
    if not wanted:
        return
    ids = list({target for _, _, target in wanted})
    known = Registration.objects.filter(pk__in=ids).values_list("pk", "agency_name")
    reading = _Reading(_standing(ids), dict(known))
    for index, entry, target in wanted:
        _step(reading, index, entry, target)
    if reading.touched:
        _store([reading.standing[pk] for pk in sorted(reading.touched)])
        tallies.add(reading.changes)


def _targets(entries: Sequence[tuple[int, Entry]]) -> Iterable[tuple[int, Entry, UUID | None]]:
    """Pair each public entry with the registration it is about; None where it is about none."""
    of_application = [e.object_id for _, e in entries if e.public and e.object_kind == "application"]
    found: dict[UUID, UUID | None] = {}
    if of_application:
        rows_ = Application.objects.filter(pk__in=of_application, registration__isnull=False)
        found = dict(rows_.values_list("pk", "registration_id"))
    for index, entry in entries:
        if not entry.public:
            continue
        if entry.object_kind == "registration":
            yield index, entry, entry.object_id
        elif entry.object_kind == "application" and entry.act in ("assign_code", "suppress_content"):
            yield index, entry, found.get(entry.object_id)


def _step(reading: _Reading, index: int, entry: Entry, target: UUID) -> None:
    before = reading.standing.get(target)
    body = orjson.loads(bytes(entry.body))
    if "coded_on" in body["public"]:
        reading.put(_described(reading, index, entry, target, body))
    elif before is not None:
        state = _STATES.get(entry.act, before.state)
        suppressed = before.suppressed or entry.act == "suppress_content"
        reading.put(replace(before, position=index, changed_at=entry.at, state=state, suppressed=suppressed))


def _described(reading: _Reading, index: int, entry: Entry, target: UUID, body: Mapping[str, Any]) -> Standing:
    """An item as an entry that describes the whole registration gives it (`page_public`)."""
    before = reading.standing.get(target)
    public = body["public"]
    coded_on = date.fromisoformat(public["coded_on"])
    return Standing(
        object_id=target,
        register_id=UUID(body["register"]),
        position=index,
        changed_at=entry.at,
        code=public["code"],
        serial=public.get("serial") or "",
        agency=reading.agencies.get(target, before.agency if before else ""),
        state=_STATES.get(entry.act, before.state if before else "VALID"),
        data_type=public["type"],
        access_mode=public.get("access") or "",
        version=int(public["version"]),
        coded_on=coded_on,
        valid_to=date.fromisoformat(public["valid_to"]),
        year=coded_on.year,
        suppressed=False,
        **_divisions(tuple(public.get("industries") or ())),
        **_places(tuple(public.get("regions") or ())),
    )


@lru_cache(maxsize=4096)
def _divisions(codes: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Divisions and sections of industry codes; what is no industry counts nowhere."""
    found = set()
    for code in codes:
        try:
            found.add(division(code))
        except CodeError:
            continue
    return {
        "industries": tuple(sorted(one.code for one in found)),
        "sections": tuple(sorted({one.section for one in found})),
    }


@lru_cache(maxsize=65536)
def _places(codes: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Regions with all that they lie within, by level; what is no region counts nowhere."""
    found: dict[str, set[str]] = {"provinces": set(), "cities": set(), "counties": set()}
    for code in codes:
        here: str | None = code
        while here is not None:
            try:
                place = region(here)
            except CodeError:
                break
            if place.level in _LEVELS and not place.group:
                column, length = _LEVELS[place.level]
                found[column].add(place.code[:length])
            here = place.parent
    return {column: tuple(sorted(values)) for column, values in found.items()}


def _standing(ids: Sequence[UUID]) -> dict[UUID, Standing]:
    found = Item.objects.filter(object_id__in=ids).values_list(*_COLUMNS)
    standing = {}
    for row in found:
        values = dict(zip(_COLUMNS, row, strict=True))
        values |= {name: tuple(values[name]) for name in _ARRAYS}
        standing[values["object_id"]] = Standing(**values)
    return standing


def _store(items: Sequence[Standing]) -> None:
    """Write items, new or known; a known one keeps its number, code and coding day, hence its rank."""
    names = ", ".join(_COLUMNS)
    numbers = rows.next_ids(Item, len(items))
    columns: list[list[Any]] = [numbers, [_rank(one.coded_on, n) for one, n in zip(items, numbers, strict=True)]]
    arrays = ["%b::bigint[]", "%b::bigint[]"]
    for name in _COLUMNS:
        values = [getattr(one, name) for one in items]
        if name in _ARRAYS:
            columns.append(["{" + ",".join(value) + "}" for value in values])
            arrays.append("%b::text[]")
        else:
            columns.append(values)
            arrays.append(f"%b::{_sql_type(name)}[]")
    chosen = ", ".join(f"c.{name}::text[]" if name in _ARRAYS else f"c.{name}" for name in _COLUMNS)
    updated = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name not in _KEPT)
    rows.execute(
        f"INSERT INTO catalogue_item (number, rank, {names}) SELECT c.number, c.rank, {chosen} "  # noqa: S608 - own names
        f"FROM unnest({', '.join(arrays)}) AS c (number, rank, {names}) "
        f"ON CONFLICT (object_id) DO UPDATE SET {updated}",
        columns,
    )


def _rank(day: date, number: int) -> int:
    return (day.toordinal() << _RANK_SHIFT) + number


@lru_cache(maxsize=32)
def _sql_type(name: str) -> str:
    return str(Item._meta.get_field(name).db_type(connection))

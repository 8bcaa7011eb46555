"""What the open exports show of a registration: the item, and the fields that the stage `export` opens (Art. 14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from dengji.core import sql
from dengji.core.errors import not_found
from dengji.law.calendar import shanghai_date
from dengji.law.visibility import TABLE, visible
from dengji.registration import lookup
from dengji.registration.models import Registration

#: What is of the register itself and open on every result.
OWN = (
    "code", "serial", "local_number", "state", "version", "agency", "coded_on", "valid_from", "valid_to", "ended_on",
    "ground", "changed_at",
)  # fmt: skip
_NAMES = ("name", "registrant_name", "data_type")

_FIRST = (
    "number", "object_id", "position", "rank", "changed_at", "code", "serial", "local_number", "state", "data_type",
    "version", "agency", "coded_on", "valid_from", "valid_to",
)  # fmt: skip

_SELECT = """
SELECT i.number, i.object_id, i.position, i.rank, i.changed_at, i.code, i.serial, r.local_number, i.state,
       i.data_type, i.version, i.agency, i.coded_on, r.valid_from, i.valid_to, r.ended_at, r.ground,
       i.industries, i.provinces, i.suppressed OR v.suppressed_at IS NOT NULL, r.state = 'VALID',
       r.name, r.registrant_name, v.fields::text
FROM catalogue_item i
JOIN registration_registration r ON r.id = i.object_id
LEFT JOIN registration_registrationversion v ON v.registration_id = r.id AND v.number = r.version
WHERE {column} = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Record:
    """One registration as exports show it; `fields` is empty for one that is cancelled, revoked or suppressed."""

    number: int
    object_id: UUID
    position: int
    rank: int
    changed_at: datetime
    code: str
    serial: str
    local_number: str
    state: str
    data_type: str
    version: int
    agency: str
    coded_on: date
    valid_from: date
    valid_to: date
    ended_on: date | None
    ground: str
    industries: tuple[str, ...]
    provinces: tuple[str, ...]
    suppressed: bool
    name: str
    registrant_name: str
    fields: dict[str, Any]

    @property
    def live(self) -> bool:
        """True while the registration is valid and its content open."""
        return self.state == "VALID" and not self.suppressed

    def flat(self) -> dict[str, Any]:
        """Return one level of values: the register's own, then the open fields under the names of the schema."""
        own = {name: getattr(self, name) for name in OWN}
        return own | self.fields | {name: getattr(self, name) for name in _NAMES}


def by_numbers(numbers: Sequence[int]) -> list[Record]:
    """Return the records of items, in the order of the numbers given."""
    found = {record.number: record for record in _read("i.number", list(numbers))}
    return [found[number] for number in numbers if number in found]


def by_code(code: str) -> Record:
    """Return the record of a code or local number; raises DomainError not_found."""
    found = _read("r.code", [code])
    if not found and (row := Registration.objects.filter(lookup.named(code)).values("pk").first()):
        found = _read("i.object_id", [row["pk"]])
    if not found:
        raise not_found()
    return found[0]


def _read(column: str, values: list[Any]) -> list[Record]:
    with sql.prepared() as cursor:
        cursor.execute(_SELECT.format(column=column), [values])
        return [_record(row) for row in cursor]


def _record(row: Sequence[Any]) -> Record:
    *own, ended_at, ground, industries, provinces, suppressed, valid, name, registrant, content = row
    record: dict[str, Any] = dict(zip(_FIRST, own, strict=True))
    fields = orjson.loads(content) if content and valid and record["state"] == "VALID" and not suppressed else {}
    return Record(
        **record,
        ended_on=shanghai_date(ended_at) if ended_at else None,
        ground=ground,
        industries=tuple(industries),
        provinces=tuple(provinces),
        suppressed=bool(suppressed),
        name="" if suppressed else _shown("name", name),
        registrant_name="" if suppressed else _shown("registrant_name", registrant),
        fields=visible(fields, "export"),
    )


def _shown(field: str, text: str) -> str:
    return text if "export" in TABLE[field] else ""

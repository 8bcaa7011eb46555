"""Which registrations an entry might be: those naming its identifier, then those of like name in its unit or place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from dengji.law.codes import CodeError, region
from dengji.law.codes.region import match_region_prefix
from dengji.law.similarity import key_text, percent, signature
from dengji.registration.inspection import like_named
from dengji.registration.rules import rules_of_register

from .models import Entry

#: How many registrations are proposed for one entry by its name.
_PROPOSED = 3
_BY_IDENTIFIER = """
SELECT e.id, i.object_id, r.name, r.registrant_name, o.credit_code, i.provinces, i.cities, i.counties
FROM catalogue_item i
JOIN registration_registration r ON r.id = i.object_id
JOIN parties_organisation o ON o.id = r.organisation_id
JOIN registration_registrationversion v ON v.registration_id = r.id AND v.number = r.version
CROSS JOIN LATERAL jsonb_array_elements_text(CASE jsonb_typeof(v.fields->'alternative_identifiers')
    WHEN 'array' THEN v.fields->'alternative_identifiers' ELSE '[]' END) AS a (identifier)
JOIN catalogue_directory_entry e ON e.register_id = i.register_id AND e.identifier = a.identifier
WHERE i.register_id = %s AND i.state = 'VALID' AND e.id = ANY(%s)
"""
_VALID = """
SELECT i.object_id, r.name, r.registrant_name, o.credit_code, i.provinces, i.cities, i.counties
FROM catalogue_item i
JOIN registration_registration r ON r.id = i.object_id
JOIN parties_organisation o ON o.id = r.organisation_id
WHERE i.object_id = ANY(%s) AND i.state = 'VALID'
"""


@dataclass(frozen=True)
class Match:
    """A registration that an entry might be, and how alike they are."""

    entry_id: UUID
    object_id: UUID
    percent: int
    same_unit: bool
    same_region: bool


def by_identifier(register_id: UUID, entries: Sequence[Entry]) -> list[Match]:
    """Return valid registrations of a register that name the identifier of an entry (R17: other identifiers)."""
    known = {entry.pk: entry for entry in entries}
    return [_match(known[row[0]], row[1:]) for row in _ask(_BY_IDENTIFIER, [register_id, list(known)])] if known else []


def by_name(register_id: UUID, entries: Sequence[Entry]) -> list[Match]:
    """Return valid registrations of like name in the entry's unit or place, the likest first, at most three for each.

    How like a name must be is the rulebook's `record.near_duplicate_percent` (R48).
    """
    if not entries:
        return []
    least = int(rules_of_register(register_id).get("record.near_duplicate_percent"))
    known = {entry.pk: entry for entry in entries}
    asked = [(entry.pk, signature(name, entry.unit_name)) for entry in entries for name in _in_places(entry)]
    pairs = {(asked[i][0], object_id) for i, object_id in like_named(register_id, [bands for _, bands in asked])}
    valid = {row[0]: row for row in _ask(_VALID, [list({object_id for _, object_id in pairs})])}
    found: dict[UUID, list[Match]] = {}
    for entry_id, object_id in pairs:
        if object_id not in valid:
            continue
        match = _match(known[entry_id], valid[object_id])
        if match.percent >= least and (match.same_unit or match.same_region):
            found.setdefault(entry_id, []).append(match)
    return [one for matches in found.values() for one in sorted(matches, key=_rank)[:_PROPOSED]]


def _rank(one: Match) -> tuple[Any, ...]:
    return not one.same_unit, not one.same_region, -one.percent, one.object_id


def _ask(sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def _in_places(entry: Entry) -> Iterator[str]:
    """The names under which the register may hold it: they begin with a place (R45); a directory's seldom do."""
    title = _title(entry.name)
    yield from {title: None, entry.name: None}
    code: str | None = entry.region
    while code:
        try:
            place = region(code)
        except CodeError:
            return
        yield f"{place.full_name}-行业-{title}"
        code = place.parent


def _title(name: str) -> str:
    found = match_region_prefix(name)
    return name[found[1] :].lstrip("-－— ") or name if found else name


def _match(entry: Entry, row: tuple[Any, ...]) -> Match:
    object_id, name, registrant, credit_code, provinces, cities, counties = row
    here = entry.region
    trimmed = here[:2] if here.endswith("0000") else here[:4] if here.endswith("00") else here
    same_unit = entry.unit_code == credit_code if entry.unit_code else key_text(entry.unit_name) == key_text(registrant)
    alike = max(percent(entry.name, name), percent(_title(entry.name), name))
    return Match(entry.pk, object_id, alike, same_unit, bool(here) and trimmed in {*provinces, *cities, *counties})

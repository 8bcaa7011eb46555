"""The one door for reads of the directory: proposals, counts by unit, and the gaps as lists (摸清家底, Art. 14)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from dengji.core.errors import N_, DomainError, forbidden
from dengji.parties.actor import Actor, supervised_registers

from .models import Proposal

#: What counts as opened: open to all, or on application where the directory says 有条件开放.
_OPENED = "(i.state = 'VALID' AND (i.access_mode = 'open' OR (e.openness = 'conditional' AND i.access_mode = 'apply')))"
_TO_OPEN = "e.openness IN ('unconditional', 'conditional')"
_ENTRIES = """
FROM catalogue_directory_entry e LEFT JOIN catalogue_item i ON i.object_id = e.object_id
WHERE e.register_id = ANY(%s)
"""
_PROPOSED = "EXISTS (SELECT FROM catalogue_directory_proposal p WHERE p.entry_id = e.id AND p.state = 'open')"
_COUNTS = f"""
SELECT max(e.unit_name), max(e.unit_code), count(*),
    count(*) FILTER (WHERE i.state = 'VALID'),
    count(*) FILTER (WHERE i.state IS DISTINCT FROM 'VALID' AND e.object_id IS NULL AND {_PROPOSED}),
    count(*) FILTER (WHERE {_TO_OPEN}), count(*) FILTER (WHERE {_OPENED})
{_ENTRIES} GROUP BY coalesce(nullif(e.unit_code, ''), e.unit_name) ORDER BY 3 DESC, 1
"""  # noqa: S608 - own words
_COLUMNS = ("unit_name", "unit_code", "catalogued", "registered", "proposed", "to_open", "open")
_UNCATALOGUED = """
FROM catalogue_item i JOIN registration_registration r ON r.id = i.object_id
WHERE i.register_id = ANY(%s) AND i.state = 'VALID' AND NOT EXISTS (
    SELECT FROM catalogue_directory_entry e WHERE e.object_id = i.object_id AND e.register_id = i.register_id)
"""
_GAPS = {
    "unregistered": f"{_ENTRIES} AND i.state IS DISTINCT FROM 'VALID'",
    "unopened": f"{_ENTRIES} AND {_TO_OPEN} AND NOT coalesce({_OPENED}, false)",
}
GAPS = (*_GAPS, "uncatalogued")
_ENTRY = ("id", "identifier", "name", "unit_name", "unit_code", "region", "sharing", "openness", "code", "proposed")


def registers_of(actor: Actor) -> frozenset[UUID]:
    """Return the registers whose directory an actor keeps: as supervisor of the agency or of its territory."""
    return actor.registers("agency_supervisor") | supervised_registers(actor)


def proposal_scope(actor: Actor) -> Q:
    """Return which proposals an actor may see and decide."""
    return Q(entry__register_id__in=registers_of(actor))


def _registers(actor: Actor, register_id: UUID | None) -> list[UUID]:
    mine = registers_of(actor)
    if not mine or (register_id and register_id not in mine):
        raise forbidden()
    return [register_id] if register_id else sorted(mine)


def proposals(
    actor: Actor, *, state: str = "open", register_id: UUID | None = None, after: UUID | None = None, limit: int = 50
) -> dict[str, Any]:
    """Return a page of proposals, entry and registration side by side; raises DomainError forbidden."""
    mine = _registers(actor, register_id)
    rows = Proposal.objects.filter(proposal_scope(actor), entry__register_id__in=mine, state=state)
    rows = (rows.filter(pk__gt=after) if after else rows).select_related("entry").order_by("pk")
    page = list(rows[: limit + 1])
    shown = _registrations({row.object_id for row in page})
    items = [
        {
            "id": row.pk,
            "state": row.state,
            "basis": row.basis,
            "percent": row.percent,
            "same_unit": row.same_unit,
            "same_region": row.same_region,
            "reason": row.reason,
            "entry": {name: getattr(row.entry, name) for name in ("id", "identifier", "name", "unit_name", "region")},
            "registration": shown.get(row.object_id),
        }
        for row in page[:limit]
    ]
    return {"items": items, "next": page[limit - 1].pk if len(page) > limit else None}


def _registrations(keys: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    sql = (
        "SELECT i.object_id, i.code, CASE WHEN i.suppressed THEN '' ELSE r.name END, "
        "CASE WHEN i.suppressed THEN '' ELSE r.registrant_name END, i.state "
        "FROM catalogue_item i JOIN registration_registration r ON r.id = i.object_id WHERE i.object_id = ANY(%s)"
    )
    names = ("id", "code", "name", "registrant_name", "state")
    return {row[0]: dict(zip(names, row, strict=True)) for row in _ask(sql, [list(keys)])}


def counts(actor: Actor, *, register_id: UUID | None = None) -> dict[str, Any]:
    """Return how much is catalogued, registered and open, by unit and in all; raises DomainError forbidden.

    `uncatalogued` are valid registrations that no entry of the directory was confirmed to be.
    """
    mine = _registers(actor, register_id)
    units = [dict(zip(_COLUMNS, row, strict=True)) for row in _ask(_COUNTS, [mine])]
    total = {name: sum(unit[name] for unit in units) for name in _COLUMNS[2:]}
    ((uncatalogued,),) = _ask(f"SELECT count(*) {_UNCATALOGUED}", [mine])
    return {"units": units, "total": total, "uncatalogued": uncatalogued}


def gaps(
    actor: Actor,
    *,
    kind: str,
    unit: str = "",
    register_id: UUID | None = None,
    after: str = "",
    limit: int = 50,
) -> dict[str, Any]:
    """Return a page of what is missing: `unregistered` or `unopened` entries, `uncatalogued` registrations.

    `unit` is a credit code or name. Raises DomainError forbidden, directory_gap, cursor_invalid.
    """
    mine = _registers(actor, register_id)
    if kind not in GAPS:
        raise DomainError("directory_gap", N_("没有这种缺口清单"), "kind")
    if kind == "uncatalogued":
        return _uncatalogued(mine, unit, after, limit)
    try:
        place = UUID(after) if after else UUID(int=0)
    except ValueError:
        raise _bad_cursor() from None
    sql = f"""
    SELECT e.id, e.identifier, e.name, e.unit_name, e.unit_code, e.region, e.sharing, e.openness, i.code, {_PROPOSED}
    {_GAPS[kind]} AND e.id > %s AND (%s = '' OR e.unit_code = %s OR e.unit_name = %s) ORDER BY e.id LIMIT %s
    """
    rows = [dict(zip(_ENTRY, row, strict=True)) for row in _ask(sql, [mine, place, unit, unit, unit, limit + 1])]
    return {"kind": kind, "items": rows[:limit], "next": str(rows[limit - 1]["id"]) if len(rows) > limit else None}


def _uncatalogued(mine: list[UUID], unit: str, after: str, limit: int) -> dict[str, Any]:
    if after and not (after.isascii() and after.isdigit() and len(after) < 19):
        raise _bad_cursor()
    sql = f"""
    SELECT i.number, i.object_id, i.code, CASE WHEN i.suppressed THEN '' ELSE r.name END,
        CASE WHEN i.suppressed THEN '' ELSE r.registrant_name END {_UNCATALOGUED}
    AND i.number > %s AND (%s = '' OR r.registrant_name = %s) ORDER BY i.number LIMIT %s
    """
    rows = _ask(sql, [mine, int(after or 0), unit, unit, limit + 1])
    names = ("id", "code", "name", "unit_name")
    items = [dict(zip(names, row[1:], strict=True)) for row in rows[:limit]]
    return {"kind": "uncatalogued", "items": items, "next": str(rows[limit - 1][0]) if len(rows) > limit else None}


def _bad_cursor() -> DomainError:
    return DomainError("cursor_invalid", N_("翻页位置无效，请重新检索"), "cursor")


def _ask(sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())

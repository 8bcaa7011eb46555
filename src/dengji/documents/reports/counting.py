"""What a report counts, by SQL over decisions and registrations; anybody with the decisions may recount it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from dengji.law.codes import DIVISIONS, CodeError, division
from dengji.law.codes import regions as all_regions
from dengji.law.codes.region import is_within
from dengji.parties.models import Register
from dengji.registration.queries.supervision import figures_of, span

from ..composing import clean

MOST_NAMED = 500
#: Figures of the whole period that `figures_of` counts by act.
_BY_ACT = (
    "submitted",
    "notices",
    "coded",
    "completed",
    "cancelled",
    "revoked",
    "declined",
    "rejected",
    "withdrawn",
    "returned",
    "rounds",
    "objections",
    "upheld",
    "complaints",
)
_AT_THE_END = ("in_notice", "valid")
FIGURES = (*_BY_ACT[:1], *_AT_THE_END, *_BY_ACT[1:])

_IN_NOTICE = """
SELECT register_id, count(*) FROM (
    SELECT DISTINCT ON (object_id) register_id, to_state FROM registration_decision
    WHERE register_id = ANY(%s) AND object_kind = 'application' AND at < %s
    ORDER BY object_id, n DESC) AS last
WHERE to_state = 'NOTICE' GROUP BY register_id
"""
_VALID = """
SELECT r.register_id, r.organisation_id, o.region_code, v.fields -> 'industries'
FROM registration_registration r
JOIN parties_organisation o ON o.id = r.organisation_id
CROSS JOIN LATERAL (
    SELECT fields FROM registration_registrationversion
    WHERE registration_id = r.id AND at < %s ORDER BY number DESC LIMIT 1) AS v
WHERE r.register_id = ANY(%s) AND (r.ended_at IS NULL OR r.ended_at >= %s)
"""
_UNITS = """
WITH filed AS (
    SELECT DISTINCT a.organisation_id FROM registration_decision d
    JOIN registration_application a ON a.id = d.object_id
    WHERE d.object_kind = 'application' AND d.act = 'submit' AND d.register_id = ANY(%s) AND d.at < %s)
SELECT o.id, o.name, o.credit_code, o.region_code, f.organisation_id IS NOT NULL FROM parties_organisation o
LEFT JOIN filed f ON f.organisation_id = o.id
WHERE f.organisation_id IS NOT NULL OR EXISTS (
    SELECT FROM parties_role r WHERE r.organisation_id = o.id AND r.ended_at IS NULL
    AND r.kind IN ('clerk', 'business_reviewer'))
ORDER BY o.credit_code
"""


def _rows(statement: str, params: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())


def counted(registers: Collection[UUID], first: date, last: date) -> dict[UUID, dict[str, Any]]:
    """Return {register: {figures, on_time}} of a period; on_time is {stage: [done, in time]}."""
    mine = list(registers)
    end = span(first, last)[1]
    notice = dict(_rows(_IN_NOTICE, [mine, end]))
    valid = Counter(row[0] for row in _rows(_VALID, [end, mine, end]))
    found: dict[UUID, dict[str, Any]] = {}
    for pk, row in figures_of(mine, first, last).items():
        figures = {name: row[name] for name in _BY_ACT}
        figures |= {"in_notice": notice.get(pk, 0), "valid": valid[pk]}
        on_time = {stage: list(pair) for stage, pair in row["on_time"].items()}
        found[pk] = {"figures": figures, "on_time": on_time}
    return found


def whole(parts: Collection[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the sum of what `counted` says of several registers."""
    figures = {name: sum(part["figures"][name] for part in parts) for name in FIGURES}
    stages = sorted({stage for part in parts for stage in part["on_time"]})
    on_time = {s: [sum(p["on_time"].get(s, [0, 0])[i] for p in parts) for i in (0, 1)] for s in stages}
    return {"figures": figures, "on_time": on_time}


def coverage(registers: Collection[Register], region_code: str, last: date) -> dict[str, Any]:
    """Return {industries, regions, units} of what is valid at the end of a day: what is covered, what has none."""
    mine, end = [row.pk for row in registers], span(last, last)[1]
    valid = _rows(_VALID, [end, mine, end])
    return {
        "industries": _industries(valid),
        "regions": _regions(valid, region_code),
        "units": _units(valid, mine, end, region_code),
    }


def _industries(valid: list[tuple[Any, ...]]) -> dict[str, Any]:
    found: Counter[str] = Counter()
    for row in valid:
        found.update({code for text in _listed(row[3]) if (code := _division(str(text)))})
    return {
        "total": len(DIVISIONS),
        "covered": [[code, found[code]] for code in DIVISIONS if found[code]],
        "missing": [code for code in DIVISIONS if not found[code]],
        "unknown": sum(not _listed(row[3]) for row in valid),
    }


def _listed(value: Any) -> list[Any]:
    plain = orjson.loads(value) if isinstance(value, str) else value
    return plain if isinstance(plain, list) else []


def _division(text: str) -> str:
    try:
        return division(text).code
    except CodeError:
        return ""


def _regions(valid: list[tuple[Any, ...]], region_code: str) -> dict[str, Any]:
    by_region = Counter(row[2] for row in valid)
    below = [row for row in all_regions() if row.parent == region_code]
    held = {r.code: sum(n for code, n in by_region.items() if _inside(code, r.code)) for r in below}
    return {
        "with": [[r.code, r.name, held[r.code]] for r in below if held[r.code]],
        "without": [[r.code, r.name] for r in below if not held[r.code]],
        "other": len(valid) - sum(held.values()),
    }


def _inside(code: str, territory: str) -> bool:
    try:
        return bool(code and is_within(code, territory))
    except CodeError:
        return False


def _units(valid: list[tuple[Any, ...]], mine: list[UUID], end: datetime, region_code: str) -> dict[str, Any]:
    holding = {row[1] for row in valid}
    known = _rows(_UNITS, [mine, end])
    counts = [row for row in known if row[4] or _inside(row[3], region_code)]
    without = [[row[2], clean(row[1])] for row in counts if row[0] not in holding]
    return {
        "known": len({row[0] for row in counts} | holding),
        "with": len(holding),
        "without": len(without),
        "named": without[:MOST_NAMED],
    }

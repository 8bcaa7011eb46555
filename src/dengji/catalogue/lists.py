"""The lists that prove the figures of the home page: who registered, and what was coded in a month."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from django.db import connection

from dengji.core.clock import legal_now
from dengji.core.errors import N_, DomainError
from dengji.law.calendar import shanghai_date
from dengji.registration.services.suppression import SUPPRESSED_NAME

#: Each step finds the next organisation by the index that begins with it: the work grows with organisations alone.
_HOLDERS = """
WITH RECURSIVE one AS (
    (SELECT organisation_id FROM registration_registration ORDER BY organisation_id LIMIT 1)
    UNION ALL
    SELECT (SELECT r.organisation_id FROM registration_registration r WHERE r.organisation_id > one.organisation_id
            ORDER BY r.organisation_id LIMIT 1)
    FROM one WHERE one.organisation_id IS NOT NULL
)
SELECT o.id, o.name, o.credit_code FROM one JOIN parties_organisation o ON o.id = one.organisation_id
WHERE EXISTS (SELECT FROM registration_registration r WHERE r.organisation_id = o.id AND r.state = 'VALID')
"""
_COUNT = f"SELECT count(*) FROM ({_HOLDERS}) AS holders"  # noqa: S608 - our own text
_PAGE = f"""
SELECT h.name, h.credit_code,
       (SELECT count(*) FROM registration_registration r WHERE r.organisation_id = h.id AND r.state = 'VALID')
FROM ({_HOLDERS}) AS h WHERE h.credit_code > %s ORDER BY h.credit_code LIMIT %s
"""  # noqa: S608 - our own text
_MONTH_COUNT = "SELECT count(*) FROM catalogue_item WHERE rank >= %s AND rank < %s"
_MONTH = """
SELECT i.rank, i.code, r.name, r.registrant_name, i.coded_on, i.state, i.data_type
FROM catalogue_item i JOIN registration_registration r ON r.id = i.object_id
WHERE i.rank >= %s AND i.rank < %s AND i.rank < %s ORDER BY i.rank DESC LIMIT %s
"""
_DAY = 1 << 40
_MONTH_TEXT = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


def this_month() -> str:
    """Return the Shanghai month of legal time, as 2026-11."""
    return f"{shanghai_date(legal_now()):%Y-%m}"


def _bounds(month: str) -> tuple[int, int]:
    """Return the ranks of a month: those from its first day on, before the first of the next."""
    if not _MONTH_TEXT.fullmatch(month):
        raise DomainError("month_invalid", N_("月份应写作 2026-11"), "month")
    year, number = map(int, month.split("-"))
    if year < 1:
        raise DomainError("month_invalid", N_("月份应写作 2026-11"), "month")
    first = date(year, number, 1)
    after = date(year + number // 12, number % 12 + 1, 1) if year < date.max.year else date.max
    return first.toordinal() * _DAY, after.toordinal() * _DAY


def holders_count() -> int:
    """Return how many units hold at least one valid registration."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT)
        return int(cursor.fetchone()[0])


def holders(after: str = "", limit: int = 50) -> dict[str, Any]:
    """Return the units that hold valid registrations by credit code: {items: [{name, count}], next}."""
    with connection.cursor() as cursor:
        cursor.execute(_PAGE, [after, limit + 1])
        rows = cursor.fetchall()
    items = [{"name": name, "count": count} for name, _, count in rows[:limit]]
    return {"items": items, "next": rows[limit - 1][1] if len(rows) > limit else None}


def coded_count(month: str) -> int:
    """Return how many registrations were coded in a month, whatever became of them; raises month_invalid."""
    with connection.cursor() as cursor:
        cursor.execute(_MONTH_COUNT, _bounds(month))
        return int(cursor.fetchone()[0])


def coded_in(month: str, after: int | None = None, limit: int = 50) -> dict[str, Any]:
    """Return what was coded in a month, newest first: {items, next}; raises DomainError month_invalid."""
    first, end = _bounds(month)
    with connection.cursor() as cursor:
        cursor.execute(_MONTH, [first, end, end if after is None else after, limit + 1])
        rows = cursor.fetchall()
    names = ("rank", "code", "name", "registrant_name", "coded_on", "state", "data_type")
    items = [dict(zip(names, row, strict=True)) for row in rows[:limit]]
    for item in items:
        if item["name"] == SUPPRESSED_NAME:
            item["name"] = item["registrant_name"] = None
    return {"items": items, "next": rows[limit - 1][0] if len(rows) > limit else None}

"""The one door for figures: sums of tallies, in one statement with the place in the log that they follow.

A figure at a day is the sum of all changes up to it, so history costs nothing and never drifts (design §7).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db import connection
from django.urls import reverse

from dengji.core.clock import legal_now
from dengji.core.errors import N_, DomainError
from dengji.law.calendar import shanghai_date
from dengji.law.procedure import STATES
from dengji.parties.selectors import registers

from . import places, words

#: dimension → (as which it is counted, by which column its rows differ).
_KEYS = {
    "state": ("all", "state"),
    "type": ("all", "data_type"),
    "register": ("all", "register_id::text"),
    "section": ("section", "value"),
    "industry": ("industry", "value"),
    "region": ("region", "value"),
    "access": ("access", "value"),
}
DIMENSIONS = tuple(_KEYS)
_STATES = tuple(STATES["registration"])
_FROM = """
FROM catalogue_tally WHERE day <= %(last)s AND (%(register)s::uuid IS NULL OR register_id = %(register)s::uuid)
AND (%(type)s::text = '' OR data_type = %(type)s::text)
"""
_PLACE = """
SELECT place.next, place.size, f.* FROM (
    SELECT coalesce((SELECT next_index FROM ledger_cursor WHERE consumer = 'catalogue'), 0) AS next,
           coalesce((SELECT max(size) FROM ledger_tree), 0) AS size) AS place
LEFT JOIN ({figures}) AS f ON true
"""
_SUMS = "sum(delta)::bigint, coalesce(sum(delta) FILTER (WHERE day < %(first)s), 0)::bigint"
_TABLE = f"""
SELECT true AS row, {{key}} AS key, state, data_type, {_SUMS} {_FROM}
AND dimension = %(dimension)s AND value = ANY(%(values)s) GROUP BY 2, 3, 4
UNION ALL
SELECT false, '', state, data_type, {_SUMS} {_FROM} AND dimension = %(wide)s AND value = %(parent)s GROUP BY 3, 4
"""
_MONTHS = f"""
SELECT to_char(day, 'YYYY-MM') AS month, state, sum(delta)::bigint
{_FROM} AND dimension = %(dimension)s AND value = %(parent)s GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Asked:
    """Which figures are wanted: of a register or all, of a type or all, up to the end of a day, since a day."""

    register: UUID | None = None
    type: str = ""
    first: date | None = None
    last: date | None = None

    def search(self, *more: tuple[str, str]) -> str:
        """Return the address of the list that proves a figure of today."""
        own = [("register", str(self.register))] if self.register else []
        own += [("type", self.type)] if self.type else []
        return f"{reverse('search')}?{urlencode([*own, *more])}"


@dataclass
class Figures:
    """One line of figures: how many in each state, how many of the valid of each type, how many before the period."""

    value: str
    label: str = ""
    states: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    before: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """All that were ever registered."""
        return sum(self.states.values())

    def period(self) -> dict[str, int]:
        """Return what happened in the period: between what was valid before it and what was valid at its end."""
        return {
            "opening": self.before["VALID"],
            "added": self.count - sum(self.before.values()),
            "cancelled": self.states["CANCELLED"] - self.before["CANCELLED"],
            "revoked": self.states["REVOKED"] - self.before["REVOKED"],
            "closing": self.states["VALID"],
        }

    def add(self, state: str, data_type: str, upto: int, before: int) -> None:
        """Add a sum."""
        self.states[state] += upto
        self.before[state] += before
        if state == "VALID":
            self.types[data_type] += upto


def _today(asked: Asked) -> tuple[datetime, date, date]:
    """Return (now, last day, first day), the last at most today; raises DomainError statistics_period."""
    now = legal_now()
    today = shanghai_date(now)
    last = min(asked.last or today, today)
    if asked.first and asked.first > last:
        raise DomainError("statistics_period", N_("期间的起始日应不晚于截止日"), "from")
    return now, last, asked.first or date.min


def table(dimension: str, asked: Asked, parent: str = "") -> dict[str, Any]:
    """Return the figures of every value of a dimension, and of the whole that they are part of.

    `parent` is a region, of which the parts are counted, or for `industry` a section. Raises DomainError
    statistics_dimension, statistics_value, statistics_period.
    """
    if dimension not in _KEYS:
        raise DomainError("statistics_dimension", N_("没有这一统计维度"), "dimension")
    counted, key = _KEYS[dimension]
    rows = places.values(dimension, parent)
    now, last, first = _today(asked)
    wide = {"region": "region", "industry": "section"}.get(dimension, "all") if parent else "all"
    found = _ask(
        _TABLE.format(key=key),
        asked,
        last,
        first=first,
        dimension=counted,
        values=[""] if counted == "all" else rows,
        wide=wide,
        parent=parent,
    )
    lines = {value: Figures(value) for value in rows}
    if dimension == "register":
        lines = {str(row.pk): Figures(str(row.pk), f"{row.name}（{row.agency.name}）") for row in registers()}
        if asked.register:
            lines = {pk: row for pk, row in lines.items() if pk == str(asked.register)}
    whole = Figures(parent)
    for is_row, value, *sums in found.rows:
        (lines.setdefault(value, Figures(value)) if is_row else whole).add(*sums)
    for line in lines.values():
        line.label = line.label or words.label(dimension, line.value)
    current = last == shanghai_date(now)
    over = {"region": "region", "section": "industry"}.get(wide)
    return {
        "dimension": dimension,
        "parent": parent,
        **_frame(asked, now, last, found),
        "rows": [_row(line, asked, dimension if current else "") for line in lines.values()],
        "total": _row(whole, asked, (over or "all") if current else ""),
    }


def _row(line: Figures, asked: Asked, dimension: str) -> dict[str, Any]:
    if dimension == "register":
        asked = replace(asked, register=None)
    own = [("industry" if dimension == "section" else dimension, line.value)] if line.value else []
    return {
        "value": line.value,
        "label": line.label,
        "states": {state: line.states[state] for state in (*_STATES, *(set(line.states) - set(_STATES)))},
        "types": {name: line.types[name] for name in places.values("type", "")},
        "count": line.count,
        "period": line.period() if asked.first else None,
        "search": asked.search(*own) if dimension else None,
    }


def months(asked: Asked, dimension: str = "all", value: str = "") -> dict[str, Any]:
    """Return for each month what was valid at its beginning, added, cancelled, revoked, and valid at its end.

    Of everything, or of one `section`, `industry`, `region` or `access`, where `added` also holds what came to it by
    a change and leaves out what left it. Raises DomainError statistics_dimension, statistics_period.
    """
    if dimension not in ("all", "section", "industry", "region", "access"):
        raise DomainError("statistics_dimension", N_("没有这一统计维度"), "dimension")
    now, last, first = _today(asked)
    found = _ask(_MONTHS, asked, last, first=first, dimension=dimension, parent=value)
    sums: Counter[tuple[str, str]] = Counter()
    for month, state, delta in found.rows:
        sums[month, state] += delta
    lines, valid = [], 0
    since = f"{asked.first:%Y-%m}" if asked.first else ""
    for month in _run([*(month for month, _ in sums), f"{last:%Y-%m}", *([since] if since else [])]):
        opening = valid
        valid += sums[month, "VALID"]
        if month >= since:
            added = sum(sums[month, state] for state in _STATES)
            ended = {name: sums[month, name.upper()] for name in ("cancelled", "revoked")}
            lines.append({"month": month, "opening": opening, "added": added, **ended, "closing": valid})
    return {"dimension": dimension, "value": value, **_frame(asked, now, last, found), "months": lines}


def _run(known: Iterable[str]) -> list[str]:
    """Every month from the first known to the last."""
    ordinals = [int(month[:4]) * 12 + int(month[5:]) - 1 for month in known]
    return [f"{n // 12:04}-{n % 12 + 1:02}" for n in range(min(ordinals), max(ordinals) + 1)]


@dataclass(frozen=True)
class _Found:
    place: int
    behind: int
    rows: list[tuple[Any, ...]]


def _ask(figures: str, asked: Asked, last: date, **params: Any) -> _Found:
    given = {"register": asked.register, "type": asked.type, "last": last, **params}
    with connection.cursor() as cursor:
        cursor.execute(_PLACE.format(figures=figures), given)
        rows = cursor.fetchall()
    following, size = rows[0][:2]
    return _Found(following - 1, max(0, size - following), [row[2:] for row in rows if row[2] is not None])


def _frame(asked: Asked, now: datetime, last: date, found: _Found) -> dict[str, Any]:
    return {
        "register": asked.register,
        "type": asked.type,
        "first": asked.first,
        "last": last,
        "as_of": now,
        "position": found.place,
        "behind": found.behind,
    }


_RECOUNT = """
WITH counted AS ({counted}), summed AS (
    SELECT register_id, dimension, value, data_type, state, sum(delta)::bigint AS n FROM catalogue_tally
    WHERE dimension = ANY(%s) GROUP BY 1, 2, 3, 4, 5 HAVING sum(delta) <> 0)
SELECT dimension, value, register_id, data_type, state, coalesce(s.n, 0), coalesce(c.n, 0)
FROM counted c FULL JOIN summed s USING (register_id, dimension, value, data_type, state)
WHERE s.n IS DISTINCT FROM c.n ORDER BY 1, 2, 3, 4, 5
"""
_COUNTED = """
SELECT register_id, '{dimension}' AS dimension, {value} AS value, data_type, state, count(*)::bigint AS n
FROM catalogue_item {more} GROUP BY 1, 3, 4, 5
"""
_RECOUNTED = {
    "all": ("''::text", ""),
    "access": ("access_mode", "WHERE access_mode <> ''"),
    "section": ("v", ", unnest(sections) AS v"),
    "industry": ("v", ", unnest(industries) AS v"),
    "region": ("v", ", unnest(provinces || cities || counties) AS v"),
}


def differences(*, quick: bool = False) -> list[dict[str, Any]]:
    """Return where the figures kept are not what a recount of the items gives; `quick` looks only at the whole."""
    looked = {"all": _RECOUNTED["all"]} if quick else _RECOUNTED
    counted = " UNION ALL ".join(
        _COUNTED.format(dimension=dimension, value=value, more=more) for dimension, (value, more) in looked.items()
    )
    names = ("dimension", "value", "register", "data_type", "state", "kept", "counted")
    with connection.cursor() as cursor:
        cursor.execute(_RECOUNT.format(counted=counted), [list(looked)])
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

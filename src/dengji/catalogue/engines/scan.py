"""The search while there is no index: reads every registration's words where they stand.

Slow and plain, for the minutes in which a lost index is made anew: a word must stand unbroken in the texts, and what
comes by relevance elsewhere comes by date here. Nothing has to be prepared for it, so it cannot be lost as well.
"""

# ruff: noqa: S608 - only our own column names are put into SQL; what was typed goes in as parameters
from __future__ import annotations

import string
from typing import Any

from django.db import connection, transaction

from ..query import Filters, Search, Wanted
from ..text import fold
from .base import FACETS, Hits, Suggestion, children, conditions, number_of, region_columns
from .postgres import condition, counts

#: The sign between two texts stays, being the first; all others are dropped, as `fold` does.
_PUNCTUATION = (
    "|"
    + string.punctuation.replace("|", "")
    + string.whitespace
    + "　·—…、。，；：？！“”‘’「」『』（）【】《》〈〉－～"
)
_WORDS = "translate(lower(concat_ws('|', {}))," + " %s, '|')"
_REGISTRANT = _WORDS.format("r.registrant_name")
_TEXT = _WORDS.format(
    "CASE WHEN i.suppressed THEN '' ELSE r.name END, CASE WHEN i.suppressed THEN '' ELSE r.registrant_name END, "
    "i.agency, i.code, i.serial, r.local_number, v.fields->>'intro'"
)
_FROM = """
FROM catalogue_item i JOIN registration_registration r ON r.id = i.object_id
LEFT JOIN registration_registrationversion v ON v.registration_id = r.id AND v.number = r.version
"""
_PATIENCE = "20s"


class ScanEngine:
    """Answers from the tables alone; `near` results and suggestions wait for the index."""

    generation = "scan"

    def search(self, search: Search) -> Hits:
        """Answer a search by date, with exact total and facets. Raises OperationalError after 20 seconds."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [_PATIENCE])
            cursor.execute(*_counting(search.wanted, search.filters))
            total, facets = 0, {name: dict[str, int]() for name in ("region", *FACETS)}
            for name, value, number in cursor.fetchall():
                if name == "total":
                    total = number
                else:
                    facets[name][value] = number
            facets["region"] = children(search.filters, facets["region"])
            cursor.execute(*_page(search))
            ranks = [row[0] for row in cursor.fetchall()]
        page = ranks[: search.limit]
        following = page[-1] if page and len(ranks) > search.limit else None
        return Hits(tuple(map(number_of, page)), (0,) * len(page), total, facets, next=following)

    def suggest(self, prefix: str, limit: int = 10) -> list[Suggestion]:
        """Suggest nothing: typing must not start a reading of the whole table at each key."""
        return []


def _matching(wanted: Wanted, filters: Filters) -> tuple[str, list[Any]]:
    tests, params = ["TRUE"], list[Any]()
    for expression, words, sign in (
        (_TEXT, [word.text for word in wanted.words], "LIKE"),
        (_TEXT, [word.text for word in wanted.excluded], "NOT LIKE"),
        (_REGISTRANT, [fold(word) for name in filters.registrant for word in name.split()], "LIKE"),
    ):
        for word in words:
            tests.append(f"{expression} {sign} %s")
            params += [_PUNCTUATION, f"%{word}%"]
    return " AND ".join(tests), params


def _counting(wanted: Wanted, filters: Filters) -> tuple[str, list[Any]]:
    tests = conditions(filters)
    met, params = "", list[Any]()
    for number, (columns, values) in enumerate(tests):
        sql, *given = condition(columns, values)
        met += f", {sql} AS met{number}"
        params += given
    matching, more = _matching(wanted, filters)
    kept = ", ".join(sorted({*FACETS.values(), *region_columns(filters)}))
    # The columns of items alone are named in conditions: those of the others must not stand beside them.
    items = f"SELECT i.* {_FROM} WHERE {matching}"
    hits = f"SELECT {kept}{met} FROM ({items}) AS item"
    return f"WITH hit AS MATERIALIZED ({hits}) " + " UNION ALL ".join(counts(filters, tests)), [*params, *more]


def _page(search: Search) -> tuple[str, list[Any]]:
    matching, params = _matching(search.wanted, search.filters)
    tests = ["TRUE"]
    for columns, values in conditions(search.filters):
        sql, *given = condition(columns, values)
        tests.append(sql)
        params += given
    oldest = search.order == "oldest"
    if search.after is not None:
        tests.append(f"rank {'>' if oldest else '<'} %s")
        params.append(search.after)
    items = f"SELECT i.* {_FROM} WHERE {matching}"
    order = "ASC" if oldest else "DESC"
    sql = f"SELECT rank FROM ({items}) AS item WHERE {' AND '.join(tests)} ORDER BY rank {order} LIMIT %s"
    return sql, [*params, search.limit + 1]

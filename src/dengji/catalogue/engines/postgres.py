"""The same search without an index of its own: in PostgreSQL, over the same pairs in a tsvector.

For machines without a wheel of tantivy and while an index is being made. Weights say where a pair stands: A title,
B registrant, C agency and codes, D brief. Every query first takes its hits together, then orders them: with ORDER BY
and LIMIT on the raw match the planner walks the whole table for a rare word.
"""

# ruff: noqa: S608 - only our own column names and signs are put into SQL; what was typed goes in as parameters
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.db import connection

from ..documents import Document, cut
from ..query import Filters, Search, Wanted
from ..text import BEGIN, END, fold, pairs, triples, words
from . import plan
from .base import FACETS, Facets, Searching, Suggestion, children, conditions, groups, region_columns

_WEIGHTS = {"all": "", "title": "A", "registrant": "B", "other": "C"}
_WORD = "~"
_LAST_POSITION = 16383
_ARRAYS = frozenset({"industries", "sections", "provinces", "cities", "counties"})
_BATCH = 500
_NAMES_SEEN = 200
_VALID = "(state = 'VALID')"


def vector(document: Document) -> str:
    """Return the tsvector of a document as text: pairs with their places, triples, the words of the title."""
    pieces = cut(document)
    held: dict[str, list[str]] = defaultdict(list)
    at = 1
    places = (
        (tuple(BEGIN + text for text in pieces.titles), "A"),
        (pieces.registrant, "B"),
        (pieces.other, "C"),
        (pieces.intro, ""),
    )
    for texts, weight in places:
        for text in texts:
            for offset, pair in enumerate(pairs(text + END)):
                held[pair].append(f"{min(at + offset, _LAST_POSITION)}{weight}")
            for triple in set(triples(text)):
                held[triple].append(f"{min(at, _LAST_POSITION)}{weight}")
            at += len(text) + 2
    for text in pieces.titles:
        for word in words(text):
            held[_WORD + word] = ["1A"]
    return " ".join(f"'{lexeme}':{','.join(where)}" for lexeme, where in held.items())


def _has(node: plan.Has) -> str:
    weight = ("*" if len(node.gram) == 1 else "") + _WEIGHTS[node.place]
    return f"'{node.gram}'" + (f":{weight}" if weight else "")


def _run(node: plan.Run) -> str:
    return "(" + " <-> ".join(_has(plan.Has(node.place, pair)) for pair in pairs(node.text)) + ")"


def _join(sign: str) -> Callable[[Any], str]:
    return lambda node: "(" + f" {sign} ".join(_asked(part) for part in node.parts) + ")"


_COMPILERS: dict[type, Callable[[Any], str]] = {
    plan.Has: _has,
    plan.Run: _run,
    plan.TitleWord: lambda node: f"'{_WORD}{node.text}':A",
    plan.All: _join("&"),
    plan.Either: _join("|"),
    plan.Not: lambda node: f"!{_asked(node.part)}",
}


def _asked(node: plan.Node) -> str:
    return _COMPILERS[type(node)](node)


class _Where:
    """Conditions in SQL with their parameters, in order."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.params: list[Any] = []

    def add(self, sql: str, *params: Any) -> None:
        self.parts.append(sql)
        self.params.extend(params)

    def match(self, node: plan.Node) -> None:
        """Add a condition on the texts; what a tsquery cannot say, how many grams stand there, is counted."""
        parts = list(plan.flat(node)) if isinstance(node, plan.All) else [node]
        asked = [part for part in dict.fromkeys(parts) if not isinstance(part, plan.AtLeast)]
        for part in parts:
            if isinstance(part, plan.AtLeast):
                held = [_has(plan.Has("all", gram)) for gram in part.grams]
                self.add("grams @@ %s::tsquery", " | ".join(held))
                self.add("(" + " + ".join(["(grams @@ %s::tsquery)::int"] * len(held)) + f") >= {part.least}", *held)
        if any(isinstance(part, plan.Either) and not part.parts for part in asked):
            self.add("FALSE")
        elif asked:
            self.add("grams @@ %s::tsquery", " & ".join(_asked(part) for part in asked))

    def filter(self, filters: Filters) -> None:
        for columns, values in conditions(filters):
            self.add(*condition(columns, values))
        if filters.registrant:
            self.match(plan.registrants(filters.registrant))

    @property
    def sql(self) -> str:
        return " AND ".join(self.parts) or "TRUE"


def condition(columns: str, values: tuple[str, ...]) -> tuple[Any, ...]:
    """Return a filter as SQL on an item's columns, followed by its parameters."""
    tests = []
    for column in columns.split("/"):
        if column in _ARRAYS:
            tests.append(f"{column}::text[] && %s::text[]")
        elif column == "register":
            tests.append("register_id::text = ANY(%s)")
        else:
            tests.append(f"{column}::text = ANY(%s)")
    return (f"({' OR '.join(tests)})", *([list(values)] * len(tests)))


def _rows(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def _where(node: plan.Node, filters: Filters) -> _Where:
    where = _Where()
    where.match(node)
    where.filter(filters)
    return where


class PostgresEngine(Searching[None]):
    """The search over `catalogue_item.grams`; every process sees what is committed, so its generation never changes."""

    generation = "postgres"

    def apply(self, documents: Iterable[Document], deleted: Iterable[int] = ()) -> None:
        """Write the pairs of new or changed items, and take those of deleted ones away."""
        gone = list(deleted)
        with connection.cursor() as cursor:
            if gone:
                cursor.execute("UPDATE catalogue_item SET grams = NULL WHERE number = ANY(%s)", [gone])
            remaining = iter(documents)
            while batch := list(islice(remaining, _BATCH)):
                cursor.execute(
                    "UPDATE catalogue_item i SET grams = v.grams::tsvector "
                    "FROM unnest(%s::bigint[], %s::text[]) AS v (number, grams) WHERE i.number = v.number",
                    [[one.number for one in batch], [vector(one) for one in batch]],
                )

    def _view(self) -> None:
        return None

    def _count(self, view: None, node: plan.Node, filters: Filters, facets: bool) -> tuple[int, Facets]:
        if not facets:
            where = _where(node, filters)
            return int(_rows(f"SELECT count(*) FROM catalogue_item WHERE {where.sql}", where.params)[0][0]), {}
        found: Facets = {name: {} for name in ("region", *FACETS)}
        total = 0
        for name, value, number in _rows(*self._facet_query(node, filters)):
            if name == "total":
                total = number
            else:
                found[name][value] = number
        found["region"] = children(filters, found["region"])
        return total, found

    def _facet_query(self, node: plan.Node, filters: Filters) -> tuple[str, list[Any]]:
        """One pass over the table: the hits with which filters each meets, then a count for each facet."""
        tests = conditions(filters)
        columns, params = [], []
        for i, (names, values) in enumerate(tests):
            sql, *given = condition(names, values)
            columns.append(f", {sql} AS met{i}")
            params.extend(given)
        where = _where(node, Filters(registrant=filters.registrant))
        kept = sorted({*FACETS.values(), *region_columns(filters)})
        hits = f"SELECT {', '.join(kept)}{''.join(columns)} FROM catalogue_item WHERE {where.sql}"
        each = list(counts(filters, tests))
        return f"WITH hit AS MATERIALIZED ({hits}) " + " UNION ALL ".join(each), [*params, *where.params]

    def _best(self, view: None, node: plan.Node, filters: Filters, most: int) -> Sequence[int]:
        where = _where(node, filters)
        hits = f"SELECT number, rank, {_VALID} AS valid FROM catalogue_item WHERE {where.sql}"
        ordered = f"WITH hit AS MATERIALIZED ({hits}) SELECT number FROM hit ORDER BY valid DESC, rank DESC LIMIT %s"
        return [row[0] for row in _rows(ordered, [*where.params, most])]

    def _nearest(self, view: None, node: plan.Node, wanted: Wanted, filters: Filters, most: int) -> Sequence[int]:
        weighed = plan.near_weights(wanted)
        score = " + ".join(f"(grams @@ %s::tsquery)::int * {weight}" for _, weight in weighed)
        where = _where(node, filters)
        hits = f"SELECT number, rank, {_VALID} AS valid, {score} AS score FROM catalogue_item WHERE {where.sql}"
        return [
            row[0]
            for row in _rows(
                f"WITH hit AS MATERIALIZED ({hits}) "
                "SELECT number FROM hit ORDER BY score DESC, valid DESC, rank DESC LIMIT %s",
                [*(_has(one) for one, _ in weighed), *where.params, most],
            )
        ]

    def _dated(self, view: None, node: plan.Node, search: Search) -> Sequence[int]:
        where = _where(node, search.filters)
        sign, direction = (">", "ASC") if search.order == "oldest" else ("<", "DESC")
        together = bool(where.parts)
        if search.after is not None:
            where.add(f"rank {sign} %s", search.after)
        hits = f"SELECT rank FROM catalogue_item WHERE {where.sql}"
        source = f"WITH hit AS MATERIALIZED ({hits}) SELECT rank FROM hit" if together else hits
        rows = _rows(f"{source} ORDER BY rank {direction} LIMIT %s", [*where.params, search.limit + 1])
        return [row[0] for row in rows]

    def suggest(self, prefix: str, limit: int = 10) -> list[Suggestion]:
        """Return titles, then registrants, that begin with or contain the typed text, each once."""
        typed = fold(prefix)
        if not typed:
            return []
        found: dict[Suggestion, None] = {}
        held = tuple(plan.Has("registrant", pair) for pair in pairs(typed) or [typed])
        seen = [name for _, name in self._shown(plan.All(held), _NAMES_SEEN)]
        names = list(dict.fromkeys(name for name in seen if typed in fold(name)))
        names.sort(key=lambda name: (not fold(name).startswith(typed), -seen.count(name), name))
        beginning = sum(fold(name).startswith(typed) for name in names)
        room = limit - min(beginning, limit // 3)
        runs = [BEGIN + typed] + ([typed] if len(typed) > 1 else [])
        for run in runs:
            for title, _ in self._shown(plan.Run("title", run), room - len(found)):
                found[Suggestion(title, "title")] = None
        for name in names:
            found[Suggestion(name, "registrant")] = None
        return list(found)[:limit]

    def _shown(self, node: plan.Node, most: int) -> list[tuple[Any, ...]]:
        if most <= 0:
            return []
        numbers = self._best(None, node, Filters(), most)
        return _rows(
            "SELECT r.name, r.registrant_name FROM catalogue_item i JOIN registration_registration r "
            "ON r.id = i.object_id WHERE i.number = ANY(%s) AND NOT i.suppressed ORDER BY array_position(%s, i.number)",
            [list(numbers), list(numbers)],
        )


def counts(filters: Filters, tests: Sequence[tuple[str, tuple[str, ...]]]) -> Iterator[str]:
    """Yield the queries that count total and facets in `hit`, whose columns met0, met1 … say which test a row meets."""
    for under, facets in groups(filters).items():
        needed = {names for names, _ in conditions(under)}
        met = [f"met{i}" for i, (names, _) in enumerate(tests) if names in needed]
        where = " AND ".join(met) or "TRUE"
        for facet in facets:
            if facet == "region":
                yield f"SELECT 'total', '', count(*) FROM hit WHERE {where}"
            for column in region_columns(filters) if facet == "region" else (FACETS[facet],):
                yield _count_of(facet, column, where)


def _count_of(facet: str, column: str, where: str) -> str:
    if column in _ARRAYS:
        source = f"hit CROSS JOIN unnest({column}) AS value WHERE {where}"
    else:
        source = f"(SELECT {column}::text AS value, * FROM hit) AS h WHERE value <> '' AND {where}"
    return f"SELECT '{facet}', value::text, count(*) FROM {source} GROUP BY value"

"""The search index of a node: tantivy, one directory of files, one writer, any number of readers (design §7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tantivy
from tantivy import Occur, Query

from ..documents import Document
from ..query import RANKED, Filters, Search, Wanted
from ..text import BEGIN, fold, pairs
from . import plan
from .base import (
    FACETS,
    Facets,
    Searching,
    Suggestion,
    children,
    conditions,
    groups,
    number_of,
    region_columns,
    span_of,
)
from .frequencies import Frequencies, term_of
from .layout import SCHEMA, SEPARATOR, fields

_HEAP = 96_000_000
_MOST_VALUES = 5000
_REMEMBERED = 128
#: So many hits are not ordered all before it has been tried with the newest of them.
_LONG = 50_000
_ASCENDING, _DESCENDING = tantivy.Order.Asc, tantivy.Order.Desc


def _term(field: str, value: Any) -> Query:
    return Query.term_query(SCHEMA, field, value, index_option="basic")


def _has(node: plan.Has) -> Query:
    return _term(*term_of(node))


def _run(node: plan.Run) -> Query:
    found = pairs(node.text)
    return Query.phrase_query(SCHEMA, node.place, list(found)) if len(found) > 1 else _term(node.place, found[0])


def _at_least(node: plan.AtLeast) -> Query:
    some = [(Occur.Should, _has(plan.Has("all", gram))) for gram in node.grams]
    return Query.boolean_query(some, minimum_number_should_match=node.least)


def _either(node: plan.Either) -> Query:
    return Query.boolean_query([(Occur.Should, compiled(part)) for part in node.parts])


def _any(field: str, values: Iterable[Any]) -> Query:
    some = [(Occur.Should, _term(field, value)) for value in values]
    return some[0][1] if len(some) == 1 else Query.boolean_query(some)


def _not(node: plan.Not) -> Query:
    return _conjunction([(Occur.MustNot, compiled(node.part))])


_COMPILERS: dict[type, Callable[[Any], Query]] = {
    plan.Has: _has,
    plan.Run: _run,
    plan.TitleWord: lambda node: _term("title_words", node.text),
    plan.All: lambda node: _all(list(plan.flat(node))),
    plan.Either: _either,
    plan.Not: _not,
    plan.AtLeast: _at_least,
}


def compiled(node: plan.Node) -> Query:
    """Return a condition as the index asks it."""
    return _COMPILERS[type(node)](node)


def _all(parts: list[plan.Node]) -> Query:
    clauses = [
        (Occur.MustNot, compiled(part.part)) if isinstance(part, plan.Not) else (Occur.Must, compiled(part))
        for part in dict.fromkeys(parts)
    ]
    return _conjunction(clauses)


def _conjunction(clauses: list[tuple[Occur, Query]]) -> Query:
    if not any(occur == Occur.Must for occur, _ in clauses):
        clauses = [(Occur.Must, Query.all_query()), *clauses]
    return clauses[0][1] if len(clauses) == 1 else Query.boolean_query(clauses)


def _filtered(node: plan.Node, filters: Filters) -> Query:
    clauses = [(Occur.Must, compiled(node))] if node != plan.EVERYTHING else []
    for columns, values in conditions(filters):
        # Not a term set: it would first write down every document of a value that nearly all have.
        some = [(Occur.Should, _term(column, value)) for column in columns.split("/") for value in values]
        clauses.append((Occur.Must, some[0][1] if len(some) == 1 else Query.boolean_query(some)))
    if filters.registrant:
        clauses.append((Occur.Must, compiled(plan.registrants(filters.registrant))))
    return _conjunction(clauses)


def _total(searcher: tantivy.Searcher, query: Query) -> int:
    return int(searcher.search(query, 1, count=True).count)  # type: ignore[attr-defined]  # its stub lacks it


@dataclass(frozen=True)
class Reading:
    """One committed state of the index, and what was counted in it: a count never outlives its state."""

    searcher: tantivy.Searcher
    frequencies: Frequencies
    counted: dict[Any, tuple[int, Facets]] = field(default_factory=dict)
    nearest: dict[Any, Sequence[int]] = field(default_factory=dict)


def _remember(known: dict[Any, Any], key: Any, value: Any) -> Any:
    if len(known) >= _REMEMBERED:
        known.clear()
    known[key] = value
    return value


class TantivyEngine(Searching[Reading]):
    """One generation of the index in a directory. Readers call `reload`; only one process may write.

    Raises ValueError from `open` where there is no index of this schema or its files are broken.
    """

    def __init__(self, index: tantivy.Index, generation: str) -> None:
        self.generation = generation
        self._index = index
        self._writer: tantivy.IndexWriter | None = None
        index.config_reader("manual", 0)
        self.reload()

    @classmethod
    def create(cls, path: Path, generation: str = "") -> TantivyEngine:
        """Make an empty index in a directory, which may not hold one of another schema."""
        path.mkdir(parents=True, exist_ok=True)
        return cls(tantivy.Index(SCHEMA, path=str(path)), generation)

    @classmethod
    def open(cls, path: Path, generation: str = "") -> TantivyEngine:
        """Open the index in a directory."""
        if not path.is_dir() or not tantivy.Index.exists(str(path)):
            raise ValueError(f"no index in {path}")
        return cls(tantivy.Index(SCHEMA, path=str(path)), generation)

    def reload(self) -> None:
        """See what has been committed since."""
        self._index.reload()
        searcher = self._index.searcher()
        self._reading = Reading(searcher, Frequencies(searcher))

    @property
    def documents(self) -> int:
        """Return how many documents the index holds."""
        return int(self._reading.searcher.num_docs)

    def apply(self, documents: Iterable[Document], deleted: Iterable[int] = ()) -> None:
        """Take new or changed documents, forget deleted numbers, commit, and see it."""
        writer = self._open_writer()
        for number in deleted:
            writer.delete_documents_by_term("number", number)
        for document in documents:
            writer.delete_documents_by_term("number", document.number)
            writer.add_document(tantivy.Document(**fields(document)))
        self.commit()

    def add_written(self, documents: Iterable[str], again: Iterable[int] = ()) -> None:
        """Take documents as `preparing.write` gives them, without committing: for making an index anew.

        What is held of the numbers `again` is forgotten first.
        """
        writer = self._open_writer()
        for number in again:
            writer.delete_documents_by_term("number", number)
        for document in documents:
            writer.add_json(document)

    def commit(self) -> None:
        """Make all that was taken durable and visible."""
        self._open_writer().commit()
        self.reload()

    def close(self) -> None:
        """Finish merging and let another process write."""
        if self._writer is not None:
            self._writer.wait_merging_threads()
            self._writer = None

    def _open_writer(self) -> tantivy.IndexWriter:
        if self._writer is None:
            self._writer = self._index.writer(_HEAP, 1)
        return self._writer

    def _view(self) -> Reading:
        return self._reading

    def _count(self, view: Reading, node: plan.Node, filters: Filters, facets: bool) -> tuple[int, Facets]:
        if not view.frequencies.most(node):
            return 0, {facet: {} for facet in ("region", *FACETS)}
        if not facets:
            return _total(view.searcher, _filtered(view.frequencies.shortest(node), filters)), {}
        known: tuple[int, Facets] | None = view.counted.get((node, filters))
        return known or _remember(view.counted, (node, filters), self._facets(view, node, filters))

    def _facets(self, view: Reading, node: plan.Node, filters: Filters) -> tuple[int, Facets]:
        """One pass over the hits for all facets that are counted under the same filters."""
        total, found, node = 0, Facets(), view.frequencies.shortest(node)
        for under, facets in groups(filters).items():
            columns = {FACETS[facet]: facet for facet in facets if facet in FACETS}
            regions = region_columns(filters) if "region" in facets else ()
            asked: dict[str, Any] = {
                name: {"terms": {"field": name, "size": _MOST_VALUES, "segment_size": _MOST_VALUES}}
                for name in (*columns, *regions)
            }
            if "region" in facets:
                asked["total"] = {"value_count": {"field": "rank"}}
            answer = view.searcher.aggregate(_filtered(node, under), asked)
            counts = {
                name: {one["key"]: int(one["doc_count"]) for one in answer[name]["buckets"]}
                for name in (*columns, *regions)
            }
            found |= {facet: counts[column] for column, facet in columns.items()}
            if "region" in facets:
                total = int(answer["total"]["value"])
                found["region"] = children(filters, {k: n for column in regions for k, n in counts[column].items()})
        return total, found

    def _best(self, view: Reading, node: plan.Node, filters: Filters, most: int) -> Sequence[int]:
        if not (bound := view.frequencies.most(node)):
            return ()
        query = _filtered(view.frequencies.shortest(node), filters)
        if bound > _LONG and (spans := view.frequencies.spans(bound, most)):
            # Whatever is valid and newer comes before all others, so those of the last months may be enough.
            newest = [(Occur.Must, _any("span", spans)), (Occur.Must, _term("state", "VALID"))]
            keys = self._ordered(view, Query.boolean_query([(Occur.Must, query), *newest]), "best", most)
            if len(keys) >= most:
                return [number_of(key) for key in keys]
        return [number_of(key) for key in self._ordered(view, query, "best", most)]

    def _ordered(self, view: Reading, query: Query, field: str, most: int, oldest: bool = False) -> list[int]:
        order = _ASCENDING if oldest else _DESCENDING
        hits = view.searcher.search(query, most, count=False, order_by_field=field, order=order).hits
        return [int(key) for key, _ in hits]

    def _nearest(self, view: Reading, node: plan.Node, wanted: Wanted, filters: Filters, most: int) -> Sequence[int]:
        key = node, wanted, filters
        known: Sequence[int] | None = view.nearest.get(key)
        if known is None:
            known = _remember(view.nearest, key, self._scored(view, node, wanted, filters))
        return known[:most]

    def _scored(self, view: Reading, node: plan.Node, wanted: Wanted, filters: Filters) -> Sequence[int]:
        """The first 1 000 by how many pairs they hold, in the title above all; what nearly all hold tells nothing."""
        weighed = [(one, weight) for one, weight in plan.near_weights(wanted) if view.frequencies.telling(one)]
        if not weighed:
            return self._best(view, node, filters, RANKED)
        within = _filtered(view.frequencies.shortest(node), filters)
        clauses = [(Occur.Must, Query.const_score_query(within, 0.0))]
        clauses += [(Occur.Should, Query.const_score_query(_has(one), weight)) for one, weight in weighed]
        hits = view.searcher.search(Query.boolean_query(clauses), RANKED, count=False).hits
        order = view.searcher.fast_field_values("best", [address for _, address in hits])
        ranked = sorted(((score, int(best or 0)) for (score, _), best in zip(hits, order, strict=True)), reverse=True)
        return [number_of(best) for _, best in ranked]

    def _dated(self, view: Reading, node: plan.Node, search: Search) -> Sequence[int]:
        oldest, most = search.order == "oldest", search.limit + 1
        if not (bound := view.frequencies.most(node)):
            return ()
        query = _filtered(view.frequencies.shortest(node), search.filters)
        if search.after is not None:
            low, high = (search.after, None) if oldest else (None, search.after)
            sides = (low is None, high is None)
            beyond = Query.range_query(SCHEMA, "rank", tantivy.FieldType.Integer, low, high, *sides)
            query = Query.boolean_query([(Occur.Must, query), (Occur.Must, beyond)])
        if bound > _LONG:
            start = None if search.after is None else span_of(search.after)
            if spans := view.frequencies.spans(bound, most, oldest=oldest, start=start):
                first = Query.boolean_query([(Occur.Must, _any("span", spans)), (Occur.Must, query)])
                if len(ranks := self._ordered(view, first, "rank", most, oldest)) >= most:
                    return ranks
        return self._ordered(view, query, "rank", most, oldest)

    def suggest(self, prefix: str, limit: int = 10) -> list[Suggestion]:
        """Return titles, then registrants, that begin with or contain the typed text, each once."""
        typed = fold(prefix)
        if not typed:
            return []
        view, found = self._reading, dict[Suggestion, None]()
        names = self._names_beginning(view, typed, limit)
        conditions_ = [plan.Run("title", BEGIN + typed)]
        if len(typed) > 1:
            conditions_.append(plan.Run("title", typed))
        room = limit - min(len(names), limit // 3)
        for condition in conditions_:
            for title, _ in self._shown(view, condition, room - len(found)):
                found[Suggestion(title, "title")] = None
        for name in names:
            found[Suggestion(name, "registrant")] = None
        if len(found) < limit and len(typed) > 1:
            part = plan.All(tuple(plan.Has("registrant", gram) for gram in pairs(typed)))
            for _, name in self._shown(view, part, limit):
                if typed in fold(name):
                    found[Suggestion(name, "registrant")] = None
        return list(found)[:limit]

    def _names_beginning(self, view: Reading, typed: str, limit: int) -> list[str]:
        terms = view.searcher.terms_with_prefix("name", typed, limit=limit * 5)
        often = sorted(terms, key=lambda term: (-term[1], term[0]))
        return [term.split(SEPARATOR, 1)[1] for term, _ in often[:limit]]

    def _shown(self, view: Reading, node: plan.Node, most: int) -> Iterable[tuple[str, str]]:
        if most <= 0:
            return
        for _, address in view.searcher.search(compiled(node), most, count=False, order_by_field="best").hits:
            title, _, registrant = str(view.searcher.doc(address)["shown"][0]).partition(SEPARATOR)
            yield title, registrant

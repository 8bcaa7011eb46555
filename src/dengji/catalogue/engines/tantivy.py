"""The search index of a node: tantivy, one directory of files, one writer, any number of readers (design §7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import tantivy
from tantivy import Occur, Query

from ..documents import Cut, Document, cut
from ..query import RANKED, Filters, Search, Wanted
from ..text import BEGIN, END, fold, joined_pairs, pairs, triples, words
from . import plan
from .base import (
    FACETS,
    Facets,
    Searching,
    Suggestion,
    best_of,
    children,
    conditions,
    groups,
    number_of,
    region_columns,
)

_COLUMNS = ("industries", "sections", "provinces", "cities", "counties", "data_type", "state", "year", "access_mode")
_HEAP = 96_000_000
_MOST_VALUES = 5000
_REMEMBERED = 128
_SEPARATOR = "\x1f"
_ASCENDING, _DESCENDING = tantivy.Order.Asc, tantivy.Order.Desc


def _schema() -> tantivy.Schema:
    """Fields: `all` and `title` hold pairs with positions; `marks` characters and triples of all texts."""
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("number", indexed=True)
    for name in ("rank", "best"):
        builder.add_integer_field(name, fast=True)
    for name in ("all", "title"):
        builder.add_text_field(name, tokenizer_name="whitespace")
    for name in ("marks", "title_marks", "title_words", "registrant", "other"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="basic")
    for name in _COLUMNS:
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=True)
    builder.add_text_field("register", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("name", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("shown", tokenizer_name="raw", index_option="basic", stored=True)
    return builder.build()


_SCHEMA = _schema()


@lru_cache(maxsize=4096)
def _words(folded: str) -> list[str]:
    return words(folded)


def _cut_up(text: str) -> tuple[str, frozenset[str]]:
    """A text's pairs, joined, and its characters and triples."""
    return joined_pairs(text), frozenset((*text, *triples(text)))


@lru_cache(maxsize=16384)
def _organisation(text: str) -> tuple[str, frozenset[str], str]:
    """The same of a name that many records have, and all of it together."""
    joined, marks = _cut_up(text)
    return joined, marks, f"{joined} {' '.join(marks)}"


def _bounded(text: str, joined: str) -> str:
    return f"{BEGIN}{text[0]} {joined} {text[-1]}{END}"


def fields(document: Document) -> dict[str, Any]:
    """Return a document as the index holds it: cut, with its facet values and two orders."""
    pieces: Cut = cut(document)
    title, core = pieces.title, pieces.core
    title_joined = [joined_pairs(text) for text in title]
    title_marks = {mark for text in title for mark in (*text, *triples(text))}
    bounded = list(map(_bounded, title, title_joined))
    known = {word for text in title for word in words(text)}
    if core:
        within = len(core) > 1 and title[0].endswith(core)
        bounded.append(_bounded(core, title_joined[0][4 - 3 * len(core) :] if within else joined_pairs(core)))
        known.update(_words(core))
    registrants, others = list(map(_organisation, pieces.registrant)), list(map(_organisation, pieces.agency))
    codes, intro = list(map(_cut_up, pieces.codes)), list(map(_cut_up, pieces.intro))
    marks = title_marks.union(*(one[1] for one in (*registrants, *others, *codes, *intro)))
    found: dict[str, Any] = {
        "number": document.number,
        "rank": document.rank,
        "best": best_of(document),
        "all": [*title_joined, *(one[0] for one in (*registrants, *others, *codes, *intro))],
        "marks": " ".join(marks),
        "title": bounded,
        "title_marks": " ".join(title_marks),
        "title_words": " ".join(known),
        "registrant": " ".join([one[2] for one in registrants]),
        "other": " ".join([*(one[2] for one in others), *(f"{one[0]} {' '.join(one[1])}" for one in codes)]),
        "year": str(document.year),
        "register": document.register,
        "shown": f"{document.title}{_SEPARATOR}{document.registrant}",
    }
    if pieces.registrant:
        found["name"] = f"{pieces.registrant[0]}{_SEPARATOR}{document.registrant}"
    for name in _COLUMNS:
        if name != "year" and (value := getattr(document, name)):
            found[name] = list(value) if isinstance(value, tuple) else value
    return found


def _term(field: str, value: Any) -> Query:
    return Query.term_query(_SCHEMA, field, value, index_option="basic")


def _has(node: plan.Has) -> Query:
    if node.place == "registrant" or node.place == "other":
        return _term(node.place, node.gram)
    if len(node.gram) == 2:
        return _term(node.place, node.gram)
    return _term("marks" if node.place == "all" else "title_marks", node.gram)


def _run(node: plan.Run) -> Query:
    found = pairs(node.text)
    return Query.phrase_query(_SCHEMA, node.place, list(found)) if len(found) > 1 else _term(node.place, found[0])


def _at_least(node: plan.AtLeast) -> Query:
    some = [(Occur.Should, _has(plan.Has("all", gram))) for gram in node.grams]
    return Query.boolean_query(some, minimum_number_should_match=node.least)


def _either(node: plan.Either) -> Query:
    return Query.boolean_query([(Occur.Should, compiled(part)) for part in node.parts])


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
    counted: dict[Any, tuple[int, Facets]] = field(default_factory=dict)


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
        return cls(tantivy.Index(_SCHEMA, path=str(path)), generation)

    @classmethod
    def open(cls, path: Path, generation: str = "") -> TantivyEngine:
        """Open the index in a directory."""
        if not path.is_dir() or not tantivy.Index.exists(str(path)):
            raise ValueError(f"no index in {path}")
        return cls(tantivy.Index(_SCHEMA, path=str(path)), generation)

    def reload(self) -> None:
        """See what has been committed since."""
        self._index.reload()
        self._reading = Reading(self._index.searcher())

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
        if not facets:
            return _total(view.searcher, _filtered(node, filters)), {}
        counted = view.counted
        if (known := counted.get((node, filters))) is None:
            if len(counted) >= _REMEMBERED:
                counted.clear()
            known = counted[node, filters] = self._facets(view, node, filters)
        return known

    def _facets(self, view: Reading, node: plan.Node, filters: Filters) -> tuple[int, Facets]:
        """One pass over the hits for all facets that are counted under the same filters."""
        total, found = 0, Facets()
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
        hits = view.searcher.search(_filtered(node, filters), most, count=False, order_by_field="best").hits
        return [number_of(key) for key, _ in hits]

    def _nearest(self, view: Reading, node: plan.Node, wanted: Wanted, filters: Filters, most: int) -> Sequence[int]:
        grams = plan.near_grams(wanted)
        characters = dict.fromkeys(character for gram in grams for character in gram)
        weighed = [(plan.Has("all", gram), 1.0) for gram in grams]
        weighed += [(plan.Has("title", gram), 1.0) for gram in grams]
        weighed += [(plan.Has("title", character), 0.3) for character in characters]
        clauses = [(Occur.Must, Query.const_score_query(_filtered(node, filters), 0.0))]
        clauses += [(Occur.Should, Query.const_score_query(_has(one), weight)) for one, weight in weighed]
        hits = view.searcher.search(Query.boolean_query(clauses), RANKED, count=False).hits
        order = view.searcher.fast_field_values("best", [address for _, address in hits])
        ranked = sorted(((score, int(best or 0)) for (score, _), best in zip(hits, order, strict=True)), reverse=True)
        return [number_of(best) for _, best in ranked[:most]]

    def _dated(self, view: Reading, node: plan.Node, search: Search) -> Sequence[int]:
        query, oldest = _filtered(node, search.filters), search.order == "oldest"
        if search.after is not None:
            low, high = (search.after, None) if oldest else (None, search.after)
            sides = (low is None, high is None)
            beyond = Query.range_query(_SCHEMA, "rank", tantivy.FieldType.Integer, low, high, *sides)
            query = Query.boolean_query([(Occur.Must, query), (Occur.Must, beyond)])
        order = _ASCENDING if oldest else _DESCENDING
        hits = view.searcher.search(query, search.limit + 1, count=False, order_by_field="rank", order=order).hits
        return [int(key) for key, _ in hits]

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
        return [term.split(_SEPARATOR, 1)[1] for term, _ in often[:limit]]

    def _shown(self, view: Reading, node: plan.Node, most: int) -> Iterable[tuple[str, str]]:
        if most <= 0:
            return
        for _, address in view.searcher.search(compiled(node), most, count=False, order_by_field="best").hits:
            title, _, registrant = str(view.searcher.doc(address)["shown"][0]).partition(_SEPARATOR)
            yield title, registrant

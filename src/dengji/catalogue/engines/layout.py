"""How a document stands in the files of the index: its fields, and what each holds of its texts."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import tantivy

from ..documents import Cut, Document, cut
from ..text import BEGIN, END, joined_pairs, triples, words
from .base import best_of, span_of

COLUMNS = ("industries", "sections", "provinces", "cities", "counties", "data_type", "state", "year", "access_mode")
SEPARATOR = "\x1f"


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
    for name in COLUMNS:
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=True)
    for name in ("register", "span"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("name", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("shown", tokenizer_name="raw", index_option="basic", stored=True)
    return builder.build()


#: What an index of this layout is made of.
SCHEMA = _schema()


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
        "span": str(span_of(document.rank)),
        "shown": f"{document.title}{SEPARATOR}{document.registrant}",
    }
    if pieces.registrant:
        found["name"] = f"{pieces.registrant[0]}{SEPARATOR}{document.registrant}"
    for name in COLUMNS:
        if name != "year" and (value := getattr(document, name)):
            found[name] = list(value) if isinstance(value, tuple) else value
    return found

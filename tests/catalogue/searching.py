"""Made-up documents, and what a search must find in them by the definition alone: the oracle of both engines."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from uuid import UUID, uuid5

from django.db import connection

from dengji.catalogue.documents import Document, cut
from dengji.catalogue.engines import plan
from dengji.catalogue.query import Filters, Wanted, Word

_SPACE = UUID(int=7)
REGISTERS = tuple(str(uuid5(_SPACE, str(n))) for n in range(2))


def document(number: int, title: str = "", **fields: object) -> Document:
    """A document with the values a test does not care about filled in."""
    day = date(2025, 1, 1).toordinal() + number % 700
    values: dict[str, object] = {
        "position": number, "rank": (day << 40) + number, "title": title, "registrant": "", "agency": "", "codes": (),
        "intro": "", "state": "VALID", "data_type": "resource", "access_mode": "", "register": REGISTERS[0],
        "year": date.fromordinal(day).year,
    }  # fmt: skip
    return Document(number=number, **(values | fields))  # type: ignore[arg-type]


def store(documents: list[Document]) -> None:
    """Write the documents' items, as following the log would."""
    with connection.cursor() as cursor:
        for one in documents:
            cursor.execute(
                "INSERT INTO catalogue_item (number, object_id, register_id, position, changed_at, code, serial,"
                " agency, state, data_type, access_mode, version, coded_on, valid_to, year, rank, sections, industries,"
                " provinces, cities, counties, suppressed) VALUES (%s, %s, %s, %s, now(), %s, '', %s, %s, %s, %s, 1,"
                " %s, '2030-01-01', %s, %s, %s, %s, %s, %s, %s, false)",
                [
                    one.number, uuid5(_SPACE, f"item{one.number}"), one.register, one.position, f"C{one.number}",
                    one.agency, one.state, one.data_type, one.access_mode, date.fromordinal(one.rank >> 40),
                    one.year, one.rank,
                    list(one.sections), list(one.industries), list(one.provinces), list(one.cities),
                    list(one.counties),
                ],
            )  # fmt: skip


def _holds(texts: tuple[str, ...], word: Word) -> bool:
    if word.exact or len(word.text) == 1:
        return any(word.text in text for text in texts)
    for size in (2, 3):
        for at in range(len(word.text) - size + 1):
            piece = word.text[at : at + size]
            latin = piece.isascii() and piece.isalnum()
            if (size == 2 or latin) and not any(piece in text for text in texts):
                return False
    return True


def matches(one: Document, wanted: Wanted) -> bool:
    """By the definition: every pair of every word is somewhere in the texts, exact runs unbroken, no excluded word."""
    texts = cut(one).texts
    return all(_holds(texts, word) for word in wanted.words) and not any(_holds(texts, w) for w in wanted.excluded)


def nearly(one: Document, wanted: Wanted, percent: int) -> bool:
    """At least this share of the grams, of a code a half, and everything exact or excluded as asked."""
    texts = cut(one).texts
    loose = [word for word in wanted.words if not word.exact]
    codes = [word.text for word in loose if re.fullmatch("[0-9a-z]{8,}", word.text)]
    others = [word for word in loose if word.text not in codes]
    pairs = sum(max(1, len(word.text) - 1) for word in others)
    if (not codes and pairs < (2 if len(others) > 1 else 3)) or any(_holds(texts, w) for w in wanted.excluded):
        return False
    if not all(_holds(texts, word) for word in wanted.words if word.exact):
        return False
    for text in codes:
        middle = len(text) // 2
        if not (_holds(texts, Word(text[:middle])) or _holds(texts, Word(text[middle:]))):
            return False
    held = [any(gram in text for text in texts) for gram in dict.fromkeys(g for word in others for g in word.grams)]
    return sum(held) * 100 >= len(held) * percent and (not held or any(held))


def passes(one: Document, filters: Filters) -> bool:
    """Every filter that is set is met by one of its values."""
    places = {*one.provinces, *one.cities, *one.counties}
    registrant = cut(one).registrant
    tests = (
        (filters.industry, {*one.industries, *one.sections}),
        (filters.regions, places),
        (filters.type, {one.data_type}),
        (filters.state, {one.state}),
        (filters.year, {str(one.year)}),
        (filters.access, {one.access_mode}),
        (filters.register, {one.register}),
    )
    if any(values and not held & set(values) for values, held in tests):
        return False
    asked = plan.registrants(filters.registrant).parts  # type: ignore[union-attr]
    return not filters.registrant or any(
        all(any(has.gram in text for text in registrant) for has in each.parts)  # type: ignore[union-attr]
        for each in asked
    )


def find(documents: list[Document], wanted: Wanted, filters: Filters) -> tuple[list[Document], int]:
    """Return what must be found, and the share of pairs that was enough: 0 if all matches."""
    found = [one for one in documents if matches(one, wanted) and passes(one, filters)]
    if found or not wanted.words:
        return found, 0
    for percent in plan.NEAR:
        if near := [one for one in documents if nearly(one, wanted, percent) and passes(one, filters)]:
            return near, percent
    return [], 0


def facet_counts(documents: list[Document], wanted: Wanted, filters: Filters, near: int) -> dict[str, dict[str, int]]:
    """Count each facet over what is found without the facet's own filter; `near` is the percent that was used, or 0."""
    hits = [one for one in documents if (nearly(one, wanted, near) if near else matches(one, wanted))]

    def count(column: str, owner: str) -> dict[str, int]:
        counter: Counter[str] = Counter()
        for one in hits:
            if passes(one, filters.without(owner)):
                value = getattr(one, column)
                counter.update(value if isinstance(value, tuple) else [str(value)] if value != "" else [])
        return dict(counter)

    return {
        "industry": count("industries", "industry"), "section": count("sections", "industry"),
        "type": count("data_type", "type"), "state": count("state", "state"), "year": count("year", "year"),
        "access": count("access_mode", "access"),
    }  # fmt: skip

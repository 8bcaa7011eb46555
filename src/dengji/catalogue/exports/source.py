"""Which items a stream takes, in which order: those of the tables, or those that a search finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from django.db.models import Max, QuerySet

from .. import filters as conditions
from .. import index
from ..models import Item
from ..query import Filters, Search, measure, parse

BATCH = 500


def search(q: str, filters: Filters) -> Iterator[int]:
    """Yield the numbers of all items that a search finds, newest first; near results are no results here.

    Raises DomainError query_too_long, query_too_many_words.
    """
    measure(q)
    asked = Search(parse(q), filters, order="newest", limit=BATCH, facets=False, near=False)
    while True:
        hits = index.engine().search(asked)
        yield from hits.numbers
        if hits.next is None:
            return
        asked = replace(asked, after=hits.next)


def numbers(q: str, filters: Filters) -> Iterator[list[int]]:
    """Yield batches of the numbers of all items that match, newest first. Each batch is a query of its own.

    What is coded meanwhile is newer than the first batch and left out; nothing comes twice.
    """
    if q:
        found = search(q, filters)
        while batch := [number for _, number in zip(range(BATCH), found, strict=False)]:
            yield batch
        return
    rows = matching(filters).order_by("-rank").values_list("number", "rank")
    page = list(rows[:BATCH])
    while page:
        yield [number for number, _ in page]
        page = list(rows.filter(rank__lt=page[-1][1])[:BATCH]) if len(page) == BATCH else []


def matching(filters: Filters) -> QuerySet[Item]:
    """Return the items that meet filters; raises DomainError filter_invalid."""
    return Item.objects.filter(conditions.condition(filters))


def position() -> int:
    """Return the place in the log of the newest change that exports can show; -1 where there is none."""
    found = Item.objects.aggregate(last=Max("position"))["last"]
    return -1 if found is None else int(found)

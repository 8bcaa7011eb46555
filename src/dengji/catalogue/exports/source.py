"""Which items a stream takes, in which order; the one seam at which the search joins in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.db.models import Max, QuerySet

from dengji.core.errors import N_, DomainError

from .. import filters as conditions
from ..models import Item
from ..query import Filters

BATCH = 500
#: Given words and filters, yields the numbers of all matching items in rank order, newest first. Without the search,
#: words are refused rather than passed over.
Numbers = Callable[[str, Filters], Iterator[int]]


def _refuse(q: str, filters: Filters) -> Iterator[int]:
    raise DomainError("query_unsupported", N_("此导出不支持检索词"), "q")


search: Numbers = _refuse


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

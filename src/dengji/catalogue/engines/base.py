"""What an engine is: it takes documents and answers searches with the same set, total and facets as any other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

from dengji.law.codes import CodeError, region

from ..documents import Document
from ..query import RANKED, Filters, Search, Wanted
from . import plan

#: Facet → values of a document it counts; `region` depends on what is selected (see `region_columns`).
FACETS: dict[str, str] = {
    "industry": "industries",
    "section": "sections",
    "type": "data_type",
    "state": "state",
    "year": "year",
    "access": "access_mode",
}
#: The filter a facet belongs to, where it has another name: sections and divisions are one selection.
_OWNER = {"section": "industry"}
_LEVELS = {2: "provinces", 4: "cities", 6: "counties"}

Facets = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Hits:
    """A page of what was found: item numbers in order, and of each by which tier it came (0 is best; near: 0).

    `total` and `facets` are exact and of all that was found; `next` is the `Search.after` of the next page.
    """

    numbers: tuple[int, ...]
    tiers: tuple[int, ...]
    total: int
    facets: Facets = field(default_factory=dict)
    near: bool = False
    next: int | None = None


@dataclass(frozen=True)
class Suggestion:
    """A title or registrant that begins with or contains what was typed."""

    text: str
    kind: str


class Answering(Protocol):
    """What everything else of the catalogue knows of whoever answers searches."""

    generation: str

    def search(self, search: Search) -> Hits:
        """Answer a search."""

    def suggest(self, prefix: str, limit: int = 10) -> list[Suggestion]:
        """Return titles, then registrants, that begin with or contain the typed text."""


class Engine(Answering, Protocol):
    """Who answers searches and is told what has changed."""

    def apply(self, documents: Iterable[Document], deleted: Iterable[int] = ()) -> None:
        """Take new or changed documents and forget deleted numbers; found by the next search."""


def conditions(filters: Filters) -> list[tuple[str, tuple[str, ...]]]:
    """Return (column, values) of each filter set, but registrants; several columns of one filter are joined by /."""
    found: list[tuple[str, tuple[str, ...]]] = []
    if filters.industry:
        found.append(("industries/sections", filters.industry))
    if filters.region:
        found.append(("provinces/cities/counties", filters.regions))
    for facet in ("type", "state", "year", "access"):
        if values := getattr(filters, facet):
            found.append((FACETS[facet], tuple(str(value) for value in values)))
    if filters.register:
        found.append(("register", filters.register))
    return found


def groups(filters: Filters) -> dict[Filters, list[str]]:
    """Return which facets are counted under which filters: each without its own; regions under all."""
    found: dict[Filters, list[str]] = {filters: ["region"]}
    for facet in FACETS:
        found.setdefault(filters.without(_OWNER.get(facet, facet)), []).append(facet)
    return found


def region_columns(filters: Filters) -> tuple[str, ...]:
    """Return the columns of the regions to be counted: provinces, or what may lie next below the selected ones."""
    if not filters.region:
        return ("provinces",)
    lengths = {len(code) for code in filters.regions}
    return (*(("cities",) if 2 in lengths else ()), *(("counties",) if lengths & {2, 4} else ()))


def children(filters: Filters, counted: Mapping[str, int]) -> dict[str, int]:
    """Return of counted regions those next below a selected one; all where none is selected."""
    if not filters.region:
        return dict(counted)
    selected = set(filters.regions)
    return {code: n for code, n in counted.items() if _above(code) in selected}


@lru_cache(maxsize=8192)
def _above(code: str) -> str:
    """The region next above, without the headings of the standard's table, as 2 or 4 digits."""
    here: str | None = code.ljust(6, "0")
    while here is not None:
        try:
            here = region(here).parent
            if here is not None and not (found := region(here)).group:
                return here[:2] if found.level == "province" else here[:4]
        except CodeError:
            break
    return ""


View = TypeVar("View")


class Searching(ABC, Generic[View]):
    """The course of a search, the same for every engine: count, perhaps the second pass, then the page."""

    def search(self, search: Search) -> Hits:
        """Answer a search: by date page by page without end, by relevance the first 1 000."""
        view = self._view()
        node, near = plan.matching(search.wanted), False
        total, facets = self._count(view, node, search.filters, search.facets)
        if total == 0 and search.near:
            for percent in plan.NEAR:
                if (loose := plan.near(search.wanted, percent)) is None:
                    break
                total, found = self._count(view, loose, search.filters, search.facets)
                if total:
                    node, near, facets = loose, True, found
                    break
        if total == 0 or search.limit <= 0:
            return Hits((), (), total, facets)
        if search.by_rank:
            return self._by_date(view, search, node, near, total, facets)
        return self._by_relevance(view, search, node, near, total, facets)

    def _by_date(self, view: View, search: Search, node: plan.Node, near: bool, total: int, facets: Facets) -> Hits:
        ranks = self._dated(view, node, search)
        page = ranks[: search.limit]
        following = page[-1] if len(ranks) > search.limit else None
        numbers = tuple(number_of(rank) for rank in page)
        return Hits(numbers, (0,) * len(page), total, facets, near, following)

    def _by_relevance(
        self, view: View, search: Search, node: plan.Node, near: bool, total: int, facets: Facets
    ) -> Hits:
        start = search.after or 0
        end = min(start + search.limit, RANKED)
        ranking = self._near(view, node, search, end) if near else self._ranking(view, node, search, min(end, total))
        page = ranking[start:end]
        following = end if len(page) == search.limit and end < min(total, RANKED) else None
        return Hits(tuple(n for n, _ in page), tuple(t for _, t in page), total, facets, near, following)

    def _ranking(self, view: View, node: plan.Node, search: Search, most: int) -> list[tuple[int, int]]:
        """Return (number, tier) of the best, tier by tier: a word in half of all titles need not be scored in all."""
        seen: dict[int, int] = {}
        for tier, condition in enumerate(plan.ranked(search.wanted, node)):
            for number in self._best(view, condition, search.filters, most):
                if len(seen) < most:
                    seen.setdefault(number, tier)
            if len(seen) >= most:
                break
        return list(seen.items())

    def _near(self, view: View, node: plan.Node, search: Search, most: int) -> list[tuple[int, int]]:
        return [(number, 0) for number in self._nearest(view, node, search.wanted, search.filters, most)]

    @abstractmethod
    def _view(self) -> View:
        """Return the state of things in which a whole search is answered."""

    @abstractmethod
    def _count(self, view: View, node: plan.Node, filters: Filters, facets: bool) -> tuple[int, Facets]:
        """Return the total and, if wanted, the facets."""

    @abstractmethod
    def _best(self, view: View, node: plan.Node, filters: Filters, most: int) -> Sequence[int]:
        """Return numbers, valid ones first, then the newest first."""

    @abstractmethod
    def _nearest(self, view: View, node: plan.Node, wanted: Wanted, filters: Filters, most: int) -> Sequence[int]:
        """Return numbers, those first that hold most of the pairs, in the title above all."""

    @abstractmethod
    def _dated(self, view: View, node: plan.Node, search: Search) -> Sequence[int]:
        """Return ranks in order of date after `search.after`, one more than the limit if there are."""


_RANK_BITS = 40
_SPAN_DAYS = 32
_VALID_BIT = 61


def number_of(rank: int) -> int:
    """Return the item number that a rank, or a rank of the best, ends with."""
    return rank & ((1 << _RANK_BITS) - 1)


def best_of(document: Document) -> int:
    """Return the key that puts valid ones first, then the newest."""
    return document.rank | (1 << _VALID_BIT if document.valid else 0)


def span_of(rank: int) -> int:
    """Return the number of the 32 days in which a rank lies: a list of few that holds the newest, or the oldest."""
    return (rank >> _RANK_BITS) // _SPAN_DAYS

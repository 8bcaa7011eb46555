"""How often terms stand in an index tells, before any list is read, what cannot be found and which way is short."""

from __future__ import annotations

from itertools import combinations
from math import comb

import tantivy

from ..text import pairs
from . import plan

#: A pair in more than this share of the records says nothing about which of them is nearer, and its list is long.
_TELLING, _FEW = 0.05, 20_000
_WAYS = 36
#: Reading a list in step with others costs more than reading a run of it; measured.
_COUNTING = 3
_ENOUGH = 8


def term_of(node: plan.Has) -> tuple[str, str]:
    """Return the field and the term that an index is asked for."""
    if node.place in ("registrant", "other") or len(node.gram) == 2:
        return node.place, node.gram
    return "marks" if node.place == "all" else "title_marks", node.gram


class Frequencies:
    """What one state of an index tells about its terms; each is looked up once. Deleted ones may still be counted."""

    def __init__(self, searcher: tantivy.Searcher) -> None:
        self._searcher = searcher
        self._known: dict[tuple[str, str], int] = {}
        self._spans: list[tuple[int, int]] | None = None

    def of(self, field: str, term: str) -> int:
        """Return how many documents hold a term in a field."""
        key = field, term
        if (found := self._known.get(key)) is None:
            found = self._known[key] = int(self._searcher.doc_freq(field, term))
        return found

    def most(self, node: plan.Node) -> int:
        """Return how many can match at the most: 0 is certain, any other number a bound."""
        match node:
            case plan.Has():
                found = self.of(*term_of(node))
            case plan.TitleWord(text):
                found = self.of("title_words", text)
            case plan.Run(place, text):
                found = min(self.of(place, pair) for pair in pairs(text))
            case plan.All(parts):
                found = min(map(self.most, parts), default=self._searcher.num_docs)
            case plan.Either(parts):
                found = sum(map(self.most, parts))
            case plan.AtLeast(least):
                held = self._held(node)
                found = sum(held.values()) // least if len(held) >= least else 0
            case plan.Not():
                found = int(self._searcher.num_docs)
        return found

    def _held(self, node: plan.AtLeast) -> dict[plan.Has, int]:
        """The grams that stand anywhere, the rarest first."""
        found = {has: self.most(has) for has in (plan.Has("all", gram) for gram in node.grams)}
        return {has: n for has, n in sorted(found.items(), key=lambda one: one[1]) if n}

    def shortest(self, node: plan.Node) -> plan.Node:
        """Return a condition that means the same here and reads less: so many of few is one of some conjunctions."""
        match node:
            case plan.All(parts):
                return plan.All(tuple(map(self.shortest, parts)))
            case plan.AtLeast(least):
                return self._ways(node, least)
        return node

    def _ways(self, node: plan.AtLeast, least: int) -> plan.Node:
        held = self._held(node)
        if comb(len(held), least) > _WAYS:
            return plan.AtLeast(least, tuple(has.gram for has in held))
        ways = list(combinations(held, least))
        # A conjunction reads its rarest list and looks the others up.
        if least > 1 and sum(held[way[0]] for way in ways) * least > sum(held.values()) * _COUNTING:
            return plan.AtLeast(least, tuple(has.gram for has in held))
        return plan.Either(tuple(plan.All(way) for way in ways))

    def telling(self, has: plan.Has) -> bool:
        """True if a gram stands somewhere, yet in few enough to tell them from others."""
        return 0 < self.most(has) <= max(_FEW, self._searcher.num_docs * _TELLING)

    def spans(self, bound: int, most: int, *, oldest: bool = False, start: int | None = None) -> list[str]:
        """Return the spans of days, from `start` on, in which so many of `bound` hits may be expected; [] where all."""
        if self._spans is None:
            found = self._searcher.terms_with_prefix("span", "")
            self._spans = sorted((int(span), n) for span, n in found)
        chosen, expected = list[str](), 0.0
        for span, n in self._spans if oldest else reversed(self._spans):
            if start is not None and (span < start if oldest else span > start):
                continue
            chosen.append(str(span))
            expected += n * min(1.0, bound / max(1, self._searcher.num_docs))
            if expected >= most * _ENOUGH:
                return chosen
        return []

"""What is asked of the catalogue: words, exact runs, exclusions; filters, order and place. Nothing touches data."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from typing import Literal

from django.conf import settings

from dengji.core.errors import N_, DomainError

from .text import fold, grams

Order = Literal["relevance", "newest", "oldest"]
#: By relevance only this many can be paged through; by date all.
RANKED = 1000
_QUOTES = {'"': '"', "“": "”", "＂": "＂", "「": "」", "„": "“", "”": "”"}
_MINUS = "-－−–"
_CHARACTERS, _WORDS = 100, 20


@dataclass(frozen=True)
class Word:
    """A folded word and the grams a text must hold; `exact` demands them as one run."""

    text: str
    exact: bool = False

    @property
    def grams(self) -> list[str]:
        """Return the grams, triples in place of the pairs they imply."""
        return grams(self.text)


@dataclass(frozen=True)
class Wanted:
    """The words of a query, all of which must match, and those that must not."""

    words: tuple[Word, ...] = ()
    excluded: tuple[Word, ...] = ()

    @property
    def empty(self) -> bool:
        """True if nothing is asked, so that everything matches."""
        return not self.words and not self.excluded

    @property
    def run(self) -> str:
        """Return all words as one run of characters, as a title may begin with it."""
        return "".join(word.text for word in self.words)

    def needles(self, near: bool = False) -> list[str]:
        """Return the folded runs to highlight: the words; of near results the pairs, as whole words seldom occur."""
        if not near:
            return [word.text for word in self.words]
        return list(dict.fromkeys(gram for word in self.words for gram in word.grams))


def parse(q: str) -> Wanted:
    """Read a query: words between blanks, "…" an exact run, a leading minus excludes. Any other sign is text.

    Never raises; a quote that is never closed and a sign without a letter or digit are passed over.
    """
    words: dict[Word, None] = {}
    excluded: dict[Word, None] = {}
    at = 0
    while at < len(q):
        if q[at].isspace():
            at += 1
            continue
        target = words
        if q[at] in _MINUS and at + 1 < len(q) and not q[at + 1].isspace():
            target, at = excluded, at + 1
        closing = q.find(_QUOTES[q[at]], at + 1) if q[at] in _QUOTES else -1
        if closing > at:
            text, exact, at = q[at + 1 : closing], True, closing + 1
        else:
            end = next((i for i in range(at, len(q)) if q[i].isspace()), len(q))
            text, exact, at = q[at:end], False, end
        if folded := fold(text):
            target[Word(folded, exact and len(folded) > 1)] = None
    return Wanted(tuple(words), tuple(excluded))


def measure(q: str) -> None:
    """Refuse a query that is too long to be meant. Settings DENGJI_QUERY_CHARACTERS and DENGJI_QUERY_WORDS.

    Raises DomainError `query_too_long`, `query_too_many_words`.
    """
    most = int(getattr(settings, "DENGJI_QUERY_CHARACTERS", _CHARACTERS))
    if len(q) > most:
        raise DomainError("query_too_long", N_("检索词过长，最多 {most} 个字符"), "q", params={"most": most})
    most = int(getattr(settings, "DENGJI_QUERY_WORDS", _WORDS))
    wanted = parse(q)
    if len(wanted.words) + len(wanted.excluded) > most:
        raise DomainError("query_too_many_words", N_("检索词过多，最多 {most} 个"), "q", params={"most": most})


@dataclass(frozen=True)
class Filters:
    """Values of each facet, any of which suffices; all facets must be met.

    `industry` divisions (2 digits) or section letters; `region` 2, 4 or 6 digits; `registrant` words of a
    registrant's name; `register` ids.
    """

    industry: tuple[str, ...] = ()
    region: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    year: tuple[str, ...] = ()
    access: tuple[str, ...] = ()
    registrant: tuple[str, ...] = ()
    register: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """True if nothing is filtered."""
        return not any(getattr(self, one.name) for one in fields(self))

    def without(self, facet: str) -> Filters:
        """Return the filters without those of one facet, under which the facet's own values are counted."""
        return replace(self, **{facet: ()}) if facet in _NAMES else self

    @property
    def regions(self) -> tuple[str, ...]:
        """Return the regions without the zeros that only fill up: 620000 → 62, 620700 → 6207."""
        return tuple(re.sub(r"^(\d\d)0000$|^(\d{4})00$", r"\1\2", one) for one in self.region)


_NAMES = frozenset(one.name for one in fields(Filters))


@dataclass(frozen=True)
class Search:
    """One question to an engine. `after` is a rank by date, an offset by relevance, and comes from `Hits.next`."""

    wanted: Wanted = field(default_factory=Wanted)
    filters: Filters = field(default_factory=Filters)
    order: Order = "relevance"
    after: int | None = None
    limit: int = 20
    facets: bool = True
    near: bool = True

    @property
    def by_rank(self) -> bool:
        """True if the hits come by date: asked for, or because there are no words to be relevant to."""
        return self.order != "relevance" or not self.wanted.words


def encode_cursor(search: Search, after: int, generation: str) -> str:
    """Return the place after a page as text; by relevance it is bound to the generation of the index."""
    if search.by_rank:
        return f"{'o' if search.order == 'oldest' else 'n'}{after}"
    return f"r{after}.{generation}"


def decode_cursor(search: Search, cursor: str, generation: str) -> int:
    """Return the `after` of a cursor made for the same kind of search.

    Raises DomainError `cursor_outdated` (409) for another generation, `cursor_invalid` for anything else.
    """
    kind = ("o" if search.order == "oldest" else "n") if search.by_rank else "r"
    found = re.fullmatch(r"([nor])(\d{1,19})(?:\.(.*))?", cursor, re.ASCII)
    if found is None or found[1] != kind or int(found[2]) >= 1 << 63 or (kind == "r" and int(found[2]) > RANKED):
        raise DomainError("cursor_invalid", N_("翻页位置无效，请重新检索"), "cursor")
    if kind == "r" and found[3] != generation:
        raise DomainError("cursor_outdated", N_("检索结果已经更新，请重新检索"), "cursor", status=409)
    return int(found[2])

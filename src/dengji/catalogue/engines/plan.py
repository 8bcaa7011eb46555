"""What a query means, as conditions that both engines translate: what matches, in which order, what nearly matches.

A word matches where all its grams stand somewhere in the texts, a run where it stands in one text unbroken. As both
translate the same conditions, they find the same (tests/catalogue/test_engines.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ..query import Wanted, Word
from ..text import BEGIN, END, fold, grams, words

#: `all` the texts that match, `title` the title's forms, `registrant`, `other` (agency, code, serial, local number).
Place = Literal["all", "title", "registrant", "other"]
#: Percent of the pairs that suffice where nothing matches fully; the second step only where the first finds nothing.
NEAR = (60, 30)
_FEWEST = 3
#: A run of Latin letters and digits of this length is a code or serial, or a part of one.
_CODE = 8


@dataclass(frozen=True)
class Has:
    """The place holds this gram."""

    place: Place
    gram: str


@dataclass(frozen=True)
class Run:
    """The place holds this text unbroken; of a title also from its BEGIN or to its END. At least two characters."""

    place: Literal["all", "title"]
    text: str


@dataclass(frozen=True)
class TitleWord:
    """The title holds this as a word of the dictionary."""

    text: str


@dataclass(frozen=True)
class All:
    """Every part is met; always so without parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Either:
    """One of the parts is met."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Not:
    """The part is not met."""

    part: Node


@dataclass(frozen=True)
class AtLeast:
    """So many of the grams stand in the texts."""

    least: int
    grams: tuple[str, ...]


Node = Has | Run | TitleWord | All | Either | Not | AtLeast
EVERYTHING = All(())


def _word(word: Word, place: Place = "all") -> Node:
    held = tuple(Has(place, gram) for gram in word.grams)
    if word.exact and place in ("all", "title"):
        return All((*held, Run(place, word.text)))
    return held[0] if len(held) == 1 else All(held)


def _run(text: str) -> Node:
    return Run("title", text) if len(text) > 1 else Has("title", text)


def matching(wanted: Wanted) -> Node:
    """Return what a text must meet to be found."""
    parts = [*(_word(word) for word in wanted.words), *_exclusions(wanted)]
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def ranked(wanted: Wanted, node: Node) -> list[Node]:
    """Return the conditions to ask one after another, each within what matches (`node`), best first.

    All but the last two hold every word in a place of its own and so imply that it matches, unless a run must be exact.
    """
    found = tiers(wanted)
    if any(word.exact for word in wanted.words):
        return [*(All((node, one)) for one in found), node]
    whole = found if len(wanted.words) < 2 else found[:-1]
    excluded = tuple(_exclusions(wanted))
    return [*(All((one, *excluded)) for one in whole), *(All((node, one)) for one in found[len(whole) :]), node]


def _exclusions(wanted: Wanted) -> Iterable[Node]:
    return (Not(_word(word)) for word in wanted.excluded)


def tiers(wanted: Wanted) -> list[Node]:
    """Return the conditions by which what matches is ordered, best first; what meets none comes last.

    The title itself, its beginning, the words in it as words, as runs, in pieces; then with the registrant, then with
    agency and codes; then a part of the words in the title.
    """
    asked = wanted.words
    found: list[Node] = [_run(BEGIN + wanted.run + END), _run(BEGIN + wanted.run)]
    runs = tuple(_run(word.text) for word in asked)
    if known := tuple(TitleWord(one) for word in asked for one in dict.fromkeys(words(word.text))):
        found.append(All((*runs, *known)))
    found.append(All(runs))
    found.append(All(tuple(_word(word, "title") for word in asked)))
    places: tuple[Place, ...] = ("title", "registrant", "other")
    for reach in (2, 3):
        found.append(All(tuple(Either(tuple(_word(word, place) for place in places[:reach])) for word in asked)))
    if len(asked) > 1:
        found.append(Either(tuple(_word(word, "title") for word in asked)))
    return list(dict.fromkeys(found))


def near(wanted: Wanted, percent: int) -> Node | None:
    """Return what suffices where nothing matches: a share of the grams, rounded up; exact runs, exclusions as asked.

    Of a long code one of its halves, for whatever else shares its digits is no likelier to be meant. None for a single
    word of fewer than three pairs: whatever shares a pair with it would come through.
    """
    codes, others = _codes(wanted), [word for word in _loose(wanted) if not _is_code(word)]
    loose = _grams(others)
    if not codes and sum(max(1, len(word.text) - 1) for word in others) < (_FEWEST if len(others) < 2 else 2):
        return None
    least = max(1, -(-len(loose) * percent // 100))
    exact = (_word(word) for word in wanted.words if word.exact)
    return All((*((AtLeast(least, loose),) if loose else ()), *codes, *exact, *_exclusions(wanted)))


def near_weights(wanted: Wanted) -> list[tuple[Has, float]]:
    """Return what makes a near hit nearer, and how much: its grams, once more in the title, the title's characters."""
    found = _grams(_loose(wanted))
    characters = dict.fromkeys(character for gram in found for character in gram)
    weighed = [(Has("all", gram), 1.0) for gram in found]
    weighed += [(Has("title", gram), 1.0) for gram in found]
    return [*weighed, *((Has("title", character), 0.3) for character in characters)]


def near_grams(wanted: Wanted) -> tuple[str, ...]:
    """Return the grams, each once, of the words that need not be exact and are no codes."""
    return _grams([word for word in _loose(wanted) if not _is_code(word)])


def _grams(some: Iterable[Word]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(gram for word in some for gram in word.grams))


def _codes(wanted: Wanted) -> list[Node]:
    found: list[Node] = []
    for word in _loose(wanted):
        if _is_code(word):
            middle = len(word.text) // 2
            halves = word.text[:middle], word.text[middle:]
            found.append(Either(tuple(All(tuple(Has("all", gram) for gram in grams(half))) for half in halves)))
    return found


def _is_code(word: Word) -> bool:
    return len(word.text) >= _CODE and word.text.isascii() and word.text.isalnum()


def _loose(wanted: Wanted) -> list[Word]:
    return [word for word in wanted.words if not word.exact]


def registrants(names: Iterable[str]) -> Node:
    """Return the condition that one of these names, or the part of a name given, is the registrant's."""
    asked = [Word(folded) for name in names if (folded := fold(name))]
    return Either(tuple(All(tuple(Has("registrant", gram) for gram in grams(word.text))) for word in asked))


def flat(node: All) -> Iterable[Node]:
    """Yield the parts of a condition, those of parts within it too."""
    for part in node.parts:
        if isinstance(part, All):
            yield from flat(part)
        else:
            yield part

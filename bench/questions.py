"""What is asked of the catalogue: the judged queries, words that nearly all records hold, records by their code."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from urllib.parse import quote, urlencode

#: Of a hundred searches, so many are for a word in more than half of the records (design §9).
UBIQUITOUS_SHARE = 5
_EVERYWHERE = ("数据", "信息", "产生", "过程", "包含", "用于", "程中", "该数据", "可用于", "示例登记机构")
_RARE, _COMMON, _UBIQUITOUS = (0.0, 0.001), (0.005, 0.2), (0.5, 1.1)


@dataclass(frozen=True)
class Questions:
    """Texts to search for, by kind, with the true total of each; and codes of records."""

    judged: list[str]
    rare: list[str]
    common: list[str]
    ubiquitous: list[str]
    totals: dict[str, int]
    codes: list[str]

    def mix(self, count: int, seed: int = 1) -> list[str]:
        """Return searches as people make them: the judged ones in turn, and the share of words that are everywhere."""
        chance = random.Random(seed)
        judged = list(self.judged)
        chance.shuffle(judged)
        every = 100 // UBIQUITOUS_SHARE
        return [
            self.ubiquitous[i // every % len(self.ubiquitous)] if i % every == every // 2 else judged[i % len(judged)]
            for i in range(count)
        ]


def prepare(codes: int = 2000) -> Questions:
    """Read from the node what may be asked; totals by the engine itself, in this process."""
    from dengji.catalogue import index
    from dengji.catalogue.documents import by_number
    from dengji.catalogue.models import Item
    from dengji.catalogue.query import Search, parse
    from tests.relevance import measure

    held = Item.objects.count()
    first = list(Item.objects.order_by("number").values_list("number", flat=True)[:5100])
    some = by_number(first)
    judged = [measure._filled(text, some) for _, text, _ in measure._lines("queries.txt")]
    index.forget()
    engine = index.engine()
    totals = {}
    for text in (*judged, *_EVERYWHERE):
        totals[text] = engine.search(Search(parse(text), limit=0, facets=False)).total
    found = {
        name: [text for text, n in totals.items() if low * held < n <= high * held]
        for name, (low, high) in {"rare": _RARE, "common": _COMMON, "ubiquitous": _UBIQUITOUS}.items()
    }
    chance = random.Random(4)
    numbers = Item.objects.order_by("number").values_list("number", flat=True)
    low, high = numbers[0], numbers[held - 1] if held < 20_000 else numbers.last()
    asked = {chance.randint(low, high) for _ in range(codes * 2)}
    rows = list(Item.objects.filter(number__in=asked).values_list("code", flat=True)[:codes])
    chance.shuffle(rows)
    return Questions(judged, found["rare"], found["common"], found["ubiquitous"], totals, rows)


def search_api(text: str, **more: str) -> str:
    """Return the address of a search with total and facets."""
    return "/api/v1/registrations?" + urlencode({"q": text, **more})


def search_page(text: str) -> str:
    """Return the address of the page of a search."""
    return "/search?" + urlencode({"q": text})


def record_api(code: str) -> str:
    """Return the address of a record as JSON."""
    return f"/api/v1/registrations/{quote(code)}"


def record_page(code: str) -> str:
    """Return the address of a record's page."""
    return f"/r/{quote(code)}"


def fresh_state() -> None:
    """Let every process of the server read the index anew: what it remembers of counts is forgotten."""
    from dengji.catalogue import index

    current = (index.root() / "current").read_text().strip()
    os.utime(index.root() / current / "meta.json")

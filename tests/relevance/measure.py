"""The corpus, the judgements and the two figures: recall@20 (what is found) and nDCG@10 (in which order)."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from math import log2
from pathlib import Path
from typing import Protocol

from dengji.catalogue.documents import Document
from dengji.catalogue.engines.base import Hits
from dengji.catalogue.query import Search, parse
from dengji.law.similarity import split_name
from dengji.registration.generator import adoption_rows

_HERE = Path(__file__).parent
_EXAMPLES = _HERE.parents[1] / "examples" / "records.toml"
GENERATED, _SEED = 5000, 11
#: What counts as an answer for recall; lower grades only order.
_ANSWER = 2
RECALL = 0.95


class Searcher(Protocol):
    """What is measured: any engine."""

    def search(self, search: Search) -> Hits:
        """Answer a search."""


@dataclass(frozen=True)
class Query:
    """What is typed, of which class, and the grade of each document that answers it."""

    kind: str
    text: str
    grades: dict[int, int]


@dataclass(frozen=True)
class Result:
    """How well a query was answered."""

    kind: str
    query: str
    recall: float
    ndcg: float
    empty: bool
    near: bool


def corpus() -> list[Document]:
    """Return the real records of the example, the made-up ones beside this file, and generated ones."""
    made: list[tuple[str, str, str, str, str, str]] = []
    for one in tomllib.loads(_EXAMPLES.read_text(encoding="utf-8"))["records"]:
        made.append((one["name"], one["registrant"], one["intro"], one["published_serial"], "", "VALID"))
    for line in _lines("records.txt"):
        title, registrant, intro = line
        made.append((title, registrant, intro, "", "", "VALID"))
    for i, row in enumerate(adoption_rows(GENERATED, _SEED)):
        state = "CANCELLED" if i % 20 == 0 else "VALID"
        made.append((row["name"], row["registrant_name"], row["intro"], row["serial"], row["code"], state))
    first = date(2025, 6, 1).toordinal()
    documents = []
    for number, (title, registrant, intro, serial, code, state) in enumerate(made, 1):
        # Days in no order, so that none of the classes is helped by being new.
        day = first + number * 7919 % 500
        documents.append(
            Document(
                number, number, (day << 40) + number, title, registrant, "示例登记机构",
                tuple(filter(None, (code, serial))), intro, state, "resource", "", date.fromordinal(day).year, "",
            )
        )  # fmt: skip
    return documents


def queries(documents: Sequence[Document]) -> list[Query]:
    """Return the judged queries; those about codes take a code or serial of a document, or a piece of it."""
    found = []
    for kind, typed, wanted in _lines("queries.txt"):
        text = _filled(typed, documents)
        tests = [_test(alternative, documents) for alternative in wanted.split(";")]
        grades: dict[int, int] = {}
        for document in documents:
            if grade := max((grade for grade, test in tests if test(document)), default=0):
                grades[document.number] = grade
        found.append(Query(kind, text, grades))
    return found


def _lines(name: str) -> list[tuple[str, ...]]:
    lines = (_HERE / name).read_text(encoding="utf-8").splitlines()
    return [tuple(part.strip() for part in line.split("|")) for line in lines if line and not line.startswith("#")]


def _filled(text: str, documents: Sequence[Document]) -> str:
    """Put codes in: {code:number}, {code:number:n} from its n-th character on, `plain` without hyphens."""

    def value(found: re.Match[str]) -> str:
        codes = documents[int(found[2])].codes
        whole, cut = codes[0] if found[1] == "code" else codes[-1], found[3]
        if cut == "plain":
            return whole.replace("-", "")
        return whole if cut is None else whole[int(cut) :]

    return re.sub(r"\{(code|serial):(\d+)(?::(plain|-?\d+))?\}", value, text)


def _test(alternative: str, documents: Sequence[Document]) -> tuple[int, Callable[[Document], bool]]:
    conditions, _, grade = alternative.strip().partition("=")
    parts = []
    for condition in conditions.split("&"):
        field, _, text = condition.strip().lstrip("!").partition(":")
        parts.append((field, _plain(_filled(text, documents)), condition.strip().startswith("!")))

    def holds(document: Document) -> bool:
        return all((text in _fields(document)[field]) != negated for field, text, negated in parts)

    return int(grade or 3), holds


@cache
def _fields(document: Document) -> dict[str, str]:
    codes = document.codes or ("",)
    texts = {
        "t": document.title, "c": split_name(document.title)[2], "r": document.registrant, "i": document.intro,
        "k": codes[0], "s": codes[-1],
    }  # fmt: skip
    return {name: _plain(text) for name, text in texts.items()}


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def run(engine: Searcher, documents: Sequence[Document]) -> list[Result]:
    """Ask every query and judge the first 20 hits."""
    return [_judged(one, engine.search(Search(parse(one.text), facets=False))) for one in queries(documents)]


def _judged(query: Query, hits: Hits) -> Result:
    answers = {number for number, grade in query.grades.items() if grade >= _ANSWER}
    possible = min(20, len(answers))
    recall = len(answers & set(hits.numbers[:20])) / possible if possible else 1.0
    gained = _gain([query.grades.get(number, 0) for number in hits.numbers[:10]])
    best = _gain(sorted(query.grades.values(), reverse=True)[:10])
    return Result(query.kind, query.text, recall, gained / best if best else 1.0, not hits.numbers, hits.near)


def _gain(grades: Sequence[int]) -> float:
    return sum((2**grade - 1) / log2(place + 2) for place, grade in enumerate(grades))


def enough(results: Sequence[Result]) -> bool:
    """True if recall is as promised and no query that has an answer found nothing."""
    return _mean([one.recall for one in results]) >= RECALL and not any(one.empty for one in results)


def table(results: Sequence[Result]) -> str:
    """Return the figures by class and in all."""
    kinds: dict[str, list[Result]] = defaultdict(list)
    for one in results:
        kinds[one.kind].append(one)
    kinds["all"] = list(results)
    lines = [f"{'class':26} queries  recall@20  nDCG@10  empty"]
    for kind, some in kinds.items():
        recall, ndcg = _mean([one.recall for one in some]), _mean([one.ndcg for one in some])
        lines.append(f"{kind:26} {len(some):7}  {recall:9.3f}  {ndcg:7.3f}  {sum(one.empty for one in some):5}")
    return "\n".join(lines)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)

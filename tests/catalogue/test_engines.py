"""Both engines find what the definition says and nothing else, count it the same, and order it the same."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from dengji.catalogue.documents import Document
from dengji.catalogue.engines.base import Hits
from dengji.catalogue.engines.postgres import PostgresEngine
from dengji.catalogue.engines.tantivy import TantivyEngine
from dengji.catalogue.query import Filters, Search, parse

from .searching import REGISTERS, document, facet_counts, find, store

pytestmark = pytest.mark.django_db
_PLACES = {"62": ((), ()), "6207": (("6207",), ()), "620725": (("6207",), ("620725",)), "429004": ((), ("429004",))}
_INDUSTRIES = {"83": "P", "54": "G", "92": "S", "55": "G"}
_text = st.text(alphabet="公交数据车路局a1２b-張张市 “”", max_size=12)
_word = st.text(alphabet="公交数据车路局a1２b-張张市^$~'&|!:*\\%", min_size=1, max_size=6)


@st.composite
def _documents(draw: st.DrawFn) -> list[Document]:
    made = []
    for number in range(1, draw(st.integers(1, 12)) + 1):
        industries = draw(st.sets(st.sampled_from(sorted(_INDUSTRIES)), max_size=2))
        places = draw(st.sets(st.sampled_from(sorted(_PLACES)), max_size=2))
        made.append(
            document(
                number,
                draw(_text),
                registrant=draw(st.one_of(_text, st.sampled_from(["张掖市卫生健康委员会", "市监局"]))),
                agency=draw(_text),
                intro=draw(_text),
                codes=(draw(st.text(alphabet="ab12-", max_size=8)),),
                state=draw(st.sampled_from(["VALID", "CANCELLED", "REVOKED"])),
                data_type=draw(st.sampled_from(["resource", "product"])),
                access_mode=draw(st.sampled_from(["", "open", "apply"])),
                register=draw(st.sampled_from(REGISTERS)),
                industries=tuple(sorted(industries)),
                sections=tuple(sorted({_INDUSTRIES[one] for one in industries})),
                provinces=tuple(sorted({place[:2] for place in places})),
                cities=tuple(sorted({city for place in places for city in _PLACES[place][0]})),
                counties=tuple(sorted({county for place in places for county in _PLACES[place][1]})),
            )
        )
    return made


@st.composite
def _query(draw: st.DrawFn, documents: list[Document]) -> str:
    """Words out of the texts or made up, some in quotes, some with a minus, some with one character changed."""
    words = []
    for _ in range(draw(st.integers(0, 3))):
        source = draw(st.sampled_from(documents))
        text = draw(st.sampled_from([source.title, source.registrant, source.intro, *source.codes])).replace(" ", "")
        start = draw(st.integers(0, max(0, len(text) - 1)))
        piece = text[start : start + draw(st.integers(1, 8))] or draw(_word)
        word = draw(st.sampled_from([piece, piece, draw(_word), piece[:2] + draw(_word)]))
        words.append(draw(st.sampled_from(["{}", "{}", '"{}"', "-{}", '-"{}"'])).format(word))
    return " ".join(words)


_filters = st.builds(
    Filters,
    industry=st.lists(st.sampled_from(["83", "54", "G", "S"]), max_size=2).map(tuple),
    region=st.lists(st.sampled_from(["62", "620000", "6207", "620700", "620725", "42"]), max_size=1).map(tuple),
    type=st.lists(st.sampled_from(["resource", "product"]), max_size=1).map(tuple),
    state=st.lists(st.sampled_from(["VALID", "REVOKED"]), max_size=2).map(tuple),
    year=st.lists(st.sampled_from(["2025", "2026"]), max_size=1).map(tuple),
    access=st.lists(st.sampled_from(["open"]), max_size=1).map(tuple),
    registrant=st.lists(st.sampled_from(["公交", "卫健委", "市", "！"]), max_size=1).map(tuple),
    register=st.lists(st.sampled_from(REGISTERS), max_size=1).map(tuple),
)


def _all(engine: Any, search: Search) -> Hits:
    """All pages as one."""
    hits = page = engine.search(search)
    numbers = list(hits.numbers)
    while page.next is not None:
        page = engine.search(Search(search.wanted, search.filters, search.order, page.next, search.limit))
        assert (page.total, page.facets, page.near) == (hits.total, hits.facets, hits.near)
        numbers += page.numbers
    return Hits(tuple(numbers), (), hits.total, hits.facets, hits.near)


def _filled(facets: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    return {name: counts for name, counts in facets.items() if name != "region"}


def test_both_engines_and_the_definition_agree(tmp_path: Path) -> None:
    made = iter(range(1_000_000))

    @settings(max_examples=600 if os.environ.get("DENGJI_SOAK") == "1" else 50)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        documents = data.draw(_documents())
        index = TantivyEngine.create(tmp_path / str(next(made)))
        index.apply(documents)
        with transaction.atomic():
            store(documents)
            table = PostgresEngine()
            table.apply(documents)
            for _ in range(4):
                wanted = parse(data.draw(_query(documents)))
                filters = data.draw(st.one_of(st.just(Filters()), _filters))
                order = data.draw(st.sampled_from(["relevance", "newest", "oldest"]))
                _compare(documents, index, table, Search(wanted, filters, order, limit=3))
            transaction.set_rollback(True)
        index.close()

    check()


def _compare(documents: list[Document], index: TantivyEngine, table: PostgresEngine, search: Search) -> None:
    expected, percent = find(documents, search.wanted, search.filters)
    counts = facet_counts(documents, search.wanted, search.filters, percent)
    answers = [_all(engine, search) for engine in (index, table)]
    for hits in answers:
        assert set(hits.numbers) == {one.number for one in expected}, search
        assert len(hits.numbers) == len(set(hits.numbers)) == hits.total
        assert hits.near == bool(percent)
        assert _filled(hits.facets) == counts, search
    assert answers[0].facets == answers[1].facets
    if not percent or search.by_rank:
        assert answers[0].numbers == answers[1].numbers, search
    if search.by_rank:
        by_date = sorted(expected, key=lambda one: one.rank, reverse=search.order != "oldest")
        assert list(answers[0].numbers) == [one.number for one in by_date]

"""What is typed and what it asks: words, quotes and minus, and no other syntax."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dengji.catalogue.query import Filters, Search, Wanted, Word, decode_cursor, encode_cursor, measure, parse
from dengji.core.errors import DomainError


@pytest.mark.parametrize(
    ("typed", "words", "excluded"),
    [
        ("张掖 公交", [Word("张掖"), Word("公交")], []),
        ("张掖　公交", [Word("张掖"), Word("公交")], []),
        ('"城市 客运" 张掖', [Word("城市客运", True), Word("张掖")], []),
        ("“甘味”品牌", [Word("甘味", True), Word("品牌")], []),
        ("公证 -棉花 －检验", [Word("公证")], [Word("棉花"), Word("检验")]),
        ('-"棉花 检验"', [], [Word("棉花检验", True)]),
        ('"没有结束', [Word("没有结束")], []),
        ("DEMO-ABCD", [Word("demoabcd")], []),
        ("a:b OR (c* ~d", [Word("ab"), Word("or"), Word("c"), Word("d")], []),
        ("- ！ \"\" ''", [], []),
        ("公交 公交", [Word("公交")], []),
        ('"公"', [Word("公")], []),
    ],
)
def test_words_quotes_and_minus(typed: str, words: list[Word], excluded: list[Word]) -> None:
    assert parse(typed) == Wanted(tuple(words), tuple(excluded))


@given(st.text(alphabet=st.characters() | st.sampled_from('"“”-－ 公交')))
def test_nothing_typed_makes_it_raise(typed: str) -> None:
    wanted = parse(typed)
    assert all(word.text and word.grams for word in (*wanted.words, *wanted.excluded))


def test_too_much_is_refused_with_the_limit(settings: Any) -> None:
    measure("公" * 100)
    with pytest.raises(DomainError) as refused:
        measure("公" * 101)
    assert (refused.value.code, refused.value.params) == ("query_too_long", {"most": 100})
    with pytest.raises(DomainError) as refused:
        measure(" ".join(str(n) for n in range(21)))
    assert refused.value.code == "query_too_many_words"
    settings.DENGJI_QUERY_WORDS = 30
    measure(" ".join(str(n) for n in range(21)))


def test_a_place_by_relevance_belongs_to_its_generation() -> None:
    search = Search(parse("公交"))
    cursor = encode_cursor(search, 40, "g1")
    assert decode_cursor(search, cursor, "g1") == 40
    with pytest.raises(DomainError) as refused:
        decode_cursor(search, cursor, "g2")
    assert (refused.value.code, refused.value.status) == ("cursor_outdated", 409)


@pytest.mark.parametrize("cursor", ["", "r", "n5", "r-1.g1", "r99999999999.g1", "n" + "9" * 19, "r４.g1", "r1001.g1"])
def test_a_place_that_was_never_given_is_refused(cursor: str) -> None:
    with pytest.raises(DomainError) as refused:
        decode_cursor(Search(parse("公交")), cursor, "g1")
    assert refused.value.code == "cursor_invalid"


def test_a_place_by_date_outlives_generations_but_not_its_order() -> None:
    newest, oldest = Search(order="newest"), Search(parse("公交"), order="oldest")
    assert decode_cursor(newest, encode_cursor(newest, 7, "g1"), "g2") == 7
    with pytest.raises(DomainError):
        decode_cursor(oldest, encode_cursor(newest, 7, "g1"), "g1")


def test_regions_are_taken_with_and_without_zeros() -> None:
    assert Filters(region=("620000", "620700", "620725", "62")).regions == ("62", "6207", "620725", "62")

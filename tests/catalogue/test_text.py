"""How texts are cut: the same for every way of writing a thing, and back to the original for highlights."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dengji.catalogue import text


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("ＡＰＩ接口", "api接口"),
        ("張掖市 “甘味”品牌", "张掖市甘味品牌"),
        ("PM2.5", "pm25"),
        ("甘肃省-教育－学校　名录", "甘肃省教育学校名录"),
        ("㎡", "m2"),
        ("！？—", ""),
        ("བོད", "བོད"),
    ],
)
def test_ways_of_writing_become_one(written: str, folded: str) -> None:
    assert text.fold(written) == folded


@given(st.text())
def test_folding_twice_changes_nothing(written: str) -> None:
    assert text.fold(text.fold(written)) == text.fold(written)


@given(st.text(), st.text())
def test_whatever_is_part_of_a_folded_text_has_its_grams_there(before: str, after: str) -> None:
    middle = text.fold("公交a12路")
    whole = text.fold(before) + middle + text.fold(after)
    held = {*text.pairs(whole), *text.triples(whole)}
    assert set(text.grams(middle)) <= held
    assert text.joined_pairs(whole) == " ".join(text.pairs(whole))


def test_triples_stand_for_the_pairs_of_latin_letters_and_digits() -> None:
    assert text.grams("市a2026公交") == ["市a", "6公", "公交", "a20", "202", "026"]
    assert text.grams("公") == ["公"]
    assert text.grams("") == []


def test_an_organisation_is_known_by_its_short_and_its_full_name() -> None:
    assert "张掖市卫健委" in text.other_names("张掖市卫生健康委员会")
    assert "遵义市场监督管理局" not in text.other_names("张掖市教育局")
    assert "高台县市场监督管理局" in text.other_names("高台县市监局")


@pytest.mark.parametrize(
    ("shown", "needles", "marked"),
    [
        ("张掖市“甘味”品牌ＡＢ", ["甘味品", "ab"], ["甘味”品", "ＡＢ"]),
        ("公交公交公交", ["公交"], ["公交公交公交"]),
        ("農產品檢測", ["产品"], ["產品"]),
        ("㎡单价", ["2单"], ["㎡单"]),
        ("没有", ["别的", ""], []),
    ],
)
def test_highlights_mark_the_original(shown: str, needles: list[str], marked: list[str]) -> None:
    assert [shown[start:end] for start, end in text.highlights(shown, needles)] == marked


@given(st.text(max_size=40), st.lists(st.text(max_size=4), max_size=4))
def test_highlights_are_ranges_in_order_that_do_not_touch(shown: str, needles: list[str]) -> None:
    ranges = text.highlights(shown, map(text.fold, needles))
    edges = [edge for one in ranges for edge in one]
    assert edges == sorted(set(edges))
    assert all(0 <= edge <= len(shown) for edge in edges)


def test_without_a_dictionary_words_are_unknown_and_nothing_else_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"公交", "线路"} <= set(text.words("公交线路"))
    assert "公交" not in text.words("办公交通")
    monkeypatch.setattr(text, "_cutter", lambda: None)
    assert text.words("公交线路") == []

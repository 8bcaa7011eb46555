"""Order, suggestions, regions and changes: what a reader sees of an engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dengji.catalogue import documents as cards
from dengji.catalogue.documents import Document
from dengji.catalogue.engines.postgres import PostgresEngine
from dengji.catalogue.engines.tantivy import TantivyEngine
from dengji.catalogue.models import Item
from dengji.catalogue.query import Filters, Search, parse
from tests.factories import world as w

from . import kit
from .searching import document, store

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["index", "table"])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Each engine in turn, as a function that fills it and returns it."""
    engine: Any = TantivyEngine.create(tmp_path) if request.param == "index" else PostgresEngine()

    def fill(documents: list[Document]) -> Any:
        if request.param == "table":
            store(documents)
        engine.apply(documents)
        return engine

    yield fill
    if request.param == "index":
        engine.close()


def found(engine: Any, typed: str, **kw: Any) -> list[int]:
    """The numbers found, in order."""
    return list(engine.search(Search(parse(typed), **kw)).numbers)


def test_title_before_registrant_before_brief_exact_before_part_valid_before_ended(filled: Any) -> None:
    engine = filled(
        [
            document(1, "名录", intro="内有公交线路一览"),
            document(2, "名录", agency="公交线路管理局"),
            document(3, "名录", registrant="公交线路管理局"),
            document(4, "线路与公交"),
            document(5, "机关办公交线路"),
            document(6, "全市公交线路一览"),
            document(7, "公交线路", state="CANCELLED"),
            document(8, "公交线路一览", state="CANCELLED"),
            document(9, "公交线路一览"),
            document(10, "甘肃省张掖市-道路运输业-公交线路"),
        ]
    )
    assert found(engine, "公交线路") == [10, 7, 9, 8, 6, 5, 3, 2, 1]
    assert found(engine, "公交 线路")[-4:] == [4, 3, 2, 1]
    assert found(engine, "公交线路", order="newest") == [10, 9, 8, 7, 6, 5, 3, 2, 1]


def test_the_newer_comes_first_among_equals_and_pages_end_where_they_should(filled: Any) -> None:
    engine = filled([document(n, f"公交线路{n}") for n in range(1, 8)])
    first = engine.search(Search(parse("公交"), limit=4))
    assert (first.numbers, first.total, first.next) == ((7, 6, 5, 4), 7, 4)
    second = engine.search(Search(parse("公交"), limit=4, after=first.next))
    assert (second.numbers, second.next) == ((3, 2, 1), None)
    assert engine.search(Search(limit=0)).total == 7


def test_a_typing_error_is_forgiven_and_said(filled: Any) -> None:
    engine = filled([document(1, "哈尔滨市气象观测数据集"), document(2, "学校名录", intro="观测点与数据集")])
    hits = engine.search(Search(parse("气像观测数据集")))
    assert (hits.numbers[0], hits.near) == (1, True)
    assert not engine.search(Search(parse("气象观测"))).near
    assert engine.search(Search(parse("气像观测数据集"), near=False)).numbers == ()
    assert engine.search(Search(parse("天象"))).numbers == ()


def test_changed_and_deleted_documents_are_found_as_they_are_now(filled: Any) -> None:
    engine = filled([document(1, "公交线路"), document(2, "学校名录")])
    engine.apply([document(1, "客运班线")], deleted=[2])
    assert found(engine, "公交") == []
    assert found(engine, "客运") == [1]
    assert found(engine, "学校") == []


def test_regions_are_counted_next_below_what_is_selected(filled: Any) -> None:
    engine = filled(
        [
            document(1, provinces=("62",), cities=("6207",), counties=("620725",)),
            document(2, provinces=("62",), cities=("6207",)),
            document(3, provinces=("62", "42"), counties=("429004",)),
            document(4, provinces=("11",), counties=("110101",)),
        ]
    )

    def regions(*selected: str) -> dict[str, int]:
        return dict(engine.search(Search(filters=Filters(region=selected))).facets["region"])

    assert regions() == {"62": 3, "42": 1, "11": 1}
    assert regions("62") == {"6207": 2}
    assert regions("6207") == {"620725": 1}
    assert regions("42") == {"429004": 1}
    assert regions("110000") == {"110101": 1}
    assert regions("620725") == {}


def test_the_same_answer_comes_from_memory_until_something_changes(filled: Any) -> None:
    engine = filled([document(1, "公交"), document(2, "公交")])
    assert engine.search(Search(parse("公交"))).facets == engine.search(Search(parse("公交"))).facets
    engine.apply([], deleted=[1])
    if isinstance(engine, TantivyEngine):
        assert engine.search(Search(parse("公交"))).facets["type"] == {"resource": 1}


def test_an_index_is_kept_and_one_that_is_none_is_refused(tmp_path: Path) -> None:
    first = TantivyEngine.create(tmp_path / "a")
    first.apply([document(1, "公交")])
    first.close()
    again = TantivyEngine.open(tmp_path / "a", "g7")
    assert (found(again, "公交"), again.generation, again.documents) == ([1], "g7", 1)
    with pytest.raises(ValueError, match="no index"):
        TantivyEngine.open(tmp_path / "b")
    (tmp_path / "a" / "meta.json").write_text("{}")
    with pytest.raises(ValueError):
        TantivyEngine.open(tmp_path / "a")


def test_items_become_documents_with_what_the_page_shows(tmp_path: Path) -> None:
    world = w.build()
    coded = [w.registered(world, title=f"独一无二客运{n}") for n in range(2)]
    kit.suppress(world, "registration", coded[1]["registration"])
    kit.catch_up()
    numbers = list(Item.objects.order_by("number").values_list("number", flat=True))
    read = cards.by_number(numbers)
    assert read == sorted(cards.after_position(-1, 10), key=lambda one: one.number)
    assert read == [cards.of_row(row) for row in cards.rows_after_number(0, 10)]
    shown, hidden = read
    assert "独一无二客运0" in shown.title
    assert shown.intro
    assert (hidden.title, hidden.registrant, hidden.intro) == ("", "", "")
    assert coded[1]["code"] in hidden.codes

    for engine in (TantivyEngine.create(tmp_path), PostgresEngine()):
        engine.apply(read)
        assert found(engine, "独一无二") == [shown.number]
        assert found(engine, hidden.codes[0]) == [hidden.number]
        assert [one.text for one in engine.suggest("独一无二")] == [shown.title]
        beginning = shown.registrant[:2]
        assert shown.registrant in [one.text for one in engine.suggest(beginning) if one.kind == "registrant"]
        assert shown.registrant in [one.text for one in engine.suggest(shown.registrant[2:5])]
        assert engine.suggest("！") == engine.suggest("没有这个") == []

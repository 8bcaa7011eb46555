"""The index is always whole or absent, always catches up, and while it is absent the tables answer."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dengji.catalogue import index
from dengji.catalogue.engines.scan import ScanEngine
from dengji.catalogue.engines.tantivy import TantivyEngine
from dengji.catalogue.models import Item
from dengji.catalogue.query import Filters, Search, parse
from dengji.core.errors import DomainError
from dengji.registration.models import Registration
from tests.factories import world as w

from . import kit

pytestmark = pytest.mark.django_db


@pytest.fixture
def home(tmp_path: Path, settings: Any) -> Iterator[Path]:
    """An empty place for the index."""
    settings.DENGJI_DATA_DIR = tmp_path
    settings.DENGJI_SEARCH = "auto"
    index.forget()
    yield tmp_path / "index"
    index.forget()


@pytest.fixture
def keeper(home: Path, monkeypatch: pytest.MonkeyPatch) -> index.Keeper:
    """A keeper whose making happens at once, within the test's transaction."""
    made = index.Keeper()
    monkeypatch.setattr(made, "_make", lambda: index.make())
    return made


@pytest.fixture
def world(home: Path) -> w.World:
    """A register with some of everything, followed."""
    built = w.build()
    for _ in kit.mixed(built):
        pass
    kit.catch_up()
    return built


def found(q: str = "", **filters: Any) -> set[str]:
    """The codes that a search finds, whoever answers."""
    numbers = index.engine().search(Search(parse(q), Filters(**filters), limit=100)).numbers
    return set(Item.objects.filter(number__in=numbers).values_list("code", flat=True))


def test_an_index_is_made_at_the_first_look_and_followed(world: w.World, keeper: index.Keeper) -> None:
    assert isinstance(index.engine(), ScanEngine)
    assert keeper.keep(1000) == 0 and isinstance(index.engine(), TantivyEngine)
    assert index.engine().search(Search()).total == 34
    coded = w.registered(world, title="后来登记的渡口信息")
    assert found("渡口") == set()
    kit.catch_up()
    assert keeper.keep(1000) == 1
    assert found("渡口") == {coded["code"]}
    assert keeper.keep(1000) == 0


def test_a_cancelled_registration_changes_its_facets(world: w.World, keeper: index.Keeper) -> None:
    keeper.keep(1000)
    coded = w.registered(world, title="独一无二渡口")
    kit.catch_up()
    keeper.keep(1000)
    kit.cancel(world, coded)
    kit.catch_up()
    keeper.keep(1000)
    hits = index.engine().search(Search(parse("独一无二渡口")))
    assert hits.total == 1 and hits.facets["state"] == {"CANCELLED": 1}


def test_a_suppressed_text_is_found_no_more_and_leaves_the_files(world: w.World, keeper: index.Keeper) -> None:
    coded = w.registered(world, title="夹带号码一三八零零的标题")
    kit.catch_up()
    keeper.keep(1000)
    keeper.keep(1000)
    assert found("夹带号码") == {coded["code"]}
    kit.suppress(world, "registration", coded["registration"])
    kit.catch_up()
    keeper.keep(1000)
    assert found("夹带号码") == set()
    assert found(coded["code"]) == {coded["code"]}, "the tombstone is still found by its code"
    held = b"".join(path.read_bytes() for path in index.root().rglob("*") if path.is_file())
    assert "夹带".encode() not in held


@pytest.mark.parametrize("harm", ["current", "place", "meta", "segment", "all"])
def test_a_lost_or_broken_index_is_made_anew_while_the_tables_answer(
    world: w.World, keeper: index.Keeper, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    keeper.keep(1000)
    whole = found("独一无二")
    assert len(whole) == 3 and isinstance(index.engine(), TantivyEngine)
    serving = index.root() / (index.root() / "current").read_text()
    match harm:
        case "current":
            (index.root() / "current").unlink()
        case "place":
            (serving / "place.json").write_text("{")
        case "meta":
            (serving / "meta.json").unlink()
        case "segment":
            for path in serving.glob("*.term"):
                path.write_bytes(b"\0" * 64)
            (serving / "meta.json").touch()
        case "all":
            shutil.rmtree(index.root())
    index.forget()
    restarted = index.Keeper()
    restarted._make = lambda: index.make()  # type: ignore[method-assign]
    assert found("独一无二") == whole
    for _ in range(3):
        restarted.keep(1000)
    index.forget()
    assert isinstance(index.engine(), TantivyEngine) and found("独一无二") == whole
    assert index.engine().search(Search()).total == Item.objects.count()


def test_an_index_that_holds_too_little_is_made_anew(world: w.World, keeper: index.Keeper) -> None:
    keeper.keep(1000)
    first = index.engine().generation
    serving = index.root() / (index.root() / "current").read_text()
    broken = TantivyEngine.open(serving, serving.name)
    del keeper._open
    keeper._open = None
    numbers = list(Item.objects.values_list("number", flat=True)[:5])
    broken.apply((), numbers)
    broken.close()
    del broken
    index.Keeper.keep(keeper, 1000)
    assert index.engine().generation != first
    assert index.engine().search(Search()).total == Item.objects.count()


def test_another_layout_is_made_anew(world: w.World, keeper: index.Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper.keep(1000)
    first = index.engine().generation
    monkeypatch.setattr(index, "LAYOUT", index.LAYOUT + 1)
    monkeypatch.setattr(index.Place.__init__, "__defaults__", (index.LAYOUT, 0, False))
    keeper._open = None
    keeper.keep(1000)
    index.forget()
    assert index.engine().generation != first


def test_a_killed_making_goes_on_where_it_was(world: w.World, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_READ", 4)
    monkeypatch.setattr(index, "_COMMIT", 8)
    calls: list[int] = []

    def killed(done: int, total: int) -> None:
        calls.append(done)
        if done >= 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index.make(killed)
    assert isinstance(index.engine(), ScanEngine), "what is not whole does not serve"
    again: list[int] = []
    index.make(lambda done, total: again.append(done))
    assert 16 < again[0] < 24, "the second making began behind the first one's last commit"
    assert index.engine().search(Search()).total == Item.objects.count() == 34
    index.make(lambda done, total: again.append(done), fresh=True)
    assert index.engine().search(Search()).total == 34
    assert len(list(home.glob("g-*"))) == 1


def test_what_changes_while_the_index_is_made_is_in_it(
    world: w.World, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "_READ", 10)
    done_once: list[dict[str, Any]] = []

    def meanwhile(done: int, total: int) -> None:
        if not done_once:
            done_once.append(w.registered(world, title="其间登记的渡口信息"))
            kit.revoke(world, done_once[0])
            kit.catch_up()

    index.make(meanwhile)
    hits = index.engine().search(Search(parse("渡口")))
    assert hits.total == 1 and hits.facets["state"] == {"REVOKED": 1}


def test_the_old_index_serves_until_the_new_one_is_whole(world: w.World, home: Path) -> None:
    index.make()
    first = index.engine().generation
    seen: set[tuple[str, int]] = set()
    index.make(lambda done, total: seen.add((index.engine().generation, index.engine().search(Search()).total)))
    assert seen == {(first, 34)}
    assert index.engine().generation != first and index.engine().search(Search()).total == 34


def test_two_do_not_make_it_at_once(world: w.World, home: Path) -> None:
    refused: list[str] = []

    def second(done: int, total: int) -> None:
        try:
            index.make()
        except DomainError as error:
            refused.append(error.code)

    index.make(second)
    assert refused == ["index_being_made"]


def test_a_second_writer_waits_instead_of_making_anew(world: w.World, keeper: index.Keeper) -> None:
    keeper.keep(1000)
    w.registered(world, title="后来登记的渡口信息")
    kit.catch_up()
    keeper.keep(1000)
    generation = index.engine().generation
    other = index.Keeper()
    w.registered(world, title="再后来登记的渡口信息")
    kit.catch_up()
    assert other.keep(1000) == 0 and other._making is None
    assert keeper.keep(1000) == 1 and index.engine().generation == generation
    assert len(found("渡口")) == 2


def test_postgres_searches_where_there_is_no_index_of_files(world: w.World, home: Path, settings: Any) -> None:
    whole = found("独一无二")
    settings.DENGJI_SEARCH = "postgres"
    assert found("独一无二") == set(), "nothing is filled yet"
    assert index.Keeper().keep(1000) == 34
    assert found("独一无二") == whole and index.engine().generation == "postgres"
    coded = w.registered(world, title="后来登记的渡口信息")
    kit.catch_up()
    assert index.Keeper().keep(1000) == 1 and found("渡口") == {coded["code"]}
    assert index.make()["documents"] == 35
    assert not home.exists() or not list(home.glob("g-*"))


def test_the_tables_find_the_same_whole_words_with_the_same_facets(world: w.World, keeper: index.Keeper) -> None:
    scan = ScanEngine()
    keeper.keep(1000)
    names = list(Registration.objects.values_list("name", flat=True))
    for q in ["独一无二", "客运2", "客运 独一无二", "-客运", names[0], names[5][3:6].strip("-"), "nothing at all"]:
        for filters in (Filters(), Filters(state=("VALID",)), Filters(region=("62",)), Filters(industry=("G", "65"))):
            search = Search(parse(q), filters, order="newest", near=False, limit=100)
            one, two = scan.search(search), index.engine().search(search)
            assert (one.numbers, one.total) == (two.numbers, two.total), q
            assert {k: v for k, v in one.facets.items() if v} == {k: v for k, v in two.facets.items() if v}, q

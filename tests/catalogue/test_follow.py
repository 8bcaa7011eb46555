"""The catalogue's items and figures are what the log says, however and whenever it is read."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db.models import Sum

from dengji.catalogue import follow
from dengji.catalogue.models import Item, Tally
from dengji.law.codes import DIVISIONS
from dengji.ledger.models import Cursor
from dengji.registration.models import Registration, RegistrationVersion
from tests.factories import world as w

from . import kit

pytestmark = pytest.mark.django_db
_KEPT = [f.name for f in Item._meta.fields if f.name not in ("number", "rank", "grams")]


@pytest.fixture
def world() -> w.World:
    """A register with its people."""
    return w.build()


def items() -> list[dict[str, Any]]:
    """All items but what depends on when they were made."""
    return list(Item.objects.order_by("object_id").values(*_KEPT))


def figures() -> dict[tuple[Any, ...], int]:
    """All figures by day, those that come to nothing left out."""
    keys = ("day", "register_id", "dimension", "value", "data_type", "state")
    rows = Tally.objects.values_list(*keys).annotate(sum=Sum("delta"))
    return {row[:-1]: row[-1] for row in rows if row[-1]}


def standing(dimension: str) -> Counter[tuple[str, str]]:
    """(value, state) → how many by the figures."""
    rows = Tally.objects.filter(dimension=dimension).values_list("value", "state").annotate(sum=Sum("delta"))
    return Counter({(value, state): count for value, state, count in rows if count})


def test_items_and_figures_equal_what_the_registrations_hold(world: w.World) -> None:
    for _ in kit.mixed(world):
        kit.catch_up()
    registrations = {r.pk: r for r in Registration.objects.all()}
    assert {i.object_id for i in Item.objects.all()} == registrations.keys() and len(registrations) == 34
    for item in Item.objects.all():
        row = registrations[item.object_id]
        assert (item.code, item.serial, item.state, item.version) == (row.code, row.serial, row.state, row.version)
        assert (item.coded_on, item.valid_to, item.agency) == (row.coded_on, row.valid_to, row.agency_name)
        fields = RegistrationVersion.objects.get(registration=row, number=row.version).fields
        assert item.suppressed == (not fields)
        if fields:
            assert item.industries == sorted({code[:2] for code in fields["industries"]})
            assert item.access_mode == fields["access_mode"]
    assert standing("all") == Counter(("", r.state) for r in registrations.values())
    by_division = Counter((code, item.state) for item in Item.objects.all() for code in item.industries)
    assert standing("industry") == by_division
    by_section = Counter((s, i.state) for i in Item.objects.all() for s in {DIVISIONS[c].section for c in i.industries})
    assert standing("section") == by_section


def test_a_region_counts_in_all_that_it_lies_within(world: w.World) -> None:
    coded = w.registered(world)
    kit.catch_up()
    item = Item.objects.get()
    assert (item.provinces, item.cities, item.counties) == (["62"], ["6207"], [])
    kit.change(world, coded, coverage_regions=["620702", "110000"])
    kit.catch_up()
    item.refresh_from_db()
    assert (item.provinces, item.cities, item.counties) == (["11", "62"], ["6207"], ["620702"])
    assert standing("region") == Counter({(v, "VALID"): 1 for v in ("11", "62", "6207", "620702")})


@pytest.mark.parametrize("between", [True, False])
def test_reading_step_by_step_or_all_at_once_gives_the_same(
    world: w.World, between: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "_BATCH", 3 if between else 1000)
    for _ in kit.mixed(world):
        if between:
            kit.catch_up()
    kit.catch_up()
    once = items(), figures()
    days = {key[0] for key in once[1]}
    assert len(days) > 1, "history is kept by day"
    Item.objects.all().delete()
    Tally.objects.all().delete()
    Cursor.objects.filter(consumer=follow.CONSUMER).update(next_index=0)
    monkeypatch.setattr(follow, "_BATCH", 7)
    kit.catch_up()
    assert (items(), figures()) == once


def test_a_suppressed_application_marks_its_registration(world: w.World) -> None:
    coded = w.registered(world)
    kit.catch_up()
    before = Item.objects.get()
    kit.suppress(world, "application", coded["id"])
    kit.catch_up()
    after = Item.objects.get()
    assert after.suppressed and after.position > before.position and after.number == before.number
    assert figures() and standing("all") == Counter({("", "VALID"): 1})


def test_the_worker_follows_by_itself(world: w.World) -> None:
    from dengji.ledger.services import place_pending
    from dengji.registration.services import clockwork

    coded = w.registered(world)
    place_pending()
    assert clockwork.follow()["catalogued"] > 0
    assert Item.objects.get().code == coded["code"]


def test_a_rank_is_never_shared_and_follows_the_coding_day(world: w.World) -> None:
    for _ in kit.mixed(world):
        pass
    kit.catch_up()
    rows = list(Item.objects.order_by("-rank").values_list("coded_on", flat=True))
    assert rows == sorted(rows, reverse=True)

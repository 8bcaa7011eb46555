"""The figures equal a recount of what is registered: after any acts, in every dimension, also at past days."""

from __future__ import annotations

import csv
import io
import random
import re
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import translation

from dengji.catalogue.filters import condition
from dengji.catalogue.models import Item, Tally
from dengji.catalogue.query import Filters
from dengji.catalogue.statistics import disclosure, places, selectors
from dengji.catalogue.statistics.selectors import Asked, differences, months, table
from dengji.core.clock import legal_now
from dengji.core.errors import DomainError
from dengji.law.calendar import shanghai_date
from dengji.law.codes import DIVISIONS
from dengji.ledger.models import Cursor
from dengji.registration.generator import load
from tests.catalogue import kit
from tests.factories import world as w

pytestmark = pytest.mark.django_db
_COLUMN = {
    "section": "sections",
    "industry": "industries",
    "access": "access_mode",
    "type": "data_type",
    "state": "state",
    "register": "register_id",
}


@pytest.fixture
def world(settings: Any) -> w.World:
    """A register with its people."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    settings.DENGJI_RATE_LIMITS = False
    return w.build()


def recount(dimension: str, items: list[Item]) -> Counter[tuple[str, str]]:
    """(value, state) → how many, counted one by one."""
    found: Counter[tuple[str, str]] = Counter()
    for item in items:
        if dimension == "region":
            values: list[Any] = [*item.provinces, *item.cities, *item.counties]
        else:
            value = getattr(item, _COLUMN[dimension])
            values = value if isinstance(value, list) else [value]
        found.update((str(value), item.state) for value in values if value)
    return found


def told(dimension: str, asked: Asked) -> Counter[tuple[str, str]]:
    """The same as the figures tell it; regions level by level."""
    tables = [table(dimension, asked)]
    if dimension == "region":
        tables += [table("region", asked, code) for code in ("62", "11", "6207", *_more(tables[0]))]
    found: Counter[tuple[str, str]] = Counter()
    for one in tables:
        for row in one["rows"]:
            for state, count in row["states"].items():
                if count:
                    found[row["value"], state] = count
    return found


def _more(whole: dict[str, Any]) -> list[str]:
    """Every region that has parts and counts something, all levels."""
    found, waiting = [], [row["value"] for row in whole["rows"] if row["count"]]
    while waiting:
        code = waiting.pop()
        if places.has_parts(code):
            found.append(code)
            waiting += [row["value"] for row in table("region", Asked(), code)["rows"] if row["count"]]
    return found


def random_acts(world: w.World, seed: int) -> list[date]:
    """A few days with random acts on each; returns the days."""
    chance = random.Random(seed)
    free: list[dict[str, Any]] = []
    days = []
    for n in range(3):
        load(world.register, chance.randrange(3, 12), seed=seed * 10 + n)
        free += [w.registered(world, title=f"统计示例{seed}{n}{k}") for k in range(2)]
        for _ in range(chance.randrange(1, 3)):
            coded = free.pop(chance.randrange(len(free)))
            deed = chance.choice(["change", "cancel", "revoke", "suppress"])
            if deed == "change":
                regions = chance.choice([["620702", "110000"], ["110101"], ["000000"]])
                kit.change(world, coded, industries=chance.sample(list(DIVISIONS), 2), coverage_regions=regions)
                free.append(coded)
            elif deed == "suppress":
                kit.suppress(world, "registration", coded["registration"])
            else:
                getattr(kit, deed)(world, coded)
        kit.catch_up()
        days.append(shanghai_date(legal_now()))
        w.move_clock(legal_now() + timedelta(days=chance.randrange(1, 40)))
    return days


@pytest.mark.parametrize("seed", [1, 2])
def test_after_random_acts_every_dimension_equals_a_recount_now_and_at_past_days(
    world: w.World, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[date, dict[str, Counter[tuple[str, str]]]]] = []
    catch_up = kit.catch_up

    def and_recount(limit: int = 100_000) -> int:
        read = catch_up(limit)
        items = list(Item.objects.all())
        day = shanghai_date(legal_now())
        seen.append((day, {d: recount(d, items) for d in selectors.DIMENSIONS}))
        return read

    monkeypatch.setattr(kit, "catch_up", and_recount)
    random_acts(world, seed)
    assert len({day for day, _ in seen}) == 3 and differences() == []
    for day, counted in seen:
        for dimension, figures in counted.items():
            assert told(dimension, Asked(last=day)) == figures, (day, dimension)
    for dimension, figures in seen[-1][1].items():
        assert told(dimension, Asked(register=world.register.pk)) == figures
        for data_type in ("resource", "product", "open"):
            part = list(Item.objects.filter(data_type=data_type))
            assert told(dimension, Asked(type=data_type)) == recount(dimension, part)


def test_months_add_up_and_the_period_of_a_table_is_their_sum(world: w.World) -> None:
    days = random_acts(world, 7)
    found = months(Asked())["months"]
    for before, after in pairwise(found):
        assert after["opening"] == before["closing"]
    for month in found:
        assert month["closing"] == month["opening"] + month["added"] - month["cancelled"] - month["revoked"]
    whole = table("state", Asked())["total"]
    assert found[-1]["closing"] == whole["states"]["VALID"] == Item.objects.filter(state="VALID").count()
    assert sum(month["added"] for month in found) == whole["count"] == Item.objects.count()
    assert sum(month["revoked"] for month in found) == whole["states"]["REVOKED"]
    since = days[1]
    period = table("type", Asked(first=since))["total"]["period"]
    assert period["opening"] == table("type", Asked(last=since - timedelta(days=1)))["total"]["states"]["VALID"]
    assert period["added"] == Item.objects.filter(coded_on__gte=since).count() or period["added"] > 0
    assert period["closing"] == period["opening"] + period["added"] - period["cancelled"] - period["revoked"]


def test_every_number_leads_to_the_list_that_proves_it(world: w.World) -> None:
    for _ in kit.mixed(world):
        kit.catch_up()
    for dimension in selectors.DIMENSIONS:
        found = table(dimension, Asked())
        for row in (*found["rows"], found["total"]):
            query = row["search"].partition("?")[2]
            pairs = [pair.split("=") for pair in query.split("&") if pair]
            for state, count in row["states"].items():
                wanted = Filters(**{name: (value,) for name, value in pairs} | {"state": (state,)})
                if dimension == "state" and row["value"] and row["value"] != state:
                    continue
                assert Item.objects.filter(condition(wanted)).count() == count, (dimension, row)
    past = table("industry", Asked(last=shanghai_date(legal_now()) - timedelta(days=400)))
    assert past["total"]["search"] is None and past["total"]["count"] == 0 and len(past["rows"]) == len(DIVISIONS)


def test_a_figure_that_was_altered_is_found_and_the_place_in_the_log_is_told(world: w.World) -> None:
    w.registered(world)
    assert table("state", Asked())["behind"] == 0 or table("state", Asked())["position"] == -1
    kit.catch_up()
    found = table("state", Asked())
    assert found["position"] == Cursor.objects.get(consumer="catalogue").next_index - 1 and found["behind"] == 0
    Tally.objects.filter(dimension="industry").update(delta=2)
    assert differences(quick=True) == []
    bad = differences()
    assert {(one["dimension"], one["kept"], one["counted"]) for one in bad} == {("industry", 2, 1)}
    Tally.objects.filter(dimension="all").delete()
    assert differences(quick=True)[0]["counted"] == 1


def test_regions_drill_down_past_the_headings_of_the_table(world: w.World) -> None:
    kit.change(world, w.registered(world), coverage_regions=["110101", "620702"])
    kit.catch_up()
    provinces = {row["value"]: row["count"] for row in table("region", Asked())["rows"]}
    assert provinces["11"] == provinces["62"] == 1 and provinces["31"] == 0 and len(provinces) >= 34
    assert {row["value"]: row["count"] for row in table("region", Asked(), "11")["rows"]}["110101"] == 1
    assert {row["value"]: row["count"] for row in table("region", Asked(), "62")["rows"]}["6207"] == 1
    assert places.parent_of("620702") == "6207" and places.parent_of("6207") == "62" and places.parent_of("62") == ""
    assert table("region", Asked(), "620702")["rows"] == []
    for dimension, parent in (("region", "999999"), ("industry", "Z"), ("state", "VALID")):
        with pytest.raises(DomainError) as refused:
            table(dimension, Asked(), parent)
        assert refused.value.code == "statistics_value"
    with pytest.raises(DomainError) as refused:
        table("weather", Asked())
    assert refused.value.code == "statistics_dimension"


def test_the_api_tells_definitions_and_refuses_what_is_no_day(world: w.World) -> None:
    w.registered(world)
    kit.catch_up()
    client = Client(raise_request_exception=False)
    answer = client.get("/api/v1/statistics/catalogue", {"dimension": "industry", "from": "2020-01-01"}).json()
    assert len(answer["rows"]) == len(DIVISIONS) and answer["columns"]["added"]["definition"]
    (row,) = (one for one in answer["rows"] if one["count"])
    assert row["period"]["added"] == 1 and "形式审核" in answer["notice"]
    english = client.get("/api/v1/statistics/months", headers={"Accept-Language": "en"}).json()
    assert english["months"][-1]["added"] == 1 and english["columns"]["added"]["label"].isascii()
    whole = client.get("/api/v1/statistics").json()
    assert whole["registrations"] == {"VALID": 1} and whole["position"] >= 0 and whole["applications"]
    assert client.get("/api/v1/statistics/catalogue", {"to": "yesterday"}).status_code == 422
    crossed = client.get("/api/v1/statistics/catalogue", {"from": "2030-01-02", "to": "2020-01-01"})
    assert crossed.status_code == 422 and crossed.json()["code"] == "statistics_period"


def test_the_page_needs_no_script_and_its_tables_can_be_taken_along(world: w.World) -> None:
    for _ in kit.mixed(world):
        kit.catch_up()
    client = Client()
    for language in ("zh-hans", "en"):
        page = client.get("/statistics", {"region": "62", "section": "G", "lang": language}).content.decode()
        # Scripts only draw what stands there anyhow; none is written into the page, and neither are styles.
        inline = [
            tag for tag in re.findall(r"<script[^>]*>", page) if "src=" not in tag and "application/json" not in tag
        ]
        assert not inline and " style=" not in page and "/search?industry=54&amp;state=VALID" in page
        assert '<svg class="chart"' in page
        assert client.get("/statistics", {"section": "all"}).status_code == 200
        shown = client.get("/statistics/disclosure", {"period": f"{legal_now():%Y}"}).content.decode()
        assert "<table" in shown
    assert client.get("/statistics", {"to": "never"}).status_code == 422
    assert client.get("/statistics/disclosure", {"period": "2026-Q9"}).status_code == 422
    for name in (*selectors.DIMENSIONS, "month"):
        answer = client.get(f"/statistics/{name}.csv")
        rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
        assert rows and int(rows[0]["position"]) >= 0, name
        if name in ("state", "type", "register"):
            assert sum(int(row["count"]) for row in rows[:-1]) == int(rows[-1]["count"]) == Item.objects.count()
    assert orjson.loads(client.get("/statistics/weather.csv").content)["code"] == "statistics_dimension"


def test_what_is_disclosed_for_a_period_follows_the_rulebook(world: w.World) -> None:
    w.registered(world)
    kit.catch_up()
    today = shanghai_date(legal_now())
    found = disclosure.disclosure(world.register.pk, f"{today:%Y}")
    names = [one["name"] for one in found["stated"]]
    assert names == ["registrations", "notices", "confirmation_sheets", "objections"], "as in cn-gs"
    counts = {one["name"]: one["count"] for one in found["stated"]}
    assert counts == {"registrations": 1, "notices": 1, "confirmation_sheets": None, "objections": 0}
    acts = {one["name"]: one["count"] for one in found["acts"]}
    assert acts["submit"] == acts["accept"] == acts["assign_code"] == 1 and acts["reject"] == 0
    with translation.override("en"):
        assert disclosure.disclosure(None, f"{today:%Y}")["acts"][0]["label"].isascii()
    assert disclosure.disclosure()["ended"]
    assert disclosure.period("2026-Q4") == (date(2026, 10, 1), date(2026, 12, 31))
    assert disclosure.period("2026-H1") == (date(2026, 1, 1), date(2026, 6, 30))
    assert disclosure.period("2028-02") == (date(2028, 2, 1), date(2028, 2, 29))
    for wrong in ("2026-13", "26", f"{today.year + 2}"):
        with pytest.raises(DomainError) as refused:
            disclosure.disclosure(None, wrong)
        assert refused.value.code == "statistics_period"

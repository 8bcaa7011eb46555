"""JSON, JSON Lines and CSV of any search: everything that matches, once, newest first, and only what is open."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from dengji.catalogue.exports import source, streams
from dengji.catalogue.models import Item
from dengji.law.visibility import TABLE
from dengji.registration.models import Registration
from tests.catalogue import kit
from tests.factories import world as w

from .conftest import body, close

_CLOSED = [name for name, stages in TABLE.items() if "export" not in stages]


def read(client: Client, form: str, **asked: Any) -> list[dict[str, Any]]:
    """The rows of one stream."""
    response = client.get(f"/export/registrations.{form}", asked)
    assert response.status_code == 200, response.content
    data = body(response).decode("utf-8-sig")
    if form == "json":
        return list(json.loads(data)["items"])
    if form == "jsonl":
        return [json.loads(line) for line in data.splitlines()]
    return list(csv.DictReader(io.StringIO(data)))


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_all_come_once_newest_first(client: Client, mixed: w.World, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "BATCH", 7)
    wanted = list(Item.objects.order_by("-rank").values_list("code", flat=True))
    assert [row["code"] for row in read(client, form)] == wanted and len(wanted) == 34


def test_only_open_fields_of_what_is_valid(client: Client, mixed: w.World) -> None:
    rows = {row["code"]: row for row in read(client, "json")}
    assert {item.state for item in Item.objects.all()} == {"VALID", "CANCELLED", "REVOKED"}
    for item in Item.objects.all():
        row = rows[item.code]
        assert not set(row) & set(_CLOSED)
        shown = item.state == "VALID" and not item.suppressed
        assert ("intro" in row) == shown and bool(row["name"]) == (not item.suppressed)
        assert row["state"] == item.state and row["agency"] == item.agency
    text = body(client.get("/export/registrations.csv")).decode()
    for secret in ("13800000000", "示例经办人", "example@example.com", mixed.registrant.credit_code):
        assert secret not in text


FILTERS: list[tuple[dict[str, Any], Any]] = [
    ({"state": "CANCELLED"}, lambda i: i.state == "CANCELLED"),
    ({"state": ["CANCELLED", "REVOKED"]}, lambda i: i.state != "VALID"),
    ({"industry": "65"}, lambda i: "65" in i.industries),
    ({"industry": ["I", "54"]}, lambda i: "I" in i.sections or "54" in i.industries),
    ({"region": "620700"}, lambda i: "6207" in i.cities),
    ({"region": ["62", "11"], "state": "VALID"}, lambda i: {"62", "11"} & set(i.provinces) and i.state == "VALID"),
    ({"region": "620702"}, lambda i: "620702" in i.counties),
    ({"type": "product"}, lambda i: i.data_type == "product"),
    ({"access": "open"}, lambda i: i.access_mode == "open"),
    ({"year": "1999"}, lambda i: i.year == 1999),
]


def test_filters_choose_what_items_say(client: Client, mixed: w.World) -> None:
    for asked, chosen in FILTERS:
        wanted = {item.code for item in Item.objects.all() if chosen(item)}
        assert {row["code"] for row in read(client, "jsonl", **asked)} == wanted, asked


def test_registrant_and_register_filter(client: Client, mixed: w.World) -> None:
    found = read(client, "jsonl", registrant="张掖市 数据中心", state="VALID")
    assert found and all("张掖市大数据中心" in row["registrant_name"] for row in found)
    assert len(read(client, "jsonl", register=str(mixed.register.pk))) == 34
    assert read(client, "jsonl", register="00000000-0000-0000-0000-000000000000") == []


def test_what_is_not_understood_is_refused_not_ignored(client: Client, mixed: w.World) -> None:
    for asked in (
        {"industry": "5"},
        {"region": "6"},
        {"year": "20x5"},
        {"register": "1"},
        {"sort": "name"},
        {"q": "客" * 200},
    ):
        response = client.get("/export/registrations.json", asked)
        assert response.status_code == 422 and response["Content-Type"] == "application/problem+json", asked
        assert response.json()["field"] == next(iter(asked))


def test_words_choose_what_the_search_finds_page_by_page(
    client: Client, mixed: w.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "BATCH", 2)
    items = Item.objects.order_by("-rank").filter(suppressed=False)
    named = dict(Registration.objects.values_list("pk", "name"))
    wanted = [item.code for item in items if "独一无二" in named[item.object_id]]
    assert len(wanted) == 3
    assert [row["code"] for row in read(client, "json", q="独一无二")] == wanted
    coded = [item.code for item in items if item.state == "REVOKED" and "独一" in named[item.object_id]]
    assert [row["code"] for row in read(client, "csv", q="独一无二", state="REVOKED")] == coded and len(coded) == 1
    assert read(client, "jsonl", q="独一无二渡口之外") == [], "near results are none"


def test_cells_are_never_formulas(client: Client, world: w.World) -> None:
    coded = w.registered(world, title="城市客运")
    for n, start in enumerate(("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "＝1+1", 'a"b,c\nd')):
        Registration.objects.update(name=start)
        kit.catch_up()
        data = body(client.get("/export/registrations.csv", {"region": "62"})).decode("utf-8-sig")
        assert "\r\n" in data
        row = next(csv.DictReader(io.StringIO(data, newline="")))
        assert row["code"] == coded["code"]
        assert row["name"] == (start if n == 6 else f"'{start}")


def test_headings_in_words(client: Client, mixed: w.World) -> None:
    data = body(client.get("/export/registrations.csv", {"headings": "title"})).decode("utf-8-sig")
    assert data.startswith("登记结果查询码,登记流水号,") and "登记数据名称" in data.splitlines()[0]


def test_unchanged_is_said_and_a_change_seen(client: Client, mixed: w.World) -> None:
    first = client.get("/export/registrations.json")
    body(first)
    assert first["Access-Control-Allow-Origin"] == "*" and "max-age" in first["Cache-Control"]
    again = client.get("/export/registrations.json", headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304 and again["ETag"] == first["ETag"]
    w.registered(mixed, title="后来的客运")
    kit.catch_up()
    after = client.get("/export/registrations.json", headers={"If-None-Match": first["ETag"]})
    assert after.status_code == 200 and "后来的客运" in body(after).decode()


def test_too_many_at_once_are_told_to_wait_and_turns_come_back(client: Client, mixed: w.World, settings: Any) -> None:
    settings.DENGJI_EXPORT_STREAMS = 2
    held = [client.get("/export/registrations.json") for _ in range(2)]
    refused = client.get("/export/registrations.json")
    assert refused.status_code == 503 and refused["Retry-After"]
    for response in held:
        close(response)
    body(client.get("/export/registrations.json"))
    assert streams.TURNS._running == 0


def test_other_methods(client: Client, mixed: w.World) -> None:
    assert client.post("/export/registrations.json").status_code == 405
    head = client.head("/export/registrations.csv")
    assert head.status_code == 200 and body(head) == b""

"""The search over HTTP: what is found, counted, marked and paged; what is refused; and what is never told."""

from __future__ import annotations

import itertools
import logging
import random
from collections import Counter
from typing import Any

import pytest
from django.test import Client

from dengji.catalogue import filters, index
from dengji.catalogue.engines.scan import ScanEngine
from dengji.catalogue.models import Item
from dengji.catalogue.query import Filters
from dengji.law.visibility import visible_fields
from tests.api.test_errors import problem
from tests.factories import world as w

from . import kit

PERSONAL = ("13800000000", "example@example.com", "示例经办人")


def get(client: Client, **asked: Any) -> Any:
    """Ask for registrations; the answer's JSON."""
    response = client.get("/api/v1/registrations", asked)
    assert response.status_code == 200, response.content
    return response.json()


def test_words_facets_and_pages(world: w.World, keeper: index.Keeper, client: Client) -> None:
    made = [w.registered(world, title=f"独一无二客运{n}") for n in range(3)]
    kit.current(keeper)
    first = get(client, q="独一无二", limit=2)
    assert first["total"] == 3 and len(first["items"]) == 2 and first["near"] is False
    assert first["facets"]["industry"] == {"54": 3} and first["facets"]["section"] == {"G": 3}
    assert first["facets"]["region"] == {"62": 3} and first["facets"]["state"] == {"VALID": 3}
    assert first["facets"]["type"] == {"resource": 3}
    rest = get(client, q="独一无二", limit=2, cursor=first["next"])
    assert rest["total"] is None and rest["facets"] is None and rest["next"] is None
    found = [item["code"] for item in (*first["items"], *rest["items"])]
    assert found == [m["code"] for m in reversed(made)]
    assert get(client, q=made[0]["code"][-9:].lower())["total"] == 1
    for name, hit, miss in (
        ("industry", "54", "01"),
        ("industry", "G", "A"),
        ("region", "620700", "620100"),
        ("type", "resource", "product"),
        ("state", "VALID", "REVOKED"),
        ("registrant", "张掖市", "天水市"),
        ("register", str(world.register.pk), "00000000-0000-0000-0000-000000000000"),
    ):
        assert get(client, q="独一无二", **{name: hit})["total"] == 3, name
        assert get(client, q="独一无二", **{name: miss})["total"] == 0, name
        assert get(client, q="独一无二", **{name: [miss, hit]})["total"] == 3, name
    years = get(client, q="独一无二")["facets"]["year"]
    assert all(get(client, q="独一无二", year=year)["total"] == n for year, n in years.items())
    assert sum(years.values()) == 3 and get(client, year="1999")["total"] == 0
    assert not any(word in str(first) for word in PERSONAL)
    assert set(first["items"][0]["fields"]) <= set(visible_fields("search"))


def test_highlights_are_ranges_of_the_original_text(world: w.World, keeper: index.Keeper, client: Client) -> None:
    w.registered(world, title="城市（ＧＩＳ）渡口線路")
    kit.current(keeper)
    item = get(client, q="gis 渡口线")["items"][0]
    assert [item["name"][start:end] for start, end in item["highlights"]["name"]] == ["ＧＩＳ", "渡口線"]
    assert get(client, state="VALID")["items"][0]["highlights"] == {}


def test_nothing_found_leads_to_what_is_near(world: w.World, keeper: index.Keeper, client: Client) -> None:
    w.registered(world, title="城市公共交通渡口线路")
    kit.current(keeper)
    found = get(client, q="城市公共交痛渡口线路")
    assert found["near"] is True and found["total"] == 1
    assert get(client, q="毫不相干乌有之事")["total"] == 0


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_by_date_all_can_be_paged_through(register: w.World, client: Client, order: str) -> None:
    seen, cursor = [], ""
    while cursor is not None:
        page = get(client, order=order, limit=7, cursor=cursor)
        seen += [item["code"] for item in page["items"]]
        cursor = page["next"]
    wanted = list(Item.objects.order_by("-rank" if order == "newest" else "rank").values_list("code", flat=True))
    assert seen == wanted and len(seen) == 34


def test_a_place_in_another_index_is_outdated(register: w.World, client: Client) -> None:
    place = get(client, q="客运", limit=1)["next"]
    index.make(fresh=True)
    outdated = client.get("/api/v1/registrations", {"q": "客运", "limit": 1, "cursor": place})
    problem(outdated, 409, "cursor_outdated")
    assert "重新检索" in outdated.json()["title"]
    problem(client.get("/api/v1/registrations", {"cursor": "x"}), 422, "cursor_invalid")


def test_a_lost_index_is_answered_for_by_the_tables(register: w.World, client: Client) -> None:
    place = get(client, q="独一无二", limit=1)["next"]
    (index.root() / "current").unlink()
    index.forget()
    assert isinstance(index.engine(), ScanEngine)
    first = get(client, q="独一无二", limit=2)
    assert first["total"] == 3 and get(client, q="独一无二", limit=2, cursor=first["next"])["items"]
    problem(client.get("/api/v1/registrations", {"q": "独一无二", "cursor": place}), 409, "cursor_outdated")


def test_a_broken_index_is_answered_for_by_the_tables(
    register: w.World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        generation = "broken"

        def search(self, search: Any) -> Any:
            raise ValueError("of the index")

        def suggest(self, prefix: str, limit: int = 10) -> Any:
            raise OSError("of the files")

    monkeypatch.setattr(index, "engine", lambda: Broken())
    assert get(client, q="独一无二")["total"] == 3
    assert client.get("/api/v1/suggestions", {"q": "独一"}).json()["items"] == []


def test_what_ends_after_it_was_found_is_shown_as_it_is_now(
    world: w.World, keeper: index.Keeper, client: Client
) -> None:
    one, other = (w.registered(world, title=f"独一无二渡口{n}") for n in range(2))
    kit.current(keeper)
    kit.suppress(world, "registration", one["registration"])
    kit.revoke(world, other)
    items = {item["code"]: item for item in get(client, q="独一无二渡口")["items"]}
    assert items[one["code"]]["suppressed"] == "personal_information" and "渡口" not in str(items[one["code"]])
    assert items[one["code"]]["fields"] == {} and items[other["code"]]["fields"] == {}
    assert items[other["code"]]["state"] == "REVOKED" and items[other["code"]]["state_label"] == "已撤销"


HOSTILE = [
    '"', '""', "“独一无二", '"独一无二', "-", "--", "-独一无二", "- 独一", "'; DROP TABLE catalogue_item; --", "%_%",
    "<script>alert(1)</script>", "\\", "\u202e独", "😀", "🈶👩‍👩‍👧", "𠮷野家", "+title:x AND (y OR z)~2^9", "*", "?",
    "/.*/", "a\tb\nc",
    "{{7*7}}", "${x}", "\u0301\u0301", "ﷺ" * 5, "\ufeff", "0" * 100, "独 " * 19,
]  # fmt: skip


def test_whatever_is_typed_is_text(register: w.World, client: Client) -> None:
    for q in HOSTILE:
        assert isinstance(get(client, q=q)["total"], int), q
        assert client.get("/api/v1/suggestions", {"q": q}).status_code == 200, q
        assert client.get("/search", {"q": q}).status_code == 200, q
    assert Item.objects.count() == 34


def test_what_is_too_much_or_unknown_is_refused(register: w.World, client: Client) -> None:
    path = "/api/v1/registrations"
    for asked, code, field in (
        ({"q": "独" * 101}, "query_too_long", "q"),
        ({"q": "x" * 100_000}, "query_too_long", "q"),
        ({"q": " ".join(map(str, range(10, 35)))}, "query_too_many_words", "q"),
        ({"industry": "98"}, "filter_unknown", "industry"),
        ({"industry": ["54", "U"]}, "filter_unknown", "industry"),
        ({"industry": "0 OR 1"}, "filter_invalid", "industry"),
        ({"region": "99"}, "filter_unknown", "region"),
        ({"region": "x"}, "filter_invalid", "region"),
        ({"type": "thing"}, "filter_unknown", "type"),
        ({"state": "valid"}, "filter_unknown", "state"),
        ({"access": "closed"}, "filter_unknown", "access"),
        ({"year": "20"}, "filter_invalid", "year"),
        ({"register": "1"}, "filter_invalid", "register"),
        ({"limit": 101}, "invalid_input", "limit"),
        ({"order": "random"}, "invalid_input", "order"),
        ({"q": "a\0b"}, "invalid_input", None),
    ):
        answer = client.get(path, asked)
        problem(answer, 422, code)
        assert answer.json().get("field") == field, asked
    problem(client.get("/api/v1/suggestions", {"q": "独" * 101}), 422, "query_too_long")


def test_words_are_never_logged(register: w.World, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("django.db.backends").setLevel(logging.INFO)
    for path in ("/api/v1/registrations", "/api/v1/suggestions", "/search"):
        for q in ("绝密词语", "绝密词语" * 50):
            client.get(path, {"q": q, "industry": "绝密词语"})
            client.get(path, {"q": q})
    assert "绝密" not in caplog.text


def test_suggestions_begin_with_what_was_typed(world: w.World, keeper: index.Keeper, client: Client) -> None:
    w.registered(world, title="城市公共交通渡口线路")
    kit.current(keeper)
    found = client.get("/api/v1/suggestions", {"q": "城市公共"}).json()["items"]
    assert [one["kind"] for one in found] == ["title"] and found[0]["text"].endswith("-城市公共交通渡口线路")
    assert client.get("/api/v1/suggestions").json()["items"] == []


def test_any_combination_of_facets_counts_as_sql_does(register: w.World, client: Client) -> None:
    chance = random.Random(4)
    values = {
        "industry": ["54", "65", "G", "I"],
        "region": ["62", "620700", "110000", "6207"],
        "type": ["resource", "product", "open"],
        "state": ["VALID", "CANCELLED", "REVOKED"],
        "access": ["open", "apply", "authorised_operation"],
    }
    columns = {"industry": "industries", "section": "sections", "type": "data_type", "state": "state"}
    for _ in range(60):
        chosen = {name: chance.sample(several, chance.choice([0, 0, 1, 1, 2])) for name, several in values.items()}
        asked = Filters(**{name: tuple(several) for name, several in chosen.items()})
        page = get(client, limit=100, **chosen)
        rows = Item.objects.filter(filters.condition(asked))
        assert page["total"] == rows.count() and {i["code"] for i in page["items"]} == {r.code for r in rows}
        for facet, column in columns.items():
            without = asked.without("industry" if facet == "section" else facet)
            held = Item.objects.filter(filters.condition(without)).values_list(column, flat=True)
            counts = Counter(itertools.chain(*([value] if isinstance(value, str) else value for value in held)))
            assert page["facets"][facet] == counts, (chosen, facet)


def test_a_successor_is_named_where_the_same_was_registered_anew(
    world: w.World, keeper: index.Keeper, client: Client
) -> None:
    first = w.registered(world, title="独一无二渡口")
    kit.cancel(world, first)
    stone = client.get(f"/api/v1/registrations/{first['code']}").json()
    assert stone["state"] == "CANCELLED" and stone["successor"] is None and stone["fields"] == {}
    second = w.registered(world, title="独一无二渡口")
    stone = client.get(f"/api/v1/registrations/{first['code']}").json()
    assert stone["successor"] == second["code"]
    assert client.get(f"/api/v1/registrations/{second['code']}").json()["successor"] is None

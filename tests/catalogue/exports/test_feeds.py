"""Atom feeds as an outside parser reads them, sitemaps, robots.txt, schema.org, and which form of a page is wanted."""

# ruff: noqa: S314 - our own answers
from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import feedparser
import pytest
from django.test import Client, RequestFactory

from dengji.catalogue.exports import feeds, records, schema_org, sitemaps
from dengji.catalogue.exports.negotiation import negotiate
from dengji.catalogue.models import Item
from tests.catalogue import kit
from tests.factories import world as w

from .conftest import ORIGIN, body, live

_MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def parsed(client: Client, address: str) -> Any:
    """A feed as somebody else's parser reads it."""
    answer = client.get(address)
    assert answer.status_code == 200 and answer["Content-Type"].startswith("application/atom+xml")
    found = feedparser.parse(answer.content)
    assert not found.bozo and found.version == "atom10", found.get("bozo_exception")
    return found


def whole(client: Client, address: str) -> list[Any]:
    """All entries of all pages."""
    entries: list[Any] = []
    while address:
        page = parsed(client, address)
        entries += page.entries
        links = {link.rel: link.href for link in page.feed.links}
        assert urlsplit(links["self"]).query == urlsplit(address).query and links["first"].startswith(ORIGIN)
        address = links.get("next", "").removeprefix(ORIGIN)
    return entries


def test_the_newest_changes_in_pages(client: Client, mixed: w.World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "_PAGE", 6)
    items = list(Item.objects.order_by("-position"))
    entries = whole(client, "/feed/registrations.atom")
    assert [entry.id for entry in entries] == [f"{ORIGIN}/r/{item.code}" for item in items]
    assert [entry.tags[0].term for entry in entries] == [item.state for item in items]
    chosen = whole(client, "/feed/registrations.atom?industry=65&state=VALID")
    wanted = {i.code for i in items if "65" in i.industries and i.state == "VALID"}
    assert {entry.link.rpartition("/")[2] for entry in chosen} == wanted


def test_a_suppressed_title_is_in_no_feed(client: Client, world: w.World) -> None:
    coded = w.registered(world, title="不应出现的客运")
    kit.suppress(world, "registration", coded["registration"])
    kit.catch_up()
    assert "不应出现的客运" not in client.get("/feed/registrations.atom").content.decode()


def test_running_notices_in_pages(client: Client, world: w.World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "_PAGE", 2)
    ids = []
    for _ in range(3):
        pk = w.draft(world)
        ids.append(w.advance(world, pk, "open_notice")["notice"])
    entries = whole(client, "/feed/notices.atom")
    assert {entry.link for entry in entries} == {f"{ORIGIN}/notices/{pk}" for pk in ids}
    assert all("客运" in entry.title for entry in entries)


@pytest.mark.parametrize("address", ["/feed/registrations.atom?before=x", "/feed/notices.atom?before=x"])
def test_a_wrong_place_is_refused(client: Client, world: w.World, address: str) -> None:
    assert client.get(address).status_code == 422


def test_sitemaps_list_every_valid_page_once(client: Client, mixed: w.World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemaps, "SPAN", 10)
    index = ElementTree.fromstring(client.get("/sitemap.xml").content)
    found: list[str] = []
    for place in index.iter(f"{_MAP}loc"):
        answer = client.get((place.text or "").removeprefix(ORIGIN))
        urls = [loc.text or "" for loc in ElementTree.fromstring(body(answer)).iter(f"{_MAP}loc")]
        assert len(urls) <= 10
        found += urls
    assert sorted(found) == sorted(f"{ORIGIN}/r/{item.code}" for item in live())
    assert client.get("/sitemap-9999.xml").status_code == 404


def test_robots(client: Client, world: w.World, monkeypatch: pytest.MonkeyPatch) -> None:
    for demonstration in (True, False):
        monkeypatch.setattr(sitemaps, "identity", lambda: ("dengji.example", demonstration))  # noqa: B023 - used at once
        text = client.get("/robots.txt").content.decode()
        assert ("Disallow: /\n" in text) == demonstration
        assert (f"Sitemap: {ORIGIN}/sitemap.xml" in text) == (not demonstration)


def test_schema_org(mixed: w.World) -> None:
    for item in Item.objects.all():
        found = schema_org.dataset(records.by_code(item.code))
        if item.state != "VALID" or item.suppressed:
            assert found is None
            continue
        assert found is not None and found["@type"] == "Dataset" and found["url"] == f"{ORIGIN}/r/{item.code}"
        assert 50 <= len(found["description"]) <= 5000 and item.code in found["identifier"]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "html"),
        ("*/*", "html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"),
        ("text/turtle", "ttl"),
        ("application/ld+json", "jsonld"),
        ("application/json", "json"),
        ("text/turtle;q=0.4, application/ld+json;q=0.6", "jsonld"),
        ("text/html;q=0.5, text/turtle", "ttl"),
        ("image/png", "html"),
        ("text/turtle;q=0, */*", "html"),
        ("nonsense;;", "html"),
    ],
)
def test_accept_chooses_the_form(accept: str, form: str) -> None:
    assert negotiate(RequestFactory().get("/r/x", headers={"Accept": accept} if accept else {})) == form

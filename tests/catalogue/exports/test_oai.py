"""OAI-PMH 2.0: an outside harvester takes everything, changes while it harvests come again, faults have their codes."""

# ruff: noqa: S314 - our own answers
from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any
from xml.etree import ElementTree

import pytest
import requests
from django.test import Client
from rdflib import Graph
from sickle import Sickle
from sickle.oaiexceptions import NoRecordsMatch

from dengji.catalogue.exports import oai
from dengji.catalogue.models import Item
from tests.catalogue import kit
from tests.factories import world as w

from .conftest import ORIGIN

_NS = {"o": "http://www.openarchives.org/OAI/2.0/", "dc": "http://purl.org/dc/elements/1.1/"}


class Wired(requests.adapters.BaseAdapter):
    """Carries a harvester's requests to the platform without a network."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self.client = client

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Ask the platform."""
        path = str(request.url).removeprefix(ORIGIN)
        if request.method == "POST":
            kind = "application/x-www-form-urlencoded"
            found = self.client.post(path, request.body or "", content_type=kind)
        else:
            found = self.client.get(path)
        answer = requests.Response()
        answer.status_code, answer._content, answer.url = found.status_code, found.content, str(request.url)
        answer.headers["Content-Type"], answer.encoding = found["Content-Type"], "utf-8"
        return answer

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(params=["GET", "POST"])
def harvester(client: Client, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sickle]:
    """A harvester by somebody else, by either method."""
    with requests.Session() as session:
        session.mount(ORIGIN, Wired(client))
        monkeypatch.setattr(requests, "get", session.get)
        monkeypatch.setattr(requests, "post", session.post)
        yield Sickle(f"{ORIGIN}/oai", http_method=request.param)


def ask(client: Client, **asked: Any) -> ElementTree.Element:
    """The document that answers a request."""
    answer = client.get("/oai", {name.rstrip("_"): value for name, value in asked.items()})
    assert answer.status_code == 200 and answer["Content-Type"].startswith("text/xml")
    return ElementTree.fromstring(answer.content)


def fault(client: Client, **asked: Any) -> str:
    """The code of the error that answers a request."""
    found = ask(client, **asked).find("o:error", _NS)
    assert found is not None
    return found.attrib["code"]


@pytest.mark.parametrize("prefix", ["oai_dc", "dcat"])
def test_a_harvester_takes_everything_once(
    harvester: Sickle, mixed: w.World, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oai, "_PAGE", 4)
    found = list(harvester.ListRecords(metadataPrefix=prefix, ignore_deleted=False))
    items = {f"oai:dengji.example:{item.code}": item for item in Item.objects.all()}
    assert [r.header.identifier for r in found] == sorted(items, key=lambda i: items[i].position)
    assert len(found) == 34
    for record in found:
        item = items[record.header.identifier]
        assert record.header.deleted == (item.state != "VALID" or item.suppressed)
        assert record.header.datestamp == item.changed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        wanted = [f"industry:{c}" for c in item.industries] + [f"region:{c}" for c in item.provinces]
        assert record.header.setSpecs == wanted
        if record.header.deleted:
            assert record.xml.find("{*}metadata") is None
        elif prefix == "oai_dc":
            assert record.metadata["identifier"] == [f"{ORIGIN}/r/{item.code}", item.code]
            assert record.metadata["title"] and record.metadata["publisher"] == [item.agency]


def test_identify_formats_sets_and_headers(harvester: Sickle, mixed: w.World) -> None:
    about = harvester.Identify()
    assert (about.protocolVersion, about.deletedRecord) == ("2.0", "persistent")
    assert about.baseURL == f"{ORIGIN}/oai" and about.granularity == "YYYY-MM-DDThh:mm:ssZ"
    assert {f.metadataPrefix for f in harvester.ListMetadataFormats()} == {"oai_dc", "dcat"}
    sets = {s.setSpec: s.setName for s in harvester.ListSets()}
    assert sets["region:62"] == "甘肃省" and sets["industry:54"].startswith("道路运输业") and len(sets) > 125
    one = Item.objects.filter(state="VALID", suppressed=False).first()
    assert one is not None
    name = f"oai:dengji.example:{one.code}"
    assert harvester.GetRecord(identifier=name, metadataPrefix="oai_dc").header.identifier == name
    assert len(list(harvester.ListIdentifiers(metadataPrefix="dcat", ignore_deleted=False))) == 34


def test_sets_select(harvester: Sickle, mixed: w.World) -> None:
    for spec, column in (("industry:54", "industries"), ("region:62", "provinces"), ("region:11", "provinces")):
        wanted = Item.objects.filter(**{f"{column}__contains": [spec[-2:]]}).count()
        assert wanted == len(list(harvester.ListIdentifiers(metadataPrefix="oai_dc", set=spec, ignore_deleted=False)))
    with pytest.raises(NoRecordsMatch):
        harvester.ListIdentifiers(metadataPrefix="oai_dc", set="region:99")


def test_what_changes_while_harvesting_comes_again(
    client: Client, world: w.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oai, "_PAGE", 2)
    coded = [w.registered(world, title=f"客运{n}") for n in range(5)]
    kit.catch_up()
    seen: list[str] = []
    asked: dict[str, str] = {"metadataPrefix": "oai_dc"}
    pages = 0
    while asked:
        page = ask(client, verb="ListIdentifiers", **asked)
        seen += [e.text or "" for e in page.iterfind(".//o:identifier", _NS)]
        token = page.find(".//o:resumptionToken", _NS)
        asked = {"resumptionToken": token.text} if token is not None and token.text else {}
        pages += 1
        if pages == 1:
            kit.cancel(world, coded[0])  # harvested already: comes again
            kit.change(world, coded[4], industries=["65"])  # not yet harvested: comes once, as it is now
            kit.catch_up()
    codes = [name.rpartition(":")[2] for name in seen]
    assert set(codes) == {c["code"] for c in coded}
    assert codes.count(coded[0]["code"]) == 2 and codes.count(coded[4]["code"]) == 1


def test_bounds_by_second_and_by_day(client: Client, mixed: w.World) -> None:
    places = sorted(Item.objects.values_list("changed_at", "code"))
    at = places[len(places) // 2][0].astimezone(UTC)

    def codes(**asked: Any) -> set[str]:
        page = ask(client, verb="ListIdentifiers", metadataPrefix="oai_dc", **asked)
        return {(e.text or "").rpartition(":")[2] for e in page.iterfind(".//o:identifier", _NS)}

    second, day = at.strftime("%Y-%m-%dT%H:%M:%SZ"), at.strftime("%Y-%m-%d")
    whole = at.replace(microsecond=0)
    assert codes(from_=second) == {code for when, code in places if when >= whole}
    assert codes(until=second) == {c for when, c in places if when.replace(microsecond=0) <= whole}
    assert codes(from_=day, until=day) == {c for when, c in places if when.astimezone(UTC).date() == at.date()}


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({}, "badVerb"),
    ({"verb": "Nothing"}, "badVerb"),
    ({"verb": ["Identify", "Identify"]}, "badVerb"),
    ({"verb": "Identify", "set": "x"}, "badArgument"),
    ({"verb": "ListRecords"}, "badArgument"),
    ({"verb": "ListRecords", "metadataPrefix": ["oai_dc", "dcat"]}, "badArgument"),
    ({"verb": "ListRecords", "metadataPrefix": "marc"}, "cannotDisseminateFormat"),
    ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "resumptionToken": "x"}, "badArgument"),
    ({"verb": "ListRecords", "resumptionToken": "x"}, "badResumptionToken"),
    ({"verb": "ListRecords", "resumptionToken": "W10"}, "badResumptionToken"),
    (
        {"verb": "ListRecords", "resumptionToken": "é\ud800".encode("utf-8", "replace").decode()},
        "badResumptionToken",
    ),
    ({"verb": "ListSets", "resumptionToken": "x"}, "badResumptionToken"),
    ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "set": "colour:red"}, "badArgument"),
    ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "from": "2026-13-01"}, "badArgument"),
    ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "from": "2026-01-01T00:00:00+08:00"}, "badArgument"),
    (
        {"verb": "ListRecords", "metadataPrefix": "oai_dc", "from": "2026-01-02", "until": "2026-01-01"},
        "badArgument",
    ),
    (
        {"verb": "ListRecords", "metadataPrefix": "oai_dc", "from": "2025-01-01", "until": "2026-01-01T00:00:00Z"},
        "badArgument",
    ),
    ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "until": "1999-01-01"}, "noRecordsMatch"),
    ({"verb": "GetRecord", "metadataPrefix": "oai_dc", "identifier": "oai:elsewhere:1"}, "idDoesNotExist"),
    (
        {"verb": "GetRecord", "metadataPrefix": "oai_dc", "identifier": "oai:dengji.example:%ff%00"},
        "idDoesNotExist",
    ),
    ({"verb": "ListMetadataFormats", "identifier": "oai:dengji.example:none"}, "idDoesNotExist"),
]


def test_faults_have_their_codes(client: Client, mixed: w.World) -> None:
    for asked, code in FAULTS:
        assert fault(client, **asked) == code, asked


def test_nobody_is_told_a_moment_that_hides_what_is_on_its_way(client: Client, world: w.World) -> None:
    """A harvester goes on from responseDate: acts not yet in the catalogue must not lie before it."""
    coded = w.registered(world)
    kit.catch_up()
    kit.cancel(world, coded)
    page = ask(client, verb="ListIdentifiers", metadataPrefix="oai_dc")
    told = page.findtext("o:responseDate", namespaces=_NS)
    kit.catch_up()
    page = ask(client, verb="ListIdentifiers", metadataPrefix="oai_dc", from_=told)
    assert page.find(".//o:header[@status='deleted']", _NS) is not None


def test_signs_that_xml_has_no_place_for(client: Client, world: w.World) -> None:
    from dengji.registration.models import Registration

    coded = w.registered(world)
    Registration.objects.update(name="甲\x0b<乙>&\ud7ff", registrant_name="\x00丙".replace("\x00", "\x01"))
    kit.catch_up()
    name = f"oai:dengji.example:{coded['code']}"
    page = ask(client, verb="GetRecord", metadataPrefix="oai_dc", identifier=name)
    assert page.findtext(".//dc:title", namespaces=_NS) == "甲<乙>&\ud7ff"
    page = ask(client, verb="GetRecord", metadataPrefix="dcat", identifier=name)
    rdf = page.find(".//{http://www.w3.org/1999/02/22-rdf-syntax-ns#}RDF")
    assert rdf is not None and len(Graph().parse(data=ElementTree.tostring(rdf), format="xml")) > 10

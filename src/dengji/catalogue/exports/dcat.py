"""DCAT 3 of a record and of the whole catalogue, after DCAT-AP 3: the registration is a catalogue record, what is
registered a dataset, or a data service where a product is an interface at a known address."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dengji.law.codes import DIVISIONS, CodeError
from dengji.law.codes import region as region_of
from dengji.law.procedure import STATES
from dengji.parties.models import Register
from dengji.registration.api.base import NOTICE

from . import graph, iris
from .http import demonstration
from .records import Record

_EU = "http://publications.europa.eu/resource/authority"
#: 获取方式 and 更新频率 in the vocabularies that DCAT-AP names.
ACCESS = {"open": "PUBLIC", "apply": "RESTRICTED", "authorised_operation": "RESTRICTED"}
FREQUENCIES = {
    "realtime": "UPDATE_CONT",
    "daily": "DAILY",
    "weekly": "WEEKLY",
    "monthly": "MONTHLY",
    "quarterly": "QUARTERLY",
    "yearly": "ANNUAL",
    "irregular": "IRREG",
    "none": "NEVER",
}
_TITLE = "公共数据资源登记目录"
_INDUSTRIES = "国民经济行业分类（GB/T 4754）"
_STATUS = {"VALID": "COMPLETED", "CANCELLED": "WITHDRAWN", "REVOKED": "WITHDRAWN"}


def label(state: str) -> str:
    """Return the Chinese name of a registration's state."""
    return STATES["registration"].get(state, state)


def industry(code: str) -> dict[str, Any]:
    """Return a division of GB/T 4754 as a concept."""
    scheme = {"@id": f"{iris.base()}/id/industry", "@type": "skos:ConceptScheme", "dct:title": _INDUSTRIES}
    return {
        "@id": iris.industry(code),
        "@type": "skos:Concept",
        "skos:prefLabel": DIVISIONS[code].name,
        "skos:notation": code,
        "skos:inScheme": scheme,
    }


def region(code: str) -> dict[str, Any]:
    """Return a region of GB/T 2260 as a location; raises CodeError for none."""
    return {
        "@id": iris.region(code),
        "@type": "dct:Location",
        "skos:prefLabel": region_of(code).full_name,
        "dct:identifier": code,
    }


def record(one: Record) -> dict[str, Any]:
    """Return the tree of one registration; of a suppressed one only that it was there."""
    tree = {
        "@id": iris.record(one.code),
        "@type": "dcat:CatalogRecord",
        "dct:identifier": one.code,
        "dct:issued": one.coded_on,
        "dct:modified": one.changed_at,
        "adms:status": _status(one.state),
        "rdfs:comment": [NOTICE, demonstration()],
        "foaf:primaryTopic": None if one.suppressed else resource(one),
    }
    return graph.tidy(tree)


def resource(one: Record) -> dict[str, Any]:
    """Return what is registered: a dataset, or a service where it is an interface with an address."""
    fields, page = one.fields, iris.record(one.code)
    service = one.data_type == "product" and fields.get("product_form") == "api" and bool(fields.get("open_url"))
    shared = {
        "@id": iris.dataset(one.code),
        "@type": "dcat:DataService" if service else "dcat:Dataset",
        "dct:title": one.name,
        "dct:description": fields.get("intro") or one.name,
        "dct:publisher": {"@id": f"{page}#publisher", "@type": "foaf:Agent", "foaf:name": one.registrant_name},
        "dct:identifier": one.code,
        "adms:identifier": [
            {
                "@id": f"{page}#{name}",
                "@type": "adms:Identifier",
                "skos:notation": value,
                "adms:schemaAgency": one.agency,
            }
            for name, value in (("code", one.code), ("serial", one.serial), ("local-number", one.local_number))
            if value
        ],
        "dct:issued": one.coded_on,
        "dct:modified": one.changed_at,
        "dcat:landingPage": {"@id": iris.record(one.code), "@type": "foaf:Document"},
        "dcat:theme": [industry(code) for code in one.industries if code in DIVISIONS] if one.live else None,
        "dct:accessRights": _rights(fields.get("access_mode", "")),
        "prov:wasDerivedFrom": [iris.dataset(code) for code in fields.get("source_codes", ())],
    }
    if service:
        return shared | {"dcat:endpointURL": fields["open_url"]}
    return shared | _of_dataset(one)


def _of_dataset(one: Record) -> dict[str, Any]:
    fields, whole = one.fields, iris.dataset(one.code)
    versions = [f"{iris.record(one.code)}#v{number}" for number in range(1, one.version + 1)]
    start, end = fields.get("coverage_start"), fields.get("coverage_end")
    period = {
        "@id": f"{iris.record(one.code)}#period",
        "@type": "dct:PeriodOfTime",
        "dcat:startDate": start,
        "dcat:endDate": end,
    }
    frequency = FREQUENCIES.get(fields.get("update_frequency", ""))
    return {
        "dct:spatial": list(_places(fields.get("coverage_regions", ()))),
        "dct:temporal": period if start or end else None,
        "dct:accrualPeriodicity": {"@id": f"{_EU}/frequency/{frequency}", "@type": "dct:Frequency"}
        if frequency
        else None,
        "dcat:version": str(one.version),
        "dcat:hasVersion": [
            {"@id": version, "@type": "dcat:Dataset", "dct:title": one.name, "dct:description": one.name,
             "dcat:version": str(number), "dcat:isVersionOf": whole}
            for number, version in enumerate(versions, 1)
        ] if one.version > 1 else None,
        "dcat:previousVersion": versions[-2] if one.version > 1 else None,
        "dcat:distribution": {
            "@id": f"{iris.record(one.code)}#distribution",
            "@type": "dcat:Distribution",
            "dct:title": one.name,
            "dcat:accessURL": {"@id": fields["open_url"], "@type": "rdfs:Resource"},
        } if fields.get("open_url") else None,
    }  # fmt: skip


def _places(codes: Iterable[str]) -> Iterable[dict[str, Any]]:
    for code in codes:
        try:
            yield region(code)
        except CodeError:
            continue


def _rights(mode: str) -> dict[str, Any] | None:
    if mode not in ACCESS:
        return None
    return {"@id": f"{_EU}/access-right/{ACCESS[mode]}", "@type": "dct:RightsStatement"}


def _status(state: str) -> dict[str, Any] | None:
    if state not in _STATUS:
        return None
    return {"@id": f"{_EU}/dataset-status/{_STATUS[state]}", "@type": "skos:Concept", "skos:prefLabel": label(state)}


def catalogue(found: Iterable[Record], *, here: str, first: str, after: str | None) -> dict[str, Any]:
    """Return a page of the catalogue: valid registrations, and where the next page is (Hydra)."""
    found = list(found)
    topics = [resource(one) for one in found if one.live]
    home = f"{iris.base()}/catalogue"
    tree = {
        "@id": f"{home}#catalogue",
        "@type": "dcat:Catalog",
        "dct:title": _TITLE,
        "dct:description": NOTICE,
        "dct:publisher": {"@id": f"{home}#publisher", "@type": "foaf:Agent", "foaf:name": publisher()},
        "dct:language": {"@id": f"{_EU}/language/ZHO", "@type": "dct:LinguisticSystem"},
        "dcat:themeTaxonomy": {
            "@id": f"{iris.base()}/id/industry", "@type": "skos:ConceptScheme", "dct:title": _INDUSTRIES
        },
        "foaf:homepage": {"@id": f"{iris.base()}/", "@type": "foaf:Document"},
        "rdfs:comment": demonstration(),
        "dcat:dataset": [topic for topic in topics if topic["@type"] == "dcat:Dataset"],
        "dcat:service": [topic for topic in topics if topic["@type"] == "dcat:DataService"],
        "dcat:record": [record(one) | {"foaf:primaryTopic": iris.dataset(one.code)} for one in found if one.live],
        "hydra:view": {
            "@id": here, "@type": "hydra:PartialCollectionView", "hydra:first": first,
            "hydra:next": after,
        },
    }  # fmt: skip
    return graph.tidy(tree)


def publisher() -> str:
    """Return who publishes the catalogue: the agency of the node's one register, else the node's public host."""
    names = list(Register.objects.order_by("slug").values_list("agency__name", flat=True).distinct()[:2])
    return names[0] if len(names) == 1 else iris.host()

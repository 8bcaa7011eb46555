"""RDF from plain dicts: one tree of terms, written as JSON-LD, Turtle and RDF/XML that say the same.

A node is a dict with `@id` (none: a blank node), `@type` and terms of `TERMS`; values are texts, nodes or lists of
either. `None` and empty values are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

PREFIXES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "hydra": "http://www.w3.org/ns/hydra/core#",
    "prov": "http://www.w3.org/ns/prov#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
}
_CHINESE = ("dct:title", "dct:description", "foaf:name", "skos:prefLabel", "rdfs:label", "rdfs:comment")
_PLAIN = ("dct:identifier", "dcat:version", "skos:notation", "adms:schemaAgency", "dcat:keyword")
_DAYS = ("dct:issued", "dcat:startDate", "dcat:endDate", "dct:created")
_TIMES = ("dct:modified",)
_NODES = (
    "adms:identifier", "adms:status", "dcat:accessURL", "dcat:catalog", "dcat:dataset", "dcat:distribution",
    "dcat:endpointURL", "dcat:hasCurrentVersion", "dcat:hasVersion", "dcat:isVersionOf", "dcat:landingPage",
    "dcat:previousVersion", "dcat:record", "dcat:service", "dcat:themeTaxonomy", "dcat:theme", "dct:accessRights",
    "dct:accrualPeriodicity", "dct:conformsTo", "dct:format", "dct:language", "dct:publisher", "dct:source",
    "dct:spatial", "dct:temporal", "dct:type", "foaf:homepage", "foaf:primaryTopic", "hydra:first", "hydra:next",
    "hydra:view", "prov:wasDerivedFrom", "skos:inScheme",
)  # fmt: skip
#: term → how its texts are meant: `@id` an address, `@zh` Chinese, "" plain, else a datatype.
TERMS: dict[str, str] = {
    **dict.fromkeys(_CHINESE, "@zh"),
    **dict.fromkeys(_PLAIN, ""),
    **dict.fromkeys(_DAYS, "xsd:date"),
    **dict.fromkeys(_TIMES, "xsd:dateTime"),
    **dict.fromkeys(_NODES, "@id"),
}
_NOT_IRI = re.compile(r"[\x00-\x20<>\"{}|^`\\]")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def context() -> dict[str, Any]:
    """Return the JSON-LD context under which the trees mean what `TERMS` says."""
    meant: dict[str, Any] = dict(PREFIXES)
    for term, kind in TERMS.items():
        entry: dict[str, str] = {"@id": expand(term)}
        if kind == "@zh":
            entry["@language"] = "zh"
        elif kind:
            entry["@type"] = kind
        meant[term] = entry
    return {"@context": meant}


def expand(term: str) -> str:
    """Return the IRI behind a prefixed name; raises KeyError for an unknown prefix."""
    prefix, _, name = term.partition(":")
    return PREFIXES[prefix] + name


def iri(text: str) -> str:
    """Return text as an IRI: what may not stand in one is percent-encoded."""
    return _NOT_IRI.sub(lambda m: "".join(f"%{byte:02X}" for byte in m[0].encode()), text)


def clean(text: str) -> str:
    """Return text without the characters that XML 1.0 has no place for."""
    return _NOT_XML.sub("", text)


def tidy(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tree without empty values, addresses as IRIs, texts without characters that XML refuses."""
    found: dict[str, Any] = {}
    for term, value in node.items():
        values = [_tidied(term, one) for one in (value if isinstance(value, list | tuple) else [value])]
        values = [one for one in values if one not in (None, "", {})]
        if values:
            found[term] = values[0] if len(values) == 1 else values
    return found


def _tidied(term: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return tidy(value)
    if value is None:
        return None
    if term == "@type":
        return value
    text = clean(value.isoformat() if hasattr(value, "isoformat") else str(value))
    return iri(text) if term == "@id" or TERMS[term] == "@id" else text


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _properties(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for term, value in node.items():
        if term not in ("@id", "@type", "@context"):
            for one in _each(value):
                yield term, one


# Turtle


def turtle(tree: Mapping[str, Any]) -> str:
    """Return a tidied tree as Turtle; named nodes stand by themselves, blank ones where they are used."""
    head = [f"@prefix {prefix}: <{address}> ." for prefix, address in PREFIXES.items()]
    blocks: list[str] = []
    _subject(tree, blocks)
    return "\n".join(head) + "\n\n" + "\n\n".join(blocks) + "\n"


def _subject(node: Mapping[str, Any], blocks: list[str]) -> None:
    place = len(blocks)
    lines = _predicates(node, blocks)
    name = f"<{node['@id']}>" if "@id" in node else "[]"
    if lines:
        blocks.insert(place, f"{name} " + " ;\n    ".join(lines) + " .")


def _predicates(node: Mapping[str, Any], blocks: list[str]) -> list[str]:
    types = _each(node.get("@type", []))
    lines = [f"a {', '.join(types)}"] if types else []
    lines += [f"{term} {_object(term, value, blocks)}" for term, value in _properties(node)]
    return lines


def _object(term: str, value: Any, blocks: list[str]) -> str:
    if isinstance(value, Mapping):
        if "@id" not in value:
            return "[ " + " ; ".join(_predicates(value, blocks)) + " ]"
        _subject(value, blocks)
        return f"<{value['@id']}>"
    kind = TERMS[term]
    if kind == "@id":
        return f"<{value}>"
    text = f'"{_escaped(value)}"'
    return f"{text}@zh" if kind == "@zh" else f"{text}^^{kind}" if kind else text


def _escaped(text: str) -> str:
    for sign, written in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(sign, written)
    return text


# RDF/XML


def rdf_xml(tree: Mapping[str, Any], indent: str = "") -> str:
    """Return a tidied tree as one rdf:RDF element, without an XML declaration."""
    names = "".join(f" xmlns:{prefix}={quoteattr(address)}" for prefix, address in PREFIXES.items())
    return f"{indent}<rdf:RDF{names}>{_element(tree)}</rdf:RDF>"


def _element(node: Mapping[str, Any]) -> str:
    types = _each(node.get("@type", []))
    about = f" rdf:about={quoteattr(node['@id'])}" if "@id" in node else ""
    name = types[0] if types else "rdf:Description"
    inner = "".join(f'<rdf:type rdf:resource="{escape(expand(one))}"/>' for one in types[1:])
    inner += "".join(_property(term, value) for term, value in _properties(node))
    return f"<{name}{about}>{inner}</{name}>"


def _property(term: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return f"<{term}>{_element(value)}</{term}>"
    kind = TERMS[term]
    if kind == "@id":
        return f"<{term} rdf:resource={quoteattr(value)}/>"
    more = ' xml:lang="zh"' if kind == "@zh" else f' rdf:datatype="{expand(kind)}"' if kind else ""
    return f"<{term}{more}>{escape(value)}</{term}>"

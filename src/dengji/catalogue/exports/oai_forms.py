"""How OAI-PMH answers are written: the frame, headers, and the two forms of a record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from dengji.law.codes import DIVISIONS, CodeError, region, regions
from dengji.registration.api.base import NOTICE

from . import dcat, graph, iris
from .http import demonstration
from .records import Record

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_OAI = "http://www.openarchives.org/OAI/2.0/"


@dataclass(frozen=True)
class Form:
    """A metadata format: its schema and namespace, and how a record is written in it."""

    schema: str
    namespace: str
    write: Callable[[Record], str]


def moment(at: datetime) -> str:
    """Return a time in UTC, to the second, as the protocol writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def tag(name: str, text: str) -> str:
    """Return an element with text; characters that XML has no place for are left out."""
    return f"<{name}>{escape(graph.clean(text))}</{name}>"


def answer(address: str, asked: Mapping[str, str], at: str, body: str) -> str:
    """Return the whole document; `asked` holds the arguments to repeat, the verb names the element around `body`."""
    attributes = "".join(f" {name}={quoteattr(graph.clean(value))}" for name, value in asked.items())
    verb = asked.get("verb", "")
    inner = body if body.startswith("<error") else f"<{verb}>{body}</{verb}>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<OAI-PMH xmlns="{_OAI}" xmlns:xsi="{_XSI}" xsi:schemaLocation="{_OAI} {_OAI}OAI-PMH.xsd">'
        f"<responseDate>{at}</responseDate><request{attributes}>{escape(address)}</request>{inner}</OAI-PMH>\n"
    )


def error(code: str, text: str) -> str:
    """Return one of the protocol's errors."""
    return f'<error code="{code}">{escape(text)}</error>'


def identifier(code: str) -> str:
    """Return the OAI identifier of a code."""
    return f"oai:{iris.host()}:{quote(code, safe='-._~')}"


def sets() -> Iterator[tuple[str, str]]:
    """Yield (setSpec, setName): industries by division, regions by province."""
    yield "industry", "行业 Industry"
    for code, one in DIVISIONS.items():
        yield f"industry:{code}", f"{one.name} {one.name_en}"
    yield "region", "地区 Region"
    for place in regions():
        if place.level == "province":
            yield f"region:{place.code[:2]}", place.full_name


def header(record: Record) -> str:
    """Return a record's header; one that shows no content any more is deleted."""
    status = "" if record.live else ' status="deleted"'
    specs = [f"industry:{code}" for code in record.industries] + [f"region:{code}" for code in record.provinces]
    inner = tag("identifier", identifier(record.code)) + tag("datestamp", moment(record.changed_at))
    return f"<header{status}>{inner}{''.join(tag('setSpec', spec) for spec in specs)}</header>"


def _dublin_core(record: Record) -> str:
    fields = record.fields
    rows: list[tuple[str, str | None]] = [
        ("title", record.name),
        ("creator", record.registrant_name),
        *(("subject", DIVISIONS[code].name) for code in record.industries if code in DIVISIONS),
        ("description", fields.get("intro")),
        ("publisher", record.agency),
        ("date", record.coded_on.isoformat()),
        ("type", "Service" if fields.get("product_form") == "api" else "Dataset"),
        ("identifier", iris.record(record.code)),
        ("identifier", record.code),
        *(("source", iris.record(code)) for code in fields.get("source_codes", ())),
        ("language", "zh"),
        *(("coverage", name) for name in _places(fields.get("coverage_regions", ()))),
        ("coverage", _period(fields.get("coverage_start"), fields.get("coverage_end"))),
        ("rights", fields.get("access_mode")),
        ("rights", NOTICE),
        ("rights", demonstration()),
    ]
    inner = "".join(tag(f"dc:{name}", text) for name, text in rows if text)
    space = FORMATS["oai_dc"]
    return (
        f'<oai_dc:dc xmlns:oai_dc="{space.namespace}" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'xmlns:xsi="{_XSI}" xsi:schemaLocation="{space.namespace} {space.schema}">{inner}</oai_dc:dc>'
    )


def _places(codes: list[str]) -> Iterator[str]:
    for code in codes:
        try:
            yield region(code).full_name
        except CodeError:
            continue


def _period(start: str | None, end: str | None) -> str | None:
    return f"{start or ''}/{end or ''}" if start or end else None


FORMATS: dict[str, Form] = {
    "oai_dc": Form(f"{_OAI}oai_dc.xsd", f"{_OAI}oai_dc/", _dublin_core),
    "dcat": Form(
        "http://www.openarchives.org/OAI/2.0/rdf.xsd",
        graph.PREFIXES["rdf"],
        lambda record: graph.rdf_xml(dcat.record(record)),
    ),
}

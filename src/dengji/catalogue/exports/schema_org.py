"""schema.org Dataset of a registration, as pages embed it for search engines."""

from __future__ import annotations

from typing import Any

from dengji.law.codes import DIVISIONS, CodeError, region
from dengji.registration.api.base import NOTICE

from . import iris
from .http import demonstration
from .records import Record


def dataset(record: Record) -> dict[str, Any] | None:
    """Return the description of one registration; None for one that shows no content any more."""
    if not record.live:
        return None
    fields = record.fields
    start, end = fields.get("coverage_start"), fields.get("coverage_end")
    found = {
        "@context": "https://schema.org",
        "@type": "Dataset",
        "@id": iris.dataset(record.code),
        "url": iris.record(record.code),
        "name": record.name,
        "description": _long(fields.get("intro") or record.name, record.name),
        "identifier": [value for value in (record.code, record.serial, record.local_number) if value],
        "creator": {"@type": "Organization", "name": record.registrant_name},
        "publisher": {"@type": "Organization", "name": record.agency},
        "datePublished": record.coded_on.isoformat(),
        "dateModified": record.changed_at.date().isoformat(),
        "version": record.version,
        "keywords": [DIVISIONS[code].name for code in record.industries if code in DIVISIONS],
        "spatialCoverage": list(_places(fields.get("coverage_regions", ()))),
        "temporalCoverage": f"{start or '..'}/{end or '..'}" if start or end else None,
        "isAccessibleForFree": True if fields.get("access_mode") == "open" else None,
        "isBasedOn": [iris.record(code) for code in fields.get("source_codes", ())],
        "distribution": _download(fields.get("open_url", "")),
        "includedInDataCatalog": {"@type": "DataCatalog", "url": f"{iris.base()}/catalogue.jsonld"},
        "disambiguatingDescription": demonstration() or NOTICE,
    }
    return {name: value for name, value in found.items() if value not in (None, "", [])}


def _long(text: str, name: str) -> str:
    """Search engines take descriptions of 50 to 5 000 characters."""
    return text if len(text) >= 50 else f"{text}（{name}；{NOTICE}）"


def _places(codes: list[str]) -> list[dict[str, str]]:
    found = []
    for code in codes:
        try:
            found.append({"@type": "Place", "name": region(code).full_name, "identifier": code})
        except CodeError:
            continue
    return found


def _download(url: str) -> dict[str, str] | None:
    """Where the data can be fetched; an address of another scheme is no download."""
    return {"@type": "DataDownload", "contentUrl": url} if url.startswith(("https://", "http://")) else None

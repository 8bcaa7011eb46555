"""DCAT over HTTP: one record, the paged catalogue, the context, and what industry and region IRIs lead to."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from dengji.core.errors import N_, DomainError, not_found
from dengji.law.codes import DIVISIONS, CodeError

from .. import filters as conditions
from . import dcat, graph, iris, records, source
from .http import answer, etag, open_data, unchanged
from .negotiation import varied

_PAGE = 100
_KINDS = {"jsonld": "application/ld+json", "ttl": "text/turtle; charset=utf-8"}


def _written(tree: dict[str, Any], form: str) -> bytes:
    if form == "ttl":
        return graph.turtle(tree).encode()
    return orjson.dumps({"@context": f"{iris.base()}/context/dcat.jsonld", **tree})


@open_data()
def record(request: HttpRequest, code: str, form: str) -> HttpResponseBase:
    """Answer one registration (R55): a tombstone for one that is cancelled, revoked or suppressed."""
    return of_record(request, records.by_code(code), form)


def of_record(request: HttpRequest, one: records.Record, form: str) -> HttpResponseBase:
    """Answer a record that has been found, as `jsonld`, `ttl` or `json`; also for the page that negotiates."""
    tag = etag(request, one.position).replace('W/"', f'W/"{form}-')
    if found := unchanged(request, tag):
        return varied(found)
    links = f'<{iris.record(one.code)}>; rel="canonical"'
    if form == "json":
        return varied(answer(orjson.dumps(one.flat()), "application/json", tag, {"Link": links}))
    return varied(answer(_written(dcat.record(one), form), _KINDS[form], tag, {"Link": links}))


@open_data()
def catalogue(request: HttpRequest, form: str) -> HttpResponseBase:
    """Answer a page of the catalogue, newest first; `after` is the rank behind which it begins."""
    filters = conditions.from_query(request.GET)
    rows = source.matching(filters).filter(state="VALID", suppressed=False).order_by("-rank")
    if given := request.GET.get("after"):
        if not given.isascii() or not given.isdigit() or len(given) > 18:
            raise DomainError("cursor_invalid", N_("翻页位置无效，请重新检索"), "after")
        rows = rows.filter(rank__lt=int(given))
    tag = etag(request)
    if found := unchanged(request, tag):
        return found
    page = list(rows.values_list("number", "rank")[: _PAGE + 1])
    shown = page[:_PAGE]
    home = f"{iris.base()}/catalogue.{form}"
    pairs = conditions.to_query(filters)
    here = f"{home}?{urlencode([*pairs, ('after', given)])}" if given else _address(home, pairs)
    after = f"{home}?{urlencode([*pairs, ('after', shown[-1][1])])}" if len(page) > _PAGE else None
    found_records = records.by_numbers([number for number, _ in shown])
    headers = {"Link": f'<{after}>; rel="next"'} if after else {}
    tree = dcat.catalogue(found_records, here=here, first=_address(home, pairs), after=after)
    return answer(_written(tree, form), _KINDS[form], tag, headers)


def _address(home: str, pairs: list[tuple[str, str]]) -> str:
    return f"{home}?{urlencode(pairs)}" if pairs else home


@open_data()
def context(request: HttpRequest) -> HttpResponse:
    """Answer the JSON-LD context of all exports; it belongs to the release."""
    return answer(orjson.dumps(graph.context()), "application/ld+json", etag(request, 0))


@open_data()
def industry(request: HttpRequest, code: str) -> HttpResponse:
    """Answer a division of GB/T 4754 as a concept."""
    if code not in DIVISIONS:
        raise not_found()
    return answer(_written(graph.tidy(dcat.industry(code)), "jsonld"), _KINDS["jsonld"], etag(request, 0))


@open_data()
def region(request: HttpRequest, code: str) -> HttpResponse:
    """Answer a region of GB/T 2260 as a location."""
    try:
        tree = dcat.region(code)
    except CodeError:
        raise not_found() from None
    return answer(_written(graph.tidy(tree), "jsonld"), _KINDS["jsonld"], etag(request, 0))

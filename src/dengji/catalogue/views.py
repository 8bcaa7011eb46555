"""The public pages of the catalogue: the search and the page of a code. They read through `selectors` alone."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, get_args

import orjson
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from dengji.core.errors import N_, DomainError
from dengji.registration import queries
from dengji.registration.api.base import say
from dengji.registration.services.suppression import SUPPRESSED_NAME

from . import addresses, labels, page, panel, selectors
from . import filters as conditions
from .exports import iris, linked, records, schema_org
from .exports.negotiation import negotiate, varied
from .query import RANKED, Filters, Order

_SNIPPET = 110
_AWAY = N_("检索暂不可用，请稍后重试")
_EXPORTS = ("csv", "json")
_ALL, _NEAR = N_("共 {n} 条登记"), N_("没有完全符合的登记；相近结果 {n} 条")
_CUT = N_("按相关度只列出前 {n} 条。")
_ORDERS = {"relevance": N_("相关度"), "newest": N_("最新赋码"), "oldest": N_("最早赋码")}


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Show what a search finds, with filters and pages; without words, everything, newest first (R54)."""
    q = " ".join(request.GET.get("q", "").split())
    given = request.GET.get("order", "")
    order: Order | None = given if given in get_args(Order) else None  # type: ignore[assignment]
    context: dict[str, Any] = {"q": q[:200], "hidden": [], "asked_order": order or ""}
    status = 200
    try:
        filters = conditions.from_query(request.GET)
        asked = panel.Asked(q, filters, order)
        context["hidden"] = conditions.to_query(filters)
        selectors.check(filters)
        context |= {"chips": panel.chips(asked), "cleared": asked.href(Filters())}
        context |= _results(asked, request)
    except DomainError as error:
        context["error"], status = say(error.message, error.params), error.status
    except (OperationalError, InterfaceError):
        context["error"], status = gettext(_AWAY), 503
    response = render(request, "catalogue/search.html", context, status=status)
    # A refusal is an answer, not an event for the server's log.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _results(asked: panel.Asked, request: HttpRequest) -> dict[str, Any]:
    cursor, before = request.GET.get("cursor", ""), request.GET.get("before", "")
    moved = False
    order: Order = asked.order or "relevance"
    try:
        found = selectors.search(q=asked.q, filters=asked.filters, order=order, cursor=cursor, before=before)
    except DomainError as error:
        if not error.code.startswith("cursor_"):
            raise
        moved = True
        found = selectors.search(q=asked.q, filters=asked.filters, order=order)
    ranked = not found.search.by_rank
    return {
        "found": found,
        "heading": gettext(_NEAR if found.near and found.total else _ALL).format(n=panel.count(found.total)),
        "items": [_hit(item) for item in found.items],
        "groups": panel.groups(asked, found.facets),
        "sorts": _sorts(asked, found.search.order if found.search.wanted.words else "", found),
        "next": found.next and asked.href(cursor=found.next),
        "previous": found.previous and asked.href(before=found.previous),
        "cut": gettext(_CUT).format(n=RANKED) if ranked and not found.next and found.total > RANKED else "",
        "all": asked.href(order="newest"),
        "moved": moved,
        "wordless": bool(asked.q) and found.search.wanted.empty,
        "exports": {form: asked.href().replace(reverse("search"), reverse(f"export-{form}"), 1) for form in _EXPORTS},
        "broader": asked.href(Filters()) if not asked.filters.empty else "",
    }


def _sorts(asked: panel.Asked, used: str, found: selectors.Found) -> list[panel.Value]:
    names = _ORDERS if found.search.wanted.words else {name: _ORDERS[name] for name in ("newest", "oldest")}
    used = used or ("oldest" if found.search.order == "oldest" else "newest")
    return [panel.Value(gettext(text), "", asked.href(order=name), name == used) for name, text in names.items()]


def _hit(item: Mapping[str, Any]) -> dict[str, Any]:
    """One result as the list shows it."""
    suppressed = item["suppressed"] or item["name"] == SUPPRESSED_NAME
    marks = item["highlights"]
    intro = item["fields"].get("intro", "")
    return {
        "href": addresses.record(item["code"]),
        "name": None if suppressed else marked(item["name"], marks.get("name", ())),
        "registrant": None if suppressed else marked(item["registrant_name"], marks.get("registrant_name", ())),
        "agency": item["agency_name"],
        "code": marked(item["code"], marks.get("code", ())),
        "type": labels.option("data_type", item["data_type"]),
        "state": item["state"].lower(),
        "state_label": labels.label("state", item["state"]),
        "coded_on": item["coded_on"].isoformat(),
        "valid_to": item["valid_to"].isoformat(),
        "intro": snippet(intro, marks.get("intro", ())),
    }


def marked(text: str, ranges: Any) -> SafeString:
    """Return a text as HTML with these ranges marked."""
    if not ranges:
        return escape(text)
    parts, at = [], 0
    for start, end in ranges:
        parts += [escape(text[at:start]), "<mark>", escape(text[start:end]), "</mark>"]
        at = end
    return mark_safe("".join([*parts, escape(text[at:])]))  # noqa: S308 - every piece is escaped


def snippet(text: str, ranges: Any) -> SafeString:
    """Return the part of a long text around its first mark, as HTML."""
    start = max(0, ranges[0][0] - _SNIPPET // 3) if ranges and ranges[0][1] > _SNIPPET else 0
    end = start + _SNIPPET
    inside = [(max(a, start) - start, min(b, end) - start) for a, b in ranges if a < end and b > start]
    body = marked(text[start:end], inside)
    return mark_safe(("…" if start else "") + body + ("…" if end < len(text) else ""))  # noqa: S308 - escaped above


@require_safe
def record(request: HttpRequest, code: str) -> HttpResponseBase:
    """Show the page of a code (R55), or in another form if the caller prefers one; a tombstone where it has ended."""
    form = negotiate(request)
    if form != "html" and "\0" not in code:
        return linked.record(request, code=code, form=form)
    try:
        found = queries.registration(code.replace("\0", ""))
    except DomainError:
        return _unknown(request, code.replace("\0", ""))
    if found["code"] != code:
        return varied(_to(found["code"]))
    live = found["state"] == "VALID" and found["suppressed"] is None
    context = page.of(found) | {"canonical": iris.record(code), "jsonld": _jsonld(code) if live else "", "live": live}
    return varied(render(request, "catalogue/record.html", context))


def _to(code: str) -> HttpResponseBase:
    return HttpResponseRedirect(addresses.record(code))


def _jsonld(code: str) -> SafeString:
    """The description for search engines; nothing in it can end the element that holds it."""
    try:
        data = schema_org.dataset(records.by_code(code))
    except DomainError:  # registered this second, and not in the catalogue yet
        return SafeString("")
    text = orjson.dumps(data).decode() if data else ""
    return mark_safe(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S308


def _unknown(request: HttpRequest, code: str) -> HttpResponseBase:
    """A code is easily typed in small letters or full width; whatever else is unknown can be searched for."""
    plain = unicodedata.normalize("NFKC", code).strip().upper()
    if plain != code:
        try:
            return _to(queries.registration(plain)["code"])
        except DomainError:
            pass
    response = render(request, "catalogue/unknown.html", {"q": code[:64]}, status=404)
    response._has_been_logged = True  # type: ignore[attr-defined]
    return varied(response)

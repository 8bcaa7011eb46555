"""Atom (RFC 4287) with pages (RFC 5005): the newest changes of registrations, and the notices that run."""

from __future__ import annotations

import zlib
from datetime import datetime, time
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from xml.sax.saxutils import quoteattr

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext

from dengji.core.clock import legal_now
from dengji.core.errors import N_, DomainError
from dengji.law.calendar import SHANGHAI
from dengji.registration import queries
from dengji.registration.api.base import NOTICE, state_label

from .. import filters as conditions
from . import graph, iris, records, source
from .dcat import publisher
from .http import answer, demonstration, etag, open_data, unchanged
from .oai_forms import moment, tag

_KIND = "application/atom+xml; charset=utf-8"
_PAGE = 50
_REGISTRATIONS = N_("公共数据资源登记：最近变动")
_NOTICES = N_("公共数据资源登记：公示")


@open_data()
def registrations(request: HttpRequest) -> HttpResponseBase:
    """Answer the registrations that changed last, newest first; `before` is a place in the log."""
    filters = conditions.from_query(request.GET)
    rows = source.matching(filters).order_by("-position")
    if before := request.GET.get("before"):
        if not before.isascii() or not before.isdigit() or len(before) > 18:
            raise DomainError("cursor_invalid", N_("翻页位置无效，请重新检索"), "before")
        rows = rows.filter(position__lt=int(before))
    mark = etag(request)
    if found := unchanged(request, mark):
        return found
    places = list(rows.values_list("number", "position")[: _PAGE + 1])
    shown = records.by_numbers([number for number, _ in places[:_PAGE]])
    home, pairs = f"{iris.base()}/feed/registrations.atom", conditions.to_query(filters)
    following = [*pairs, ("before", str(places[_PAGE - 1][1]))] if len(places) > _PAGE else None
    links = _links(home, pairs, [*pairs, ("before", before)] if before else pairs, following)
    updated = shown[0].changed_at if shown else legal_now()
    text = _feed(gettext(_REGISTRATIONS), home, updated, links, [_registration(one) for one in shown])
    return answer(text, _KIND, mark)


def _registration(one: records.Record) -> str:
    state = state_label("registration", one.state)
    address = iris.record(one.code)
    return _entry(
        address,
        one.name or one.code,
        one.changed_at,
        f"{one.code} {state}" if one.live else state,
        address,
        (("state", one.state, state), ("type", one.data_type, one.data_type)),
        one.registrant_name,
    )


@open_data()
def notices(request: HttpRequest) -> HttpResponseBase:
    """Answer the notices that run now, newest first (Art. 12); `before` is the notice behind which a page begins."""
    before = request.GET.get("before")
    try:
        after = UUID(before) if before else None
    except ValueError:
        raise DomainError("cursor_invalid", N_("翻页位置无效，请重新检索"), "before") from None
    page = queries.notices(after=after, limit=_PAGE)
    home = f"{iris.base()}/feed/notices.atom"
    following = [("before", str(page["next"]))] if page["next"] else None
    links = _links(home, [], [("before", before)] if before else [], following)
    entries = [_notice(one) for one in page["items"]]
    updated = max((_opened(one) for one in page["items"]), default=legal_now())
    return answer(_feed(gettext(_NOTICES), home, updated, links, entries), _KIND, _tag_of(request, entries))


def _tag_of(request: HttpRequest, entries: list[str]) -> str:
    return etag(request, zlib.crc32("".join(entries).encode()))


def _opened(one: dict[str, Any]) -> datetime:
    return datetime.combine(one["first_day"], time(), SHANGHAI)


def _notice(one: dict[str, Any]) -> str:
    fields = one["fields"] or {}
    address = f"{iris.base()}/notices/{one['id']}"
    days = f"{one['first_day']} – {one['last_day']}"
    return _entry(
        f"urn:uuid:{one['id']}",
        str(fields.get("name") or one["serial"]),
        _opened(one),
        f"{one['serial']} {days}",
        address,
        (("kind", str(one["kind"]), str(one["kind"])),),
        str(fields.get("registrant_name") or ""),
    )


def _links(
    home: str, first: list[tuple[str, str]], here: list[tuple[str, str]], following: list[tuple[str, str]] | None
) -> list[tuple[str, str]]:
    found = [("self", _address(home, here)), ("first", _address(home, first))]
    return [*found, ("next", _address(home, following))] if following else found


def _address(home: str, pairs: list[tuple[str, str]]) -> str:
    return f"{home}?{urlencode(pairs)}" if pairs else home


def _feed(title: str, home: str, updated: datetime, links: list[tuple[str, str]], entries: list[str]) -> str:
    related = "".join(f"<link rel={quoteattr(rel)} href={quoteattr(address)}/>" for rel, address in links)
    mark = demonstration()
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="zh">'
        + tag("id", home)
        + tag("title", f"{title}（{mark}）" if mark else title)
        + tag("subtitle", gettext(NOTICE))
        + tag("updated", moment(updated))
        + f"<author>{tag('name', publisher())}</author>"
        + f'<link rel="alternate" type="text/html" href={quoteattr(iris.base() + "/")}/>'
        + related
        + "".join(entries)
        + "</feed>\n"
    )


def _entry(
    name: str, title: str, updated: datetime, summary: str, address: str,
    categories: tuple[tuple[str, str, str], ...], author: str,
) -> str:  # fmt: skip
    terms = "".join(
        f"<category scheme={quoteattr(f'{iris.base()}/id/{scheme}')} term={quoteattr(graph.clean(term))} "
        f"label={quoteattr(graph.clean(shown))}/>"
        for scheme, term, shown in categories
    )
    by = f"<author>{tag('name', author)}</author>" if author else ""
    link = f'<link rel="alternate" type="text/html" href={quoteattr(address)}/>'
    return (
        f"<entry>{tag('id', name)}{tag('title', title)}{tag('updated', moment(updated))}"
        f"{tag('summary', summary)}{link}{terms}{by}</entry>"
    )

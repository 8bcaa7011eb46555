"""Sitemaps by ranges of numbers, so that a page of the million-th record costs what the first costs; robots.txt."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from dengji.core.errors import not_found
from dengji.core.node import identity
from dengji.law.calendar import shanghai_date

from ..models import Item
from . import iris
from .http import answer, etag, open_data, stream, unchanged

#: How many numbers one sitemap covers, at most as many addresses as the protocol allows.
SPAN = 50_000
_KIND = "application/xml; charset=utf-8"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_CLOSED = ("/api/", "/export/", "/desk/", "/workspace/", "/oversight/")


@open_data()
def index(request: HttpRequest) -> HttpResponseBase:
    """Answer the list of sitemaps."""
    tag = etag(request)
    if found := unchanged(request, tag):
        return found
    last = Item.objects.aggregate(last=Max("number"))["last"] or 0
    rows = "".join(
        f"<sitemap><loc>{escape(f'{iris.base()}/sitemap-{n}.xml')}</loc></sitemap>"
        for n in range(1, -(-last // SPAN) + 1)
    )
    return answer(f'{_HEAD}<sitemapindex xmlns="{_SPACE}">{rows}</sitemapindex>\n', _KIND, tag)


@open_data()
def sitemap(request: HttpRequest, n: int) -> HttpResponseBase:
    """Answer one sitemap: the pages of valid registrations within its range of numbers."""
    last = Item.objects.aggregate(last=Max("number"))["last"] or 0
    if n < 1 or (n - 1) * SPAN >= last:
        raise not_found()
    tag = etag(request)
    if found := unchanged(request, tag):
        return found
    return stream(_urls((n - 1) * SPAN) if request.method == "GET" else iter(()), _KIND, tag, {})


def _urls(start: int) -> Iterator[bytes]:
    rows = Item.objects.filter(number__gt=start, number__lte=start + SPAN, state="VALID", suppressed=False)
    yield f'{_HEAD}<urlset xmlns="{_SPACE}">'.encode()
    page = rows.order_by("number").values_list("number", "code", "changed_at")
    while found := list(page.filter(number__gt=start)[:1000]):
        start = found[-1][0]
        yield "".join(
            f"<url><loc>{escape(iris.record(code))}</loc><lastmod>{shanghai_date(at)}</lastmod></url>"
            for _, code, at in found
        ).encode()
    yield b"</urlset>\n"


@open_data()
def robots(request: HttpRequest) -> HttpResponse:
    """Tell search engines what to read; a demonstration node keeps them all away (design §3)."""
    if identity()[1]:
        text = "User-agent: *\nDisallow: /\n"
    else:
        closed = "".join(f"Disallow: {path}\n" for path in _CLOSED)
        text = f"User-agent: *\n{closed}\nSitemap: {iris.base()}/sitemap.xml\n"
    return HttpResponse(
        text, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "public, max-age=3600"}
    )

"""Which form of a record's page a caller wants."""

from __future__ import annotations

from typing import Literal

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

Form = Literal["html", "jsonld", "ttl", "json"]

#: Media types offered at /r/<code>, the page first: it is what those get who take anything.
OFFERED: dict[str, Form] = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/ld+json": "jsonld",
    "text/turtle": "ttl",
    "application/x-turtle": "ttl",
    "application/json": "json",
}


def negotiate(request: HttpRequest) -> Form:
    """Return the form that Accept prefers (RFC 9110, 12.5.1); the page where it takes none of those offered."""
    preferred = request.get_preferred_type(list(OFFERED))
    return OFFERED.get(preferred or "", "html")


def varied(response: HttpResponseBase) -> HttpResponseBase:
    """Return an answer marked as one of several that depend on Accept."""
    patch_vary_headers(response, ("Accept",))
    return response

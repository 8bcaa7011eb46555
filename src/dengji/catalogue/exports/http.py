"""How open data are answered: from anywhere, with an ETag by the place in the log, errors as problems (RFC 9457)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, TypeVar

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from django.utils.translation import get_language, gettext
from django.views.decorators.csrf import csrf_exempt

from dengji.core.errors import N_, DomainError
from dengji.core.node import identity

from .source import position

#: What a suppression removes may not stay in a cache for long (design §5).
CACHE = "public, max-age=60"
DEMONSTRATION = N_("演示数据 非登记结果")

View = Callable[..., HttpResponseBase]
_Response = TypeVar("_Response", bound=HttpResponseBase)


def demonstration() -> str:
    """Return the mark of a demonstration node in the caller's language, empty on any other (design §3)."""
    return gettext(DEMONSTRATION) if identity()[1] else ""


def open_data(*methods: str) -> Callable[[View], View]:
    """Answer these methods (GET and HEAD by default) to pages of any origin; a DomainError becomes a problem."""
    allowed = methods or ("GET", "HEAD")

    def around(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, **parts: Any) -> HttpResponseBase:
            response: HttpResponseBase
            if request.method not in allowed:
                response = _problem(405, "method_not_allowed", gettext("此地址不支持这种请求方法"))
                response.headers["Allow"] = ", ".join(allowed)
            else:
                try:
                    response = view(request, **parts)
                except DomainError as error:
                    title = gettext(error.message).format(**error.params)
                    response = _problem(error.status, error.code, title, field=error.field)
            response.headers["Access-Control-Allow-Origin"] = "*"
            return response

        return csrf_exempt(answer)

    return around


def _problem(status: int, code: str, title: str, **more: Any) -> HttpResponse:
    body = {"type": "about:blank", "title": title, "status": status, "code": code}
    body |= {name: value for name, value in more.items() if value}
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": "5"} if status == 503 else {})
    response = HttpResponse(orjson.dumps(body), status=status, content_type="application/problem+json", headers=headers)
    # A refusal is an answer, not an event for the server's log.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def etag(request: HttpRequest, place: int | None = None) -> str:
    """Return the weak ETag of an address at a place in the log, by default that of the newest change."""
    parts = (request.get_full_path(), get_language() or "", str(position() if place is None else place))
    return f'W/"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"'


def unchanged(request: HttpRequest, tag: str) -> HttpResponse | None:
    """Return 304 where the caller has what an ETag names already, None otherwise."""
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if tag in known or "*" in known:
        return _finish(HttpResponseNotModified(), tag)
    return None


def answer(data: bytes | str, kind: str, tag: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return a whole answer with its ETag."""
    return _finish(HttpResponse(data, content_type=kind, headers=headers), tag)


def stream(parts: Iterable[bytes], kind: str, tag: str, headers: Mapping[str, str]) -> StreamingHttpResponse:
    """Return an answer that is made while it is sent."""
    return _finish(StreamingHttpResponse(parts, content_type=kind, headers=headers), tag)


def _finish(response: _Response, tag: str) -> _Response:
    response.headers["Cache-Control"] = CACHE
    response.headers["ETag"] = tag
    patch_vary_headers(response, ("Accept-Language",))
    return response

"""The log over HTTP (C2SP tlog-tiles): checkpoint, keys, tiles, entries, contents; no session, no account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt

from dengji.core.errors import N_, DomainError, not_found

from . import checkpointing, keyring, proofs, services
from .pure.errors import LedgerError
from .pure.tiles import ENTRIES, WIDTH, Tile

#: A full tile never changes; a cache may keep it for ever.
_FOREVER = "public, max-age=31536000, immutable"
#: Nothing that is to disappear by a suppression may be served from a cache for long (design §5).
_SHORT = "public, max-age=30"
#: A checkpoint is fresh for a second.
_FRESH = "public, max-age=1"
_OCTETS = "application/octet-stream"
_TEXT = "text/plain; charset=utf-8"
_MAX_NOTE = 65536

View = Callable[..., HttpResponse]


def _problem(status: int, code: str, title: str, headers: Mapping[str, str] | None = None, **more: Any) -> HttpResponse:
    body = {"type": "about:blank", "title": title, "status": status, "code": code, **more}
    response = HttpResponse(
        orjson.dumps(body),
        status=status,
        content_type="application/problem+json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )
    # A refusal is an answer, not an event for the server's log.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _answers(*methods: str) -> Callable[[View], View]:
    """Answer these methods, errors as problems (RFC 9457)."""

    def around(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, **parts: Any) -> HttpResponse:
            if request.method not in methods:
                return _problem(
                    405, "method_not_allowed", gettext("此地址不支持这种请求方法"), {"Allow": ", ".join(methods)}
                )
            try:
                return view(request, **parts)
            except DomainError as error:
                title = gettext(error.message)
                retry = {"Retry-After": "5"} if error.status == 503 else None
                more = {name: value for name, value in error.params.items() if name == "ground"}
                return _problem(error.status, error.code, title.format(**error.params), retry, **more)

        return csrf_exempt(answer)

    return around


def _answer(data: bytes, kind: str, cache: str) -> HttpResponse:
    # Anyone may check the log from anywhere, also from a page of their own.
    headers = {"Cache-Control": cache, "Access-Control-Allow-Origin": "*"}
    return HttpResponse(data, content_type=kind, headers=headers)


@_answers("GET", "HEAD")
def checkpoint(request: HttpRequest) -> HttpResponse:
    """Answer the newest checkpoint with the node's own and its witnesses' cosignatures."""
    row = checkpointing.latest()
    if row is None:
        raise not_found(N_("日志还没有检查点"))
    return _answer(checkpointing.published(row), _TEXT, _FRESH)


@_answers("GET", "HEAD")
def vkey(request: HttpRequest) -> HttpResponse:
    """Answer the keys that sign now, one a line, in the text form of C2SP signed-note."""
    return _answer("".join(f"{key}\n" for key in keyring.vkeys()).encode(), _TEXT, _SHORT)


@_answers("GET", "HEAD")
def tile(request: HttpRequest, path: str) -> HttpResponse:
    """Answer a tile of hashes or a bundle of entries, full or partial, up to the newest signed size."""
    try:
        wanted = Tile.parse(path)
    except LedgerError:
        raise not_found() from None
    row = checkpointing.latest()
    if row is None or wanted.end > row.size:
        raise not_found(N_("日志还没有这一块"))
    data = proofs.bundle_data(wanted) if wanted.level == ENTRIES else proofs.tile_data(wanted)
    return _answer(data, _OCTETS, _FOREVER if wanted.width == WIDTH else _SHORT)


@_answers("GET", "HEAD")
def content(request: HttpRequest, digest: str) -> HttpResponse:
    """Answer names and texts of a public entry by their digest; 410 with the ground where they were suppressed."""
    return _answer(services.content(f"sha256:{digest}"), "application/json", _SHORT)


@_answers("POST")
def witness(request: HttpRequest) -> HttpResponse:
    """Take a witness's cosignature: a checkpoint of this log with the line of a witness that settings name."""
    if len(request.body) > _MAX_NOTE:
        return _problem(413, "too_large", gettext("请求内容过大"))
    accepted = checkpointing.accept_cosignatures(request.body)
    return HttpResponse(orjson.dumps({"accepted": accepted}), content_type="application/json")

"""How the log asks others: one short request to an address that the operator set; no redirect, no long answer."""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from dengji.core.errors import N_, DomainError

TIMEOUT = 8.0
_MOST = 65_536


@dataclass(frozen=True)
class Reply:
    """What came back: status and body, at most 64 KiB."""

    status: int
    body: bytes


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing: the operator named the address."""


_OPENER = urllib.request.build_opener(_NoRedirect)


def unreachable() -> DomainError:
    """Return the error for somebody outside who does not answer as agreed."""
    return DomainError("anchor_unreachable", N_("外部见证方或时间戳机构没有应答"), status=503)


def host_of(url: str) -> str:
    """Return the host of an http(s) address; raises DomainError anchor_address for any other."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DomainError("anchor_address", N_("外部见证方或时间戳机构的地址应为 http 或 https"), status=503)
    return parts.hostname


def post(url: str, body: bytes, content_type: str) -> Reply:
    """POST once and return the reply, whatever its status; raises DomainError anchor_unreachable, anchor_address."""
    host_of(url)
    request = urllib.request.Request(url, body, {"Content-Type": content_type}, method="POST")  # noqa: S310 - checked
    try:
        with _OPENER.open(request, timeout=TIMEOUT) as answer:
            reply = Reply(answer.status, answer.read(_MOST + 1))
    except urllib.error.HTTPError as error:
        with error:
            reply = Reply(error.code, error.read(_MOST + 1))
    except (OSError, ValueError) as error:
        raise unreachable() from error
    if len(reply.body) > _MOST:
        raise unreachable()
    return reply

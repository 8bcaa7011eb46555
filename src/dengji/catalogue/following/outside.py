"""How a follower is reached: a public address, looked up once, checked, and the very address that is then connected to.

Guards against requests forged through us (SSRF): no private, loopback, link-local or shared range, in any spelling of
IPv6 either; no second look-up that could answer otherwise (DNS rebinding); no redirect; short answers; little time.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from dengji.core.errors import N_, DomainError

SECONDS = 10.0
_MOST = 4096
_LONGEST = 500
_PORTS = frozenset({443, *range(1024, 65536)})
#: Ranges that carry another address within or lead to one that the standard library takes for public.
_CARRIERS = tuple(
    ipaddress.ip_network(text)
    for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::ffff:0:0/96", "::/96", "192.88.99.0/24")
)


@dataclass(frozen=True)
class Answer:
    """What came back: status and at most 4 KiB of the body."""

    status: int
    body: bytes


def parse(url: str) -> SplitResult:
    """Return the parts of an address that may be followed from; raises DomainError webhook_address.

    https, a host, no credentials, no fragment, port 443 or above 1023.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _wrong() from None
    plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url and len(url) <= _LONGEST
    bare = not parts.username and not parts.password and not parts.fragment and "@" not in parts.netloc
    if not plain or not bare or parts.scheme != "https" or not parts.hostname or (port or 443) not in _PORTS:
        raise _wrong()
    return parts


def is_public(address: str) -> bool:
    """Tell whether an address is one of the public internet."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if any(found in network for network in _CARRIERS if network.version == found.version):
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved and not found.is_unspecified


def look_up(parts: SplitResult) -> list[str]:
    """Return the addresses behind a host; raises DomainError webhook_address where any is not public."""
    try:
        rows = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _wrong(N_("找不到推送地址的主机")) from None
    found = list(dict.fromkeys(str(row[4][0]) for row in rows))
    if not found or not all(is_public(address) for address in found):
        raise _wrong(N_("推送地址必须在公共互联网上"))
    return found


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """POST once and return the answer, whatever its status.

    Raises DomainError webhook_address, OSError or http.client.HTTPException for one that does not answer as it should.
    """
    parts = parse(url)
    connection = _Pinned(parts, look_up(parts)[0])
    # A time limit on each read is none on all of them: whoever sends a sign now and then is cut off here.
    limit = threading.Timer(SECONDS * 1.5, connection.cut)
    limit.daemon = True
    limit.start()
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, dict(headers))
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(_MOST))
    finally:
        limit.cancel()
        connection.close()


def context() -> ssl.SSLContext:
    """Return how certificates are checked."""
    return ssl.create_default_context()


class _Pinned(http.client.HTTPSConnection):
    """Connects to the address that was checked, and has the certificate of the name that was asked for."""

    def __init__(self, parts: SplitResult, address: str) -> None:
        self._name = parts.hostname or ""
        self._tls = context()
        self._address = address
        super().__init__(self._name, parts.port or 443, timeout=SECONDS, context=self._tls)

    def connect(self) -> None:
        """Connect without another look-up."""
        plain = socket.create_connection((self._address, self.port), SECONDS)
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self._name)
        except BaseException:
            plain.close()
            raise

    def cut(self) -> None:
        """End whatever goes on, from another thread."""
        sock = self.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def _wrong(message: str = N_("推送地址应为 https，不含用户名和片段，端口为 443 或 1024 以上")) -> DomainError:
    return DomainError("webhook_address", message, "url")

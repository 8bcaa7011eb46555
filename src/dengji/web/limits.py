"""Rate limits by token buckets in this process; with several worker processes each has its own share.

The figures stand in settings (DENGJI_RATE_*): per address for the public, per person for those signed in, and a
tighter one for the posts of people without an account. A front server may limit further.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja.throttling import BaseThrottle

_MOST_KEYS = 50_000


@lru_cache(maxsize=32)
def parse(text: str) -> tuple[tuple[float, float], ...]:
    """Return ((capacity, refill per second), …) of a setting such as "20/1,600/60"; raises ValueError."""
    pairs = [part.split("/") for part in text.split(",") if part]
    return tuple((float(count), float(count) / float(seconds)) for count, seconds in pairs)


class Buckets:
    """Token buckets by key; the longest unused are forgotten first."""

    def __init__(self) -> None:
        self._levels: OrderedDict[tuple[str, int], tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str, limits: tuple[tuple[float, float], ...], now: float) -> float:
        """Take one token from every bucket of a key; return 0, or the seconds to wait where one is empty."""
        with self._lock:
            levels = [self._level(key, i, limit, now) for i, limit in enumerate(limits)]
            wait = max(
                ((1 - level) / rate for level, (_, rate) in zip(levels, limits, strict=True) if level < 1), default=0.0
            )
            for i, level in enumerate(levels):
                self._levels[key, i] = (level if wait else level - 1, now)
                self._levels.move_to_end((key, i))
            while len(self._levels) > _MOST_KEYS:
                self._levels.popitem(last=False)
        return wait

    def _level(self, key: str, i: int, limit: tuple[float, float], now: float) -> float:
        capacity, rate = limit
        level, since = self._levels.get((key, i), (capacity, now))
        return min(capacity, level + (now - since) * rate)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._levels.clear()


BUCKETS = Buckets()


def caller(request: HttpRequest) -> str:
    """Return the caller's address as the last hop we trust tells it (DENGJI_TRUSTED_PROXIES)."""
    hops: list[str] = [request.META.get("REMOTE_ADDR", "")]
    if settings.DENGJI_TRUSTED_PROXIES:
        named = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
        hops = [*named, *hops][-settings.DENGJI_TRUSTED_PROXIES - 1 :]
    return hops[0]


def address(request: HttpRequest) -> str:
    """Return the address by which a caller is counted: an IPv6 one by its /64."""
    told = caller(request)
    try:
        found = ipaddress.ip_address(told)
    except ValueError:
        return told
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


def charge(request: HttpRequest, person: str = "", *, voice: bool = False) -> float:
    """Charge one request; return 0, or the seconds until the next may come."""
    if not settings.DENGJI_RATE_LIMITS:
        return 0.0
    now = time.monotonic()
    if person:
        wait = BUCKETS.take(f"person {person}", parse(settings.DENGJI_RATE_PERSON), now)
    else:
        wait = BUCKETS.take(f"address {address(request)}", parse(settings.DENGJI_RATE_ADDRESS), now)
    if voice and not wait:
        wait = BUCKETS.take(f"voice {person or address(request)}", parse(settings.DENGJI_RATE_VOICE), now)
    return wait


#: Pages whose reading costs something; under /api/ the endpoints charge themselves.
_CHARGED_READS = ("/search", "/r/", "/statistics")


class PageLimits:
    """Charges whoever sends a form, and visitors who search or open records, as the API charges its callers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, or say when to come again."""
        path, sends = request.path_info, request.method not in ("GET", "HEAD", "OPTIONS")
        if path.startswith("/api/") or not (sends or path.startswith(_CHARGED_READS)):
            return self.get_response(request)
        # A visitor without a session's cookie stays one: looking further would make the page differ by cookies.
        known = settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated
        wait = charge(request, str(request.user.pk) if known else "")
        if not wait:
            return self.get_response(request)
        from . import errors

        response = errors.page(request, 429)
        response.headers["Retry-After"] = str(math.ceil(wait))
        return response


class Limits(BaseThrottle):
    """The throttle of every endpoint."""

    def __init__(self) -> None:
        self._local = threading.local()

    def allow_request(self, request: HttpRequest) -> bool:
        """Charge the caller whom authentication found."""
        actor = getattr(request, "auth", None)
        person = str(actor.person_id) if actor is not None and actor.person_id else ""
        voice = request.method == "POST" and bool(getattr(request, "dengji_voice", False))
        self._local.wait = charge(request, person, voice=voice)
        return not self._local.wait

    def wait(self) -> float | None:
        """Return the whole seconds until the next request may come."""
        return math.ceil(getattr(self._local, "wait", 1.0))

"""Lock-out after repeated failures by django-axes, whose tables hold keyed digests: neither names nor addresses."""

from __future__ import annotations

import ipaddress
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dengji.core.encryption import keyed_digest

from .. import limits

_MINUTE = 60


def username(request: HttpRequest, credentials: dict[str, Any] | None) -> str | None:
    """Return the keyed digest that stands for a login name, letter case apart."""
    given = credentials or {}
    name = given.get("username") or request.POST.get("login", "")
    return keyed_digest(b"login " + str(name).strip().casefold().encode("utf-8", "replace")).hex()


def address(request: HttpRequest) -> str:
    """Return the keyed digest that stands for the caller's address, in the form of a private IPv6 address."""
    digest = keyed_digest(b"address " + limits.address(request).encode())
    return str(ipaddress.IPv6Address(b"\xfd" + digest[:15]))


class Handler(AxesDatabaseHandler):  # type: ignore[misc]
    """Counts failures without a word on the browser."""

    def user_login_failed(self, sender: Any, credentials: dict[str, Any], request: Any = None, **kwargs: Any) -> None:
        """Count a failure."""
        if request is not None:
            request.axes_user_agent = request.axes_http_accept = ""
        super().user_login_failed(sender, credentials, request, **kwargs)


@receiver(pre_save, sender=AccessAttempt)
def _forget_what_was_sent(sender: Any, instance: AccessAttempt, **_kwargs: Any) -> None:
    instance.get_data = instance.post_data = ""


def response(request: HttpRequest, *_more: Any) -> HttpResponse:
    """Say that signing in is locked, and until when."""
    seconds = settings.AXES_COOLOFF_TIME.total_seconds()
    page = render(request, "web/accounts/locked.html", {"minutes": max(1, round(seconds / _MINUTE))}, status=429)
    page.headers["Retry-After"] = str(int(seconds))
    return page

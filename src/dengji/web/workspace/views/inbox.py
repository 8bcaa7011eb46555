"""Messages to oneself: what happened to one's files, read and unread (R60)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dengji.notify import selectors, services
from dengji.parties.roles import ORGANISATION_ROLES
from dengji.registration.lookup import as_uuid
from dengji.web.access import actor_of

from .base import page, show


@page
def inbox(request: HttpRequest) -> HttpResponse:
    """List the reader's own messages, newest first; `unread=1` leaves out those that were read."""
    actor, here = actor_of(request), reverse("workspace:messages")
    unread = request.GET.get("unread") == "1"
    found = selectors.inbox(actor, cursor=as_uuid(request.GET.get("after", "")), unread_only=unread)
    registrant = bool(actor.kinds() & ORGANISATION_ROLES)
    more = f"{here}?{'unread=1&' if unread else ''}after={found['next']}" if found["next"] else ""
    tabs = [
        {"title": _("全部消息"), "url": here, "active": not unread},
        {"title": _("未读消息"), "url": f"{here}?unread=1", "count": found["unread"], "active": unread},
    ]
    items = [_told(item, registrant) for item in found["items"]]
    return show(request, "messages.html", {"items": items, "tabs": tabs, "next_url": more, "unread": unread})


def _told(item: dict[str, Any], registrant: bool) -> dict[str, Any]:
    about = item["object"]
    linked = registrant and about["kind"] == "application"
    return item | {"url": reverse("workspace:case", args=[about["id"]]) if linked else ""}


@require_POST
@page
def read(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Mark one of the reader's own messages as read and go back to the list it stood in."""
    services.mark_read(actor=actor_of(request), notification_id=pk)
    here = reverse("workspace:messages")
    return redirect(f"{here}?unread=1" if request.POST.get("unread") == "1" else here)

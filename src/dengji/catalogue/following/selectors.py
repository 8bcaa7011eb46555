"""The one door for reads of followers: one's own, nobody else's."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.utils.translation import gettext

from dengji.core.encryption import unseal
from dengji.core.errors import N_
from dengji.parties.actor import Actor
from dengji.registration.models import Registration

from .models import Follower

#: What the owner is told of each state.
_NOTES = {
    Follower.State.UNCONFIRMED: N_("待确认：推送地址须在应答中返回所收到的确认词"),
    Follower.State.ACTIVE: "",
    Follower.State.STOPPED: N_("已停止：多次推送失败；请检查推送地址，删除后重新关注"),
}


def scope(actor: Actor) -> Q:
    """Return which followers an actor may see and end: their own."""
    return Q(person_id=actor.person_id) if actor.person_id else Q(pk__in=())


def followers(actor: Actor) -> list[dict[str, Any]]:
    """Return the actor's own, newest first."""
    return [shown(row) for row in Follower.objects.filter(scope(actor)).order_by("-pk")]


def shown(row: Follower) -> dict[str, Any]:
    """Return a follower as its owner sees it, with a note in the caller's language where something is to be done."""
    code = Registration.objects.filter(pk=row.object_id).values_list("code", flat=True).first() if row.object_id else ""
    note = _NOTES[Follower.State(row.state)]
    return {
        "id": row.pk,
        "kind": row.kind,
        "code": code or "",
        "filters": row.filters,
        "url": unseal(bytes(row.url), row.pk.bytes).decode(),
        "state": row.state,
        "note": gettext(note) if note else "",
        "failures": row.failures,
        "error": row.error,
        "created_at": row.created_at,
        "confirmed_at": row.confirmed_at,
        "stopped_at": row.stopped_at,
    }

"""The one door for reads of messages: one's own inbox, and the text of a message made when it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _

from dengji.core.encryption import unseal_json
from dengji.core.errors import DomainError
from dengji.core.node import identity
from dengji.parties.actor import Actor
from dengji.registration.models import Decision, DecisionDetail

from .messages import DEMONSTRATION, MESSAGES, OBJECTS, PROVISIONAL, REASON, UNNUMBERED
from .models import Notification

PAGE = 50


def scope(actor: Actor) -> Q:
    """Return which messages an actor may read: their own, nobody else's."""
    return Q(person_id=actor.person_id) if actor.person_id else Q(pk__in=())


def unread_count(actor: Actor) -> int:
    """Return how many of the actor's messages are unread."""
    return Notification.objects.filter(scope(actor), read_at=None).count()


def inbox(actor: Actor, *, cursor: UUID | None = None, limit: int = PAGE, unread_only: bool = False) -> dict[str, Any]:
    """Return a page of the actor's messages, newest first, in the language in use: {items, unread, next}.

    `cursor` is the `next` of the page before. Each item: id, event, subject, body, object {kind, id}, serial, code,
    deadline, created_at, read_at.
    """
    rows = Notification.objects.filter(scope(actor)).order_by("-id")
    if unread_only:
        rows = rows.filter(read_at=None)
    if cursor is not None:
        rows = rows.filter(pk__lt=cursor)
    limit = max(1, min(limit, 200))
    page = list(rows[: limit + 1])
    more, page = len(page) > limit, page[:limit]
    reasons = _reasons([row for row in page if MESSAGES[row.event].reason])
    return {
        "items": [_item(row, reasons.get(row.pk, "")) for row in page],
        "unread": unread_count(actor),
        "next": str(page[-1].pk) if more else None,
    }


def _item(row: Notification, reason: str) -> dict[str, Any]:
    subject, body = text(row.event, row.object_kind, row.params, reason)
    return {
        "id": str(row.pk),
        "event": row.event,
        "subject": subject,
        "body": body,
        "object": {"kind": row.object_kind, "id": str(row.object_id)},
        "serial": row.params.get("serial", ""),
        "code": row.params.get("code", ""),
        "deadline": row.params.get("deadline") or None,
        "created_at": row.created_at,
        "read_at": row.read_at,
    }


def text(event: str, object_kind: str, params: Mapping[str, Any], reason: str = "") -> tuple[str, str]:
    """Return (subject, body) of a message in the language in use; pure but for the catalogue of translations."""
    message = MESSAGES[event]
    values = {**params, "serial": params.get("serial") or _(UNNUMBERED), "reason": reason}
    if params.get("provisional"):
        values["deadline"] = _(PROVISIONAL).format(deadline=params["deadline"])
    values["object"] = _(OBJECTS[object_kind]).format(**values)
    parts = [message.body]
    if params.get("deadline") and message.deadline:
        parts.append(message.deadline)
    if reason:
        parts.append(REASON)
    parts.append(message.way_out)
    return _(message.subject), "\n".join(_(part).format(**values) for part in parts)


def outside_text(row: Notification) -> tuple[str, str]:
    """Return (subject, body) as it may leave the system: no reason unless the law has it sent (Art. 11)."""
    reason = _reasons([row]).get(row.pk, "") if MESSAGES[row.event].reason == "mail" else ""
    subject, body = text(row.event, row.object_kind, row.params, reason)
    if identity()[1]:
        subject, body = f"[{_(DEMONSTRATION)}] {subject}", f"{body}\n\n{_(DEMONSTRATION)}"
    return subject, f"{body}\n\n{settings.DENGJI_ORIGIN}"


def _reasons(rows: Sequence[Notification]) -> dict[UUID, str]:
    """The words of the decisions that messages are about; empty for those lawfully deleted since."""
    if not rows:
        return {}
    details = {
        (d.object_id, d.n): d.detail_id
        for d in Decision.objects.filter(object_id__in=[r.object_id for r in rows], detail_id__isnull=False)
    }
    wanted = {r.pk: details.get((r.object_id, r.params.get("n", 0))) for r in rows}
    sealed = DecisionDetail.objects.in_bulk([pk for pk in wanted.values() if pk])
    return {pk: _words(sealed[detail]) for pk, detail in wanted.items() if detail in sealed}


def _words(detail: DecisionDetail) -> str:
    try:
        words = unseal_json(detail.data, detail.object_id.bytes).get("words", {})
    except DomainError:
        return ""
    items = [str(item.get("text", "")) for item in words.get("items", [])]
    return "；".join(part for part in (*items, str(words.get("reason", ""))) if part)

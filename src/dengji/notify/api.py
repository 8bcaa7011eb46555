"""The inbox over the API; mounted by `web`."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema

from dengji.registration.api.base import actor_of, transaction_id
from dengji.registration.api.schemas import Limit

from . import selectors, services

router = Router(tags=["notifications"])


class ObjectOut(Schema):
    """The object that a message is about."""

    kind: str
    id: UUID


class NotificationOut(Schema):
    """One message, its text in the caller's language."""

    id: UUID
    event: str
    subject: str
    body: str
    object: ObjectOut
    serial: str
    code: str
    deadline: str | None
    created_at: datetime
    read_at: datetime | None


class InboxOut(Schema):
    """A page of messages, newest first."""

    items: list[NotificationOut]
    unread: int
    next: UUID | None


class ReadOut(Schema):
    """A message that has been read."""

    id: UUID
    read_at: datetime


@router.get("/notifications", response=InboxOut, summary="站内消息")
def list_notifications(
    request: HttpRequest, cursor: UUID | None = None, limit: Limit = selectors.PAGE, unread: bool = False
) -> dict[str, Any]:
    """Return the caller's own messages (R60)."""
    return selectors.inbox(actor_of(request), cursor=cursor, limit=limit, unread_only=unread)


@router.post("/notifications/{notification_id}/read", response=ReadOut, summary="标为已读")
def read_notification(request: HttpRequest, notification_id: UUID) -> dict[str, Any]:
    """Mark a message as read; again changes nothing."""
    transaction_id(request)
    return services.mark_read(actor=actor_of(request), notification_id=notification_id)

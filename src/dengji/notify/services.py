"""The one door for writes of messages: store, mark as read, send what is due."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import translation

from dengji.core.clock import legal_now, real_now
from dengji.core.errors import not_found
from dengji.parties.actor import Actor
from dengji.parties.models import Person

from . import selectors
from .adapters import ADAPTERS, COLUMNS
from .models import Delivery, Notification

logger = logging.getLogger(__name__)

#: Minutes to wait after the first, second … failure; after the last the delivery has failed for good.
BACK_OFF = (1, 5, 30, 120, 720)
#: How long a sender may hold a delivery before another takes it for lost.
_LEASE = timedelta(minutes=10)


def store(rows: Sequence[Notification]) -> None:
    """Store messages, each (source, position, person) once, and queue their deliveries by every known address."""
    if not rows:
        return
    Notification.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
    stored = set(Notification.objects.filter(pk__in=[r.pk for r in rows]).values_list("pk", flat=True))
    people, now = {r.person_id for r in rows}, real_now()
    deliveries = []
    for channel, column in COLUMNS.items():
        state = Delivery.State.QUEUED if ADAPTERS[channel].configured() else Delivery.State.NOT_CONFIGURED
        reached = Person.objects.filter(pk__in=people, **{f"{column}__isnull": False}).values_list("pk", flat=True)
        wanted = set(reached)
        deliveries += [
            Delivery(notification=r, channel=channel, state=state, next_at=now)
            for r in rows
            if r.pk in stored and r.person_id in wanted
        ]
    Delivery.objects.bulk_create(deliveries, batch_size=1000)


def mark_read(*, actor: Actor, notification_id: UUID) -> dict[str, object]:
    """Mark one of the actor's own messages as read, at legal time; again changes nothing. Raises not_found."""
    own = Notification.objects.filter(selectors.scope(actor), pk=notification_id)
    own.filter(read_at=None).update(read_at=legal_now())
    row = own.first()
    if row is None:
        raise not_found()
    return {"id": str(row.pk), "read_at": row.read_at}


def send_due(limit: int = 50) -> int:
    """Send at most `limit` deliveries whose time has come; return how many were taken.

    Each is claimed in a transaction of its own before it is sent, so that no connection to a mail server holds a lock;
    a sender that dies lets it go after ten minutes. A message may therefore arrive twice, never not at all.
    """
    taken = 0
    while taken < limit and (delivery := _claim()) is not None:
        _send(delivery)
        taken += 1
    return taken


def _claim() -> Delivery | None:
    now = real_now()
    with transaction.atomic():
        row = (
            Delivery.objects.select_for_update(skip_locked=True)
            .filter(state=Delivery.State.QUEUED, next_at__lte=now)
            .order_by("next_at", "pk")
            .first()
        )
        if row is None:
            return None
        row.attempts += 1
        row.at = now
        row.next_at = now + _LEASE
        row.save(update_fields=["attempts", "at", "next_at"])
    return row


def _send(delivery: Delivery) -> None:
    try:
        _carry(delivery)
    except Exception as error:
        # The text of a mail server's error often repeats the address: only its class is kept.
        delivery.error = getattr(error, "code", None) or type(error).__name__
        if delivery.attempts > len(BACK_OFF):
            delivery.state = Delivery.State.FAILED
        else:
            delivery.next_at = real_now() + timedelta(minutes=BACK_OFF[delivery.attempts - 1])
        logger.warning("notify: delivery %s: %s", delivery.pk, delivery.error)
    else:
        delivery.state, delivery.error = Delivery.State.SENT, ""
    delivery.save(update_fields=["state", "error", "next_at"])


def _carry(delivery: Delivery) -> None:
    notification = Notification.objects.select_related("person").get(pk=delivery.notification_id)
    adapter = ADAPTERS[delivery.channel]
    address = adapter.address(notification.person)
    if not address or not notification.person.is_active:
        delivery.attempts = len(BACK_OFF) + 1
        raise LookupError
    with translation.override(notification.person.language):
        subject, body = selectors.outside_text(notification)
    adapter.send(address, subject, body)

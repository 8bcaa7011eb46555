"""The one door for writes about followers: subscribe, end, and send what is due."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import transaction

from dengji.core.clock import real_now
from dengji.core.encryption import seal, unseal
from dengji.core.errors import N_, DomainError, conflict, forbidden, not_found
from dengji.core.frame import lock_words, once
from dengji.core.ids import new_id
from dengji.parties.actor import Actor

from .. import filters as conditions
from ..exports import records
from ..query import Filters
from . import outside, selectors, signing
from .models import Follower, Message

logger = logging.getLogger(__name__)

#: Minutes to wait after the first, second … failure; after the last the message is given up.
BACK_OFF = (1, 5, 30, 120, 720)
#: How long a sender may hold a message before another takes it for lost.
_LEASE = timedelta(minutes=5)
#: Messages given up in a row after which a follower is stopped.
GIVEN_UP = 3
_KEPT = timedelta(days=30)
#: What one run of the sender may take, so that mail and imports get their turn.
_SECONDS = 30.0


def subscribe(
    *, actor: Actor, transaction_id: str, kind: str, url: str, code: str = "", filters: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Have an address told of changes to a record or to what a search finds; it must confirm first.

    Raises DomainError webhook_address, not_found for an unknown code, filter_invalid, followers_full (409), forbidden
    without a person.
    """
    person = actor.person_id
    if person is None:
        raise forbidden(N_("请先登录：关注需要本人的访问令牌"))
    outside.look_up(outside.parse(url))
    target = records.by_code(code).object_id if kind == "record" else None
    wanted = {name: list(values) for name, values in filters.items() if values} if kind == "search" else {}
    conditions.condition(Filters(**{name: tuple(values) for name, values in wanted.items()}))

    def work(at: datetime) -> dict[str, Any]:
        lock_words("followers", str(person))
        most = int(getattr(settings, "DENGJI_FOLLOWERS", 20))
        if Follower.objects.filter(person_id=person).count() >= most:
            raise conflict("followers_full", N_("关注已达上限 {most} 项"), params={"most": most})
        pk = new_id()
        row = Follower.objects.create(
            id=pk, person_id=person, kind=kind, object_id=target, filters=wanted,
            url=seal(url.encode(), pk.bytes), created_at=real_now(),
        )  # fmt: skip
        Message.objects.create(follower=row, position=-1, next_at=real_now())
        return {"id": str(pk)}

    request = {"kind": kind, "url": url, "code": code, "filters": wanted}
    made = once(actor=actor.key, transaction_id=transaction_id, act="follow", request=request, work=work)
    found = Follower.objects.filter(selectors.scope(actor), pk=UUID(made["id"])).first()
    if found is None:
        raise not_found()
    return {**selectors.shown(found), "secret": signing.secret(found.pk)}


def unsubscribe(*, actor: Actor, transaction_id: str, follower_id: UUID) -> dict[str, Any]:
    """End one of the actor's own; what has not been sent is dropped. Raises DomainError not_found."""

    def work(at: datetime) -> dict[str, Any]:
        row = Follower.objects.select_for_update().filter(selectors.scope(actor), pk=follower_id).first()
        if row is None:
            raise not_found()
        row.delete()
        return {"id": str(follower_id), "removed": True}

    request = {"id": str(follower_id)}
    return once(actor=actor.key, transaction_id=transaction_id, act="unfollow", request=request, work=work)


def send_due(limit: int = 50) -> int:
    """Send messages whose time has come, at most `limit` and for half a minute; return how many were taken.

    Each is claimed in a transaction of its own before it is sent; one may arrive twice, under the same id.
    """
    taken, end = 0, time.monotonic() + _SECONDS
    while taken < limit and time.monotonic() < end and (message := _claim()) is not None:
        _send(message)
        taken += 1
    return taken


def _claim() -> Message | None:
    now = real_now()
    with transaction.atomic():
        due = Message.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            state=Message.State.QUEUED, next_at__lte=now
        )
        row = due.select_related("follower").order_by("next_at", "pk").first()
        if row is None:
            return None
        row.attempts += 1
        row.at, row.next_at = now, now + _LEASE
        row.save(update_fields=["attempts", "at", "next_at"])
    return row


def _send(message: Message) -> None:
    follower = message.follower
    if follower.state == Follower.State.STOPPED:
        Message.objects.filter(pk=message.pk).update(state=Message.State.FAILED, error="stopped")
        return
    try:
        error = _carry(message, follower)
    except DomainError as fault:
        error = fault.code
    except Exception as fault:
        # The text of such an error often repeats the address: only its class is kept.
        error = type(fault).__name__
    if error:
        _failed(message, error)
    else:
        _delivered(message)


def _carry(message: Message, follower: Follower) -> str:
    url = unseal(bytes(follower.url), follower.pk.bytes).decode()
    asks = message.position < 0
    word = signing.challenge(follower.pk)
    payload = {"type": "confirmation", "challenge": word} if asks else message.payload
    body = orjson.dumps({"id": str(message.pk), "follower": str(follower.pk), **payload})
    answer = outside.post(url, body, signing.headers(follower.pk, message.pk, url, body))
    if not 200 <= answer.status < 300:
        return f"status_{answer.status}"
    return "unconfirmed" if asks and word.encode() not in answer.body else ""


def _delivered(message: Message) -> None:
    with transaction.atomic():
        row = Follower.objects.select_for_update().filter(pk=message.follower_id).first()
        if row is None:
            return
        Message.objects.filter(pk=message.pk).update(state=Message.State.SENT, error="")
        row.failures, row.error = 0, ""
        if message.position < 0 and row.state == Follower.State.UNCONFIRMED:
            row.state, row.confirmed_at = Follower.State.ACTIVE, real_now()
        row.save(update_fields=["failures", "error", "state", "confirmed_at"])


def _failed(message: Message, error: str) -> None:
    logger.info("follower %s: %s", message.follower_id, error)
    over = message.attempts > len(BACK_OFF)
    wait = timedelta(minutes=BACK_OFF[min(message.attempts, len(BACK_OFF)) - 1])
    with transaction.atomic():
        row = Follower.objects.select_for_update().filter(pk=message.follower_id).first()
        if row is None:
            return
        state = Message.State.FAILED if over else Message.State.QUEUED
        Message.objects.filter(pk=message.pk).update(state=state, error=error[:60], next_at=real_now() + wait)
        row.error = error[:60]
        row.failures += over
        if over and (row.failures >= GIVEN_UP or row.state == Follower.State.UNCONFIRMED):
            row.state, row.stopped_at = Follower.State.STOPPED, real_now()
            row.messages.filter(state=Message.State.QUEUED).update(state=Message.State.FAILED, error="stopped")
        row.save(update_fields=["error", "failures", "state", "stopped_at"])


def forget_old() -> int:
    """Drop messages that were sent or given up a month ago; return how many."""
    old = Message.objects.filter(at__lt=real_now() - _KEPT).exclude(state=Message.State.QUEUED)
    return old.delete()[0]

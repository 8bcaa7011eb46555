"""Sending, apart from the log's followers, so that a slow mail server holds up nothing else. Jobs carry no payload."""

from __future__ import annotations

from django.db import connection
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from dengji.core.clock import real_now
from dengji.registration.services.clockwork import Round

from . import services
from .models import Delivery


@app.task(name="dengji.notify.send", queue="mail", queueing_lock="send")
def send() -> int:
    """Send what is due; what is left over or comes back waits for the next minute."""
    return services.send_due()


def send_in_tick(now: Round) -> int:
    """Send what is due as part of a tick, no more than a batch, so that a tick stays short."""
    return services.send_due(min(now.limit, 50))


def ask_to_send(now: Round) -> int:
    """Have the worker send at once what has just been queued; return 1 where a job was added."""
    if connection.in_atomic_block:
        return 0
    if not Delivery.objects.filter(state=Delivery.State.QUEUED, next_at__lte=real_now()).exists():
        return 0
    try:
        send.defer()
    except AlreadyEnqueued:
        return 0
    return 1

"""Making, apart from the log's followers, so that a slow renderer holds up nothing else. Jobs carry no payload."""

from __future__ import annotations

from django.db import close_old_connections, connection
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from dengji.registration.services.clockwork import Round

from . import making, rendering
from .models import Document


@app.task(name="dengji.documents.make", queue="documents", queueing_lock="documents")
def make() -> int:
    """Make what waits; what is left over waits for the next round."""
    close_old_connections()
    return making.make_due()


def make_in_tick(now: Round) -> int:
    """Make what waits as part of a tick, no more than a batch, so that a tick stays short."""
    return making.make_due(min(now.limit, 50))


def ask_to_make(now: Round) -> int:
    """Have the worker make at once what has just been drawn up; return 1 where a job was added."""
    if connection.in_atomic_block or rendering.missing() is not None:
        return 0
    waiting = Document.objects.filter(state=Document.State.MAKING, attempts__lt=making.MOST_ATTEMPTS)
    if not waiting.exclude(error="receipt_pending").exists():
        return 0
    try:
        make.defer()
    except AlreadyEnqueued:
        return 0
    return 1

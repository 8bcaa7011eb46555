"""From changes of items to messages: each follower is told once of the newest change of a record that it follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from dengji.core.clock import real_now
from dengji.core.node import identity
from dengji.ledger.models import Cursor, Entry
from dengji.registration.services.clockwork import Round

from .. import filters as conditions
from ..exports import iris
from ..exports.http import DEMONSTRATION
from ..models import Item
from ..query import Filters
from . import services
from .models import Follower, Message

CONSUMER = "followers"
_BATCH = 500


def tell(now: Round) -> int:
    """Queue messages for what the catalogue has taken in since the last time; return how many changes were read.

    Changes of one record that lie close together may be told as one: a message says how the record stands now.
    """
    read = 0
    while read < now.limit and (handed := _tell_batch()):
        read += handed
    return read


def _tell_batch() -> int:
    with transaction.atomic():
        Cursor.objects.get_or_create(consumer=CONSUMER)
        cursor = Cursor.objects.select_for_update().get(consumer=CONSUMER)
        items = list(Item.objects.filter(position__gte=cursor.next_index).order_by("position")[:_BATCH])
        if not items:
            return 0
        _queue(items)
        cursor.next_index = items[-1].position + 1
        cursor.save(update_fields=["next_index"])
    return len(items)


def _queue(items: Sequence[Item]) -> None:
    by_record: dict[UUID, list[Follower]] = {}
    active = Follower.objects.filter(state=Follower.State.ACTIVE)
    for one in active.filter(kind="record", object_id__in=[item.object_id for item in items]):
        by_record.setdefault(one.object_id or one.pk, []).append(one)
    told = {(follower.pk, item.position): item for item in items for follower in by_record.get(item.object_id, ())}
    here = Q(position__gte=items[0].position, position__lte=items[-1].position)
    known = {item.number: item for item in items}
    for one in active.filter(kind="search"):
        wanted = conditions.condition(Filters(**{name: tuple(values) for name, values in one.filters.items()}))
        for number in Item.objects.filter(here).filter(wanted).values_list("number", flat=True):
            if item := known.get(number):
                told[one.pk, item.position] = item
    acts = dict(Entry.objects.filter(leaf__index__in={p for _, p in told}).values_list("leaf__index", "act"))
    now = real_now()
    rows = [
        Message(follower_id=pk, position=position, payload=payload(item, acts.get(position, "")), next_at=now)
        for (pk, position), item in told.items()
    ]
    Message.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)


def payload(item: Item, act: str) -> dict[str, Any]:
    """Return what a message says: which record, what happened, where that is proven; no names, no texts."""
    page = iris.record(item.code)
    origin, demonstration = identity()
    return {
        "type": "registration.changed",
        "log": origin,
        "position": item.position,
        "act": act,
        "at": item.changed_at.isoformat(),
        "code": item.code,
        "state": item.state,
        "version": item.version,
        "links": {
            "page": page,
            "json": f"{page}.json",
            "jsonld": f"{page}.jsonld",
            "receipt": f"{iris.base()}/api/v1/entries/{item.position}/receipt",
        },
        **({"demonstration": DEMONSTRATION} if demonstration else {}),
    }


@app.task(name="dengji.catalogue.send", queue="hooks", queueing_lock="hooks")
def send() -> int:
    """Send what is due; what is left over or comes back waits for the next round."""
    services.forget_old()
    return services.send_due()


def ask_to_send(now: Round) -> int:
    """Have the worker send what is due; return 1 where a job was added."""
    if connection.in_atomic_block:
        return 0
    if not Message.objects.filter(state=Message.State.QUEUED, next_at__lte=real_now()).exists():
        return 0
    try:
        send.defer()
    except AlreadyEnqueued:
        return 0
    return 1

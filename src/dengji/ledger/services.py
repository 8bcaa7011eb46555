"""The one door through which entries and contents reach the log; always inside the transaction of the act."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from dengji.core import sql
from dengji.core.errors import N_, DomainError
from dengji.core.node import identity

from .entries import Sealed, content_body, entry_body, new_salt
from .models import Content, Cursor, Entry
from .sequencer import place_pending

__all__ = (
    "add_withholder",
    "consume",
    "content",
    "place_pending",
    "read",
    "record",
    "store_content",
    "suppress",
    "withheld",
)

#: Callables of higher floors: (object kind, object ids) → those whose content must not be shown at present.
_WITHHOLDERS: list[Callable[[str, Collection[UUID]], Collection[UUID]]] = []

_RECORD = """
WITH entry AS (
    INSERT INTO ledger_entry (act, object_kind, object_id, n, at, public, body)
    VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id)
INSERT INTO ledger_pending (entry_id) SELECT id FROM entry RETURNING entry_id
"""


def record(
    *,
    act: str,
    at: datetime,
    register: str,
    object_kind: str,
    object_id: UUID,
    n: int,
    public: Mapping[str, Any] | None = None,
    sealed: Sealed | None = None,
    to: str | None = None,
    ref: str | None = None,
) -> int:
    """Append one entry and mark it as waiting for its place; return its id.

    `n` is the object's own counter; a second entry with the same (object, n) is refused by the database.
    Raises ValueError for content that has no canonical form.
    """
    body = entry_body(
        log=identity()[0],
        act=act,
        at=at,
        register=register,
        object_kind=object_kind,
        object_id=object_id,
        n=n,
        public=public,
        sealed=sealed.commitment if sealed else None,
        to=to,
        ref=ref,
    )
    with sql.prepared() as cursor:
        cursor.execute(_RECORD, [act, object_kind, object_id, n, at, public is not None, body])
        (entry_id,) = cursor.fetchone()
    return int(entry_id)


def store_content(*, object_kind: str, object_id: UUID, fields: Mapping[str, Any]) -> str:
    """Store the names and texts that a public entry refers to; return their `sha256:` address."""
    body = content_body(new_salt(), fields)
    address = _address(body)
    sql.insert(Content(digest=address, object_kind=object_kind, object_id=object_id, body=body))
    return f"sha256:{address.hex()}"


def _address(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


def suppress(*, object_id: UUID, at: datetime, ground: str) -> list[str]:
    """Delete text and salt of every content object of this object; return the addresses that are now tombstones."""
    rows = Content.objects.select_for_update().filter(object_id=object_id, suppressed_at__isnull=True)
    addresses = [f"sha256:{bytes(row.digest).hex()}" for row in rows]
    rows.update(body=None, suppressed_at=at, ground=ground)
    return addresses


def add_withholder(withholder: Callable[[str, Collection[UUID]], Collection[UUID]]) -> None:
    """Let a higher floor say which objects' content must not be shown at present."""
    if withholder not in _WITHHOLDERS:
        _WITHHOLDERS.append(withholder)


def withheld(object_kind: str, object_ids: Collection[UUID]) -> set[UUID]:
    """Return those of these objects whose content must not be shown at present."""
    return {one for withholder in _WITHHOLDERS for one in withholder(object_kind, object_ids)}


def content(address: str) -> bytes:
    """Return a content object; raises DomainError not_found, or content_suppressed (410) with the ground.

    Content that a higher floor withholds, as of a suspended notice, looks as if it did not exist (Art. 4).
    """
    try:
        algorithm, _, digest = address.partition(":")
        key = bytes.fromhex(digest) if algorithm == "sha256" else b""
    except ValueError:
        key = b""
    row = Content.objects.filter(digest=key).first() if key else None
    if row is None or (row.body is not None and withheld(row.object_kind, [row.object_id])):
        raise DomainError("not_found", N_("找不到此内容"), status=404)
    if row.body is None:
        raise DomainError(
            "content_suppressed", N_("此内容已依法屏蔽，理由：{ground}"), status=410, params={"ground": row.ground}
        )
    return bytes(row.body)


def consume(consumer: str, handle: Callable[[Iterable[tuple[int, Entry]]], None], limit: int = 500) -> int:
    """Hand the next placed entries, in order, to a consumer and move its cursor in the same transaction.

    Returns how many were handed over; an exception in `handle` leaves the cursor where it was (design §3).
    """
    with transaction.atomic():
        Cursor.objects.get_or_create(consumer=consumer)
        cursor = Cursor.objects.select_for_update().get(consumer=consumer)
        entries = list(
            Entry.objects.filter(leaf__index__gte=cursor.next_index)
            .order_by("leaf__index")
            .select_related("leaf")[:limit]
        )
        if not entries:
            return 0
        handle((entry.leaf.index, entry) for entry in entries)
        cursor.next_index = entries[-1].leaf.index + 1
        cursor.save(update_fields=["next_index"])
    return len(entries)


def read(from_index: int, limit: int = 500) -> Iterator[tuple[int, Entry, bytes]]:
    """Yield (index, entry, its canonical bytes) of placed entries in order, from an index on, at most `limit`."""
    rows = Entry.objects.filter(leaf__index__gte=from_index).order_by("leaf__index").select_related("leaf")
    for entry in rows[:limit]:
        yield entry.leaf.index, entry, bytes(entry.body)

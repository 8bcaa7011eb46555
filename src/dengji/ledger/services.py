"""The one door through which entries and contents reach the log; always inside the transaction of the act."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from dengji.core import sql
from dengji.core.errors import N_, DomainError
from dengji.core.frame import lock_key
from dengji.core.node import identity

from .entries import Sealed, content_body, entry_body, leaf_hash, new_salt
from .models import Content, Cursor, Entry

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
    with connection.cursor() as cursor:
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


def content(address: str) -> bytes:
    """Return a content object; raises DomainError not_found, or content_suppressed (410) with the ground."""
    try:
        algorithm, _, digest = address.partition(":")
        key = bytes.fromhex(digest) if algorithm == "sha256" else b""
    except ValueError:
        key = b""
    row = Content.objects.filter(digest=key).first() if key else None
    if row is None:
        raise DomainError("not_found", N_("找不到此内容"), status=404)
    if row.body is None:
        raise DomainError(
            "content_suppressed", N_("此内容已依法屏蔽，理由：{ground}"), status=410, params={"ground": row.ground}
        )
    return bytes(row.body)


def place_pending(limit: int = 2000) -> int:
    """Give waiting entries their places, in order of entry id, gapless; return how many were placed.

    One sequencer at a time: a second caller finds the advisory lock taken and returns 0.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock_key("dengji", "sequencer")])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(
            "SELECT p.entry_id, e.body FROM ledger_pending p JOIN ledger_entry e ON e.id = p.entry_id "
            "ORDER BY p.entry_id LIMIT %s",
            [limit],
        )
        rows = cursor.fetchall()
        if not rows:
            return 0
        cursor.execute("SELECT coalesce(max(index) + 1, 0) FROM ledger_leaf")
        (first,) = cursor.fetchone()
        cursor.executemany(
            "INSERT INTO ledger_leaf (index, entry_id, hash) VALUES (%s, %s, %s)",
            [(first + i, entry_id, leaf_hash(bytes(body))) for i, (entry_id, body) in enumerate(rows)],
        )
        cursor.execute("DELETE FROM ledger_pending WHERE entry_id = ANY(%s)", [[row[0] for row in rows]])
    return len(rows)


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

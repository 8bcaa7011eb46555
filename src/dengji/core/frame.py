"""The frame around every act: one transaction, one remembered result, one receipt time (design §3)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
from django.db import transaction

from . import node, sql
from .clock import to_milliseconds
from .encryption import keyed_digest
from .errors import N_, DomainError, conflict

MAX_TRANSACTION_ID = 64

_LOCK = "SELECT pg_advisory_xact_lock(%s)"
#: Apart from the lock: it must see what the holder of the lock has committed.
_BEGIN = """
SELECT r.request_digest, r.result, clock_timestamp() + coalesce(node.legal_offset, interval '0'),
    node.origin, node.restored_from IS NOT NULL
FROM (SELECT 1) AS one LEFT JOIN core_rememberedresult r ON r.actor = %s AND r.transaction_id = %s
LEFT JOIN core_node node ON true
"""


def request_digest(act: str, request: dict[str, Any]) -> bytes:
    """Return the 32-byte digest by which a retry is told from another request under the same transaction id.

    Keyed: a request may hold little more than a telephone number, which a plain digest would let anybody try out.
    """
    return keyed_digest(act.encode() + b"\0" + orjson.dumps(request, default=str, option=orjson.OPT_SORT_KEYS))


def lock_key(*parts: str) -> int:
    """Return the signed 64-bit advisory-lock key of some words."""
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:8], "big", signed=True)


def lock_words(*parts: str) -> None:
    """Wait until no other transaction holds these words, and hold them until the end of this one."""
    with sql.prepared() as cursor:
        cursor.execute(_LOCK, [lock_key(*parts)])


def once(
    *, actor: str, transaction_id: str, act: str, request: dict[str, Any], work: Callable[[datetime], dict[str, Any]]
) -> dict[str, Any]:
    """Run `work(receipt time)` in one transaction, or return what the same request got before.

    Raises DomainError transaction_id_invalid, transaction_id_reused (409) for another request under the same id, and
    node_recovering (503) on a node that was restored and has not yet compared with others.
    """
    if not transaction_id or len(transaction_id) > MAX_TRANSACTION_ID or not transaction_id.isprintable():
        raise DomainError(
            "transaction_id_invalid",
            N_("事务号（Idempotency-Key）必填，且不超过64个字符"),
            "Idempotency-Key",
            status=400,
        )
    digest = request_digest(act, request)
    with transaction.atomic():
        with sql.prepared() as cursor:
            cursor.execute(_LOCK, [lock_key(actor, transaction_id)])
            cursor.execute(_BEGIN, [actor, transaction_id])
            known, result, instant, origin, restored = cursor.fetchone()
        if known is not None:
            if bytes(known) != digest:
                raise conflict(
                    "transaction_id_reused", N_("此事务号已用于另一请求：请换用新的事务号"), field="Idempotency-Key"
                )
            remembered: dict[str, Any] = orjson.loads(result) if isinstance(result, str) else result
            return remembered
        if restored:
            raise node.recovering()
        node.notice(origin)
        answer = work(to_milliseconds(instant))
        with sql.prepared() as cursor:
            cursor.execute(
                "INSERT INTO core_rememberedresult (actor, transaction_id, act, request_digest, result) "
                "VALUES (%s, %s, %s, %s, %s::jsonb)",
                [actor, transaction_id, act, digest, orjson.dumps(answer).decode()],
            )
        return answer

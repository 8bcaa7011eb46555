"""The access log: refused attempts and reads of restricted content, each in a transaction of its own (design §3)."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from dengji.core.clock import legal_now
from dengji.core.frame import lock_key
from dengji.core.ids import new_id
from dengji.ledger import services as ledger
from dengji.ledger.entries import Sealed, new_salt

from .models import AccessLog, AccessLogRoot, Register

ROOT_ACT = "access_log_root"
#: What a root's digest covers of a line, its number first.
COLUMNS = ("pk", "at", "actor", "act", "object_kind", "object_id", "outcome")
_WRITING = ("dengji", "access log line")
_TRIES, _PAUSE = 100, 0.05


def log_refusal(*, actor: str, act: str, outcome: str, object_id: UUID | None = None, object_kind: str = "") -> None:
    """Note an attempt that was refused; holds pointers and codes only, never names or search words."""
    _write(actor, act, outcome, object_id, object_kind, None)


def log_read(*, actor: str, what: str, object_id: UUID, object_kind: str, register_id: UUID | None = None) -> None:
    """Note that restricted content was read (R62): by whom, what, when."""
    _write(actor, f"read_{what}", "allowed", object_id, object_kind, register_id)


def log_work(*, actor: str, act: str, object_id: UUID, object_kind: str, register_id: UUID | None = None) -> None:
    """Note how a desk organised its work, as who took which case: no act of the procedure, so no decision says it."""
    _write(actor, act, "done", object_id, object_kind, register_id)


def _write(
    actor: str, act: str, outcome: str, object_id: UUID | None, object_kind: str, register_id: UUID | None
) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:  # before the line has its number: see `_settled`
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [lock_key(*_WRITING)])
        AccessLog.objects.create(
            actor=actor, act=act, outcome=outcome, object_id=object_id, object_kind=object_kind, register_id=register_id
        )


def digest_of(lines: Iterable[tuple[Any, ...]]) -> bytes:
    """Return the digest that a root states over lines, each the values of `COLUMNS`, in the order of their numbers."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update("\x1f".join(str(part) for part in line).encode() + b"\x1e")
    return digest.digest()


def sealed_root(root: AccessLogRoot) -> Sealed:
    """Return the statement behind a root's entry in the ledger, with its salt."""
    stated = {"first": root.first_id, "last": root.last_id, "digest": f"sha256:{bytes(root.digest).hex()}"}
    return Sealed(bytes(root.salt), stated)


def _settled() -> int | None:
    """Return the last number up to which no line can come any more, None where one was being written all the time.

    Numbers are given before lines are committed, so a line may appear below one that is already there. Every writer
    holds a shared lock from before its number until it is committed; for the moment in which nobody does, all are in.
    The lock is only tried: waiting for it would make all readers wait behind us.
    """
    key = lock_key(*_WRITING)
    for _ in range(_TRIES):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
            if cursor.fetchone()[0]:
                cursor.execute(
                    "SELECT (SELECT coalesce(max(id), 0) FROM parties_accesslog), pg_advisory_unlock(%s)", [key]
                )
                return int(cursor.fetchone()[0])
        time.sleep(_PAUSE)
    return None


def seal_access_log() -> AccessLogRoot | None:
    """Commit the access log since the last root to the ledger by one sealed entry.

    None where nothing was added, or where lines were being written all the time: the next call takes them all.
    """
    settled = _settled()
    if settled is None:
        return None
    with transaction.atomic():
        with connection.cursor() as cursor:  # the table is append-only: its rows cannot be locked
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_key("dengji", "access log root")])
        last = AccessLogRoot.objects.order_by("-last_id").first()
        lines = list(
            AccessLog.objects.filter(pk__gt=last.last_id if last else 0, pk__lte=settled)
            .order_by("pk")
            .values_list(*COLUMNS)
        )
        register = Register.objects.order_by("created_at").first()
        if not lines or register is None:
            return None
        root = AccessLogRoot(
            id=new_id(),
            first_id=lines[0][0],
            last_id=lines[-1][0],
            digest=digest_of(lines),
            salt=new_salt(),
            at=legal_now(),
        )
        root.save(force_insert=True)
        ledger.record(
            act=ROOT_ACT,
            at=root.at,
            register=str(register.pk),
            object_kind="access_log",
            object_id=root.pk,
            n=1,
            sealed=sealed_root(root),
        )
        return root

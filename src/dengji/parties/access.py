"""The access log: refused attempts and reads of restricted content, each in a transaction of its own (design §3)."""

from __future__ import annotations

import hashlib
from uuid import UUID

from django.db import connection, transaction

from dengji.core.clock import legal_now
from dengji.core.frame import lock_key
from dengji.core.ids import new_id
from dengji.ledger import services as ledger
from dengji.ledger.entries import Sealed, new_salt

from .models import AccessLog, AccessLogRoot, Register


def log_refusal(*, actor: str, act: str, outcome: str, object_id: UUID | None = None, object_kind: str = "") -> None:
    """Note an attempt that was refused; holds pointers and codes only, never names or search words."""
    _write(actor, act, outcome, object_id, object_kind, None)


def log_read(*, actor: str, what: str, object_id: UUID, object_kind: str, register_id: UUID | None = None) -> None:
    """Note that restricted content was read (R62): by whom, what, when."""
    _write(actor, f"read_{what}", "allowed", object_id, object_kind, register_id)


def _write(
    actor: str, act: str, outcome: str, object_id: UUID | None, object_kind: str, register_id: UUID | None
) -> None:
    with transaction.atomic():
        AccessLog.objects.create(
            actor=actor, act=act, outcome=outcome, object_id=object_id, object_kind=object_kind, register_id=register_id
        )


def seal_access_log() -> AccessLogRoot | None:
    """Commit the access log since the last root to the ledger by one sealed entry; None where nothing was added."""
    with transaction.atomic():
        with connection.cursor() as cursor:  # the table is append-only: its rows cannot be locked
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_key("dengji", "access log root")])
        last = AccessLogRoot.objects.order_by("-last_id").first()
        rows = list(
            AccessLog.objects.filter(pk__gt=last.last_id if last else 0)
            .order_by("pk")
            .values_list("pk", "at", "actor", "act", "object_kind", "object_id", "outcome")
        )
        register = Register.objects.order_by("created_at").first()
        if not rows or register is None:
            return None
        digest = hashlib.sha256()
        for row in rows:
            digest.update("\x1f".join(str(part) for part in row).encode() + b"\x1e")
        root = AccessLogRoot(
            id=new_id(),
            first_id=rows[0][0],
            last_id=rows[-1][0],
            digest=digest.digest(),
            salt=new_salt(),
            at=legal_now(),
        )
        root.save(force_insert=True)
        ledger.record(
            act="access_log_root",
            at=root.at,
            register=str(register.pk),
            object_kind="access_log",
            object_id=root.pk,
            n=1,
            sealed=Sealed(
                bytes(root.salt),
                {"first": root.first_id, "last": root.last_id, "digest": f"sha256:{digest.hexdigest()}"},
            ),
        )
        return root

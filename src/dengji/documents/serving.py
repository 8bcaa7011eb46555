"""Service (送达): what an officer enters of a call or a paper handed over, and since when a document is served."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from dengji.core.encryption import seal_json, unseal_json
from dengji.core.errors import N_, DomainError, conflict, not_found
from dengji.core.ids import new_id
from dengji.parties.access import log_read
from dengji.parties.actor import Actor
from dengji.registration import rules as rulebooks
from dengji.registration.services import Upload
from dengji.registration.services.engine import perform

from . import rules, selectors, storing
from .models import Document, ServiceEvent
from .sealing import checked_scan, keeping, locked, media_type

#: What an officer enters; the platform notes by itself what it delivers and who opens it.
BY_HAND = {
    "telephone": ("served", "failed"),
    "paper": ("sent", "delivered", "served", "failed"),
}


def serve(
    *,
    actor: Actor,
    transaction_id: str,
    document_id: UUID,
    channel: str,
    event: str,
    at: datetime | None = None,
    note: str = "",
    proof: Upload | None = None,
) -> dict[str, Any]:
    """Enter one step of serving a document by telephone or on paper; `at` is when it happened, now if left out.

    A paper signed for needs the scan of its receipt (送达回证), anything else the officer's words. Raises DomainError
    not_found, document_not_out (409), service_invalid, service_time, proof_required, note_required, file_size,
    file_type.
    """
    kept: list[str] = []

    def work(now: datetime) -> dict[str, Any]:
        document = locked(actor, document_id)
        when = _checked(document, channel, event, at or now, now, note, proof)
        row = ServiceEvent(id=new_id(), document=document, channel=channel, event=event, at=when, by=actor.key)
        if note.strip():
            row.note = seal_json({"note": note.strip()[:2000]}, context=row.pk.bytes)
        if proof is not None:
            checked_scan(proof, rulebooks.rules_of_register(document.register_id))
            row.proof_sha256 = hashlib.sha256(proof.data).hexdigest()
            row.storage_key = storing.store(row.pk, proof.data)
            kept.append(row.storage_key)
        row.save(force_insert=True)
        served = served_at(document)
        return {"id": str(document.pk), "event": str(row.pk), "served_at": served.isoformat() if served else ""}

    request = {
        "channel": channel,
        "event": event,
        "at": at.isoformat() if at else "",
        "note": note,
        "proof": hashlib.sha256(proof.data).hexdigest() if proof else "",
    }
    return keeping(
        kept,
        lambda: perform(
            "serve_document",
            actor=actor,
            transaction_id=transaction_id,
            target=document_id,
            request=request,
            work=work,
        ),
    )


def _checked(
    document: Document, channel: str, event: str, at: datetime, now: datetime, note: str, proof: Upload | None
) -> datetime:
    if document.state not in selectors.READY or document.recipient_kind == "public":
        raise conflict("document_not_out", N_("文书尚未制作完成、已作废或者面向社会公众，不能登记送达"))
    if event not in BY_HAND.get(channel, ()):
        raise DomainError("service_invalid", N_("此送达方式没有这种送达情况"), "event")
    if not document.at <= at <= now:
        raise DomainError("service_time", N_("送达时间应在文书作出之后，且不晚于现在"), "at")
    if (channel, event) == ("paper", "served") and proof is None:
        raise DomainError("proof_required", N_("书面送达已签收的，请上传送达回证扫描件"), "file")
    if proof is None and not note.strip():
        raise DomainError("note_required", N_("请写明接听人、签收人或者未送达的原因"), "note")
    return at


def served_at(document: Document) -> datetime | None:
    """Return since when a document counts as served by the rulebook, None while it does not."""
    by = rules.served_by(rulebooks.rules_of_register(document.register_id))
    times = [one.at for one in document.service_events.all() if (one.channel, one.event) in by]
    return min(times, default=None)


def events(document: Document) -> list[dict[str, Any]]:
    """Return the steps of serving a document, oldest first: [{id, channel, event, at, note, proof}]."""
    return [
        {
            "id": row.pk,
            "channel": row.channel,
            "event": row.event,
            "at": row.at,
            "note": unseal_json(row.note, context=row.pk.bytes)["note"] if row.note is not None else "",
            "proof": bool(row.storage_key),
        }
        for row in document.service_events.order_by("at", "pk")
    ]


def proof(*, actor: Actor, event_id: UUID) -> tuple[str, bytes]:
    """Return (media type, bytes) of a receipt of service (送达回证) to who handles the document; the reading is logged.

    Raises DomainError not_found, content_gone (410).
    """
    row = ServiceEvent.objects.filter(pk=event_id).first()
    if row is None:
        raise not_found()
    document = selectors.get(row.document_id, actor, "handle")
    if not row.storage_key:
        raise DomainError("content_gone", N_("此文件已依法删除或者没有上传"), status=410, article="4")
    log_read(actor=actor.key, what="proof", object_id=row.pk, object_kind="document", register_id=document.register_id)
    data = storing.load(row.pk, row.storage_key, row.proof_sha256)
    return media_type(data), data


def unserved(actor: Actor, rows: QuerySet[Document]) -> QuerySet[Document]:
    """Narrow documents to those of the actor's registers that are out and not yet served."""
    wanted = selectors.NOTHING
    for register in actor.registers():
        counts = selectors.NOTHING
        for channel, event in rules.served_by(rulebooks.rules_of_register(register)):
            counts |= Q(channel=channel, event=event)
        done = ServiceEvent.objects.filter(counts, document_id=OuterRef("pk"))
        wanted |= Q(~Exists(done), register_id=register)
    return rows.filter(wanted, state__in=selectors.READY).exclude(recipient_kind="public")

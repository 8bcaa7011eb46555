"""The one door for writes of documents: wording, hearing notices, making anew, opening, and the registrant's papers."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from dengji.core.clock import legal_now
from dengji.core.errors import N_, DomainError, conflict, forbidden, not_found
from dengji.core.frame import lock_words
from dengji.law.calendar import shanghai_date
from dengji.law.rulebook import Rulebook
from dengji.parties.access import log_read
from dengji.parties.actor import Actor
from dengji.parties.models import Register
from dengji.registration import rules as rulebooks
from dengji.registration.models import Decision, Registration
from dengji.registration.services.engine import lock, perform, refuse_own_file
from dengji.registration.services.results import known_ground

from . import gathering, making, selectors, storing
from . import word as words_files
from .composing import Told
from .drawing import case_of, compose, draw_up, redraw, rulebook_of, told_of
from .models import Document, Seal, ServiceEvent, Wording
from .rendering import render_visibly
from .table import KINDS
from .wordings import AGENCY, Words, checked, in_force

PDF, DOCX = "pdf", "docx"
_TYPES = {PDF: "application/pdf", DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document"}
#: A sealed document is a file of the kind its seal made of it: a scan may be a picture, an adapter may give OFD.
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "application/ofd": "ofd"}
_PREVIEW = "（预览）"


# Wording


def publish_wording(
    *, actor: Actor, transaction_id: str, register_id: UUID, kind: str, texts: Mapping[str, Any]
) -> dict[str, Any]:
    """Put an agency's own wording of a kind of document into force, as its next version (文书用语).

    `texts` is {zh: {…}, en: {…}} in the form of the shipped file; `kind` "agency" holds the word of its numbers and
    how it is reached. Raises DomainError forbidden, wording_invalid, not_found.
    """

    def work(at: datetime) -> dict[str, Any]:
        _supervisor(actor, register_id)
        plain = checked(kind, texts)
        lock_words("wording", str(register_id), kind)
        last = Wording.objects.filter(register_id=register_id, kind=kind).aggregate(last=Max("version"))["last"]
        row = Wording.objects.create(
            register_id=register_id, kind=kind, version=(last or 0) + 1, texts=plain, at=at, by=actor.key
        )
        return {"kind": kind, "version": row.version}

    return perform(
        "publish_wording",
        actor=actor,
        transaction_id=transaction_id,
        target=register_id,
        request={"kind": kind, "texts": json.dumps(texts, sort_keys=True, ensure_ascii=False)},
        work=work,
    )


def preview(*, actor: Actor, document_id: UUID, texts: Mapping[str, Any], form: str = PDF) -> bytes:
    """Return what a real document would look like in wording not yet published; nothing is stored.

    Raises DomainError forbidden, wording_invalid, not_found, content_gone where its words were suppressed.
    """
    document = selectors.get(document_id, actor, "handle")
    _supervisor(actor, document.register_id)
    words = Words(0, checked(document.kind, texts))
    log_read(
        actor=actor.key,
        what="document",
        object_id=document.pk,
        object_kind="document",
        register_id=document.register_id,
    )
    decision = Decision.objects.filter(pk=document.decision_id).first() if document.decision_id else None
    row = case_of(document.object_kind, document.object_id)
    told = told_of(decision, row) if decision is not None and row is not None else None
    if row is None or told is None:
        raise DomainError("content_gone", N_("此文书的内容已依法删除或者不能重新汇集，不能预览"), status=410)
    kind = KINDS[document.kind]
    document.number = _PREVIEW
    made = compose(document, kind, told, words, in_force(document.register_id, AGENCY), rulebook_of(row))
    return _as(form, "letter" if kind.layout == "sheet" else kind.layout, made)


def _supervisor(actor: Actor, register_id: UUID) -> None:
    if not Register.objects.filter(pk=register_id).exists():
        raise not_found()
    if register_id not in actor.registers("agency_supervisor"):
        raise forbidden(N_("只有登记机构负责人可以修改文书用语"))


def _as(form: str, layout: str, made: Mapping[str, Any]) -> bytes:
    return words_files.word_file(made) if form == DOCX else render_visibly(layout, made)[0]


# Documents


def prepare_hearing_notice(
    *, actor: Actor, transaction_id: str, registration_id: UUID, ground: str, reason: str, until: date
) -> dict[str, Any]:
    """Draw up the notice that the registrant may be heard before a revocation (陈述申辩, Art. 20, R32).

    `until` is the last day for the statement. Raises DomainError forbidden, ground_unknown, reason_required,
    until_invalid, registration_ended.
    """

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Registration, registration_id, actor)
        if row.register_id not in actor.registers("agency_supervisor"):
            raise forbidden(article="20")
        refuse_own_file(actor, row)
        if row.state != "VALID":
            raise conflict("registration_ended", N_("该登记已注销或撤销"))
        rulebook = rulebooks.rules_of_register(row.register_id)
        known_ground(rulebook, ("revocation.grounds",), ground)
        if not reason.strip():
            raise DomainError("reason_required", N_("请写明理由"), "reason", article="20")
        if until <= shanghai_date(at):
            raise DomainError("until_invalid", N_("陈述申辩的截止日期应在今天之后"), "until", article="20")
        told = _hearing(row, rulebook, ground, reason, until, at)
        document = draw_up(KINDS["hearing_notice"], row, at, told, index=None)
        document.save(force_insert=True)
        return {"id": str(document.pk), "number": document.number, "state": document.state}

    return perform(
        "prepare_hearing_notice",
        actor=actor,
        transaction_id=transaction_id,
        target=registration_id,
        request={"ground": ground, "reason": reason, "until": until},
        work=work,
    )


def _hearing(row: Registration, rulebook: Rulebook, ground: str, reason: str, until: date, at: datetime) -> Told:
    values = gathering.Values()
    gathering.of_register(values, row.register_id)
    try:
        gathering.registration(values, row)
    except gathering.Gone:
        raise DomainError("content_gone", N_("此登记的内容已依法屏蔽，不能制作文书"), status=410) from None
    gathering.ground_label(values, rulebook, ground)
    values.same(reason=reason)
    values.day("until", until)
    values.day("decision_date", at)
    return Told(values.zh, values.en, shanghai_date(at))


def make(*, actor: Actor, document_id: UUID) -> dict[str, Any]:
    """Make a waiting document now, whatever kept it before; return how it stands. Raises DomainError not_found."""
    document = selectors.get(document_id, actor, "handle")
    Document.objects.filter(pk=document.pk, state=Document.State.MAKING).update(attempts=0)
    making.make_one(document.pk)
    document.refresh_from_db()
    return {"id": str(document.pk), "state": document.state, "error": document.error}


def remake(*, actor: Actor, transaction_id: str, document_id: UUID) -> dict[str, Any]:
    """Compose a document anew in the wording in force, under its number, as long as nobody has it (重新制作).

    Raises DomainError document_out (409) once it was sealed or served, document_on_request for one made on request.
    """

    def work(at: datetime) -> dict[str, Any]:
        selectors.get(document_id, actor, "handle")
        row = Document.objects.select_for_update(of=("self",), no_key=True).get(pk=document_id)
        if row.state not in (Document.State.MAKING, Document.State.MADE) or row.service_events.exists():
            raise conflict("document_out", N_("文书已用印、已送达或者已作废，不能重新制作"))
        if row.decision_id is None:
            raise conflict("document_on_request", N_("此文书按当时填写的内容制作，请另行制作新的文书"))
        if KINDS[row.kind].layout != "letter":
            raise conflict("document_from_receipt", N_("此文书由登记回执直接生成，内容不会变化，无须重新制作"))
        if not redraw(row):
            raise DomainError("content_gone", N_("此文书的内容已依法删除或者不能重新汇集，不能预览"), status=410)
        row.state, row.attempts, row.error = Document.State.MAKING, 0, ""
        row.save()
        return {"id": str(row.pk), "state": row.state, "wording_version": row.wording_version}

    return perform(
        "remake_document", actor=actor, transaction_id=transaction_id, target=document_id, request={}, work=work
    )


def read(*, actor: Actor, document_id: UUID, form: str = PDF, key: str = "") -> tuple[str, str, bytes]:
    """Return (file name, content type, bytes) of a document: as last sealed, else as made; or its words as .docx.

    Reading what is not public is logged; that its recipient opened it is noted once as served in the system.
    Raises DomainError not_found, document_pending (409) while it is being made, content_gone (410).
    """
    document = selectors.get_by_key(document_id, key) if key else selectors.get(document_id, actor)
    if document.state == Document.State.VOID:
        raise DomainError("content_gone", N_("此文书已依法删除"), status=410, article="4")
    if form == DOCX:
        selectors.get(document_id, actor, "handle")
        if KINDS[document.kind].layout != "letter":
            raise not_found()
    elif document.state == Document.State.MAKING:
        raise conflict("document_pending", N_("文书制作中，请稍后再取"))
    if document.recipient_kind != "public":
        log_read(
            actor=actor.key,
            what="document",
            object_id=document.pk,
            object_kind="document",
            register_id=document.register_id,
        )
        if form == PDF:
            _opened(document, actor, by_key=bool(key))
    name = f"{document.kind}-{document.pk}"
    if form == DOCX:
        return f"{name}.{DOCX}", _TYPES[DOCX], words_files.word_file(making.inputs_of(document))
    content_type, data = bytes_of(document)
    return f"{name}.{_ENDINGS.get(content_type, PDF)}", content_type, data


def bytes_of(document: Document) -> tuple[str, bytes]:
    """Return (content type, plain bytes) of a document: of its last seal, else as it was made."""
    seal = document.seals.filter(suppressed_at=None).exclude(storage_key="").order_by("-pk").first()
    if seal is not None:
        return seal.content_type, storing.load(seal.pk, seal.storage_key, seal.sha256)
    return _TYPES[PDF], storing.load(document.pk, document.storage_key, document.sha256)


def _opened(document: Document, actor: Actor, *, by_key: bool) -> None:
    mine = by_key or Document.objects.filter(selectors.addressed_to(actor), pk=document.pk).exists()
    if not mine:
        return
    with transaction.atomic():
        lock_words("opened", str(document.pk))
        seen = document.service_events.filter(channel=ServiceEvent.Channel.IN_SYSTEM, event=ServiceEvent.Event.OPENED)
        if not seen.exists():
            ServiceEvent.objects.create(
                document=document,
                channel=ServiceEvent.Channel.IN_SYSTEM,
                event=ServiceEvent.Event.OPENED,
                at=legal_now(),
                by=actor.key,
            )


@transaction.atomic
def void(document: Document, at: datetime) -> None:
    """Remove the words and bytes of a document and of what was done with it; its row and number stay (Art. 4)."""
    document = Document.objects.select_for_update(of=("self",), no_key=True).get(pk=document.pk)  # none is sealed now
    keys = [document.storage_key]
    done: list[Seal | ServiceEvent] = [*document.seals.filter(suppressed_at=None)]
    done += document.service_events.filter(suppressed_at=None)
    for row in done:
        keys.append(row.storage_key)
        row.storage_key, row.note, row.suppressed_at = "", None, at
        row.save(update_fields=["storage_key", "note", "suppressed_at"])
    document.state, document.inputs, document.storage_key, document.suppressed_at = Document.State.VOID, None, "", at
    document.save(update_fields=["state", "inputs", "storage_key", "suppressed_at"])
    for key in filter(None, keys):
        transaction.on_commit(partial(storing.remove, key), robust=True)


def void_all(object_ids: Collection[UUID], at: datetime) -> None:
    """Void every document about these objects, as a suppression demands; void ones stay as they are."""
    for document in Document.objects.filter(object_id__in=object_ids).exclude(state=Document.State.VOID):
        void(document, at)


__all__ = [
    "bytes_of",
    "make",
    "prepare_hearing_notice",
    "preview",
    "publish_wording",
    "read",
    "remake",
    "void",
    "void_all",
]

"""Requests about one's own personal data, apart from the register's procedure (个人信息保护法 Arts. 44–50).

Opened by anyone with their real name, answered by the agency's supervisor within a term of the rulebook. What was said
is encrypted from the first moment; each reading of it by the agency is logged.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from dengji.core.encryption import follow_key, seal_json, unseal_json
from dengji.core.errors import N_, DomainError, conflict, not_found
from dengji.core.ids import new_id
from dengji.law.calendar import shanghai_date
from dengji.parties.access import log_read
from dengji.parties.actor import Actor
from dengji.parties.models import Register
from dengji.registration import rules
from dengji.registration.queries.paging import Page, page
from dengji.registration.queries.voices import matches
from dengji.registration.services.engine import perform

from .models import PrivacyRequest

KINDS = {
    "access": N_("查阅、复制"),
    "correct": N_("更正、补充"),
    "delete": N_("删除"),
    "withdraw": N_("撤回同意"),
    "explain": N_("说明处理规则"),
}
OUTCOMES = {"granted": N_("已按请求办理"), "partly": N_("部分办理"), "refused": N_("不予办理")}
_HANDLER = "agency_supervisor"
_WHO = ("name", "document_type", "document_number", "phone", "email")
_REQUIRED = ("name", "document_type", "document_number")
_IDENTITY = N_("请填写姓名、证件类型和证件号码，以便核实是您本人")
_LONGEST = 4000
_LISTED = ("id", "number", "register_id", "kind", "state", "received_at", "deadline_day", "deadline_ends", "outcome")


def open_request(
    *, actor: Actor, transaction_id: str, register_id: UUID, kind: str, who: Mapping[str, str], text: str
) -> dict[str, Any]:
    """File a request about one's own personal data (个人信息权利请求); a receipt number and a key, shown once.

    `who` holds name, document type and number, and telephone or e-mail. Raises DomainError not_found, privacy_kind,
    identity_required, contact_required, text_required.
    """
    real = {name: str(who.get(name, "")).strip()[:200] for name in _WHO}

    def work(at: datetime) -> dict[str, Any]:
        if not Register.objects.filter(pk=register_id).exists():
            raise not_found()
        rulebook = rules.rules_of_register(register_id)
        _check(kind, real, text, rulebook.get("objection.identity_types"))
        due = rules.calendar().add(shanghai_date(at), int(rulebook.get("limits.privacy_request_wd")))
        row = PrivacyRequest(
            id=new_id(),
            register_id=register_id,
            number=f"GR{shanghai_date(at):%Y%m%d}{secrets.randbelow(10**8):08d}",
            kind=kind,
            received_at=at,
            deadline_day=due.last_day,
            deadline_ends=due.ends,
            deadline_provisional=due.provisional,
        )
        row.said = seal_json({"who": {k: v for k, v in real.items() if v}, "text": text}, context=row.pk.bytes)
        row.save(force_insert=True)
        return {"id": str(row.pk), "number": row.number, "deadline_day": due.last_day}

    result = perform(
        "open_privacy_request",
        actor=actor,
        transaction_id=transaction_id,
        target=register_id,
        request={"kind": kind, "who": real, "text": text},
        work=work,
    )
    return {**result, "key": follow_key(UUID(result["id"]))}


def _check(kind: str, real: Mapping[str, str], text: str, documents: list[str]) -> None:
    if kind not in KINDS:
        raise DomainError("privacy_kind", N_("没有这种请求"), "kind")
    for name in _REQUIRED:
        if not real[name]:
            raise DomainError("identity_required", _IDENTITY, name)
    if real["document_type"] not in documents:
        raise DomainError("document_type", N_("不接受此类身份证件"), "document_type")
    if not real["phone"] and not real["email"]:
        raise DomainError("contact_required", N_("请至少留下一种联系方式"), "phone")
    if not text.strip() or len(text) > _LONGEST:
        raise DomainError("text_required", N_("请写明您的请求，不超过4000个字符"), "text")


def answer_request(*, actor: Actor, transaction_id: str, request_id: UUID, outcome: str, words: str) -> dict[str, Any]:
    """Answer a request (答复个人信息权利请求), once and with words; raises DomainError not_found, wrong_state …."""

    def work(at: datetime) -> dict[str, Any]:
        row = PrivacyRequest.objects.filter(scope(actor), pk=request_id).select_for_update().first()
        if row is None:
            raise not_found()
        if row.state != PrivacyRequest.State.OPEN:
            raise conflict("wrong_state", N_("此请求已经答复"))
        if outcome not in OUTCOMES:
            raise DomainError("privacy_outcome", N_("请选择办理结果"), "outcome")
        if not words.strip() or len(words) > _LONGEST:
            raise DomainError("reason_required", N_("请写明答复内容和理由，不超过4000个字符"), "words")
        row.answer = seal_json({"words": words}, context=row.pk.bytes)
        row.outcome, row.state = outcome, PrivacyRequest.State.ANSWERED
        row.answered_at, row.answered_by_id = at, actor.person_id
        row.save()
        return {"id": str(row.pk), "state": row.state}

    return perform(
        "answer_privacy_request",
        actor=actor,
        transaction_id=transaction_id,
        target=request_id,
        request={"outcome": outcome, "words": hashlib.sha256(words.encode()).hexdigest()},
        work=work,
    )


def scope(actor: Actor) -> Q:
    """Return which requests an actor may see: those to the registers they supervise for the agency."""
    return Q(register_id__in=actor.registers(_HANDLER))


def requests(actor: Actor, *, state: str = "", after: UUID | None = None, limit: int = 50) -> Page:
    """Return the requests within the actor's scope, newest first, without a word of what was said: {items, next}."""
    rows = PrivacyRequest.objects.filter(scope(actor))
    return page(rows.filter(state=state) if state else rows, _LISTED, after=after, limit=limit)


def request_detail(actor: Actor, request_id: UUID) -> dict[str, Any]:
    """Return one request with who asks what; the reading is logged. Raises DomainError not_found."""
    row = PrivacyRequest.objects.filter(scope(actor), pk=request_id).first()
    if row is None:
        raise not_found()
    log_read(
        actor=actor.key,
        what="privacy_request",
        object_id=row.pk,
        object_kind="privacy_request",
        register_id=row.register_id,
    )
    return _detail(row)


def request_by_key(request_id: UUID, key: str) -> dict[str, Any]:
    """Return one's own request by the key given when it was filed; raises DomainError not_found for any other key."""
    row = PrivacyRequest.objects.filter(pk=request_id).first()
    if row is None or not matches(row.pk, key):
        raise not_found()
    return _detail(row)


def _detail(row: PrivacyRequest) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in (*_LISTED, "deadline_provisional", "answered_at")},
        **({"who": {}, "text": ""} | unseal_json(row.said, context=row.pk.bytes)),
        "answer": unseal_json(row.answer, context=row.pk.bytes).get("words", ""),
    }

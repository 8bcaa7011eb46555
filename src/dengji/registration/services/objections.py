"""Objections: an object of their own, lodged by a real person or unit while the notice runs (Art. 12, design §4)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from dengji.core.encryption import blind_index, follow_key, seal_json
from dengji.core.errors import N_, DomainError, not_found
from dengji.core.ids import new_id
from dengji.law.calendar import shanghai_date
from dengji.law.codes import CodeError, validate_credit_code
from dengji.law.rulebook import Rulebook
from dengji.parties.actor import Actor

from .. import rules, selectors
from ..models import Application, Notice, Objection
from .engine import Deed, answer, apply, lock, perform, refuse_own_file
from .materials import Upload, describe, store, unstoring
from .notices import terminate_within

_PERSON = ("name", "document_type", "document_number")
_UNIT = ("name", "credit_code", "agent")


def lodge(
    *,
    actor: Actor,
    transaction_id: str,
    notice_id: UUID,
    objector_kind: str,
    identity: Mapping[str, str],
    relation: str,
    grounds: str,
    evidence: Sequence[Upload],
    received_on: date | None = None,
    letter: Upload | None = None,
) -> dict[str, Any]:
    """Lodge an objection with real name, relation, grounds and evidence (提出异议, Art. 12, R16).

    A person gives name, document type and number; a unit its name, credit code, agent and the agent's `letter`. Staff
    may enter with `received_on` one that arrived in time, until a code is requested. The answer holds the key by which
    somebody without an account follows or retracts it; it is shown once. Raises DomainError identity_required,
    evidence_required, relation_required, objection_open.
    """

    def work(at: datetime) -> dict[str, Any]:
        notice = Notice.objects.filter(pk=notice_id).first()
        if notice is None:
            raise not_found()
        application = Application.objects.select_for_update(of=("self",), no_key=True).get(pk=notice.application_id)
        rulebook = rules.rules_of(application)
        real = _identity(objector_kind, identity, rulebook)
        if not grounds.strip():
            raise DomainError("grounds_required", N_("请写明异议理由"), "grounds", article="12")
        if rulebook.get("objection.relation_required") and not relation.strip():
            raise DomainError("relation_required", N_("请说明您与该登记事项的关系"), "relation", article="12")
        if rulebook.get("objection.evidence_required") and not evidence:
            raise DomainError("evidence_required", N_("请附必要的证据材料"), "evidence", article="12")
        files = [*evidence, letter] if letter is not None else list(evidence)
        by_staff = application.register_id in actor.registers("objection_officer")
        if by_staff:
            refuse_own_file(actor, application)
        row = Objection(
            id=new_id(),
            register_id=application.register_id,
            application=application,
            notice=notice,
            person_id=None if by_staff else actor.person_id,
            objector_kind=objector_kind,
            relation="",
            lodged_at=at,
            received_on=received_on,
        )
        row.identity = seal_json(real, context=row.pk.bytes)
        row.identity_index = blind_index(real.get("document_number") or real.get("credit_code", ""))
        row.grounds = seal_json({"grounds": grounds, "relation": relation}, context=row.pk.bytes)
        decision = apply(
            "lodge",
            row,
            actor=actor,
            at=at,
            rulebook=rulebook,
            role="objection_officer" if by_staff else "objector",
            deed=Deed(
                facts={"objection_open": _open(application, notice, at, received_on, by_staff)},
                data={"notice": notice.pk, "received_on": received_on, "evidence": [describe(e) for e in files]},
            ),
        )
        for upload in evidence:
            store(
                upload, kind="objection_evidence", owner_kind="objection", owner_id=row.pk, actor=actor, rules=rulebook
            )
        if letter is not None:
            store(letter, kind="agency_letter", owner_kind="objection", owner_id=row.pk, actor=actor, rules=rulebook)
        return answer(row, decision)

    with unstoring():
        result = perform(
            "lodge",
            actor=actor,
            transaction_id=transaction_id,
            target=notice_id,
            request={
                "kind": objector_kind,
                "identity": dict(identity),
                "relation": relation,
                "grounds": grounds,
                "evidence": [hashlib.sha256(e.data).hexdigest() for e in evidence],
                "received_on": received_on,
                **({"letter": hashlib.sha256(letter.data).hexdigest()} if letter is not None else {}),
            },
            work=work,
        )
    return {**result, "key": follow_key(UUID(result["id"]))}


def _identity(kind: str, identity: Mapping[str, str], rulebook: Rulebook) -> dict[str, str]:
    wanted = {"person": _PERSON, "unit": _UNIT}.get(kind)
    if wanted is None:
        raise DomainError("objector_kind", N_("异议人应为自然人或单位"), "objector_kind", article="12")
    real = {name: str(identity.get(name, "")).strip() for name in (*wanted, "phone", "email")}
    for name in wanted:
        if not real[name]:
            raise DomainError(
                "identity_required", N_("异议须实名：请填写{field}"), name, article="12", params={"field": name}
            )
    if kind == "unit":
        try:
            real["credit_code"] = validate_credit_code(real["credit_code"])
        except CodeError as error:
            raise DomainError("credit_code", N_("统一社会信用代码不正确"), "credit_code", article="12") from error
    elif real["document_type"] not in rulebook.get("objection.identity_types"):
        raise DomainError("document_type", N_("不接受此类身份证件"), "document_type", article="12")
    return {k: v for k, v in real.items() if v}


def _open(row: Application, notice: Notice, at: datetime, received_on: date | None, by_staff: bool) -> bool:
    if by_staff and received_on is not None:
        in_time = notice.first_day <= received_on <= min(notice.last_day, shanghai_date(at))
        return in_time and row.state in ("NOTICE", "CODING") and not row.code_way
    return received_on is None and row.state == "NOTICE" and notice.state == "RUNNING" and at < notice.ends


def retract(*, actor: Actor, transaction_id: str, objection_id: UUID, key: str = "") -> dict[str, Any]:
    """Take an objection back, as the signed-in objector or with the key given at lodging (撤回异议)."""

    def work(at: datetime) -> dict[str, Any]:
        row = _own(objection_id, actor, key)
        rulebook = rules.rules_of(row.application)
        decision = apply("retract", row, actor=actor, at=at, rulebook=rulebook, role="objector")
        return answer(row, decision)

    return perform(
        "retract",
        actor=actor,
        transaction_id=transaction_id,
        target=objection_id,
        request={"key": hashlib.sha256(key.encode()).hexdigest()},
        work=work,
    )


def _own(objection_id: UUID, actor: Actor, key: str) -> Objection:
    row = Objection.objects.select_for_update(of=("self",)).filter(pk=objection_id).first()
    given = key.encode("utf-8", "replace")  # as text, a key beyond ASCII could not be compared
    by_key = row is not None and secrets.compare_digest(follow_key(row.pk).encode(), given)
    by_account = row is not None and row.person_id is not None and row.person_id == actor.person_id
    if row is None or not (by_key or by_account):
        raise not_found()
    return row


def _decide(
    act: str,
    *,
    actor: Actor,
    transaction_id: str,
    objection_id: UUID,
    reason: str = "",
) -> dict[str, Any]:
    def work(at: datetime) -> dict[str, Any]:
        # The application first, as everywhere: so that two upheld objections cannot end it twice, nor wait in a circle.
        application_id = selectors.get(Objection, objection_id, actor, "act").application_id
        application = Application.objects.select_for_update(of=("self",), no_key=True).get(pk=application_id)
        row = lock(Objection, objection_id, actor)
        rulebook = rules.rules_of(application)
        refuse_own_file(actor, application)
        separate = act in ("uphold", "dismiss") and rulebook.get("objection.decider_differs_from_reviewer")
        if separate and application.reviewer_id == actor.person_id:
            raise DomainError("decider_differs", N_("异议复核人不得是原审核人"), status=409, article="12")
        decision = apply(
            act, row, actor=actor, at=at, rulebook=rulebook, deed=Deed(detail={"reason": reason} if reason else {})
        )
        result = answer(row, decision)
        if act == "uphold":
            terminate_within(application, actor=actor, at=at, reason=reason)
            result["application_state"] = application.state
        return result

    return perform(
        act, actor=actor, transaction_id=transaction_id, target=objection_id, request={"reason": reason}, work=work
    )


def verify(*, actor: Actor, transaction_id: str, objection_id: UUID) -> dict[str, Any]:
    """Confirm that the objector is real (核实异议人身份, Art. 12)."""
    return _decide("verify", actor=actor, transaction_id=transaction_id, objection_id=objection_id)


def find_inadmissible(*, actor: Actor, transaction_id: str, objection_id: UUID, reason: str) -> dict[str, Any]:
    """Refuse an objection that is not real, not in time or without evidence, reasoned (异议不予受理)."""
    return _decide(
        "find_inadmissible", actor=actor, transaction_id=transaction_id, objection_id=objection_id, reason=reason
    )


def uphold(*, actor: Actor, transaction_id: str, objection_id: UUID, reason: str) -> dict[str, Any]:
    """Uphold an objection: the registration ends, other open objections are moot (异议成立, Art. 12, R17)."""
    return _decide("uphold", actor=actor, transaction_id=transaction_id, objection_id=objection_id, reason=reason)


def dismiss(*, actor: Actor, transaction_id: str, objection_id: UUID, reason: str) -> dict[str, Any]:
    """Dismiss an objection with reasons (异议不成立, Art. 12, R18)."""
    return _decide("dismiss", actor=actor, transaction_id=transaction_id, objection_id=objection_id, reason=reason)


def visible_to(actor: Actor, objection: Objection) -> str:
    """Return how much of an objection the actor sees: `full` for handling officers and the objector, else `masked`."""
    roles = selectors.fit_roles(actor, objection)
    return "full" if roles & {"objection_officer", "agency_supervisor", "objector"} else "masked"

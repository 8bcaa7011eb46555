"""The agency's desk: accept, ask for a supplement, decline, review, explain an overrun (Arts. 10, 11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from dengji.core.errors import N_, DomainError
from dengji.law.record import FIELDS
from dengji.parties.actor import Actor

from .. import inspection, rules
from ..models import Application, Decision
from .engine import Deed, answer, apply, lock, perform


def _simple(
    act: str,
    *,
    actor: Actor,
    transaction_id: str,
    application_id: UUID,
    request: Mapping[str, Any],
    deed: Callable[[Application, datetime], Deed],
    after: Callable[[Application, Decision], None] | None = None,
) -> dict[str, Any]:
    """One act on one application that needs nothing but its deed."""

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Application, application_id, actor)
        decision = apply(act, row, actor=actor, at=at, rulebook=rules.rules_of(row), deed=deed(row, at))
        if after:
            after(row, decision)
        return answer(row, decision)

    return perform(act, actor=actor, transaction_id=transaction_id, target=application_id, request=request, work=work)


def accept(*, actor: Actor, transaction_id: str, application_id: UUID) -> dict[str, Any]:
    """Accept an application (受理, Art. 10); the review period begins."""
    return _simple(
        "accept",
        actor=actor,
        transaction_id=transaction_id,
        application_id=application_id,
        request={},
        deed=lambda row, at: Deed(),
    )


def request_supplement(
    *, actor: Actor, transaction_id: str, application_id: UUID, items: Sequence[Mapping[str, str]], reason: str = ""
) -> dict[str, Any]:
    """Return the materials once and completely (一次性告知补正, Art. 10, R10).

    `items` is [{field, text}], each tied to a field or a material kind. In a later round the answer lists under
    `previously_visible` the fields that stood there unchanged in the round before: it should have been said then.
    Raises DomainError items_required, rounds.
    """

    def deed(row: Application, at: datetime) -> Deed:
        if not items or any(not str(i.get("text", "")).strip() or not str(i.get("field", "")).strip() for i in items):
            raise DomainError(
                "items_required", N_("请一次列全需要补正的事项，每项对应一个字段或材料"), "items", article="10"
            )
        most = rules.rules_of(row).get("procedure.max_supplement_rounds")
        return Deed(
            facts={"rounds": most is None or row.rounds < int(most)},
            data={"fields": [str(i["field"]) for i in items], "previously_visible": late_items(row, items)},
            detail={"items": [{"field": str(i["field"]), "text": str(i["text"])} for i in items], "reason": reason},
        )

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Application, application_id, actor)
        made = deed(row, at)
        decision = apply("request_supplement", row, actor=actor, at=at, rulebook=rules.rules_of(row), deed=made)
        return answer(row, decision, previously_visible=made.data["previously_visible"])

    return perform(
        "request_supplement",
        actor=actor,
        transaction_id=transaction_id,
        target=application_id,
        request={"items": [dict(i) for i in items], "reason": reason},
        work=work,
    )


def late_items(row: Application, items: Sequence[Mapping[str, str]]) -> list[str]:
    """Fields newly objected to although the last round saw them with the same value (R10)."""
    if row.rounds == 0 or row.version < 2:
        return []
    before, now = (row.versions.get(number=n).fields for n in (row.version - 1, row.version))
    raised = {
        name
        for decision in Decision.objects.filter(object_id=row.pk, act="request_supplement")
        for name in decision.data.get("fields", [])
    }
    return sorted(
        {str(i["field"]) for i in items if i["field"] in FIELDS and i["field"] not in raised}
        - {name for name in FIELDS if before.get(name) != now.get(name)}
    )


def decline(*, actor: Actor, transaction_id: str, application_id: UUID, reason: str) -> dict[str, Any]:
    """Decline to accept, with reasons (不予受理, Art. 10, R12)."""
    return _simple(
        "decline",
        actor=actor,
        transaction_id=transaction_id,
        application_id=application_id,
        request={"reason": reason},
        deed=lambda row, at: Deed(detail={"reason": reason}),
        after=lambda row, decision: inspection.forget_name(row.pk),
    )


def begin_review(*, actor: Actor, transaction_id: str, application_id: UUID) -> dict[str, Any]:
    """Begin the formal review (开始形式审核, Art. 11)."""

    def deed(row: Application, at: datetime) -> Deed:
        separate = rules.rules_of(row).get("procedure.acceptor_differs_from_reviewer")
        return Deed(facts={"acceptor_differs": not separate or row.acceptor_id != actor.person_id})

    return _simple(
        "begin_review",
        actor=actor,
        transaction_id=transaction_id,
        application_id=application_id,
        request={},
        deed=deed,
    )


def _overdue_facts(row: Application, at: datetime) -> dict[str, bool]:
    overdue = row.deadline_ends is not None and at >= row.deadline_ends
    return {"overdue": overdue, "not_overdue": not overdue, "overdue_explained": row.overdue_explained}


def _rectification_basis(row: Application) -> bool:
    if row.kind != "rectification":
        return True
    wanted = set(rules.rules_of(row).get("materials.any_of.rectification"))
    return bool(wanted & inspection.material_kinds(row.pk))


def pass_review(*, actor: Actor, transaction_id: str, application_id: UUID, opinion: str = "") -> dict[str, Any]:
    """Pass the formal review (审核通过, Art. 11); a rectification needs consent or evidence (Art. 9(3), R29)."""
    return _simple(
        "pass_review",
        actor=actor,
        transaction_id=transaction_id,
        application_id=application_id,
        request={"opinion": opinion},
        deed=lambda row, at: Deed(
            facts={**_overdue_facts(row, at), "rectification_basis": _rectification_basis(row)},
            detail={"opinion": opinion} if opinion else {},
        ),
    )


def reject(*, actor: Actor, transaction_id: str, application_id: UUID, reason: str) -> dict[str, Any]:
    """Reject after formal review, with reasons (审核不通过, Art. 11)."""
    return _simple(
        "reject",
        actor=actor,
        transaction_id=transaction_id,
        application_id=application_id,
        request={"reason": reason},
        deed=lambda row, at: Deed(facts=_overdue_facts(row, at), detail={"reason": reason}),
        after=lambda row, decision: inspection.forget_name(row.pk),
    )


def explain_overdue(*, actor: Actor, transaction_id: str, application_id: UUID, reason: str) -> dict[str, Any]:
    """Tell the registrant why the review is not finished in time (逾期说明, Art. 11, R14)."""
    return _simple(
        "explain_overdue",
        actor=actor,
        transaction_id=transaction_id,
        application_id=application_id,
        request={"reason": reason},
        deed=lambda row, at: Deed(facts=_overdue_facts(row, at), detail={"reason": reason}),
    )

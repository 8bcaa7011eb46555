"""The public notice: open, suspend, resume, close by the clock, terminate (Art. 12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from dengji.core import sql
from dengji.core.canonical import plain_dict
from dengji.core.errors import N_, DomainError
from dengji.core.ids import new_id
from dengji.law.calendar import shanghai_date
from dengji.law.codes import local_number
from dengji.law.procedure import OPEN_OBJECTION
from dengji.law.rulebook import Rulebook
from dengji.law.visibility import visible
from dengji.ledger import services as ledger
from dengji.parties.actor import Actor

from .. import inspection, rules
from ..models import Application, Decision, Notice, Objection, RegistrationVersion
from .engine import Deed, answer, apply, lock, perform

_OPEN = "SELECT EXISTS (SELECT FROM registration_objection WHERE application_id = %s AND state = ANY (%s))"
_END = "UPDATE registration_notice SET state = %s, ended_at = %s WHERE application_id = %s AND ended_at IS NULL"


def notice_wanted(row: Application, rulebook: Rulebook, content: Mapping[str, Any]) -> bool:
    """Tell whether this kind of application is published: first always, others as the rulebook says (R28)."""
    when = rulebook.get(f"notice.{row.kind}")
    if isinstance(when, bool):
        return when
    if when != "data" or row.registration is None:
        return bool(when == "always")
    return bool(changed_fields(row, content) - set(rulebook.get("notice.contact_fields")))


def changed_fields(row: Application, content: Mapping[str, Any]) -> set[str]:
    """Return the fields in which an application differs from the registration it is about (R28)."""
    if row.registration is None:
        return set(content)
    before = RegistrationVersion.objects.get(registration=row.registration, number=row.registration.version).fields
    return {name for name in {*before, *content} if before.get(name) != content.get(name)}


def _require_ground(rulebook: Rulebook, key: str, ground: str) -> None:
    if ground not in {row["code"] for row in rulebook.get(key)}:
        raise DomainError("ground_unknown", N_("请选择规定的理由"), "ground")


def no_open_objection(row: Application) -> bool:
    """Tell whether every objection to an application has been settled."""
    with sql.prepared() as cursor:
        cursor.execute(_OPEN, [row.pk, sorted(OPEN_OBJECTION)])
        (found,) = cursor.fetchone()
    return not found


def open_notice(
    *, actor: Actor, transaction_id: str, application_id: UUID, cleared: Sequence[Mapping[str, str]] = ()
) -> dict[str, Any]:
    """Start the public notice with the content frozen (开始公示, Art. 12, R15, R50, R53).

    `cleared` is [{code, field, reason}]: the hits of the personal and sensitive scan that the officer has looked at.
    Raises DomainError hits_cleared naming what is still open, notice_required, opener_differs, secrecy_review.
    """

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Application, application_id, actor)
        rulebook = rules.rules_of(row)
        content, _ = inspection.current_content(row)
        hits = {(f.code, f.field) for f in inspection.inspect(row, content, at=at) if f.clearable}
        done = {(c.get("code"), c.get("field")) for c in cleared if str(c.get("reason", "")).strip()}
        fields = visible(content, "notice")
        address = ledger.store_content(object_kind="application", object_id=row.pk, fields=fields)
        decision = apply(
            "open_notice",
            row,
            actor=actor,
            at=at,
            rulebook=rulebook,
            deed=Deed(
                facts={
                    "notice_required": notice_wanted(row, rulebook, content),
                    "secrecy_review": row.secrecy_reviewed or not rulebook.get("procedure.secrecy_review_required"),
                    "opener_differs": not rulebook.get("notice.opener_differs_from_reviewer")
                    or row.reviewer_id != actor.person_id,
                    "hits_cleared": hits <= done,
                },
                data={"content": address, "cleared": sorted(f"{code}@{field}" for code, field in hits)},
                detail={"cleared": [dict(c) for c in cleared]} if cleared else {},
                public=_public(row, content=address),
            ),
        )
        notice = publish(row, decision, fields, address)
        return answer(row, decision, notice=str(notice.pk), first_day=notice.first_day, last_day=notice.last_day)

    return perform(
        "open_notice",
        actor=actor,
        transaction_id=transaction_id,
        target=application_id,
        request={"cleared": [dict(c) for c in cleared]},
        work=work,
    )


def _public(row: Application, **more: Any) -> dict[str, Any]:
    """The public facts of an application at the notice: serial, kind, type, days; no free text (design §5, R53)."""
    return plain_dict({"serial": row.serial, "kind": row.kind, "type": row.data_type, **more})


def publish(row: Application, decision: Decision, fields: Mapping[str, Any], address: str) -> Notice:
    """Write the notice that a decision has opened; raises DomainError notice_without_end (Art. 12)."""
    if decision.deadline_day is None or decision.deadline_ends is None:
        raise DomainError("notice_without_end", N_("规则未设公示期限，不能公示"), status=409, article="12")
    notice = Notice(
        id=new_id(),
        application=row,
        register_id=row.register_id,
        run=row.notice_runs,
        serial=row.serial,
        kind=row.kind,
        fields=dict(fields),
        content=address,
        opened_at=decision.at,
        first_day=shanghai_date(decision.at),
        last_day=decision.deadline_day,
        ends=decision.deadline_ends,
        provisional=decision.deadline_provisional,
    )
    sql.insert(notice)
    return notice


def end_notice(row: Application, at: datetime, state: str) -> None:
    """Mark the running notice of an application as over, suspended or terminated."""
    with sql.prepared() as cursor:
        cursor.execute(_END, [state, at, row.pk])


def suspend_notice(
    *, actor: Actor, transaction_id: str, application_id: UUID, ground: str, reason: str
) -> dict[str, Any]:
    """Hide a notice at once, on a ground of the rulebook (中止公示, Art. 4)."""

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Application, application_id, actor)
        rulebook = rules.rules_of(row)
        _require_ground(rulebook, "suspension.grounds", ground)
        decision = apply(
            "suspend_notice",
            row,
            actor=actor,
            at=at,
            rulebook=rulebook,
            deed=Deed(data={"ground": ground}, detail={"reason": reason}, public=_public(row, ground=ground)),
        )
        end_notice(row, at, "SUSPENDED")
        return answer(row, decision)

    return perform(
        "suspend_notice",
        actor=actor,
        transaction_id=transaction_id,
        target=application_id,
        request={"ground": ground, "reason": reason},
        work=work,
    )


def resume_notice(*, actor: Actor, transaction_id: str, application_id: UUID) -> dict[str, Any]:
    """Publish again; the full period starts anew (恢复公示, Art. 4, design §4)."""

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Application, application_id, actor)
        content, _ = inspection.current_content(row)
        fields = visible(content, "notice")
        address = ledger.store_content(object_kind="application", object_id=row.pk, fields=fields)
        decision = apply(
            "resume_notice",
            row,
            actor=actor,
            at=at,
            rulebook=rules.rules_of(row),
            deed=Deed(data={"content": address}, public=_public(row, content=address)),
        )
        notice = publish(row, decision, fields, address)
        return answer(row, decision, notice=str(notice.pk), last_day=notice.last_day)

    return perform(
        "resume_notice", actor=actor, transaction_id=transaction_id, target=application_id, request={}, work=work
    )


def close_notice(*, actor: Actor, transaction_id: str, application_id: UUID) -> dict[str, Any]:
    """Close a notice whose period is over and to which no objection is open (公示期满, Arts. 12, 13, R18, R19).

    Gives the clearly local number by which the file is known until a national code comes (facts §4, R70).
    """

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Application, application_id, actor)
        # Without a serial there is no notice either, and the act is refused below.
        local = local_number(rules.register_slug(row.register_id), row.serial) if row.serial else ""
        decision = apply(
            "close_notice",
            row,
            actor=actor,
            at=at,
            rulebook=rules.rules_of(row),
            deed=Deed(
                facts={"no_open_objection": no_open_objection(row)},
                data={"local_number": local},
                public=_public(row, local_number=local),
            ),
        )
        end_notice(row, at, "OVER")
        return answer(row, decision, local_number=local)

    return perform(
        "close_notice", actor=actor, transaction_id=transaction_id, target=application_id, request={}, work=work
    )


def terminate(*, actor: Actor, transaction_id: str, application_id: UUID, reason: str) -> dict[str, Any]:
    """End a registration in progress by the agency, with reasons (终止登记, Art. 12)."""

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Application, application_id, actor)
        decision = terminate_within(row, actor=actor, at=at, reason=reason, role="")
        return answer(row, decision)

    return perform(
        "terminate",
        actor=actor,
        transaction_id=transaction_id,
        target=application_id,
        request={"reason": reason},
        work=work,
    )


def terminate_within(row: Application, *, actor: Actor, at: datetime, reason: str, role: str = "follows") -> Decision:
    """Terminate inside another act's transaction and close what objections remain as moot (design §4)."""
    rulebook = rules.rules_of(row)
    decision = apply(
        "terminate",
        row,
        actor=actor,
        at=at,
        rulebook=rulebook,
        role=role,
        deed=Deed(detail={"reason": reason}, public=_public(row)),
    )
    end_notice(row, at, "TERMINATED")
    inspection.forget_name(row.pk)
    rest = Objection.objects.select_for_update().filter(application=row, state__in=OPEN_OBJECTION).order_by("pk")
    for objection in rest:
        apply("close_moot", objection, actor=actor, at=at, rulebook=rulebook, role="follows")
    return decision

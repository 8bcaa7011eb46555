"""Supervision: complaints (R68), random re-checks (R67), the calendar and its recalculation (R41)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from dengji.core.encryption import follow_key, seal_json
from dengji.core.errors import N_, DomainError, forbidden, not_found
from dengji.core.frame import lock_words
from dengji.core.ids import new_id
from dengji.law import calendar as calendars
from dengji.law.calendar import Override, shanghai_date
from dengji.law.procedure import deadline_in
from dengji.law.rulebook import Rulebook
from dengji.parties.actor import CLOCK, Actor, supervised_registers
from dengji.parties.models import Register

from .. import rules
from ..models import Application, CalendarVersion, Complaint, Decision, Objection, Recheck, Registration
from ..models.cases import CaseBase
from ..projection import KEEPS_DEADLINE
from .engine import Deed, answer, apply, case_of, lock, perform

_VERSION_LENGTH = 40
_PERIOD_LENGTH = 20


def file_complaint(
    *,
    actor: Actor,
    transaction_id: str,
    register_id: UUID,
    text: str,
    subject_code: str = "",
    contact: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """File a complaint or report, also anonymously (投诉举报, R68).

    The answer holds the receipt number and, once, the key by which the complainant follows it.
    """

    def work(at: datetime) -> dict[str, Any]:
        register = Register.objects.filter(pk=register_id).first()
        if register is None:
            raise not_found()
        if not text.strip():
            raise DomainError("text_required", N_("请写明投诉或举报的内容"), "text")
        row = Complaint(
            id=new_id(),
            register=register,
            number=f"TS{shanghai_date(at):%Y%m%d}{secrets.randbelow(10**8):08d}",
            subject_code=subject_code[:64],
        )
        row.body = seal_json({"text": text}, context=row.pk.bytes)
        row.contact = seal_json(dict(contact or {}), context=row.pk.bytes)
        decision = apply(
            "file_complaint",
            row,
            actor=actor,
            at=at,
            rulebook=rules.rules_of_register(register_id),
            deed=Deed(data={"subject": row.subject_code, "anonymous": not contact}),
        )
        return answer(row, decision, number=row.number)

    result = perform(
        "file_complaint",
        actor=actor,
        transaction_id=transaction_id,
        target=register_id,
        request={"text": text, "subject": subject_code, "contact": dict(contact or {})},
        work=work,
    )
    return {**result, "key": follow_key(UUID(result["id"]))}


def answer_complaint(*, actor: Actor, transaction_id: str, complaint_id: UUID, reason: str) -> dict[str, Any]:
    """Answer a complaint (答复投诉, R68)."""

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Complaint, complaint_id, actor)
        decision = apply(
            "answer_complaint",
            row,
            actor=actor,
            at=at,
            rulebook=rules.rules_of_register(row.register_id),
            deed=Deed(detail={"reason": reason}),
        )
        return answer(row, decision)

    return perform(
        "answer_complaint",
        actor=actor,
        transaction_id=transaction_id,
        target=complaint_id,
        request={"reason": reason},
        work=work,
    )


def draw_rechecks(*, actor: Actor, transaction_id: str, register_id: UUID, period: str) -> dict[str, Any]:
    """Draw the period's share of valid registrations for re-examination (抽查, R67, Art. 18).

    The seed is recorded, so that anyone can repeat the drawing: registrations in the order of sha256(seed ‖ id). A
    period is drawn once; asked again, the same drawing is told.
    """
    period = period.strip()

    def work(at: datetime) -> dict[str, Any]:
        if register_id not in actor.registers("agency_supervisor") | supervised_registers(actor):
            raise forbidden(article="18")
        if not 0 < len(period) <= _PERIOD_LENGTH:
            raise DomainError("period_invalid", N_("抽查期次必填，且不超过20个字符"), "period")
        rulebook = rules.rules_of_register(register_id)
        lock_words("recheck", str(register_id))
        if before := _drawn(register_id, period):
            return before
        valid = list(
            Registration.objects.filter(register_id=register_id, state="VALID").values_list("pk", "organisation_id")
        )
        count = -(-len(valid) * int(rulebook.get("recheck.share_percent")) // 100)
        seed = secrets.token_hex(16)
        valid.sort(key=lambda pair: hashlib.sha256(seed.encode() + pair[0].bytes).digest())
        drawn = []
        for pk, organisation_id in valid[:count]:
            row = Recheck(
                id=new_id(),
                register_id=register_id,
                registration_id=pk,
                organisation_id=organisation_id,
                period=period,
                seed=seed,
            )
            apply(
                "draw_recheck",
                row,
                actor=actor,
                at=at,
                rulebook=rulebook,
                deed=Deed(data={"registration": pk, "period": period, "seed": seed, "of": len(valid)}),
            )
            drawn.append(str(row.pk))
        return {"period": period, "seed": seed, "of": len(valid), "drawn": drawn}

    return perform(
        "draw_rechecks",
        actor=actor,
        transaction_id=transaction_id,
        target=register_id,
        request={"period": period},
        work=work,
    )


def _drawn(register_id: UUID, period: str) -> dict[str, Any]:
    """The drawing of a period as it was made, empty where there was none."""
    made = Recheck.objects.filter(register_id=register_id, period=period)
    drawing = list(Decision.objects.filter(object_id__in=made.values("pk"), act="draw_recheck").order_by("pk"))
    if not drawing:
        return {}
    first = drawing[0].data
    return {"period": period, "seed": first["seed"], "of": first["of"], "drawn": [str(d.object_id) for d in drawing]}


def find_recheck(
    *, actor: Actor, transaction_id: str, recheck_id: UUID, conforming: bool, reason: str = ""
) -> dict[str, Any]:
    """Record what a re-check found (抽查结果, R67); a deficiency is reasoned."""
    act = "find_conforming" if conforming else "find_deficient"

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Recheck, recheck_id, actor)
        decision = apply(
            act,
            row,
            actor=actor,
            at=at,
            rulebook=rules.rules_of_register(row.register_id),
            deed=Deed(detail={"reason": reason} if reason else {}),
        )
        return answer(row, decision)

    return perform(
        act,
        actor=actor,
        transaction_id=transaction_id,
        target=recheck_id,
        request={"conforming": conforming, "reason": reason},
        work=work,
    )


def set_calendar(
    *, actor: Actor, transaction_id: str, version: str, overrides: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Put a new version of the working-day calendar into force and recalculate every running deadline (R37, R41).

    `overrides` is [{day, working, source}] on top of the shipped table. A running period is never shortened.
    """

    def work(at: datetime) -> dict[str, Any]:
        if "system_admin" not in actor.kinds():
            raise forbidden(N_("只有系统管理员可以维护工作日历"))
        rows = [_override(o) for o in overrides]
        if not version.strip() or len(version) > _VERSION_LENGTH or CalendarVersion.objects.filter(pk=version).exists():
            raise DomainError("version_taken", N_("日历版本号必填、不超过40个字符且不得重复"), "version")
        try:
            calendars.load().with_overrides(rows, version)
        except ValueError as error:  # a calendar that cannot be built would stop every later act
            raise DomainError(
                "calendar_invalid", N_("调整日相互矛盾、超出日历范围，或版本号与所附日历相同"), "overrides"
            ) from error
        row = CalendarVersion.objects.create(
            version=version,
            base=calendars.load().version,
            overrides=[{"day": r.day.isoformat(), "working": r.working, "source": r.source} for r in rows],
            by=actor.key,
        )
        with rules.with_calendar(row):
            moved = sum(_recalculate_all(model, at) for model in (Application, Objection, Complaint))
        return {"version": version, "recalculated": moved}

    try:
        return perform(
            "set_calendar",
            actor=actor,
            transaction_id=transaction_id,
            request={"version": version, "overrides": [dict(o) for o in overrides]},
            work=work,
        )
    finally:
        rules.forget()


def _override(row: Mapping[str, Any]) -> Override:
    try:
        day = date.fromisoformat(str(row["day"]))
    except (KeyError, ValueError):
        raise DomainError("day_invalid", N_("日期应为 YYYY-MM-DD"), "overrides") from None
    source = str(row.get("source", "")).strip()
    if not source or not isinstance(row.get("working"), bool):
        raise DomainError("source_required", N_("每个调整日须写明是否上班及依据文件"), "overrides")
    return Override(day, bool(row["working"]), source)


def _recalculate_all(model: type[CaseBase], at: datetime) -> int:
    running = (
        model._default_manager.filter(deadline_ends__gt=at, ended_at=None)
        .select_for_update(of=("self",))
        .order_by("pk")
    )
    # No cursor at the server: left open by an error, it would be closed within the connection's next transaction.
    return sum(_recalculate(row, at) for row in list(running))


def _rulebook_of(row: CaseBase) -> Rulebook:
    if isinstance(row, Application):
        return rules.rules_of(row)
    return rules.rules_of(row.application) if isinstance(row, Objection) else rules.rules_of_register(row.register_id)


def _recalculate(row: CaseBase, at: datetime) -> bool:
    rulebook = _rulebook_of(row)
    # The period began with the act that set the deadline, however often it has been recalculated since.
    began = Decision.objects.filter(object_id=row.pk).exclude(act__in=KEEPS_DEADLINE).latest("n").at
    fresh = deadline_in(row.OBJECT, row.state, case_of(row, {}), rulebook, rules.calendar(), began)
    if fresh is None or row.deadline_ends is None or fresh.ends <= row.deadline_ends:
        return False
    apply(
        "recalculate",
        row,
        actor=CLOCK,
        at=at,
        rulebook=rulebook,
        role="clock",
        deed=Deed(data={"old": row.deadline_day, "new": fresh.last_day}, deadline=fresh),
    )
    if isinstance(row, Application) and row.state == "NOTICE":
        row.notices.filter(ended_at=None).update(
            last_day=fresh.last_day, ends=fresh.ends, provisional=fresh.provisional
        )
    return True

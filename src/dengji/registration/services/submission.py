"""From the draft to the agency's door: confirm, review in house, submit, withdraw (Arts. 7, 9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from dengji.core import sql
from dengji.core.errors import N_, DomainError, conflict, forbidden
from dengji.law.calendar import renewal_opens, shanghai_date
from dengji.law.codes import CodeError, format_serial
from dengji.law.rulebook import Rulebook
from dengji.law.visibility import visible
from dengji.parties.actor import Actor

from .. import basis, inspection, rules, selectors
from ..freezing import freeze
from ..models import Application, Draft
from .drafting import names_of
from .engine import Deed, answer, apply, lock, perform

_BEFORE = {
    "SUBMITTED": frozenset({"DRAFT", "BUSINESS_REVIEW"}),
    "ACCEPTED": frozenset({"DRAFT", "BUSINESS_REVIEW", "SUBMITTED", "SUPPLEMENT"}),
}


def confirm_joint(*, actor: Actor, transaction_id: str, application_id: UUID) -> dict[str, Any]:
    """Confirm a joint application for one's own organisation, as the draft now stands (共同登记确认, Art. 7, R7)."""

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Application, application_id, actor)
        draft = row.draft
        mine = row.co_registrants.filter(organisation_id__in=actor.organisations("clerk", "business_reviewer"))
        decision = apply(
            "confirm_joint",
            row,
            actor=actor,
            at=at,
            rulebook=rules.rules_of(row),
            deed=Deed(
                data={
                    "organisations": sorted(str(c.organisation_id) for c in mine),
                    "revision": draft.revision,
                }
            ),
        )
        mine.update(confirmed_revision=draft.revision)
        return answer(row, decision)

    return perform(
        "confirm_joint", actor=actor, transaction_id=transaction_id, target=application_id, request={}, work=work
    )


def submit_for_business_review(*, actor: Actor, transaction_id: str, application_id: UUID) -> dict[str, Any]:
    """Hand the draft to the registrant's own reviewer (提交业务审核, Art. 7); raises DomainError findings."""

    def work(at: datetime) -> dict[str, Any]:
        row = _with_draft(lock(Application, application_id, actor))
        content = inspection.content_of(row.draft)
        inspection.refuse_errors(inspection.inspect(row, content, at=at))
        _check_request(row, rules.rules_of(row))
        _check_basis(row)
        decision = apply(
            "submit_for_business_review",
            row,
            actor=actor,
            at=at,
            rulebook=rules.rules_of(row),
            deed=Deed(
                facts={
                    "joint_confirmed": _joint_agreed(row),
                    "fix_in_time": row.deadline_ends is None or at < row.deadline_ends,
                }
            ),
        )
        return answer(row, decision)

    return perform(
        "submit_for_business_review",
        actor=actor,
        transaction_id=transaction_id,
        target=application_id,
        request={},
        work=work,
    )


def _with_draft(row: Application) -> Application:
    if draft := sql.find(Draft, application_id=row.pk):
        row.draft = draft
    return row


def _joint_agreed(row: Application) -> bool:
    return inspection.joint_confirmed(row) or "joint_agreement" in inspection.material_kinds(row.pk)


def _check_request(row: Application, rulebook: Rulebook) -> None:
    """Refuse what could not be carried out at the end: an unknown category or ground, a term beyond the limit."""
    request = row.draft.request
    if row.kind == "change" and not _codes(rulebook, "change.categories") >= set(request.get("categories") or ()):
        raise DomainError("category_unknown", N_("请选择规定的变更情形"), "categories", article="9")
    if row.kind == "cancellation" and request.get("ground") not in _codes(rulebook, "cancellation.grounds"):
        raise DomainError("ground_unknown", N_("请选择规定的理由"), "ground", article="9")
    if row.kind == "rectification" and request.get("ground", "") not in {
        "",
        *_codes(rulebook, "rectification.grounds"),
    }:
        raise DomainError("ground_unknown", N_("请选择规定的理由"), "ground", article="9")
    if row.kind == "renewal":
        renewal_months(request, rulebook)


def _check_basis(row: Application) -> None:
    """Refuse a file beside another of the same registrant, or on a version that is no longer the present one."""
    if row.kind == "first" or row.registration is None:
        return
    if row.applicant_kind != "interested_party":
        basis.refuse_second(row)
    if row.kind != "cancellation" and basis.moved(row, row.registration):
        raise basis.refuse_moved(row.registration)


def _codes(rulebook: Rulebook, key: str) -> set[str]:
    return {str(row["code"]) for row in rulebook.get(key)}


def renewal_months(request: Mapping[str, Any], rulebook: Rulebook) -> int:
    """Return for how many months a renewal is asked, the longest term by default; raises DomainError renewal_months."""
    most = int(rulebook.get("validity.renewal_max_months"))
    months = request.get("months") or most
    if not isinstance(months, int) or not 1 <= months <= most:
        raise DomainError(
            "renewal_months", N_("续展期限应为 1 至 {most} 个月"), "months", article="15", params={"most": most}
        )
    return months


def return_to_clerk(*, actor: Actor, transaction_id: str, application_id: UUID, reason: str) -> dict[str, Any]:
    """Give the draft back to the clerk with a reason (退回经办人, Art. 7)."""

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Application, application_id, actor)
        decision = apply(
            "return_to_clerk",
            row,
            actor=actor,
            at=at,
            rulebook=rules.rules_of(row),
            deed=Deed(detail={"reason": reason}),
        )
        return answer(row, decision)

    return perform(
        "return_to_clerk",
        actor=actor,
        transaction_id=transaction_id,
        target=application_id,
        request={"reason": reason},
        work=work,
    )


def submit(
    *,
    actor: Actor,
    transaction_id: str,
    application_id: UUID,
    preview_acknowledged: bool = False,
    secrecy_conclusion: str = "",
    secrecy_date: date | None = None,
    secrecy_reviewer: str = "",
) -> dict[str, Any]:
    """Submit to the agency (提交登记申请): freezes the version, pins the rulebook, gives the serial on the first time.

    `secrecy_*` record the secrecy and publication review; its conclusion must be `publishable`. Raises DomainError
    findings, second_person, secrecy_review, preview, renewal_window, another_pending, registration_moved.
    Arts. 7, 9(1), R8, R26, R27.
    """

    def work(at: datetime) -> dict[str, Any]:
        row = _with_draft(lock(Application, application_id, actor))
        rulebook = rules.current(row.rulebook)
        content = inspection.content_of(row.draft)
        findings = inspection.inspect(row, content, at=at, receipt=at)
        inspection.refuse_errors(findings)
        _check_request(row, rulebook)
        _check_basis(row)
        late = any(f.code == "late_filing" for f in findings)
        role = _submitting_role(actor, row, rulebook)
        reviewed = (
            secrecy_conclusion == "publishable"
            and secrecy_date is not None
            and secrecy_date <= shanghai_date(at)
            and bool(secrecy_reviewer.strip())
        )
        number, serial = row.version + 1, row.serial or _next_serial(row.register_id, shanghai_date(at))
        rules.pin(rulebook)
        row.name, row.registrant_name = names_of(content)
        version, private = freeze(row, content, row.draft.request, number, at)
        decision = apply(
            "submit",
            row,
            actor=actor,
            at=at,
            rulebook=rulebook,
            role=role,
            deed=Deed(
                facts={
                    "second_person": bool(role),
                    "secrecy_review": reviewed or not rulebook.get("procedure.secrecy_review_required"),
                    "preview": preview_acknowledged or not rulebook.get("procedure.preview_required"),
                    "renewal_window": _in_renewal_window(row, rulebook, at),
                },
                data={
                    "serial": serial,
                    "version": number,
                    "digest": version.digest,
                    "secrecy_reviewed": reviewed,
                    "secrecy_date": secrecy_date,
                    "preview_acknowledged": preview_acknowledged,
                    "late_filing": late,
                    "findings": sorted({f.code for f in findings}),
                },
                detail={"secrecy_reviewer": secrecy_reviewer} if secrecy_reviewer else {},
                also=("name", "registrant_name"),
            ),
        )
        sql.insert(version)
        if private is not None:
            private.version = version
            sql.insert(private)
        inspection.remember_name(row, inspection.completed(row, content))
        return answer(row, decision, serial=serial, version=number, digest=version.digest, late_filing=late)

    return perform(
        "submit",
        actor=actor,
        transaction_id=transaction_id,
        target=application_id,
        request={
            "preview": preview_acknowledged,
            "secrecy": [secrecy_conclusion, secrecy_date, secrecy_reviewer],
        },
        work=work,
    )


def _submitting_role(actor: Actor, row: Application, rulebook: Rulebook) -> str:
    """The second person of the registrant, or the clerk where the head's signed form is on file ⚙."""
    roles = selectors.roles_for(actor, row)
    if "interested_party" in roles:
        return "interested_party"
    if "business_reviewer" in roles and actor.person_id != row.clerk_id:
        return "business_reviewer"
    if not roles & {"business_reviewer", "clerk", "agent"}:
        raise forbidden(article="7")
    signed = "business_review_form" in inspection.material_kinds(row.pk)
    if signed and rulebook.get("procedure.single_clerk_form"):
        return sorted(roles & {"business_reviewer", "clerk", "agent"})[-1]
    if "business_reviewer" in roles:
        raise conflict(
            "second_person",
            N_("业务审核人不得与经办人为同一人：请由业务审核人提交，或上传负责人签章的业务审核表"),
            article="7",
        )
    raise forbidden(N_("须由业务审核人提交；仅有一名经办人的单位可上传负责人签章的业务审核表"), article="7")


def _in_renewal_window(row: Application, rulebook: Rulebook, at: datetime) -> bool:
    if row.kind != "renewal" or row.registration is None:
        return True
    opens = renewal_opens(row.registration.valid_to, int(rulebook.get("validity.renewal_window_days")))
    return opens <= shanghai_date(at) <= row.registration.valid_to


def _next_serial(register_id: UUID, day: date) -> str:
    with sql.prepared() as cursor:
        cursor.execute(
            "INSERT INTO registration_serialcounter (register_id, day, last) VALUES (%s, %s, 1) "
            "ON CONFLICT ON CONSTRAINT registration_serial_day DO UPDATE "
            "SET last = registration_serialcounter.last + 1 RETURNING last",
            [register_id, day],
        )
        (last,) = cursor.fetchone()
    try:
        return format_serial(day, last)
    except CodeError as error:
        raise conflict("serials_exhausted", N_("当日流水号已用尽，请次日提交")) from error


def withdraw(*, actor: Actor, transaction_id: str, application_id: UUID, reason: str = "") -> dict[str, Any]:
    """Take an application back before the notice starts (撤回; the Measures are silent, ⚙ procedure.withdraw_until)."""

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Application, application_id, actor)
        rulebook = rules.rules_of(row)
        until = str(rulebook.get("procedure.withdraw_until"))
        if rulebook.get("withdrawal.reason_required") and not reason.strip():
            raise DomainError("reason_required", N_("请写明理由"), "reason")
        decision = apply(
            "withdraw",
            row,
            actor=actor,
            at=at,
            rulebook=rulebook,
            deed=Deed(
                facts={"withdraw_open": until not in _BEFORE or row.state in _BEFORE[until]},
                detail={"reason": reason} if reason else {},
            ),
        )
        inspection.forget_name(row.pk)
        return answer(row, decision)

    return perform(
        "withdraw",
        actor=actor,
        transaction_id=transaction_id,
        target=application_id,
        request={"reason": reason},
        work=work,
    )


def preview(*, actor: Actor, application_id: UUID) -> dict[str, dict[str, Any]]:
    """Return exactly what would be public at each stage (信息确认); reads only.

    Of the draft for whoever prepares it, of what was last submitted for the agency and the authority.
    """
    row = selectors.get(Application, application_id, actor)
    if selectors.fit_roles(actor, row) & {"clerk", "business_reviewer", "agent", "interested_party", "co_registrant"}:
        content = inspection.content_of(row.draft)
    else:
        version = row.versions.filter(number=row.version).first()
        content = inspection.version_content(version) if version else {}
    return {stage: visible(content, stage) for stage in ("notice", "page", "search", "export")}

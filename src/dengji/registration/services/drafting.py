"""From a blank form to the agency's door: create, save, confirm, review in house, submit, withdraw (Arts. 7, 9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from dengji.core import sql
from dengji.core.canonical import plain, plain_dict, salted_digest
from dengji.core.encryption import seal_json
from dengji.core.errors import N_, DomainError, conflict, forbidden, not_found
from dengji.core.ids import new_id
from dengji.law import record
from dengji.law.calendar import renewal_opens, shanghai_date
from dengji.law.codes import CodeError, format_serial
from dengji.law.procedure import KINDS
from dengji.law.rulebook import Rulebook
from dengji.law.visibility import visible
from dengji.ledger.entries import new_salt
from dengji.parties.actor import Actor
from dengji.parties.models import Organisation, Register

from .. import inspection, rules, selectors
from ..models import (
    Application,
    CoRegistrant,
    Draft,
    Material,
    Registration,
    Version,
    VersionPrivate,
)
from .engine import Deed, answer, apply, lock, perform, wrong_state

_EDITABLE = frozenset({"DRAFT", "SUPPLEMENT"})
_COPYABLE = frozenset({"REJECTED", "TERMINATED", "DECLINED", "WITHDRAWN"})
_BEFORE = {
    "SUBMITTED": frozenset({"DRAFT", "BUSINESS_REVIEW"}),
    "ACCEPTED": frozenset({"DRAFT", "BUSINESS_REVIEW", "SUBMITTED", "SUPPLEMENT"}),
}


def create_application(
    *,
    actor: Actor,
    transaction_id: str,
    register_id: UUID,
    organisation_id: UUID,
    kind: str = "first",
    data_type: str = "resource",
    registration_id: UUID | None = None,
    agent_id: UUID | None = None,
    copied_from: UUID | None = None,
    content: Mapping[str, Any] | None = None,
    request: Mapping[str, Any] | None = None,
    interested_party: bool = False,
) -> dict[str, Any]:
    """Open a draft (新建申请). For every kind but `first`, `registration_id` names what it is about.

    `interested_party` marks a rectification asked for by someone other than the registrant (Art. 9(3)).
    Raises DomainError forbidden, central_refused (Art. 6), kind_unknown, registration_required, not_found.
    Implements Measures Arts. 7 and 9, facts R1–R7, R23, R29.
    """

    def work(at: datetime) -> dict[str, Any]:
        register = Register.objects.filter(pk=register_id).first()
        organisation = Organisation.objects.filter(pk=organisation_id).first()
        if register is None or organisation is None:
            raise not_found()
        row = Application(
            id=new_id(),
            register=register,
            organisation=organisation,
            agent_id=agent_id,
            kind=kind,
            data_type=data_type,
            applicant_kind="interested_party" if interested_party else "registrant",
            applicant_id=actor.person_id,
            rulebook=rules.register_rulebook(register_id),
        )
        _admit(actor, row, interested_party)
        role = _creating_role(actor, row, interested_party)
        subject = _subject(row, registration_id, role in inspection.OUTSIDERS)
        prefill = _prefill(organisation, data_type)
        if interested_party:
            prefill = visible(prefill, "page")
        start = {**prefill, **subject, **_copied(actor, row, copied_from), **(content or {})}
        start["data_type"] = row.data_type
        if row.agent_id and not start.get("agent_name"):
            start.update(_agent_fields(row.agent_id))
        row.name, row.registrant_name = str(start.get("name", ""))[:200], str(start.get("registrant_name", ""))[:200]
        decision = apply(
            "create_application",
            row,
            actor=actor,
            at=at,
            rulebook=rules.current(row.rulebook),
            role=role,
            deed=Deed(
                data={
                    "organisation": organisation.pk,
                    "kind": kind,
                    "data_type": row.data_type,
                    "registration": registration_id,
                    "copied_from": copied_from,
                }
            ),
        )
        draft = Draft(application=row, request=dict(request or {}), updated_by=actor.person_id)
        _fill(draft, start)
        sql.insert(draft)
        if start.get("co_registrants"):
            _sync_co_registrants(row, start)
        return answer(row, decision, revision=draft.revision)

    return perform(
        "create_application",
        actor=actor,
        transaction_id=transaction_id,
        request={
            "register": register_id,
            "organisation": organisation_id,
            "kind": kind,
            "data_type": data_type,
            "registration": registration_id,
            "agent": agent_id,
            "copied_from": copied_from,
            "content": dict(content or {}),
            "request": dict(request or {}),
            "interested_party": interested_party,
        },
        work=work,
    )


def _admit(actor: Actor, row: Application, interested_party: bool) -> None:
    if row.kind not in KINDS:
        raise DomainError("kind_unknown", N_("没有这种申请类型"), "kind")
    if row.data_type not in record.FIELDS["data_type"].labels:
        raise DomainError("data_type_unknown", N_("没有这种登记类型"), "data_type")
    if interested_party:
        if actor.person_id is None or row.kind != "rectification":
            raise forbidden(N_("利害关系人只能申请更正登记"), article="9")
    elif not _creating_role(actor, row, interested_party):
        raise forbidden(N_("您不是该登记主体的经办人"), field="organisation_id", article="7")
    if row.organisation.central and rules.current(row.rulebook).get("actors.central_refused"):
        raise DomainError(
            "central_refused",
            N_("中央和国家机关及其直属单位、中央企业的登记由国家数据局指定的机构办理：请到国家平台申请"),
            "organisation_id",
            article="6",
        )
    if row.agent_id and not Organisation.objects.filter(pk=row.agent_id).exists():
        raise DomainError("agent_unknown", N_("找不到该代理机构"), "agent_id")


def _creating_role(actor: Actor, row: Application, interested_party: bool) -> str:
    if interested_party:
        return "interested_party"
    if row.organisation_id in actor.organisations("clerk"):
        return "clerk"
    if row.agent_id and row.agent_id in actor.organisations("agent"):
        return "agent"
    if actor.system_role == "importer" and row.register_id in actor.system_registers:
        return "importer"
    return ""


def _subject(row: Application, registration_id: UUID | None, outsider: bool) -> dict[str, Any]:
    """What a change, rectification, cancellation or renewal starts from: the present version of its registration.

    An outsider gets only what the public page shows; the closed fields are filled in where the file is examined.
    """
    if row.kind == "first":
        if registration_id:
            raise DomainError("registration_not_expected", N_("首次登记不针对已有登记"), "registration_id")
        return {}
    if registration_id is None:
        raise _registration_required()
    # Locked, so that a suppression either comes first or finds this draft.
    registration = (
        Registration.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk=registration_id, register_id=row.register_id, organisation_id=row.organisation_id)
        .first()
    )
    if registration is None:
        raise _registration_required()
    if registration.state != "VALID":
        raise conflict("registration_ended", N_("该登记已注销或撤销"), field="registration_id")
    row.registration = registration
    row.data_type = registration.data_type
    fields = inspection.registration_fields(registration)
    return visible(fields, "page") if outsider else fields


def _registration_required() -> DomainError:
    return DomainError("registration_required", N_("请指明本单位的一项已有登记"), "registration_id", article="9")


def _copied(actor: Actor, row: Application, source_id: UUID | None) -> dict[str, Any]:
    """The content of a file that came to nothing, for a new draft with a back-link (R23)."""
    if source_id is None:
        return {}
    source = selectors.get(Application, source_id, actor)
    if source.state not in _COPYABLE or source.organisation_id != row.organisation_id:
        raise conflict("not_copyable", N_("只有未获登记的本单位申请可以复制为新草稿"), field="copied_from")
    row.copied_from = source
    return inspection.content_of(source.draft)


def _prefill(organisation: Organisation, data_type: str) -> dict[str, Any]:
    values = {
        "data_type": data_type,
        "registrant_name": organisation.name,
        "registrant_credit_code": organisation.credit_code,
        "registrant_type": organisation.kind,
        "registrant_region": organisation.region_code,
        "registrant_address": organisation.address,
    }
    return {k: v for k, v in values.items() if v}


def _agent_fields(agent_id: UUID) -> dict[str, Any]:
    agent = Organisation.objects.get(pk=agent_id)
    return {"agent_name": agent.name, "agent_credit_code": agent.credit_code}


def _fill(draft: Draft, content: Mapping[str, Any]) -> None:
    unknown = sorted(set(content) - set(record.FIELDS))
    if unknown:
        raise DomainError("field_unknown", N_("没有名为 {field} 的字段"), unknown[0], params={"field": unknown[0]})
    clear, private = record.split_personal({k: plain(v) for k, v in content.items() if v not in (None, "", [], {})})
    draft.fields = clear
    draft.private = seal_json(private, context=draft.pk.bytes)


def _sync_co_registrants(row: Application, content: Mapping[str, Any]) -> None:
    codes = {str(c.get("credit_code", "")) for c in content.get("co_registrants") or () if isinstance(c, dict)}
    codes.discard(row.organisation.credit_code)
    known = {o.credit_code: o for o in Organisation.objects.filter(credit_code__in=codes)}
    if missing := sorted(codes - known.keys()):
        raise DomainError(
            "organisation_unknown",
            N_("平台尚无统一社会信用代码为 {code} 的单位：请该单位先注册"),
            "co_registrants",
            article="7",
            params={"code": missing[0]},
        )
    row.co_registrants.exclude(organisation__in=known.values()).delete()
    for organisation in known.values():
        CoRegistrant.objects.get_or_create(application=row, organisation=organisation)


def save_draft(
    *,
    actor: Actor,
    transaction_id: str,
    application_id: UUID,
    content: Mapping[str, Any],
    request: Mapping[str, Any] | None = None,
    revision: int | None = None,
    replace: bool = False,
) -> dict[str, Any]:
    """Save the form: given fields replace the stored ones, null removes one; `replace` replaces all.

    `revision` is the one the caller edited; raises DomainError draft_changed where somebody saved in between, and
    wrong_state outside DRAFT and SUPPLEMENT. A changed draft must be confirmed anew by co-registrants (R7).
    """

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Application, application_id, actor)
        if not selectors.roles_for(actor, row) & {"clerk", "agent", "interested_party", "importer"}:
            raise forbidden(article="7")
        if row.state not in _EDITABLE:
            raise wrong_state()
        draft = Draft.objects.select_for_update().get(pk=row.pk)
        if revision is not None and revision != draft.revision:
            raise conflict("draft_changed", N_("草稿已被他人修改：请重新载入后再保存"), field="revision")
        merged = dict(content) if replace else {**inspection.content_of(draft), **content}
        merged["data_type"] = row.data_type
        _fill(draft, merged)
        if request is not None:
            draft.request = plain_dict(request)
        draft.revision += 1
        draft.updated_by = actor.person_id
        draft.updated_at = at
        draft.save()
        _sync_co_registrants(row, merged)
        row.name, row.registrant_name = (
            str(merged.get("name") or "")[:200],
            str(merged.get("registrant_name") or "")[:200],
        )
        row.save(update_fields=["name", "registrant_name"])
        return {"id": str(row.pk), "state": row.state, "revision": draft.revision}

    return perform(
        "save_draft",
        actor=actor,
        transaction_id=transaction_id,
        target=application_id,
        request={
            "content": dict(content),
            "request": None if request is None else dict(request),
            "revision": revision,
            "replace": replace,
        },
        work=work,
    )


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
        row = lock(Application, application_id, actor)
        content = inspection.content_of(row.draft)
        inspection.refuse_errors(inspection.inspect(row, content, at=at))
        _check_request(row, rules.rules_of(row))
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


def _joint_agreed(row: Application) -> bool:
    return inspection.joint_confirmed(row) or "joint_agreement" in inspection.material_kinds(row.pk)


def _check_request(row: Application, rulebook: Rulebook) -> None:
    """Refuse what could not be carried out at the end: an unknown category or ground, a term beyond the limit."""
    request = row.draft.request
    if row.kind == "change" and not _codes(rulebook, "change.categories") >= set(request.get("categories") or ()):
        raise DomainError("category_unknown", N_("请选择规定的变更情形"), "categories", article="9")
    if row.kind == "cancellation" and request.get("ground") not in _codes(rulebook, "cancellation.grounds"):
        raise DomainError("ground_unknown", N_("请选择规定的理由"), "ground", article="9")
    if row.kind == "renewal":
        renewal_months(request, rulebook)


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
    findings, second_person, secrecy_review, preview, renewal_window. Arts. 7, 9(1), R8, R26, R27.
    """

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Application, application_id, actor)
        rulebook = rules.current(row.rulebook)
        content = inspection.content_of(row.draft)
        findings = inspection.inspect(row, content, at=at, receipt=at)
        inspection.refuse_errors(findings)
        _check_request(row, rulebook)
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
                    "secrecy_reviewed": reviewed,
                    "secrecy_date": secrecy_date,
                    "preview_acknowledged": preview_acknowledged,
                    "late_filing": late,
                    "findings": sorted({f.code for f in findings}),
                },
                detail={"secrecy_reviewer": secrecy_reviewer} if secrecy_reviewer else {},
            ),
        )
        version = _freeze(row, content, number, at)
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
    with connection.cursor() as cursor:
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


def _freeze(row: Application, content: Mapping[str, Any], number: int, at: datetime) -> Version:
    clear, private = record.split_personal(content)
    materials = [
        {"id": str(pk), "kind": kind, "sha256": sha256, "size": size}
        for pk, kind, sha256, size in Material.objects.filter(owner_id=row.pk, removed_at=None)
        .order_by("pk")
        .values_list("pk", "kind", "sha256", "size")
    ]
    salt = new_salt()
    frozen = {"fields": clear, "private": private, "request": row.draft.request, "materials": materials}
    version = Version(
        application=row,
        number=number,
        fields=clear,
        request=row.draft.request,
        materials=materials,
        salt=salt,
        digest=salted_digest(salt, plain(frozen)),
        at=at,
    )
    sql.insert(version)
    if private:
        sql.insert(VersionPrivate(version=version, data=seal_json(private, context=row.pk.bytes)))
    return version


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
    """Return exactly what would be public at each stage (信息确认); reads only."""
    row = selectors.get(Application, application_id, actor)
    content = inspection.content_of(row.draft)
    return {stage: visible(content, stage) for stage in ("notice", "page", "search", "export")}

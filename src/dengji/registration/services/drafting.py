"""A blank form and what is saved in it: create, copy, fill (Arts. 7, 9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from dengji.core import sql
from dengji.core.canonical import plain, plain_dict
from dengji.core.encryption import seal_json
from dengji.core.errors import N_, DomainError, conflict, forbidden, not_found
from dengji.core.ids import new_id
from dengji.law import record
from dengji.law.procedure import KINDS
from dengji.law.visibility import visible
from dengji.parties.actor import Actor
from dengji.parties.models import Organisation, Register

from .. import basis, inspection, rules, selectors
from ..models import (
    Application,
    CoRegistrant,
    Draft,
    Registration,
)
from .engine import Deed, answer, apply, lock, perform, wrong_state

_EDITABLE = frozenset({"DRAFT", "SUPPLEMENT"})
_COPYABLE = frozenset({"REJECTED", "TERMINATED", "DECLINED", "WITHDRAWN"})


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
    Raises DomainError forbidden, central_refused (Art. 6), kind_unknown, registration_required, not_found, and
    another_pending where the registrant has an open file about the registration already.
    Implements Measures Arts. 7 and 9, facts R1–R7, R23, R29.
    """

    def work(at: datetime) -> dict[str, Any]:
        register = sql.find(Register, id=register_id)
        organisation = sql.find(Organisation, id=organisation_id)
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
        admit(actor, row, interested_party)
        role = creating_role(actor, row, interested_party)
        row.mandated = role != "agent"  # the organisation hears of it with the letter of authority
        subject = _subject(row, registration_id, role in inspection.OUTSIDERS)
        known = prefill(organisation, data_type)
        if interested_party:
            known = visible(known, "page")
        copied = _copied(actor, row, copied_from, subject, role in inspection.OUTSIDERS)
        start = {**known, **subject, **copied, **(content or {})}
        start["data_type"] = row.data_type
        if row.agent_id and not start.get("agent_name"):
            start.update(_agent_fields(row.agent_id))
        row.name, row.registrant_name = names_of(start)
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
                    "base_version": row.base_version,
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


def admit(actor: Actor, row: Application, interested_party: bool) -> None:
    """Refuse who may not open such a draft; raises DomainError as `create_application` does (Arts. 6, 7, 9)."""
    if row.kind not in KINDS:
        raise DomainError("kind_unknown", N_("没有这种申请类型"), "kind")
    if row.data_type not in record.FIELDS["data_type"].labels:
        raise DomainError("data_type_unknown", N_("没有这种登记类型"), "data_type")
    if interested_party:
        if actor.person_id is None or row.kind != "rectification":
            raise forbidden(N_("利害关系人只能申请更正登记"), article="9")
    elif not creating_role(actor, row, interested_party):
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


def creating_role(actor: Actor, row: Application, interested_party: bool) -> str:
    """Return the role in which the actor opens the draft, empty where there is none."""
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
    row.base_version = registration.version
    row.data_type = registration.data_type
    if not outsider:
        basis.refuse_second(row)
    fields = inspection.registration_fields(registration)
    return visible(fields, "page") if outsider else fields


def _registration_required() -> DomainError:
    return DomainError("registration_required", N_("请指明本单位的一项已有登记"), "registration_id", article="9")


def _copied(
    actor: Actor, row: Application, source_id: UUID | None, subject: Mapping[str, Any], outsider: bool
) -> dict[str, Any]:
    """The content of a file that came to nothing, for a new draft with a back-link (R23).

    Of an older file about the same registration only its own changes, on the version that is there now (`subject`).
    """
    if source_id is None:
        return {}
    source = selectors.get(Application, source_id, actor)
    if source.state not in _COPYABLE or source.organisation_id != row.organisation_id:
        raise conflict("not_copyable", N_("只有未获登记的本单位申请可以复制为新草稿"), field="copied_from")
    # Locked, so that a suppression either comes first or finds this copy.
    source = Application.objects.select_for_update(of=("self",), no_key=True).get(pk=source.pk)
    row.copied_from = source
    content = inspection.content_of(source.draft)
    if source.registration is None or source.base_version is None or source.registration_id != row.registration_id:
        return content
    base = basis.fields_at(source.registration, source.base_version)
    return basis.onto(content, visible(base, "page") if outsider else base, subject)


def prefill(organisation: Organisation, data_type: str) -> dict[str, Any]:
    """Return what the register already knows of a registrant, as the first fields of a form."""
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


def names_of(content: Mapping[str, Any]) -> tuple[str, str]:
    """Return under which name, and whose, an application is listed."""
    return str(content.get("name") or "")[:200], str(content.get("registrant_name") or "")[:200]


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
    rebase: bool = False,
) -> dict[str, Any]:
    """Save the form: given fields replace the stored ones, null removes one; `replace` replaces all.

    `rebase` first puts the draft's own changes onto the present version of the registration, where that has moved on.
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
        stored = inspection.content_of(draft)
        if rebase and row.registration is not None and row.kind != "first":
            stored = basis.rebased(row, stored, outsider=inspection.by_outsider(row))
            row.base_version = row.registration.version
            row.save(update_fields=["base_version"])
        merged = dict(content) if replace else {**stored, **content}
        merged["data_type"] = row.data_type
        _fill(draft, merged)
        if request is not None:
            draft.request = plain_dict(request)
        draft.revision += 1
        draft.updated_by = actor.person_id
        draft.updated_at = at
        draft.save()
        _sync_co_registrants(row, merged)
        if not row.version:  # others go on seeing what was submitted, until it is submitted anew
            row.name, row.registrant_name = names_of(merged)
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
            **({"rebase": True} if rebase else {}),
        },
        work=work,
    )

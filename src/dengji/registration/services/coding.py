"""From the end of the notice to the code: request, assign, refuse (Arts. 13, 14, R20, R70, R73)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from dengji.core import sql
from dengji.core.canonical import plain_dict
from dengji.core.errors import N_, DomainError, conflict
from dengji.core.frame import lock_words
from dengji.core.ids import new_id
from dengji.core.node import identity
from dengji.law.calendar import add_months, shanghai_date
from dengji.law.codes import ISSUERS, CodeError, check_code
from dengji.law.rulebook import Rulebook
from dengji.law.visibility import visible
from dengji.ledger import services as ledger
from dengji.parties.actor import Actor

from .. import inspection, rules
from ..models import Application, Registration, RegistrationVersion
from .engine import Deed, answer, apply, choose_role, lock, perform
from .notices import no_open_objection

#: A name is from now on that of the registration.
_RENAME = "UPDATE registration_namekey SET object_id = %s WHERE object_id = %s"
_REGISTER = """
SELECT register.issuer, register.agency_level, register.platform_code, agency.name, jurisdiction.region_code
FROM parties_register register JOIN parties_organisation agency ON agency.id = register.agency_id
JOIN parties_jurisdiction jurisdiction ON jurisdiction.id = register.jurisdiction_id WHERE register.id = %s
"""


def validity(coded_on: date, content: Mapping[str, Any], rulebook: Rulebook) -> tuple[date, date]:
    """Return (first, last) valid day of a new registration (Art. 15, R33).

    A product under an agreement no longer than the term is valid while the agreement runs; all else for the full term.
    """
    months = int(rulebook.get("validity.term_months"))
    rule = str(rulebook.get("validity.end_rule"))
    full = add_months(coded_on, months, rule)
    if content.get("data_type") == "product" and rulebook.get("validity.product_follows_agreement"):
        start, end = content.get("agreement_start"), content.get("agreement_end")
        if start and end:
            begins, ends = date.fromisoformat(str(start)), date.fromisoformat(str(end))
            if ends <= add_months(begins, months, rule) and coded_on <= ends < full:
                return coded_on, ends
    return coded_on, full


#: The fields of a record that stand in the log, as far as the page shows them.
_TOLD = ("industries", "coverage_regions", "access_mode")


def page_public(row: Registration, fields: Mapping[str, Any], content: str, **more: Any) -> dict[str, Any]:
    """Return what a public entry says of a registration: codes, dates, states, never free text (design §5)."""
    shown = visible({name: fields[name] for name in _TOLD if name in fields}, "page")
    return plain_dict(
        {
            "code": row.code,
            "serial": row.serial or None,
            "type": row.data_type,
            "version": row.version,
            "coded_on": row.coded_on,
            "valid_from": row.valid_from,
            "valid_to": row.valid_to,
            "agency_level": row.agency_level,
            "platform": row.platform_code or None,
            "industries": shown.get("industries"),
            "regions": shown.get("coverage_regions"),
            "access": shown.get("access_mode"),
            "content": content,
            **more,
        }
    )


def request_code(*, actor: Actor, transaction_id: str, application_id: UUID, way: str = "upstream") -> dict[str, Any]:
    """Ask for a code by one named way, `upstream` or `lease:<id>` (请求赋码, Arts. 13, 14, design §6)."""

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Application, application_id, actor)
        if row.code_way and row.state == "CODING":
            raise conflict("code_requested", N_("已请求赋码：更换途径前须先撤回请求"))
        if not no_open_objection(row):
            raise conflict("no_open_objection", N_("尚有异议未处理完毕"), article="12")
        if way != "upstream" and not way.startswith("lease:"):
            raise DomainError("way_unknown", N_("赋码途径应为 upstream 或 lease:<编号>"), "way")
        decision = apply(
            "request_code",
            row,
            actor=actor,
            at=at,
            rulebook=rules.rules_of(row),
            deed=Deed(data={"way": way}, public=plain_dict({"serial": row.serial, "way": way, "type": row.data_type})),
        )
        return answer(row, decision)

    return perform(
        "request_code",
        actor=actor,
        transaction_id=transaction_id,
        target=application_id,
        request={"way": way},
        work=work,
    )


def cancel_request(*, actor: Actor, transaction_id: str, application_id: UUID) -> dict[str, Any]:
    """Take a code request back, so that another way may be used (撤回赋码请求)."""

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Application, application_id, actor)
        if not row.code_way:
            raise conflict("code_not_requested", N_("尚未请求赋码"))
        decision = apply(
            "cancel_request",
            row,
            actor=actor,
            at=at,
            rulebook=rules.rules_of(row),
            deed=Deed(public=plain_dict({"serial": row.serial, "way": row.code_way})),
        )
        return answer(row, decision)

    return perform(
        "cancel_request", actor=actor, transaction_id=transaction_id, target=application_id, request={}, work=work
    )


def refuse_code(*, actor: Actor, transaction_id: str, application_id: UUID, reason: str) -> dict[str, Any]:
    """Record that the issuer sent the request back, with its reason (退回赋码请求, Art. 14)."""

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Application, application_id, actor)
        decision = apply(
            "refuse_code",
            row,
            actor=actor,
            at=at,
            rulebook=rules.rules_of(row),
            deed=Deed(detail={"reason": reason}, public={"serial": row.serial}),
        )
        return answer(row, decision)

    return perform(
        "refuse_code",
        actor=actor,
        transaction_id=transaction_id,
        target=application_id,
        request={"reason": reason},
        work=work,
    )


def assign_code(*, actor: Actor, transaction_id: str, application_id: UUID, code: str = "") -> dict[str, Any]:
    """Give the registration its code and create it (赋码, Art. 13, R20, R33).

    A register with an issuer of its own draws the code; the gateway passes the national one in. The coding day is the
    Shanghai date of this act. Raises DomainError code_invalid, code_taken, no_open_objection.
    """

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Application, application_id, actor)
        role = choose_role("assign_code", actor, row)
        rulebook = rules.rules_of(row)
        content, _ = inspection.current_content(row)
        with sql.prepared() as cursor:
            cursor.execute(_REGISTER, [row.register_id])
            issuer, level, platform, agency, region = cursor.fetchone()
        given = _code(issuer, code, actor, at, row.data_type, region)
        coded_on = shanghai_date(at)
        valid_from, valid_to = validity(coded_on, content, rulebook)
        registration = Registration(
            id=new_id(),
            register_id=row.register_id,
            state="VALID",
            organisation_id=row.organisation_id,
            data_type=row.data_type,
            serial=row.serial,
            code=given,
            local_number=row.local_number,
            name=row.name,
            registrant_name=row.registrant_name,
            agency_name=agency,
            agency_level=level,
            platform_code=platform,
            coded_on=coded_on,
            valid_from=valid_from,
            valid_to=valid_to,
        )
        address = ledger.store_content(
            object_kind="registration", object_id=registration.pk, fields=visible(content, "page")
        )
        sql.insert(registration)
        row.registration = registration
        decision = apply(
            "assign_code",
            row,
            actor=actor,
            at=at,
            rulebook=rulebook,
            role=role,
            deed=Deed(
                facts={"no_open_objection": no_open_objection(row)},
                data={
                    "code": given,
                    "registration": registration.pk,
                    "version": 1,
                    "valid_from": valid_from,
                    "valid_to": valid_to,
                    "content": address,
                },
                public=page_public(registration, content, address, registration=str(registration.pk)),
                also=("registration_id",),
            ),
        )
        add_version(registration, content, address, at, application=row)
        with sql.prepared() as cursor:
            cursor.execute(_RENAME, [registration.pk, row.pk])
        return answer(
            row, decision, code=given, registration=str(registration.pk), valid_from=valid_from, valid_to=valid_to
        )

    return perform(
        "assign_code",
        actor=actor,
        transaction_id=transaction_id,
        target=application_id,
        request={"code": code},
        work=work,
    )


def _code(issuer: str, code: str, actor: Actor, at: datetime, data_type: str, region: str) -> str:
    demonstration = identity()[1]
    if actor.system_role == "issuer":
        if issuer not in ISSUERS:
            raise conflict("no_issuer", N_("本登记簿的登记结果查询码由上级平台赋予"), article="13")
        code = ISSUERS[issuer].issue(at, data_type, region)
    try:
        given = check_code(code, demonstration=demonstration)
    except CodeError as error:
        raise DomainError("code_invalid", error.message, "code", article="13", params=error.params) from error
    if actor.system_role != "issuer":
        lock_words("code", given)
        if Registration.objects.filter(code=given).exists():
            raise conflict("code_taken", N_("此登记结果查询码已被使用"), field="code", article="13")
    return given


def add_version(
    registration: Registration,
    fields: Mapping[str, Any],
    content: str,
    at: datetime,
    *,
    application: Application | None = None,
) -> RegistrationVersion:
    """Append a version to a registration; earlier ones stay as they are (R5)."""
    version = RegistrationVersion(
        registration=registration,
        number=registration.version,
        application=application,
        fields=dict(fields),
        content=content,
        valid_from=registration.valid_from,
        valid_to=registration.valid_to,
        at=at,
    )
    sql.insert(version)
    return version

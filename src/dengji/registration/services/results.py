"""What happens to a registration: revised, renewed, cancelled, revoked (Arts. 9, 15, 20)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from dengji.core.canonical import plain_dict
from dengji.core.errors import N_, DomainError
from dengji.law.calendar import add_months, shanghai_date
from dengji.law.rulebook import Rulebook
from dengji.law.visibility import visible
from dengji.ledger import services as ledger
from dengji.parties.actor import Actor

from .. import basis, inspection, rules, selectors
from ..models import Application, NameKey, Registration, RegistrationVersion
from .coding import add_version, page_public
from .engine import Deed, answer, apply, lock, perform
from .notices import end_notice, no_open_objection, notice_wanted
from .submission import renewal_months


def known_ground(rulebook: Rulebook, keys: tuple[str, ...], ground: str) -> str:
    """Return a ground that the rulebook knows; raises DomainError ground_unknown."""
    if ground not in {row["code"] for key in keys for row in rulebook.get(key)}:
        raise DomainError("ground_unknown", N_("请选择规定的理由"), "ground")
    return ground


def complete(*, actor: Actor, transaction_id: str, application_id: UUID) -> dict[str, Any]:
    """Finish a change, rectification, cancellation or renewal and carry it into the registration (办结, Arts. 9, 15).

    What another file has brought meanwhile is never taken back: raises DomainError registration_moved. Raises
    DomainError notice_settled, no_open_objection, renewal_in_time, registration_ended.
    """

    def work(at: datetime) -> dict[str, Any]:
        # The registration before its applications, wherever both are locked.
        about = selectors.get(Application, application_id, actor, "act").registration_id
        registration = Registration.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=[about]).first()
        row = lock(Application, application_id, actor)
        if registration is None:
            raise DomainError("wrong_kind", N_("此类申请没有这一环节"), status=409)
        rulebook = rules.rules_of(row)
        content, request = inspection.current_content(row)
        if registration.state != "VALID":
            raise DomainError("registration_ended", N_("该登记已注销或撤销"), status=409)
        content = _on_present(row, registration, content)
        decision = apply(
            "complete",
            row,
            actor=actor,
            at=at,
            rulebook=rulebook,
            deed=Deed(
                facts={
                    "notice_settled": _notice_settled(row, rulebook, content, at),
                    "no_open_objection": no_open_objection(row),
                    "renewal_in_time": row.kind != "renewal" or shanghai_date(at) <= registration.valid_to,
                },
                public=plain_dict({"serial": row.serial, "kind": row.kind, "code": registration.code}),
            ),
        )
        end_notice(row, at, "OVER")
        _CARRY[row.kind](row, registration, content, request, actor, at, rulebook)
        inspection.forget_name(row.pk)
        return answer(
            row,
            decision,
            code=registration.code,
            registration=str(registration.pk),
            registration_state=registration.state,
            version=registration.version,
            valid_to=registration.valid_to,
        )

    return perform("complete", actor=actor, transaction_id=transaction_id, target=application_id, request={}, work=work)


def _on_present(row: Application, registration: Registration, content: dict[str, Any]) -> dict[str, Any]:
    """The content to carry into the registration: of a file that changes nothing, as a renewal, what is there now."""
    if not basis.moved(row, registration) or row.kind == "cancellation":
        return content
    if basis.changes(row, content):
        raise basis.refuse_moved(registration)
    return basis.fields_at(registration, registration.version)


def _notice_settled(row: Application, rulebook: Rulebook, content: Mapping[str, Any], at: datetime) -> bool:
    if not notice_wanted(row, rulebook, content):
        return True
    grace = timedelta(minutes=int(rulebook.get("notice.close_grace_minutes")))
    return row.state == "NOTICE" and row.notice_ends is not None and at >= row.notice_ends + grace


def _revise(
    row: Application,
    registration: Registration,
    content: Mapping[str, Any],
    request: Mapping[str, Any],
    actor: Actor,
    at: datetime,
    rulebook: Rulebook,
) -> None:
    valid_from, valid_to = registration.valid_from, registration.valid_to
    if row.kind == "renewal":
        valid_from, valid_to = _renewed(registration, request, rulebook)
    registration.name, registration.registrant_name = row.name, row.registrant_name
    address = ledger.store_content(
        object_kind="registration", object_id=registration.pk, fields=visible(content, "page")
    )
    number = registration.version + 1
    future = Registration(
        code=registration.code,
        serial=registration.serial,
        data_type=registration.data_type,
        version=number,
        coded_on=registration.coded_on,
        valid_from=valid_from,
        valid_to=valid_to,
        agency_level=registration.agency_level,
        platform_code=registration.platform_code,
    )
    apply(
        "revise",
        registration,
        actor=actor,
        at=at,
        rulebook=rulebook,
        role="follows",
        deed=Deed(
            data={
                "version": number,
                "valid_from": valid_from,
                "valid_to": valid_to,
                "content": address,
                "application": row.pk,
            },
            public=page_public(future, content, address, kind=row.kind),
            also=("name", "registrant_name"),
        ),
    )
    add_version(registration, content, address, at, application=row)
    exact, bands = inspection.name_keys(content)
    NameKey.objects.filter(object_id=registration.pk).update(
        exact=exact, bands=list(bands), name=registration.name, registrant_name=registration.registrant_name
    )


def _renewed(registration: Registration, request: Mapping[str, Any], rulebook: Rulebook) -> tuple[date, date]:
    """The next term: from the day after the last, as long as asked for, within the rulebook's (Art. 15)."""
    months = renewal_months(request, rulebook)
    end = add_months(registration.valid_to, months, str(rulebook.get("validity.end_rule")))
    return registration.valid_to + timedelta(days=1), end


def _cancel(
    row: Application,
    registration: Registration,
    content: Mapping[str, Any],
    request: Mapping[str, Any],
    actor: Actor,
    at: datetime,
    rulebook: Rulebook,
) -> None:
    ground = known_ground(rulebook, ("cancellation.grounds",), str(request.get("ground", "")))
    _end(registration, "cancel", ground, actor, at, rulebook, Deed(facts={"follows_application": True}), "follows")


_CARRY = {"change": _revise, "rectification": _revise, "renewal": _revise, "cancellation": _cancel}


def _end(
    registration: Registration,
    act: str,
    ground: str,
    actor: Actor,
    at: datetime,
    rulebook: Rulebook,
    deed: Deed,
    role: str = "",
) -> Any:
    deed.data = {**deed.data, "ground": ground}
    deed.public = plain_dict({"code": registration.code, "ground": ground})
    decision = apply(act, registration, actor=actor, at=at, rulebook=rulebook, deed=deed, role=role)
    inspection.forget_name(registration.pk)
    return decision


def dependants(registration: Registration) -> list[str]:
    """Return the codes of valid products that name this registration as their source (R30)."""
    return list(
        RegistrationVersion.objects.filter(
            registration__state="VALID", fields__source_codes__contains=[registration.code]
        )
        .values_list("registration__code", flat=True)
        .distinct()[:100]
    )


def cancel(*, actor: Actor, transaction_id: str, registration_id: UUID) -> dict[str, Any]:
    """Cancel a registration that has expired without renewal (注销, Art. 15, R31), by the clock only ⚙."""

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Registration, registration_id, actor)
        rulebook = rules.rules_of_register(row.register_id)
        expired = row.valid_to < shanghai_date(at)
        if actor.system_role == "clock" and not rulebook.get("validity.automatic_cancellation"):
            raise DomainError("agency_confirms", N_("到期注销须由登记机构确认"), status=409, article="15")
        ground = known_ground(rulebook, ("cancellation.agency_grounds",), "expired")
        decision = _end(row, "cancel", ground, actor, at, rulebook, Deed(facts={"expired": expired}))
        return answer(row, decision, dependants=dependants(row))

    return perform("cancel", actor=actor, transaction_id=transaction_id, target=registration_id, request={}, work=work)


def revoke(*, actor: Actor, transaction_id: str, registration_id: UUID, ground: str, reason: str) -> dict[str, Any]:
    """Revoke a registration after investigation and hearing the registrant (撤销登记, Art. 20, R32)."""

    def work(at: datetime) -> dict[str, Any]:
        row = lock(Registration, registration_id, actor)
        rulebook = rules.rules_of_register(row.register_id)
        known_ground(rulebook, ("revocation.grounds",), ground)
        held = inspection.material_kinds(row.pk)
        needed = set(rulebook.get("materials.required.revocation"))
        if rulebook.get("revocation.statement_required"):
            needed.add("registrant_statement")
        deed = Deed(facts={"investigated": needed <= held}, detail={"reason": reason})
        decision = _end(row, "revoke", ground, actor, at, rulebook, deed)
        return answer(row, decision, dependants=dependants(row))

    return perform(
        "revoke",
        actor=actor,
        transaction_id=transaction_id,
        target=registration_id,
        request={"ground": ground, "reason": reason},
        work=work,
    )

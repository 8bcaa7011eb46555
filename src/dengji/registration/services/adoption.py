"""Registrations made on other platforms, taken over with their codes and dates, a batch in one transaction (Art. 14).

A code is given once in the whole country, so it also tells whether a row was adopted before: to repeat a file is
harmless.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from dengji.core.clock import legal_now
from dengji.core.errors import N_, DomainError, conflict, forbidden, not_found
from dengji.core.ids import new_id
from dengji.core.node import identity
from dengji.law.procedure import TABLE
from dengji.ledger.models import Content
from dengji.parties.actor import Actor
from dengji.parties.models import Organisation, Register
from dengji.parties.roles import AGENCY_ROLES

from .. import rules, selectors
from ..models import NameKey, Registration, RegistrationVersion
from ..projection import fold
from . import rows
from .batches import Batch, Log, Outcome, decide_once, take_turn
from .prepared import OF_REGISTRANT, AdoptedRow, Defaults, Prepared, Preparer


def adopt(*, actor: Actor, register_id: UUID, records: Sequence[AdoptedRow], example: bool = False) -> list[Outcome]:
    """Take over registrations made on other platforms, with their codes and dates (承接既有登记, Art. 14).

    Registrants are found by credit code and added where unknown. Rows are refused one by one: code_invalid, code_taken,
    dates_reversed, forbidden; raises DomainError forbidden or not_found for all of them.
    """
    register, _role = admit_adoption(actor, register_id)
    prepare = Preparer(defaults_of(register))
    refused: dict[int, Outcome] = {}
    ready: list[Prepared] = []
    for i, row in enumerate(records):
        try:
            ready.append(prepare(row))
        except DomainError as error:
            refused[i] = Outcome(error=error)
    written = iter(adopt_prepared(actor=actor, register_id=register_id, records=ready, example=example))
    return [refused.get(i) or next(written) for i in range(len(records))]


def adopt_prepared(
    *, actor: Actor, register_id: UUID, records: Sequence[Prepared], example: bool = False
) -> list[Outcome]:
    """As `adopt`, for rows that a `Preparer` has made ready; code_invalid and dates_reversed are its affair."""
    with transaction.atomic():
        register, role = admit_adoption(actor, register_id)
        template = Registration(register=register, adopted=True, version=1)
        take_turn(register_id)
        batch = Batch([None] * len(records), list(range(len(records))))
        _check_codes(batch, register_id, records)
        organisations = _organisations(batch, records, example)
        if role in AGENCY_ROLES:
            _refuse_own(actor, batch, records, organisations)
        _write(actor, role, register, template, batch, records, organisations)
        return batch.finished()


def defaults_of(register: Register) -> Defaults:
    """Return what rows are given that name no agency and platform of their own."""
    return Defaults(register.agency.name, register.agency_level, register.platform_code, identity()[1])


def admit_adoption(actor: Actor, register_id: UUID) -> tuple[Register, str]:
    """Return the register and the role in which an actor may adopt into it; raises DomainError forbidden, not_found."""
    register = Register.objects.filter(pk=register_id).select_related("agency").first()
    if register is None:
        raise not_found()
    held = sorted(selectors.roles_for(actor, Registration(register=register)) & TABLE["adopt"].roles)
    if not held:
        raise forbidden(article="14")
    return register, held[0]


def taken_codes(codes: Iterable[str]) -> frozenset[str]:
    """Return those of the codes that a registration on this node bears already."""
    found = rows.fetch("SELECT code FROM registration_registration WHERE code = ANY(%b)", [list(codes)])
    return frozenset(row[0] for row in found)


def code_taken() -> DomainError:
    """Return the error for a code that another registration bears."""
    return conflict("code_taken", N_("此登记结果查询码已被使用"), field="code", article="13")


def _check_codes(batch: Batch, register_id: UUID, records: Sequence[Prepared]) -> None:
    """Decide about rows whose code is borne already: those adopted before are known, codes of others taken."""
    bearers = {row[0]: row[1:] for row in rows.fetch(_BEARERS, [[row.code for row in records]])}
    seen: set[str] = set()
    for i, row in enumerate(records):
        bearer = bearers.get(row.code)
        if bearer and bearer[1:] == (register_id, True, row.name, row.serial, row.coded_on) and row.code not in seen:
            batch.outcomes[i] = Outcome(bearer[0], known=True)
        elif bearer or row.code in seen:
            batch.refuse(i, code_taken())
        seen.add(row.code)
    batch.narrow()


#: What a repeated row must have in common with the registration that bears its code.
_BEARERS = (
    "SELECT code, id, register_id, adopted, name, serial, coded_on::text "
    "FROM registration_registration WHERE code = ANY(%b)"
)


def _organisations(batch: Batch, records: Sequence[Prepared], example: bool) -> dict[str, UUID]:
    """Find the registrants by credit code, adding those that are new to this node."""
    told = {records[i].credit_code: records[i].registrant for i in batch.wanted}
    known = _known_organisations(list(told))
    new = sorted(told.keys() - known.keys())
    if new:
        columns: dict[str, list[Any]] = {"id": [new_id() for _ in new], "credit_code": new}
        for number, (column, _field, _length) in enumerate(OF_REGISTRANT):
            columns[column] = [told[code][number] for code in new]
        rows.insert_missing(Organisation(example=example), columns)
        known |= _known_organisations(new)
    return known


def _known_organisations(codes: list[str]) -> dict[str, UUID]:
    return dict(rows.fetch("SELECT credit_code, id FROM parties_organisation WHERE credit_code = ANY(%b)", [codes]))


def _refuse_own(actor: Actor, batch: Batch, records: Sequence[Prepared], organisations: Mapping[str, UUID]) -> None:
    own = actor.organisations()
    for i in batch.wanted:
        if organisations[records[i].credit_code] in own:
            message = N_("您属于该登记主体，不能代表登记机构办理其事项")
            batch.refuse(i, DomainError("own_file", message, status=403, article="6"))
    batch.narrow()


def _write(
    actor: Actor,
    role: str,
    register: Register,
    template: Registration,
    batch: Batch,
    records: Sequence[Prepared],
    organisations: Mapping[str, UUID],
) -> None:
    if not batch.wanted:
        return
    at, rulebook = legal_now(), rules.rules_of_register(register.pk)
    decision = decide_once("adopt", template, actor=actor, at=at, rulebook=rulebook, role=role)
    fold(template, decision)
    log = Log(decision, str(register.pk))
    wanted = [records[i] for i in batch.wanted]
    for i, row in zip(batch.wanted, wanted, strict=True):
        pk = new_id()
        log.add(str(pk), row.stated, row.shown)
        batch.outcomes[i] = Outcome(pk)
    # Each column once, as it stands in several tables; the ids as the log has them.
    made: dict[str, Any] = dict(zip(Prepared._fields, zip(*wanted, strict=True), strict=True))
    made["id"] = log.object
    made["organisation_id"] = [str(organisations[row.credit_code]) for row in wanted]
    _insert(template, made, register, RegistrationVersion(number=1, at=at))
    log.write()


_ADOPTED = (
    "id", "organisation_id", "data_type", "serial", "code", "name", "registrant_name", "agency_name",
    "agency_level", "platform_code", "coded_on", "valid_from", "valid_to",
)  # fmt: skip
_OF_VERSION = ("fields", "content", "valid_from", "valid_to")
_OF_NAME = ("organisation_id", "exact", "bands", "name", "registrant_name")


def _insert(
    template: Registration, made: Mapping[str, Sequence[Any]], register: Register, version: RegistrationVersion
) -> None:
    rows.insert(template, {name: made[name] for name in _ADOPTED})
    rows.insert(version, {"registration_id": made["id"], **{name: made[name] for name in _OF_VERSION}})
    digests = [bytes.fromhex(address.removeprefix("sha256:")) for address in made["content"]]
    rows.insert(Content(object_kind="registration"), {"digest": digests, "object_id": made["id"], "body": made["body"]})
    rows.insert(NameKey(register=register), {"object_id": made["id"], **{name: made[name] for name in _OF_NAME}})

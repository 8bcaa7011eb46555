"""Registrations made on other platforms, taken over with their codes and dates, a batch in one transaction (Art. 14).

A code is given once in the whole country, so it also tells whether a row was adopted before: to repeat a file is
harmless.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction

from dengji.core.clock import legal_now
from dengji.core.errors import N_, DomainError, conflict, forbidden, not_found
from dengji.core.ids import new_id
from dengji.core.node import identity
from dengji.law import record
from dengji.law.codes import CodeError, check_code
from dengji.law.procedure import TABLE
from dengji.law.visibility import visible
from dengji.ledger.entries import content_address, content_body, new_salt
from dengji.ledger.models import Content
from dengji.parties.actor import Actor
from dengji.parties.models import Organisation, Register
from dengji.parties.roles import AGENCY_ROLES

from .. import inspection, rules, selectors
from ..models import NameKey, Registration, RegistrationVersion
from ..projection import fold
from . import rows
from .batches import Batch, Log, Outcome, decide_once, take_turn
from .coding import page_public


@dataclass(frozen=True)
class AdoptedRow:
    """One registration of another platform, with what that platform gave it. Dates are Shanghai days."""

    content: Mapping[str, Any]
    code: str
    coded_on: date
    valid_to: date
    valid_from: date | None = None
    serial: str = ""
    agency_name: str = ""
    agency_level: str = ""
    platform_code: str = ""
    #: (exact key, bands) of the name, where the caller has computed them already.
    keys: tuple[bytes, tuple[int, ...]] | None = None


def adopt(*, actor: Actor, register_id: UUID, records: Sequence[AdoptedRow], example: bool = False) -> list[Outcome]:
    """Take over registrations made on other platforms, with their codes and dates (承接既有登记, Art. 14).

    Registrants are found by credit code and added where unknown. Rows are refused one by one: code_invalid, code_taken,
    dates_reversed, forbidden; raises DomainError forbidden or not_found for all of them.
    """
    with transaction.atomic():
        register, role = admit_adoption(actor, register_id)
        template = Registration(register=register, adopted=True, version=1)
        take_turn(register_id)
        batch = Batch([None] * len(records), list(range(len(records))))
        codes = _check_codes(batch, register_id, records)
        organisations = _organisations(batch, records, example)
        if role in AGENCY_ROLES:
            _refuse_own(actor, batch, records, organisations)
        _write(actor, role, register, template, batch, records, codes, organisations)
        return batch.finished()


def admit_adoption(actor: Actor, register_id: UUID) -> tuple[Register, str]:
    """Return the register and the role in which an actor may adopt into it; raises DomainError forbidden, not_found."""
    register = Register.objects.filter(pk=register_id).select_related("agency").first()
    if register is None:
        raise not_found()
    held = sorted(selectors.roles_for(actor, Registration(register=register)) & TABLE["adopt"].roles)
    if not held:
        raise forbidden(article="14")
    return register, held[0]


def check_adopted(row: AdoptedRow, *, demonstration: bool) -> str:
    """Return the code of a row in normal form; raises DomainError code_invalid, dates_reversed."""
    try:
        code = check_code(row.code, demonstration=demonstration)
    except CodeError as error:
        raise DomainError("code_invalid", error.message, "code", article="13", params=error.params) from error
    if row.valid_to < (row.valid_from or row.coded_on) or (row.valid_from or row.coded_on) < row.coded_on:
        raise DomainError("dates_reversed", N_("赋码日期、有效期起止的先后顺序有误"), "valid_to", article="15")
    return code


def taken_codes(codes: Iterable[str]) -> frozenset[str]:
    """Return those of the codes that a registration on this node bears already."""
    found = rows.fetch("SELECT code FROM registration_registration WHERE code = ANY(%b)", [list(codes)])
    return frozenset(row[0] for row in found)


def code_taken() -> DomainError:
    """Return the error for a code that another registration bears."""
    return conflict("code_taken", N_("此登记结果查询码已被使用"), field="code", article="13")


def _check_codes(batch: Batch, register_id: UUID, records: Sequence[AdoptedRow]) -> dict[int, str]:
    """Return the codes of the rows to be adopted; rows adopted before are known, codes of others taken."""
    demonstration = identity()[1]
    codes: dict[int, str] = {}
    for i in batch.wanted:
        try:
            codes[i] = check_adopted(records[i], demonstration=demonstration)
        except DomainError as error:
            batch.refuse(i, error)
    bearers = {row[0]: row[1:] for row in rows.fetch(_BEARERS, [list(codes.values())])}
    seen: set[str] = set()
    for i, code in codes.items():
        bearer = bearers.get(code)
        if bearer and bearer[1:] == (register_id, True, *_identity(records[i])) and code not in seen:
            batch.outcomes[i] = Outcome(bearer[0], known=True)
        elif bearer or code in seen:
            batch.refuse(i, code_taken())
        seen.add(code)
    batch.narrow()
    return codes


_BEARERS = (
    "SELECT code, id, register_id, adopted, name, serial, coded_on FROM registration_registration WHERE code = ANY(%b)"
)


def _identity(row: AdoptedRow) -> tuple[str, str, date]:
    """What a repeated row must have in common with the registration that bears its code."""
    return str(row.content.get("name", ""))[:200], row.serial, row.coded_on


def _organisations(batch: Batch, records: Sequence[AdoptedRow], example: bool) -> dict[str, UUID]:
    """Find the registrants by credit code, adding those that are new to this node."""
    contents = {_credit_code(records[i]): records[i].content for i in batch.wanted}
    known = _known_organisations(list(contents))
    new = sorted(contents.keys() - known.keys())
    if new:
        columns: dict[str, list[Any]] = {"id": [new_id() for _ in new], "credit_code": new}
        for column, name, length in _OF_REGISTRANT:
            columns[column] = [str(contents[code].get(name) or "")[:length] for code in new]
        rows.insert(Organisation(example=example), columns, on_conflict="ON CONFLICT DO NOTHING")
        known |= _known_organisations(new)
    return known


#: Column of an organisation, field of the record that tells it, length of the column.
_OF_REGISTRANT = (
    ("name", "registrant_name", 200),
    ("kind", "registrant_type", 30),
    ("region_code", "registrant_region", 6),
    ("address", "registrant_address", 200),
)


def _known_organisations(codes: list[str]) -> dict[str, UUID]:
    return dict(rows.fetch("SELECT credit_code, id FROM parties_organisation WHERE credit_code = ANY(%b)", [codes]))


def _credit_code(row: AdoptedRow) -> str:
    return str(row.content.get("registrant_credit_code", "")).strip().upper()


def _refuse_own(actor: Actor, batch: Batch, records: Sequence[AdoptedRow], organisations: Mapping[str, UUID]) -> None:
    own = actor.organisations()
    for i in batch.wanted:
        if organisations[_credit_code(records[i])] in own:
            message = N_("您属于该登记主体，不能代表登记机构办理其事项")
            batch.refuse(i, DomainError("own_file", message, status=403, article="6"))
    batch.narrow()


_ADOPTED = (
    "id", "organisation_id", "data_type", "serial", "code", "name", "registrant_name", "agency_name",
    "agency_level", "platform_code", "coded_on", "valid_from", "valid_to",
)  # fmt: skip


def _write(
    actor: Actor,
    role: str,
    register: Register,
    template: Registration,
    batch: Batch,
    records: Sequence[AdoptedRow],
    codes: Mapping[int, str],
    organisations: Mapping[str, UUID],
) -> None:
    if not batch.wanted:
        return
    at, rulebook = legal_now(), rules.rules_of_register(register.pk)
    decision = decide_once("adopt", template, actor=actor, at=at, rulebook=rulebook, role=role)
    fold(template, decision)
    log = Log(decision, str(register.pk))
    made: dict[str, list[Any]] = {k: [] for k in (*_ADOPTED, "fields", "digest", "body", "exact", "bands")}
    for i in batch.wanted:
        given = records[i]
        row = _fill(template, given, codes[i], organisations, register)
        fields = record.split_personal(given.content)[0]
        body = content_body(new_salt(), visible(fields, "page"))
        address = content_address(body)
        data = {
            "code": row.code,
            "version": 1,
            "coded_on": given.coded_on.isoformat(),
            "valid_from": row.valid_from.isoformat(),
            "valid_to": row.valid_to.isoformat(),
            "content": address,
        }
        log.add(row.pk, data, page_public(row, fields, address, adopted=True))
        for name in _ADOPTED:
            made[name].append(getattr(row, name))
        exact, bands = given.keys or inspection.name_keys(given.content)
        made["fields"].append(orjson.dumps(fields).decode())
        made["digest"].append(bytes.fromhex(address.removeprefix("sha256:")))
        made["body"].append(body)
        made["exact"].append(exact)
        made["bands"].append("{" + ",".join(map(str, bands)) + "}")
        batch.outcomes[i] = Outcome(row.pk)
    _insert(template, made, register, at)
    log.write()


def _fill(
    row: Registration, given: AdoptedRow, code: str, organisations: Mapping[str, UUID], register: Register
) -> Registration:
    """Set one registration's own columns on the row that serves the whole batch."""
    content = given.content
    row.id = new_id()
    row.organisation_id = organisations[_credit_code(given)]
    row.data_type = str(content.get("data_type") or "resource")
    row.serial, row.code = given.serial, code
    row.name = str(content.get("name", ""))[:200]
    row.registrant_name = str(content.get("registrant_name", ""))[:200]
    row.agency_name = given.agency_name or register.agency.name
    row.agency_level = given.agency_level or register.agency_level
    row.platform_code = given.platform_code or register.platform_code
    row.coded_on, row.valid_from, row.valid_to = given.coded_on, given.valid_from or given.coded_on, given.valid_to
    return row


def _insert(template: Registration, made: Mapping[str, list[Any]], register: Register, at: datetime) -> None:
    rows.insert(template, {name: made[name] for name in _ADOPTED})
    rows.insert(
        RegistrationVersion(number=1, at=at),
        {
            "id": rows.next_ids(RegistrationVersion, len(made["id"])),
            "registration_id": made["id"],
            "fields": made["fields"],
            "content": [f"sha256:{digest.hex()}" for digest in made["digest"]],
            "valid_from": made["valid_from"],
            "valid_to": made["valid_to"],
        },
    )
    rows.insert(
        Content(object_kind="registration"),
        {"digest": made["digest"], "object_id": made["id"], "body": made["body"]},
    )
    rows.insert(
        NameKey(register=register),
        {
            "object_id": made["id"],
            "organisation_id": made["organisation_id"],
            "exact": made["exact"],
            "bands": made["bands"],
            "name": made["name"],
            "registrant_name": made["registrant_name"],
        },
    )

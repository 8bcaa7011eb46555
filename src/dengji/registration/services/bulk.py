"""Many drafts or many adoptions in one transaction: the decisions, entries and rows of one by one, in few statements.

An import calls these once per batch. What follows from the act (next state, deadline, role) is decided once for a
batch, because it is the same for each of its rows; digests, salts, entries and contents are each row's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from dengji.core.canonical import canonical, digest, plain, timestamp
from dengji.core.clock import legal_now
from dengji.core.encryption import seal_json
from dengji.core.errors import N_, DomainError, conflict, forbidden, not_found
from dengji.core.frame import lock_key, request_digest
from dengji.core.ids import new_id
from dengji.core.node import identity
from dengji.law import record
from dengji.law.codes import CodeError, check_code
from dengji.law.procedure import TABLE, ProcedureError, decide
from dengji.law.rulebook import Rulebook
from dengji.law.visibility import visible
from dengji.ledger.entries import content_address, content_body, entry_body, new_salt
from dengji.ledger.models import Content, Entry, Pending
from dengji.parties.actor import Actor
from dengji.parties.models import Organisation, Register
from dengji.parties.roles import AGENCY_ROLES

from .. import inspection, rules, selectors
from ..models import Application, CoRegistrant, Decision, Draft, NameKey, Registration, RegistrationVersion
from ..projection import fold
from . import drafting, rows
from .coding import page_public
from .engine import Deed, _decision, case_of, statement

#: Marks that stand in a pattern for what is each row's own; no real text can contain them.
_MARK = "\u0000row\u0000"
_MARK_ID = UUID(int=0)
_MARK_ID_BYTES = str(_MARK_ID).encode()
_MARKED = canonical({"mark": _MARK})


@dataclass(frozen=True)
class DraftRow:
    """One record to become a draft; the transaction id makes a repeated row harmless."""

    transaction_id: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class AdoptedRow:
    """One registration of another platform, with what that platform gave it. Dates are Shanghai days."""

    transaction_id: str
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


@dataclass(frozen=True)
class Outcome:
    """What became of one row: the object's id, or the error for which it was refused; `known` for a repeated row."""

    id: UUID | None = None
    error: DomainError | None = None
    known: bool = False


@dataclass
class _Batch:
    """The rows of one batch that are still wanted, and what has been decided about the others."""

    outcomes: list[Outcome | None]
    digests: list[bytes]
    wanted: list[int] = field(default_factory=list)

    def refuse(self, i: int, error: DomainError) -> None:
        self.outcomes[i] = Outcome(error=error)

    def finished(self) -> list[Outcome]:
        return [outcome or Outcome() for outcome in self.outcomes]


def create_drafts(
    *, actor: Actor, register_id: UUID, organisation_id: UUID, drafts: Sequence[DraftRow], data_type: str = "resource"
) -> list[Outcome]:
    """Open one draft per row, as `create_application` does, all in one transaction (批量新建申请, Art. 7).

    Rows are refused one by one (unknown field, data type or co-registrant); raises DomainError forbidden,
    central_refused or not_found for all of them.
    """
    with transaction.atomic():
        template = admit_drafts(actor, register_id, organisation_id, data_type)
        organisation = template.organisation
        batch = _begin(actor, register_id, "create_application", drafts)
        prefilled = drafting.prefill(organisation, data_type)
        contents: dict[int, dict[str, Any]] = {}
        for i in batch.wanted:
            given = {k: v for k, v in drafts[i].content.items() if v not in (None, "", [], {})}
            contents[i] = {**prefilled, **given}
        partners = _check_contents(batch, contents, organisation)
        role = drafting.creating_role(actor, template, False)
        _write_drafts(actor, role, template, batch, drafts, contents, partners)
        return batch.finished()


def admit_drafts(actor: Actor, register_id: UUID, organisation_id: UUID, data_type: str = "resource") -> Application:
    """Return the pattern of drafts that an actor may open; DomainError forbidden, central_refused, not_found.

    Writes nothing: an import asks here before it reads its file.
    """
    register = Register.objects.filter(pk=register_id).first()
    organisation = Organisation.objects.filter(pk=organisation_id).first()
    if register is None or organisation is None:
        raise not_found()
    template = Application(
        register=register,
        organisation=organisation,
        kind="first",
        data_type=data_type,
        applicant_id=actor.person_id,
        rulebook=rules.register_rulebook(register_id),
    )
    drafting.admit(actor, template, False)
    return template


def _begin(actor: Actor, register_id: UUID, act: str, given: Sequence[DraftRow | AdoptedRow]) -> _Batch:
    """Keep two batches of one register from running at once, and find the rows that were done before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_key("bulk", str(register_id))])
    digests = [request_digest(act, {"register": register_id, "content": dict(row.content)}) for row in given]
    batch = _Batch([None] * len(given), digests)
    known = {
        row[0]: row[1:]
        for row in rows.fetch(
            "SELECT transaction_id, request_digest, result->>'id' FROM core_rememberedresult "
            "WHERE actor = %s AND transaction_id = ANY(%b)",
            [actor.key, [row.transaction_id for row in given]],
        )
    }
    for i, row in enumerate(given):
        if row.transaction_id not in known:
            batch.wanted.append(i)
            continue
        request, pk = known[row.transaction_id]
        if bytes(request) == digests[i]:
            batch.outcomes[i] = Outcome(UUID(pk), known=True)
        else:
            batch.refuse(i, conflict("transaction_id_reused", N_("此事务号已用于另一请求：请换用新的事务号")))
    return batch


def _check_contents(
    batch: _Batch, contents: dict[int, dict[str, Any]], organisation: Organisation
) -> dict[str, Organisation]:
    """Refuse rows that cannot be stored; return the co-registrants named in the others, by credit code."""
    codes = {code for content in contents.values() for code in _partner_codes(content)} - {organisation.credit_code}
    known = {o.credit_code: o for o in Organisation.objects.filter(credit_code__in=codes)} if codes else {}
    for i in batch.wanted:
        content = contents[i]
        unknown = sorted(content.keys() - record.FIELDS.keys())
        missing = sorted(set(_partner_codes(content)) - known.keys() - {organisation.credit_code})
        if unknown:
            params = {"field": unknown[0]}
            batch.refuse(i, DomainError("field_unknown", N_("没有名为 {field} 的字段"), unknown[0], params=params))
        elif content.get("data_type") not in record.FIELDS["data_type"].labels:
            batch.refuse(i, DomainError("data_type_unknown", N_("没有这种登记类型"), "data_type"))
        elif missing:
            batch.refuse(i, partner_unknown(missing[0]))
    batch.wanted = [i for i in batch.wanted if batch.outcomes[i] is None]
    return known


def _partner_codes(content: Mapping[str, Any]) -> list[str]:
    return [str(c.get("credit_code", "")) for c in content.get("co_registrants") or () if isinstance(c, dict)]


def _write_drafts(
    actor: Actor,
    role: str,
    template: Application,
    batch: _Batch,
    drafts: Sequence[DraftRow],
    contents: Mapping[int, dict[str, Any]],
    partners: Mapping[str, Organisation],
) -> None:
    if not batch.wanted:
        return
    at, rulebook = legal_now(), rules.current(template.rulebook)
    decision = _decide("create_application", template, actor=actor, at=at, rulebook=rulebook, role=role)
    fold(template, decision)
    log = _Log(decision, str(template.register_id))
    made: dict[str, list[Any]] = {k: [] for k in ("id", "data_type", "name", "registrant_name", "fields", "private")}
    results = rows.Results(actor.key, "create_application")
    moment = timestamp(at)
    links: list[CoRegistrant] = []
    for i in batch.wanted:
        content = contents[i]
        pk = new_id()
        data = {"organisation": str(template.organisation_id), "kind": "first", "data_type": content["data_type"]}
        log.add(pk, data)
        clear, private = record.split_personal({k: plain(v) for k, v in content.items()})
        made["id"].append(pk)
        made["data_type"].append(content["data_type"])
        made["name"].append(str(content.get("name", ""))[:200])
        made["registrant_name"].append(str(content.get("registrant_name", ""))[:200])
        made["fields"].append(orjson.dumps(clear).decode())
        made["private"].append(seal_json(private, context=pk.bytes))
        result = {"id": str(pk), "act": decision.act, "state": template.state, "n": 1, "at": moment, "revision": 1}
        results.add(drafts[i].transaction_id, batch.digests[i], result)
        batch.outcomes[i] = Outcome(pk)
        for code in set(_partner_codes(content)) & partners.keys():
            links.append(CoRegistrant(application_id=pk, organisation=partners[code]))
    rows.insert(template, {k: made[k] for k in ("id", "data_type", "name", "registrant_name")})
    draft = Draft(application=template, updated_by=actor.person_id)
    rows.insert(draft, {"application_id": made["id"], "fields": made["fields"], "private": made["private"]})
    log.write()
    results.write()
    if links:
        CoRegistrant.objects.bulk_create(links)


def partner_unknown(code: str) -> DomainError:
    """Return the error for a co-registrant that this node does not know."""
    return DomainError(
        "organisation_unknown",
        N_("平台尚无统一社会信用代码为 {code} 的单位：请该单位先注册"),
        "co_registrants",
        article="7",
        params={"code": code},
    )


def _decide(
    act: str, row: Application | Registration, *, actor: Actor, at: datetime, rulebook: Rulebook, role: str
) -> Decision:
    """Decide the act once for the whole batch; what differs from row to row is put in later."""
    calendar = rules.calendar()
    try:
        outcome = decide(act, case_of(row, {}), role, rulebook, calendar, at, obj=row.OBJECT)
    except ProcedureError as error:
        raise conflict(error.code, error.message, article=error.article, params=error.params) from None
    return _decision(row, outcome, role, actor.key, at, rulebook, calendar.version, Deed())


class _Log:
    """The decisions and entries of one batch, all after the pattern of one decision.

    Statement and entry are made once, canonical, with marks where rows differ; each row then only fills its marks in.
    """

    def __init__(self, pattern: Decision, register: str) -> None:
        self.pattern = pattern
        self.public = TABLE[pattern.act].public
        pattern.object_id, pattern.data = _MARK_ID, {"mark": _MARK}
        self.statement = canonical(statement(pattern))
        self.entry = entry_body(
            log=identity()[0],
            act=pattern.act,
            at=pattern.at,
            register=register,
            object_kind=pattern.object_kind,
            object_id=_MARK_ID,
            n=pattern.n,
            public={"mark": _MARK} if self.public else None,
            sealed=None if self.public else _MARK,
        )
        self.object: list[UUID] = []
        self.data: list[str] = []
        self.salt: list[bytes] = []
        self.digest: list[str] = []
        self.body: list[bytes] = []

    def add(self, pk: UUID, data: Mapping[str, Any], public: Mapping[str, Any] | None = None) -> None:
        """Add one decision with its data; `public` is what its entry shows, where the act is a public one."""
        key, salt, stated = str(pk).encode(), new_salt(), canonical(dict(data))
        text = self.statement.replace(_MARK_ID_BYTES, key).replace(_MARKED, stated)
        commitment = digest(salt + text)
        if self.public:
            shown = canonical({"state": self.pattern.to_state, **(public or {})})
            body = self.entry.replace(_MARK_ID_BYTES, key).replace(_MARKED, shown)
        else:
            body = self.entry.replace(_MARK_ID_BYTES, key).replace(canonical(_MARK), canonical(commitment))
        self.object.append(pk)
        self.data.append(stated.decode())
        self.salt.append(salt)
        self.digest.append(commitment)
        self.body.append(body)

    def write(self) -> None:
        """Insert entries, their places in the waiting line, and decisions."""
        one = self.pattern
        ids = rows.next_ids(Entry, len(self.object))
        entry = Entry(act=one.act, object_kind=one.object_kind, n=one.n, at=one.at, public=self.public)
        rows.insert(entry, {"id": ids, "object_id": self.object, "body": self.body})
        rows.insert(Pending(), {"entry_id": ids})
        decided: dict[str, list[Any]] = {
            "object_id": self.object,
            "data": self.data,
            "salt": self.salt,
            "digest": self.digest,
        }
        rows.insert(one, {"id": rows.next_ids(Decision, len(ids)), **decided, "entry_id": ids})


def adopt(*, actor: Actor, register_id: UUID, records: Sequence[AdoptedRow], example: bool = False) -> list[Outcome]:
    """Take over registrations made on other platforms, with their codes and dates (承接既有登记, Art. 14).

    Registrants are found by credit code and added where unknown. Rows are refused one by one: code_invalid, code_taken,
    dates_reversed, forbidden; raises DomainError forbidden or not_found for all of them.
    """
    with transaction.atomic():
        register, role = admit_adoption(actor, register_id)
        template = Registration(register=register, adopted=True, version=1)
        batch = _begin(actor, register_id, "adopt", records)
        codes = _check_codes(batch, records)
        organisations = _organisations(batch, records, example)
        if role in AGENCY_ROLES:
            _refuse_own(actor, batch, records, organisations)
        _write_adopted(actor, role, register, template, batch, records, codes, organisations)
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


def _check_codes(batch: _Batch, records: Sequence[AdoptedRow]) -> dict[int, str]:
    demonstration = identity()[1]
    codes: dict[int, str] = {}
    for i in batch.wanted:
        try:
            codes[i] = check_adopted(records[i], demonstration=demonstration)
        except DomainError as error:
            batch.refuse(i, error)
    seen = set(taken_codes(codes.values()))
    for i, code in codes.items():
        if code in seen:
            batch.refuse(i, code_taken())
        seen.add(code)
    batch.wanted = [i for i in batch.wanted if batch.outcomes[i] is None]
    return codes


def _organisations(batch: _Batch, records: Sequence[AdoptedRow], example: bool) -> dict[str, UUID]:
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


def _refuse_own(actor: Actor, batch: _Batch, records: Sequence[AdoptedRow], organisations: Mapping[str, UUID]) -> None:
    own = actor.organisations()
    for i in batch.wanted:
        if organisations[_credit_code(records[i])] in own:
            message = N_("您属于该登记主体，不能代表登记机构办理其事项")
            batch.refuse(i, DomainError("own_file", message, status=403, article="6"))
    batch.wanted = [i for i in batch.wanted if batch.outcomes[i] is None]


_ADOPTED = (
    "id", "organisation_id", "data_type", "serial", "code", "name", "registrant_name", "agency_name",
    "agency_level", "platform_code", "coded_on", "valid_from", "valid_to",
)  # fmt: skip


def _write_adopted(
    actor: Actor,
    role: str,
    register: Register,
    template: Registration,
    batch: _Batch,
    records: Sequence[AdoptedRow],
    codes: Mapping[int, str],
    organisations: Mapping[str, UUID],
) -> None:
    if not batch.wanted:
        return
    at, rulebook = legal_now(), rules.rules_of_register(register.pk)
    decision = _decide("adopt", template, actor=actor, at=at, rulebook=rulebook, role=role)
    fold(template, decision)
    log = _Log(decision, str(register.pk))
    results = rows.Results(actor.key, "adopt")
    moment = timestamp(at)
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
        result = {"id": str(row.pk), "act": "adopt", "state": row.state, "n": 1, "at": moment, "code": row.code}
        results.add(given.transaction_id, batch.digests[i], result)
        batch.outcomes[i] = Outcome(row.pk)
    _insert_adopted(template, made, register, at)
    log.write()
    results.write()


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


def _insert_adopted(template: Registration, made: Mapping[str, list[Any]], register: Register, at: datetime) -> None:
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

"""How each public act is done again from what its entry and its content object tell; the table is at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import orjson

from dengji.core import sql
from dengji.core.canonical import plain_dict
from dengji.law.procedure.decide import deadline_in
from dengji.law.visibility import visible
from dengji.ledger.entries import Sealed, new_salt
from dengji.ledger.models import Content, Entry
from dengji.parties.models import Organisation, Register
from dengji.registration import inspection, rules
from dengji.registration.audit import RECOVERED
from dengji.registration.models import Application, Decision, NameKey, Registration, RegistrationVersion
from dengji.registration.models.cases import CaseBase
from dengji.registration.projection import COLUMNS, MODELS, fold
from dengji.registration.services.coding import add_version
from dengji.registration.services.engine import case_of, statement
from dengji.registration.services.notices import end_notice, publish
from dengji.registration.services.suppression import empty_family


@dataclass(frozen=True)
class Told:
    """One entry that was fetched again: its place, its row, what it says in public."""

    index: int
    entry: Entry
    public: Mapping[str, Any] | None

    @property
    def register(self) -> str:
        """The register that the entry names."""
        return str(orjson.loads(bytes(self.entry.body))["register"])


@dataclass(frozen=True)
class _Basis:
    """By which rules a decision is dated: those of the object's last decision, or today's for a new object."""

    rulebook: str
    digest: str
    calendar: str


def _basis(row: CaseBase) -> _Basis:
    before = Decision.objects.filter(object_id=row.pk).order_by("-n").first()
    if before is None and row.state:
        before = Decision.objects.get(
            object_id__in=Application.objects.filter(registration_id=row.pk).values("pk"), act="assign_code"
        )
    if before is not None:
        return _Basis(before.rulebook, before.rulebook_digest, before.calendar)
    rulebook = rules.rules_of_register(row.register_id)
    return _Basis(rulebook.id, rulebook.digest, rules.calendar().version)


def _decide(row: CaseBase, one: Told, public: Mapping[str, Any], **data: Any) -> Decision:
    basis = _basis(row)
    rulebook = rules.rules_of(row) if isinstance(row, Application) else rules.rules_of_register(row.register_id)
    state = str(public["state"])
    deadline = deadline_in(row.OBJECT, state, case_of(row, {}), rulebook, rules.calendar(), one.entry.at)
    decision = Decision(
        object_kind=row.OBJECT,
        object_id=row.pk,
        register_id=row.register_id,
        n=one.entry.n,
        act=one.entry.act,
        actor=RECOVERED,
        role=RECOVERED,
        at=one.entry.at,
        from_state=row.state,
        to_state=state,
        deadline_day=deadline.last_day if deadline else None,
        deadline_ends=deadline.ends if deadline else None,
        deadline_provisional=deadline.provisional if deadline else False,
        rulebook=basis.rulebook,
        rulebook_digest=basis.digest,
        calendar=basis.calendar,
        data=plain_dict(data),
        salt=new_salt(),
        entry_id=one.entry.pk,
    )
    decision.digest = Sealed(bytes(decision.salt), statement(decision)).commitment
    sql.insert(decision)
    creating = not row.state
    columns = {column: getattr(row, column) for column in COLUMNS[row.OBJECT]}
    fold(row, decision)
    if creating:
        sql.insert(row)
    else:
        sql.update(row, [column for column, value in columns.items() if getattr(row, column) != value])
    return decision


def _told_fields(public: Mapping[str, Any]) -> dict[str, Any] | None:
    """The public names and texts of an entry, None where the content object was suppressed or nobody has it."""
    digest = bytes.fromhex(str(public["content"]).partition(":")[2])
    row = Content.objects.filter(digest=digest).first()
    if row is None or row.body is None:
        return None
    fields: dict[str, Any] = orjson.loads(bytes(row.body))["fields"]
    return fields


def _plain(*names: str, notice: str = "") -> Callable[[Any, Told, Mapping[str, Any]], None]:
    """An act whose decision holds just these public words, and may end the notice that runs."""

    def rule(row: CaseBase, one: Told, public: Mapping[str, Any]) -> None:
        _decide(row, one, public, **{name: public[name] for name in names})
        if notice and isinstance(row, Application):
            end_notice(row, one.entry.at, notice)

    return rule


def _ended(row: Registration, one: Told, public: Mapping[str, Any]) -> None:
    _decide(row, one, public, ground=public["ground"])
    inspection.forget_name(row.pk)


def _noticed(row: Application, one: Told, public: Mapping[str, Any]) -> None:
    """The notice runs again to the day on which it would have ended; which hits were cleared is not told (Art. 12)."""
    content, _ = inspection.current_content(row)
    data: dict[str, Any] = {"cleared": []} if one.entry.act == "open_notice" else {}
    decision = _decide(row, one, public, content=public["content"], **data)
    publish(row, decision, _told_fields(public) or visible(content, "notice"), str(public["content"]))


def _completed(row: Application, one: Told, public: Mapping[str, Any]) -> None:
    """What was completed is carried into the registration by the entry that follows, on the registration."""
    _decide(row, one, public)
    end_notice(row, one.entry.at, "OVER")
    inspection.forget_name(row.pk)


def _revised(row: Registration, one: Told, public: Mapping[str, Any]) -> None:
    """A new version, whole where its application is at hand; else what is public is new, the rest as it was (R5)."""
    before = RegistrationVersion.objects.get(registration=row, number=row.version)
    application = Application.objects.filter(registration=row, state="COMPLETED", ended_at=one.entry.at).first()
    shown = _told_fields(public)
    if application is not None:
        content = {**inspection.current_content(application)[0]}
        row.registrant_name = application.registrant_name
    elif shown is not None:
        hidden = {name: value for name, value in before.fields.items() if not visible({name: value}, "page")}
        content = {**hidden, **shown}
    else:
        raise LookupError(public["content"])
    row.name = str(content.get("name", row.name))[:200]
    names = ("version", "valid_from", "valid_to", "content")
    told = {name: public[name] for name in names}
    _decide(row, one, public, **told, application=application.pk if application else "")
    sql.update(row, ["name", "registrant_name"])
    add_version(row, content, str(public["content"]), one.entry.at, application=application)
    exact, bands = inspection.name_keys(content)
    NameKey.objects.filter(object_id=row.pk).update(
        exact=exact, bands=list(bands), name=row.name, registrant_name=row.registrant_name
    )


def _adopted(row: Registration, one: Told, public: Mapping[str, Any]) -> None:
    """A registration of another platform: its public words, under the one organisation here of that name (Art. 14).

    The agency is taken to be this register's. Raises LookupError where the words or the organisation are not here.
    """
    register = Register.objects.select_related("agency").get(pk=one.register)
    shown = _told_fields(public)
    if shown is None:
        raise LookupError(public["content"])
    registrant = str(shown.get("registrant_name", ""))
    found = Organisation.objects.filter(name=registrant)[:2]
    if len(found) != 1:
        raise LookupError(registrant)
    row.register, row.organisation, row.adopted = register, found[0], True
    row.data_type, row.serial, row.code = public["type"], public.get("serial", ""), public["code"]
    row.name, row.registrant_name = str(shown.get("name", ""))[:200], registrant[:200]
    row.agency_name, row.agency_level = register.agency.name, public["agency_level"]
    row.platform_code = public.get("platform", "")
    row.coded_on = date.fromisoformat(public["coded_on"])
    row.valid_from, row.valid_to = date.fromisoformat(public["valid_from"]), date.fromisoformat(public["valid_to"])
    names = ("code", "version", "coded_on", "valid_from", "valid_to", "content")
    _decide(row, one, public, **{name: public[name] for name in names})
    add_version(row, shown, str(public["content"]), one.entry.at)
    exact, bands = inspection.name_keys(shown)
    NameKey.objects.create(
        object_id=row.pk,
        register=register,
        organisation_id=found[0].pk,
        exact=exact,
        bands=list(bands),
        name=row.name,
        registrant_name=row.registrant_name,
    )


def suppress(one: Told, public: Mapping[str, Any]) -> None:
    """Let the words be gone that an entry says are suppressed, with those of all that holds them (Art. 4)."""
    digests = [bytes.fromhex(str(address).partition(":")[2]) for address in public.get("contents", ())]
    gone = {"body": None, "suppressed_at": one.entry.at, "ground": public.get("ground", "")}
    Content.objects.filter(digest__in=digests, suppressed_at=None).update(**gone)
    known = {bytes(one) for one in Content.objects.filter(digest__in=digests).values_list("digest", flat=True)}
    Content.objects.bulk_create(
        Content(digest=digest, object_kind=one.entry.object_kind, object_id=one.entry.object_id, **gone)
        for digest in digests
        if digest not in known
    )
    model = MODELS.get(one.entry.object_kind)
    row = model._default_manager.filter(pk=one.entry.object_id).first() if model else None
    if row is not None:
        empty_family(row, one.entry.at)


def _coded(row: Application, one: Told, public: Mapping[str, Any]) -> None:
    """The code that people already hold: the registration comes back with it (Art. 13)."""
    register = Register.objects.select_related("agency").get(pk=row.register_id)
    content, _ = inspection.current_content(row)
    registration = Registration(
        id=UUID(public["registration"]),
        register=register,
        state="VALID",
        organisation_id=row.organisation_id,
        data_type=row.data_type,
        serial=row.serial,
        code=public["code"],
        local_number=row.local_number,
        name=row.name,
        registrant_name=row.registrant_name,
        agency_name=register.agency.name,
        agency_level=public["agency_level"],
        platform_code=public.get("platform", ""),
        coded_on=date.fromisoformat(public["coded_on"]),
        valid_from=date.fromisoformat(public["valid_from"]),
        valid_to=date.fromisoformat(public["valid_to"]),
    )
    sql.insert(registration)
    Application.objects.filter(pk=row.pk).update(registration=registration)
    names = ("code", "registration", "version", "valid_from", "valid_to", "content")
    _decide(row, one, public, **{name: public[name] for name in names})
    add_version(registration, content, public["content"], one.entry.at, application=row)
    NameKey.objects.filter(object_id=row.pk).update(object_id=registration.pk)


#: Acts that make their object.
CREATES = frozenset({"adopt"})
#: (kind of object, act) → how its entry is done again. What is not here needs words that no public entry has.
RULES: dict[tuple[str, str], Callable[[Any, Told, Mapping[str, Any]], None]] = {
    ("application", "open_notice"): _noticed,
    ("application", "resume_notice"): _noticed,
    ("application", "complete"): _completed,
    ("application", "suspend_notice"): _plain("ground", notice="SUSPENDED"),
    ("application", "close_notice"): _plain("local_number", notice="OVER"),
    ("application", "terminate"): _plain(notice="TERMINATED"),
    ("application", "request_code"): _plain("way"),
    ("application", "cancel_request"): _plain(),
    ("application", "refuse_code"): _plain(),
    ("application", "assign_code"): _coded,
    ("application", "suppress_content"): _plain("ground", "contents"),
    ("registration", "suppress_content"): _plain("ground", "contents"),
    ("registration", "adopt"): _adopted,
    ("registration", "revise"): _revised,
    ("registration", "cancel"): _ended,
    ("registration", "revoke"): _ended,
}

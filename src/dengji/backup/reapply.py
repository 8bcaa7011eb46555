"""Acts that a node lost and their public entries still tell: done again, as far as their words suffice (design §5).

An act is done again where its object stands exactly before it. Who did it stays unknown: the decision names
`recovered`. Everything else is reported by its number in the log, for people to put right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import Error, transaction

from dengji.core import sql
from dengji.core.errors import DomainError
from dengji.ledger.entries import Sealed, new_salt
from dengji.ledger.models import Content, Entry
from dengji.parties.models import Register
from dengji.registration import inspection
from dengji.registration.audit import RECOVERED
from dengji.registration.models import Application, Decision, NameKey, Registration
from dengji.registration.models.cases import CaseBase
from dengji.registration.projection import COLUMNS, MODELS, fold
from dengji.registration.services.coding import add_version
from dengji.registration.services.engine import statement
from dengji.registration.services.notices import end_notice
from dengji.registration.services.suppression import empty_family


@dataclass(frozen=True)
class Told:
    """One entry that was fetched again: its place, its row, what it says in public."""

    index: int
    entry: Entry
    public: Mapping[str, Any] | None


@dataclass
class Result:
    """Places in the log: acts done again, public acts that were not, sealed acts whose words are lost."""

    applied: list[int] = field(default_factory=list)
    not_applied: list[int] = field(default_factory=list)
    sealed: list[int] = field(default_factory=list)


def told(index: int, entry: Entry) -> Told:
    """Return an entry with what it says in public."""
    return Told(index, entry, orjson.loads(bytes(entry.body)).get("public"))


def reapply(fetched: list[Told]) -> Result:
    """Do again, in the log's order, what can be; one act that cannot be stops only those on the same object."""
    result = Result()
    for one in fetched:
        if one.public is None:
            result.sealed.append(one.index)
        elif _again(one, one.public):
            result.applied.append(one.index)
        else:
            result.not_applied.append(one.index)
    return result


def _again(one: Told, public: Mapping[str, Any]) -> bool:
    if one.entry.act == "suppress_content":
        # The law wants the words gone, whether or not the decision can be written again.
        _suppress(one, public)
    rule = _RULES.get((one.entry.object_kind, one.entry.act))
    model = MODELS.get(one.entry.object_kind)
    if rule is None or model is None:
        return one.entry.object_kind not in MODELS
    try:
        with transaction.atomic():
            row = model._default_manager.select_for_update(of=("self",)).filter(pk=one.entry.object_id).first()
            if row is None or row.n != one.entry.n - 1:
                return False
            rule(row, one, public)
    except (DomainError, Error, LookupError, ValueError, TypeError):
        return False
    return True


def _decide(row: CaseBase, one: Told, public: Mapping[str, Any], **data: Any) -> None:
    before = Decision.objects.filter(object_id=row.pk).order_by("-n").first() or Decision.objects.get(
        object_id__in=Application.objects.filter(registration_id=row.pk).values("pk"), act="assign_code"
    )
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
        to_state=public["state"],
        rulebook=before.rulebook,
        rulebook_digest=before.rulebook_digest,
        calendar=before.calendar,
        data=data,
        salt=new_salt(),
        entry_id=one.entry.pk,
    )
    decision.digest = Sealed(bytes(decision.salt), statement(decision)).commitment
    sql.insert(decision)
    columns = {column: getattr(row, column) for column in COLUMNS[row.OBJECT]}
    fold(row, decision)
    sql.update(row, [column for column, value in columns.items() if getattr(row, column) != value])


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


def _suppress(one: Told, public: Mapping[str, Any]) -> None:
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


#: (kind of object, act) → how its entry is done again. What is not here needs words that no public entry has.
_RULES: dict[tuple[str, str], Callable[[Any, Told, Mapping[str, Any]], None]] = {
    ("application", "suspend_notice"): _plain("ground", notice="SUSPENDED"),
    ("application", "close_notice"): _plain("local_number", notice="OVER"),
    ("application", "terminate"): _plain(notice="TERMINATED"),
    ("application", "request_code"): _plain("way"),
    ("application", "cancel_request"): _plain(),
    ("application", "refuse_code"): _plain(),
    ("application", "assign_code"): _coded,
    ("application", "suppress_content"): _plain("ground", "contents"),
    ("registration", "suppress_content"): _plain("ground", "contents"),
    ("registration", "cancel"): _ended,
    ("registration", "revoke"): _ended,
}


def seen_serials(fetched: list[Told]) -> dict[tuple[UUID, date], int]:
    """Return the highest running number that public entries name, by register and day."""
    from dengji.law.codes import CodeError
    from dengji.law.codes.serial import parse_serial

    highest: dict[tuple[UUID, date], int] = {}
    for one in fetched:
        if one.public is None or "serial" not in one.public:
            continue
        try:
            register = UUID(orjson.loads(bytes(one.entry.body))["register"])
            day, number = parse_serial(one.public["serial"])
        except (CodeError, ValueError):
            continue
        highest[register, day] = max(number, highest.get((register, day), 0))
    return highest


def at_of(body: Mapping[str, Any]) -> datetime:
    """Return the legal time that an entry states."""
    return datetime.fromisoformat(str(body["at"]))

"""The one way of an act through the house (design §3): decide, append the decision, fold it, record the entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet

from dengji.core import sql
from dengji.core.canonical import plain_dict, salted_digest
from dengji.core.encryption import seal_json
from dengji.core.errors import N_, DomainError, conflict, forbidden, not_found
from dengji.core.frame import once
from dengji.core.ids import new_id
from dengji.law.procedure import TABLE, Case, Outcome, ProcedureError, decide
from dengji.law.rulebook import Rulebook
from dengji.ledger import services as ledger
from dengji.ledger.entries import Sealed, new_salt
from dengji.parties.access import log_refusal
from dengji.parties.actor import Actor
from dengji.parties.roles import AGENCY_ROLES

from .. import rules, selectors
from ..models import Application, Decision, DecisionDetail, Objection, Registration
from ..models.cases import CaseBase
from ..projection import COLUMNS, fold

M = TypeVar("M", bound=CaseBase)
_STATUS = {"wrong_role": 403, "unknown_act": 404}


@dataclass
class Deed:
    """What a service adds to an act: facts for the guards, parameters, private words, public fields."""

    facts: Mapping[str, bool] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)
    public: Mapping[str, Any] = field(default_factory=dict)
    to: str | None = None
    ref: str | None = None
    #: Other plain columns the service has set on the row (`_id` of a foreign key), saved with the projection.
    also: tuple[str, ...] = ()
    #: A deadline that replaces the computed one (recalculate).
    deadline: Any = None


def perform(
    act: str,
    *,
    actor: Actor,
    transaction_id: str,
    request: Mapping[str, Any],
    work: Callable[[datetime], Mapping[str, Any]],
    target: UUID | None = None,
) -> dict[str, Any]:
    """Run one act once; refusals go to the access log in a transaction of their own, then the error goes on.

    Raises whatever the act raises, and DomainError transaction_id_reused (409).
    """
    try:
        return once(
            actor=actor.key,
            transaction_id=transaction_id,
            act=act,
            request={"target": str(target) if target else "", **request},
            work=lambda at: plain_dict(work(at)),
        )
    except DomainError as error:
        if error.status in (403, 404, 409):
            log_refusal(actor=actor.key, act=act, object_id=target, outcome=error.code)
        raise


def lock(model: type[M], pk: UUID, actor: Actor) -> M:
    """Lock and return one object within the actor's scope; raises DomainError not_found for any other."""
    if model not in _STATIC:
        row = next(iter(_locking(model, actor, pk)), None)
        if row is None:
            raise not_found()
        return row
    try:
        locking, params = _locking_sql(model, actor)
    except EmptyResultSet:  # a scope that holds nothing has no SQL
        raise not_found() from None
    with sql.prepared() as cursor:
        cursor.execute(locking, [pk if p is _HERE else p for p in params])
        values = cursor.fetchone()
    if values is None:
        raise not_found()
    return sql.row_of(model, values)


#: Objects whose scope to act depends on the actor's grants alone, so that its SQL may be compiled once per actor.
_STATIC = frozenset({Application, Registration, Objection})
_HERE = UUID(int=0x5EA1)


def _locking(model: type[M], actor: Actor, pk: UUID) -> QuerySet[M]:
    scope = selectors.SCOPES[model](actor, "act")
    return model._default_manager.filter(scope).filter(pk=pk).select_for_update(of=("self",), no_key=True)


@lru_cache(maxsize=1024)
def _locking_sql(model: type[CaseBase], actor: Actor) -> tuple[str, tuple[Any, ...]]:
    """The statement that `lock` runs, compiled once: building it costs more than running it."""
    compiled, params = _locking(model, actor, _HERE).query.sql_with_params()
    return compiled, tuple(_HERE if p == _HERE else p for p in params)


def case_of(row: CaseBase, facts: Mapping[str, bool]) -> Case:
    """Return what the law needs to know of a row."""
    if isinstance(row, Application):
        return Case(
            state=row.state or None,
            kind=row.kind,
            receipt=row.receipt_at,
            accepted=row.accepted_at,
            notice_ends=row.notice_ends,
            deadline_ends=row.deadline_ends,
            in_supplement=row.in_supplement,
            facts=facts,
        )
    return Case(state=row.state or None, deadline_ends=row.deadline_ends, facts=facts)


def choose_role(act: str, actor: Actor, row: CaseBase) -> str:
    """Return the role in which the actor may do this act on this row; raises DomainError forbidden or own_file.

    Nobody acts for the agency on a file of an organisation they belong to (design §4).
    """
    allowed = TABLE[act].roles
    if "anyone" in allowed:
        return "anyone"
    held = sorted(selectors.roles_for(actor, row) & allowed)
    if not held:
        raise forbidden(article=TABLE[act].article)
    if held[0] in AGENCY_ROLES:
        refuse_own_file(actor, row)
    return held[0]


def refuse_own_file(actor: Actor, row: CaseBase) -> None:
    """Raise DomainError own_file where the actor, or an organisation of theirs, is a party to the file (design §4)."""
    if selectors.is_party(actor, row):
        raise DomainError("own_file", N_("您是该事项的当事人，不能代表登记机构办理"), status=403, article="6")
    if selectors.is_own_file(actor, row):
        raise DomainError("own_file", N_("您属于该登记主体，不能代表登记机构办理其事项"), status=403, article="6")


def apply(
    act: str, row: CaseBase, *, actor: Actor, at: datetime, rulebook: Rulebook, deed: Deed | None = None, role: str = ""
) -> Decision:
    """Decide one act on a locked or new row, append the decision and its entry, and save the projection.

    Raises DomainError with the procedure's code where the act is not possible; then nothing has been written.
    """
    deed = deed or Deed()
    role = role or choose_role(act, actor, row)
    calendar = rules.calendar()
    if TABLE[act].reasoned and not str(deed.detail.get("reason", "")).strip():
        raise DomainError("reason_required", N_("请写明理由"), "reason", article=TABLE[act].article)
    try:
        outcome = decide(act, case_of(row, deed.facts), role, rulebook, calendar, at, obj=row.OBJECT)
    except ProcedureError as error:
        raise DomainError(
            error.code,
            error.message,
            status=_STATUS.get(error.code, 409),
            article=error.article,
            params=error.params,
        ) from None
    creating = not row.state
    decision = _decision(row, outcome, role, actor.key, at, rulebook, calendar.version, deed)
    _record(row, decision, deed)
    before = {column: getattr(row, column) for column in COLUMNS[row.OBJECT]}
    fold(row, decision)
    if creating:
        sql.insert(row)
    else:
        changed = [column for column, value in before.items() if getattr(row, column) != value]
        sql.update(row, [*changed, *deed.also])
    return decision


def _decision(
    row: CaseBase,
    outcome: Outcome,
    role: str,
    actor: str,
    at: datetime,
    rulebook: Rulebook,
    calendar: str,
    deed: Deed,
) -> Decision:
    deadline = deed.deadline or outcome.deadline
    return Decision(
        object_kind=row.OBJECT,
        object_id=row.pk,
        register_id=row.register_id,
        n=row.n + 1,
        act=outcome.act.name,
        actor=actor,
        role=role,
        at=at,
        from_state=row.state,
        to_state=outcome.state,
        deadline_day=deadline.last_day if deadline else None,
        deadline_ends=deadline.ends if deadline else None,
        deadline_provisional=deadline.provisional if deadline else False,
        rulebook=rulebook.id,
        rulebook_digest=rulebook.digest,
        calendar=calendar,
        data=plain_dict(deed.data),
        salt=new_salt(),
    )


def statement(decision: Decision) -> dict[str, Any]:
    """Return what a decision states: the part whose salted digest a sealed entry carries, without personal data."""
    return plain_dict(
        {
            "object": str(decision.object_id),
            "object_kind": decision.object_kind,
            "n": decision.n,
            "act": decision.act,
            "actor": decision.actor,
            "role": decision.role,
            "at": decision.at,
            "from": decision.from_state,
            "to": decision.to_state,
            "deadline": decision.deadline_day,
            "rulebook": decision.rulebook_digest,
            "calendar": decision.calendar,
            "data": decision.data,
            "detail": decision.detail_digest or None,
        }
    )


def _record(row: CaseBase, decision: Decision, deed: Deed) -> None:
    if deed.detail:
        words = plain_dict(deed.detail)
        salt = new_salt()
        detail = DecisionDetail(
            id=new_id(),
            object_id=row.pk,
            data=seal_json({"salt": salt.hex(), "words": words}, context=row.pk.bytes),
        )
        sql.insert(detail)
        decision.detail_id = detail.pk
        decision.detail_digest = salted_digest(salt, words)
    sealed = Sealed(bytes(decision.salt), statement(decision))
    decision.digest = sealed.commitment
    is_public = TABLE[decision.act].public
    decision.entry_id = ledger.record(
        act=decision.act,
        at=decision.at,
        register=str(row.register_id),
        object_kind=row.OBJECT,
        object_id=row.pk,
        n=decision.n,
        public=public_part(decision, deed.public) if is_public else None,
        sealed=None if is_public else sealed,
        to=deed.to,
        ref=deed.ref,
    )
    sql.insert(decision)


def public_part(decision: Decision, shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a public entry holds: the state, what the act shows, and the salted digest of the whole decision.

    The digest ties actor, deadline, rulebook and reasons to the entry without showing them.
    """
    return plain_dict({"state": decision.to_state, **shown, "decision": decision.digest})


def answer(row: CaseBase, decision: Decision, **more: Any) -> dict[str, Any]:
    """Return what every act tells its caller: the object, its state and the day its deadline falls on."""
    return {
        "id": str(row.pk),
        "act": decision.act,
        "state": row.state,
        "n": row.n,
        "at": decision.at,
        "deadline": row.deadline_day,
        "deadline_provisional": row.deadline_provisional if row.deadline_day else None,
        **more,
    }


def wrong_state() -> DomainError:
    """Return the error for something that the object's present state does not allow."""
    return conflict("wrong_state", N_("当前状态下不能办理此事项"))

"""Who holds a case, and who stands in for whom (认领、退回、分派, AB 角).

The organisation of a desk, not acts of the procedure: nothing is decided, every change stays in its table and in the
access log. Who may act on a case follows from the roles alone, as before.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from dengji.core.errors import N_, DomainError, conflict, forbidden, not_found
from dengji.core.frame import lock_words
from dengji.parties.access import log_work
from dengji.parties.actor import Actor, for_person
from dengji.parties.models import Person
from dengji.parties.roles import AGENCY_ROLES

from .. import selectors
from ..models import Application, CaseAssignment, Complaint, Deputy, Objection, Recheck, Registration
from ..models.cases import CaseBase
from ..stages import OPEN, stage_of
from .engine import perform, refuse_own_file

_MODELS: tuple[type[CaseBase], ...] = (Application, Objection, Complaint, Recheck, Registration)
CASES = {model.OBJECT: model for model in _MODELS}


def case_for(actor: Actor, object_kind: str, object_id: UUID) -> CaseBase:
    """Return a case on which the actor works for the agency.

    Raises DomainError not_found outside the scope, forbidden without a role of the agency, own_file on one's own.
    """
    model = CASES.get(object_kind)
    if model is None:
        raise not_found()
    row = selectors.get(model, object_id, actor)
    if not selectors.roles_for(actor, row) & AGENCY_ROLES:
        raise forbidden()
    refuse_own_file(actor, row)
    return row


def _holding(row: CaseBase) -> CaseAssignment | None:
    stage = stage_of(row.OBJECT, row.state)
    return CaseAssignment.objects.filter(object_id=row.pk, stage=stage, ended_at=None).first()


def _give(row: CaseBase, person_id: UUID, actor: Actor, at: datetime, held: CaseAssignment | None) -> None:
    if held is not None:
        _end(held, actor, at)
    CaseAssignment.objects.create(
        object_kind=row.OBJECT,
        object_id=row.pk,
        register_id=row.register_id,
        stage=stage_of(row.OBJECT, row.state),
        person_id=person_id,
        since=at,
        by=actor.key,
    )


def _end(held: CaseAssignment, actor: Actor, at: datetime) -> None:
    held.ended_at, held.ended_by = at, actor.key
    held.save(update_fields=["ended_at", "ended_by"])


def _change(act: str, actor: Actor, transaction_id: str, kind: str, pk: UUID, request: dict[str, Any], do: Any) -> Any:
    """One change of who holds a case, logged."""

    def work(at: datetime) -> dict[str, Any]:
        lock_words("assignment", str(pk))
        row = case_for(actor, kind, pk)
        if row.state not in OPEN.get(kind, ()):
            raise conflict("case_ended", N_("该事项已办结，无须认领"))
        do(row, _holding(row), at)
        log_work(actor=actor.key, act=act, object_id=row.pk, object_kind=kind, register_id=row.register_id)
        return {"id": str(row.pk), "act": act}

    return perform(
        act, actor=actor, transaction_id=transaction_id, target=pk, request={"kind": kind, **request}, work=work
    )


def claim(*, actor: Actor, transaction_id: str, object_kind: str, object_id: UUID) -> dict[str, Any]:
    """Take a case upon oneself until its next stage (认领); raises DomainError claimed (409) where another holds it."""

    def do(row: CaseBase, held: CaseAssignment | None, at: datetime) -> None:
        if held is not None and held.person_id != actor.person_id:
            raise conflict("claimed", N_("该事项已由他人认领：请先由其退回，或由负责人改派"))
        if held is None:
            _give(row, _person_of(actor), actor, at, None)

    result: dict[str, Any] = _change("claim", actor, transaction_id, object_kind, object_id, {}, do)
    return result


def release(*, actor: Actor, transaction_id: str, object_kind: str, object_id: UUID) -> dict[str, Any]:
    """Give a case back to all (退回待办); its holder or a supervisor. Raises DomainError not_claimed, forbidden."""

    def do(row: CaseBase, held: CaseAssignment | None, at: datetime) -> None:
        if held is None:
            raise conflict("not_claimed", N_("该事项无人认领"))
        _own_or_supervised(row, held, actor)
        _end(held, actor, at)

    result: dict[str, Any] = _change("release", actor, transaction_id, object_kind, object_id, {}, do)
    return result


def reassign(
    *, actor: Actor, transaction_id: str, object_kind: str, object_id: UUID, person_id: UUID
) -> dict[str, Any]:
    """Give a case to a colleague (改派); its holder or a supervisor.

    Raises DomainError colleague_unknown where that person has no role at the register, own_file where they are a party.
    """

    def do(row: CaseBase, held: CaseAssignment | None, at: datetime) -> None:
        _own_or_supervised(row, held, actor)
        person = _colleague(person_id, row.register_id)
        refuse_own_file(for_person(person), row)
        _give(row, person.pk, actor, at, held)

    request = {"person": str(person_id)}
    result: dict[str, Any] = _change("reassign", actor, transaction_id, object_kind, object_id, request, do)
    return result


def _own_or_supervised(row: CaseBase, held: CaseAssignment | None, actor: Actor) -> None:
    mine = held is not None and held.person_id == actor.person_id
    if not mine and row.register_id not in actor.registers("agency_supervisor"):
        raise forbidden(N_("只有认领人本人或登记机构负责人可以退回或改派"))


def _person_of(actor: Actor) -> UUID:
    if actor.person_id is None:
        raise forbidden()
    return actor.person_id


def _colleague(person_id: UUID, register_id: UUID) -> Person:
    person = Person.objects.filter(pk=person_id, is_active=True).first()
    if person is None or register_id not in for_person(person).registers(*AGENCY_ROLES):
        raise DomainError("colleague_unknown", N_("请选择本登记机构的在岗人员"), "person_id")
    return person


def set_deputy(
    *,
    actor: Actor,
    transaction_id: str,
    register_id: UUID,
    person_id: UUID,
    deputy_id: UUID,
    first_day: date,
    last_day: date,
) -> dict[str, Any]:
    """Name who stands in for somebody from one day to another (AB 角); that person or a supervisor.

    The deputy sees the work in the own queue and acts in the own roles: none is lent, so the separation of roles
    stays. Raises DomainError deputy_self, days_order, colleague_unknown, forbidden.
    """

    def work(at: datetime) -> dict[str, Any]:
        _may_name(actor, person_id, register_id)
        person, deputy = (_colleague(pk, register_id) for pk in (person_id, deputy_id))
        if person.pk == deputy.pk:
            raise DomainError("deputy_self", N_("代办人不能是本人"), "deputy_id")
        if last_day < first_day:
            raise DomainError("days_order", N_("截止日不得早于起始日"), "last_day")
        row = Deputy.objects.create(
            register_id=register_id,
            person=person,
            deputy=deputy,
            first_day=first_day,
            last_day=last_day,
            set_at=at,
            by=actor.key,
        )
        log_work(actor=actor.key, act="set_deputy", object_id=person.pk, object_kind="person", register_id=register_id)
        return {"id": row.pk, "act": "set_deputy"}

    request = {"person": str(person_id), "deputy": str(deputy_id), "first": first_day, "last": last_day}
    return perform(
        "set_deputy", actor=actor, transaction_id=transaction_id, target=register_id, request=request, work=work
    )


def end_deputy(*, actor: Actor, transaction_id: str, deputy_id: int) -> dict[str, Any]:
    """End a deputyship before its last day; who is represented, or a supervisor. Raises DomainError not_found."""

    def work(at: datetime) -> dict[str, Any]:
        row = Deputy.objects.select_for_update().filter(pk=deputy_id, ended_at=None).first()
        if row is None or row.register_id not in actor.registers():
            raise not_found()
        _may_name(actor, row.person_id, row.register_id)
        row.ended_at = at
        row.save(update_fields=["ended_at"])
        log_work(
            actor=actor.key,
            act="end_deputy",
            object_id=row.person_id,
            object_kind="person",
            register_id=row.register_id,
        )
        return {"id": row.pk, "act": "end_deputy"}

    return perform("end_deputy", actor=actor, transaction_id=transaction_id, request={"id": deputy_id}, work=work)


def _may_name(actor: Actor, person_id: UUID, register_id: UUID) -> None:
    own = person_id == actor.person_id and register_id in actor.registers()
    if not own and register_id not in actor.registers("agency_supervisor"):
        raise forbidden(N_("只有本人或登记机构负责人可以指定代办人"))

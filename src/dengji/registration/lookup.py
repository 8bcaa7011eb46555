"""Reads for those who work case by case: find an object by what people call it, and what waits for somebody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django.db.models import F, Model

from dengji.core.errors import not_found
from dengji.law.procedure import TABLE, Act, acts_for
from dengji.parties.actor import Actor

from . import selectors
from .models import Application, Complaint, Decision, Notice, Objection, Recheck, Registration
from .models.cases import CaseBase

#: In the order in which a reference is looked up.
MODELS: tuple[type[CaseBase], ...] = (Application, Registration, Objection, Complaint, Recheck)
_NAMED_BY: tuple[tuple[type[CaseBase], str], ...] = (
    (Application, "serial"),
    (Registration, "code"),
    (Registration, "local_number"),
    (Registration, "serial"),
    (Complaint, "number"),
)


@dataclass(frozen=True)
class Task:
    """One object that waits for an actor, with what the actor could do now, guards aside."""

    row: CaseBase
    acts: tuple[Act, ...]


def find(reference: str, actor: Actor, purpose: str = "read") -> CaseBase:
    """Return the object of this id, serial, registration code, local number or complaint number, within scope.

    Raises DomainError not_found for any other, existing or not.
    """
    key = _as_uuid(reference)
    for model, column in ((m, "pk") for m in MODELS) if key else _NAMED_BY:
        found = _manager(model).filter(selectors.SCOPES[model](actor, purpose)).filter(**{column: key or reference})
        if row := found.order_by("-pk").first():
            return cast(CaseBase, row)
    raise not_found()


def _manager(model: type[Model]) -> Any:
    return model._default_manager


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def kind_of(row: CaseBase) -> str:
    """Return the kind of application, `first` for every other object."""
    return row.kind if isinstance(row, Application) else "first"


def possible_acts(row: CaseBase, actor: Actor) -> tuple[Act, ...]:
    """Return the acts that the actor's roles could take on this object in its present state, guards aside."""
    return acts_for(row.OBJECT, row.state, kind_of(row), selectors.roles_for(actor, row))


def queue(actor: Actor, *, limit: int = 100) -> list[Task]:
    """Return what waits for one of the actor's roles, the nearest deadline first; at most `limit` of each kind."""
    waiting: list[Task] = []
    for model in (Application, Objection, Complaint, Recheck):
        roles = actor.kinds() | {"co_registrant", "objector", "interested_party"}
        acts = [act for act in TABLE.values() if act.object == model.OBJECT and act.roles & roles]
        states = {state for act in acts for state in act.sources}
        rows = (
            model._default_manager.filter(selectors.SCOPES[model](actor, "act"), state__in=states, ended_at=None)
            .select_related("register")
            .order_by(F("deadline_ends").asc(nulls_last=True), "pk")[:limit]
        )
        tasks = (Task(row, possible_acts(row, actor)) for row in rows)
        waiting += [task for task in tasks if task.acts]
    return waiting


def running_notice(reference: str) -> Notice:
    """Return the running notice of this id or serial, as anyone may see it; raises DomainError not_found."""
    key = _as_uuid(reference)
    rows = selectors.running_notices()
    found = (rows.filter(pk=key) | rows.filter(application_id=key) if key else rows.filter(serial=reference)).first()
    if found is None:
        raise not_found()
    return cast(Notice, found)


def history(row: CaseBase) -> list[Decision]:
    """Return the decisions on an object in order, without the private words of their reasons."""
    return list(Decision.objects.filter(object_id=row.pk).order_by("n"))

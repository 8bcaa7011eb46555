"""The people and habits of a desk: colleagues, deputies, wordings, saved filters, and what somebody has decided."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import F

from dengji.core.clock import legal_now
from dengji.core.errors import forbidden
from dengji.law.calendar import shanghai_date
from dengji.parties.actor import Actor
from dengji.parties.models import Person, Role
from dengji.parties.selectors import name_of

from ..models import Application, Decision, Deputy, SavedFilter, Wording

_DONE_DAYS = 92


def called(person: Person) -> str:
    """Return a colleague's name, or the login name where none is known."""
    return name_of(person) or person.username


def names(people: Iterable[UUID]) -> dict[UUID, str]:
    """Return {id: name} of colleagues."""
    return {person.pk: called(person) for person in Person.objects.filter(pk__in=set(people))}


def colleagues(actor: Actor, register_id: UUID) -> list[tuple[UUID, str]]:
    """Return the people with a role of the agency at a register of the actor's: [(id, name)], by name."""
    if register_id not in actor.registers():
        raise forbidden()
    rows = Role.objects.filter(register_id=register_id, ended_at=None, person__is_active=True)
    people = Person.objects.filter(pk__in=rows.exclude(kind="gateway").values("person_id"))
    return sorted(((person.pk, called(person)) for person in people), key=lambda pair: pair[1])


def deputies(actor: Actor) -> list[dict[str, Any]]:
    """Return the deputyships at the actor's registers that are not over yet, the next first."""
    rows = (
        Deputy.objects.filter(
            register_id__in=actor.registers(), ended_at=None, last_day__gte=shanghai_date(legal_now())
        )
        .select_related("person", "deputy", "register")
        .order_by("first_day", "pk")
    )
    heads = actor.registers("agency_supervisor")
    return [
        {
            "id": row.pk,
            "register": row.register.name,
            "person": called(row.person),
            "deputy": called(row.deputy),
            "first_day": row.first_day,
            "last_day": row.last_day,
            "may_end": row.person_id == actor.person_id or row.register_id in heads,
        }
        for row in rows
    ]


def wordings(actor: Actor, register_id: UUID | None = None, act: str = "") -> list[dict[str, Any]]:
    """Return the wordings of the actor's registers, of one register or act: [{id, act, title, text, register}]."""
    rows = Wording.objects.filter(register_id__in=actor.registers(), ended_at=None)
    if register_id is not None:
        rows = rows.filter(register_id=register_id)
    chosen = rows.filter(act=act) if act else rows
    columns = ("id", "act", "title", "text")
    found = chosen.order_by("act", "title", "pk").values(*columns, register_name=F("register__name"))
    return [dict(row) for row in found]


def filters(actor: Actor) -> list[dict[str, Any]]:
    """Return one's own saved filters of the queue: [{id, name, query}]."""
    if actor.person_id is None:
        return []
    rows = SavedFilter.objects.filter(person_id=actor.person_id).order_by("name")
    return [dict(row) for row in rows.values("id", "name", "query")]


def done(actor: Actor, *, after: int | None = None, limit: int = 25) -> dict[str, Any]:
    """Return what the actor has decided in the last three months, newest first: {items, next}.

    Bounded by days, because decisions are found by their time: who has done nothing must not make all of them read.
    """
    since = legal_now() - timedelta(days=_DONE_DAYS)
    mine = Decision.objects.filter(register_id__in=actor.registers(), at__gte=since, actor=actor.key)
    if after is not None:
        mine = mine.filter(entry_id__lt=after)
    columns = ("entry_id", "object_kind", "object_id", "act", "at", "to_state")
    rows = list(mine.order_by("-at", "-entry_id").values(*columns)[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    files = Application.objects.filter(pk__in=[row["object_id"] for row in rows]).in_bulk()
    for row in rows:
        file = files.get(row["object_id"])
        row["number"], row["title"] = (file.serial, file.name) if file else ("", "")
    return {"items": rows, "next": rows[-1]["entry_id"] if more else None}

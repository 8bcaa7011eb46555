"""The agency's desk: lists by tab, counts, who holds what (待办、办理中、即将超期、超期、已办).

A list is one statement per kind of object and reads only the rows it shows, also where ten thousand cases are open:
the index on the deadline gives them in order, and the counts come from one pass over the index of the queue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count, F, Q, QuerySet, Value

from dengji.core.clock import legal_now
from dengji.core.errors import N_, DomainError
from dengji.law.calendar import shanghai_date
from dengji.parties.actor import Actor
from dengji.parties.roles import AGENCY_ROLES

from .. import rules, selectors
from ..models import Application, CaseAssignment, Complaint, CoRegistrant, Deputy, Objection, Recheck
from ..models.cases import CaseBase
from ..stages import OPEN, agency_waits, next_roles, stage_of, stages, working_states
from .paging import Page

TABS = ("todo", "open", "soon", "overdue", "done")
LIMIT = 25
_MODELS: dict[str, type[CaseBase]] = {m.OBJECT: m for m in (Application, Objection, Complaint, Recheck)}
_COMMON = ("id", "state", "register_id", "deadline_day", "deadline_ends", "deadline_provisional")
_COLUMNS: dict[str, dict[str, Any]] = {
    "application": {
        "number": F("serial"),
        "title": F("name"),
        "who": F("registrant_name"),
        "case_kind": F("kind"),
        "type": F("data_type"),
    },
    "objection": {
        "number": F("application__serial"),
        "title": F("application__name"),
        "who": F("application__registrant_name"),
        "case_kind": F("application__kind"),
        "type": F("application__data_type"),
    },
    "complaint": {"number": F("number"), "title": F("subject_code")},
    "recheck": {"number": F("registration__code"), "title": F("registration__name")},
}
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True)
class Filters:
    """What the queue is narrowed to; empty means anything."""

    object: str = ""
    kind: str = ""
    type: str = ""
    state: str = ""
    registrant: str = ""
    serial: str = ""
    mine: bool = False

    def __bool__(self) -> bool:
        return self != Filters()

    def q(self, kind: str) -> Q | None:
        """Return the condition for one kind of object; None where none of them can match."""
        if self.object and self.object != kind:
            return None
        at = {"application": "", "objection": "application__"}.get(kind)
        told = {"kind": self.kind, "data_type": self.type, "serial__startswith": self.serial.strip()}
        told["registrant_name__icontains"] = self.registrant.strip()
        told = {name: value for name, value in told.items() if value}
        if told and at is None:
            return None
        found = Q(**{f"{at}{name}": value for name, value in told.items()})
        return found & Q(state=self.state) if self.state else found


@dataclass(frozen=True)
class Desk:
    """What the desk of one person is: whom they stand in for (themselves first), now, and the last day that is near."""

    actor: Actor
    people: tuple[UUID, ...]
    now: datetime
    soon: date

    @cached_property
    def roles(self) -> dict[frozenset[str], list[UUID]]:
        """Return sets of roles and the registers at which exactly these are held."""
        held: dict[UUID, set[str]] = {}
        for grant in self.actor.grants:
            if grant.register_id and grant.kind in AGENCY_ROLES:
                held.setdefault(grant.register_id, set()).add(grant.kind)
        found: dict[frozenset[str], list[UUID]] = {}
        for register_id, kinds in held.items():
            found.setdefault(frozenset(kinds), []).append(register_id)
        return found

    @cached_property
    def registers(self) -> list[UUID]:
        """Return the registers at which any role of the agency is held."""
        return sorted({pk for group in self.roles.values() for pk in group})

    def rows(self, model: type[CaseBase]) -> QuerySet[Any]:
        """Return the open cases of one kind within the scope, none of one's own."""
        open_here = Q(register_id__in=self.registers, state__in=OPEN[model.OBJECT], ended_at=None)
        if model is Application:
            open_here &= ~Q(serial="")
        rows = model._default_manager.filter(selectors.SCOPES[model](self.actor, "act"), open_here)
        return rows.exclude(own) if (own := _own(self.actor, model)) else rows

    def condition(self, model: type[CaseBase], tab: str) -> Q:
        """Return what makes a case stand under a tab."""
        if tab == "open":
            return Q(pk__isnull=False)
        if tab == "todo":
            return self._mine(model) & ~self._elsewhere(model)
        waits = Q(state__in=agency_waits(OPEN[model.OBJECT], model.OBJECT))
        if tab == "overdue":
            return waits & Q(deadline_ends__lte=self.now)
        return waits & Q(deadline_ends__gt=self.now, deadline_day__lte=self.soon)

    def _mine(self, model: type[CaseBase]) -> Q:
        found = Q(pk__in=())
        for kinds, registers in self.roles.items():
            if states := working_states(model.OBJECT, kinds):
                found |= Q(register_id__in=registers, state__in=states)
        if model is Application:  # a notice waits for nobody; only when it is over a change can be completed
            found &= ~Q(state="NOTICE") | (~Q(kind="first") & Q(deadline_ends__lte=self.now))
            found &= ~Q(state="CODING", code_way__gt="") | Q(register_id__in=self.actor.registers("gateway"))
        return found

    def _elsewhere(self, model: type[CaseBase]) -> Q:
        """Cases that somebody else holds at their present stage."""
        held = CaseAssignment.objects.filter(ended_at=None, register_id__in=self.registers)
        held = held.exclude(person_id__in=self.people)
        found = Q(pk__in=())
        for stage, states in stages(model.OBJECT).items():
            found |= Q(state__in=states, pk__in=held.filter(stage=stage).values("object_id"))
        return found


def _own(actor: Actor, model: type[CaseBase]) -> Q | None:
    """Files of which the actor, or an organisation of theirs, is a party: nobody works on these (design §4)."""
    at = {Application: "", Objection: "application__"}.get(model)
    if at is None:
        own = actor.organisations()
        return Q(organisation_id__in=own) if own and model is Recheck else None
    found = Q(**{f"{at}applicant_id": actor.person_id, f"{at}applicant_kind": "interested_party"})
    if model is Objection:
        found |= Q(person_id=actor.person_id)
    if mine := actor.organisations():
        joint = CoRegistrant.objects.filter(organisation_id__in=mine).values("application_id")
        found |= Q(**{f"{at}organisation_id__in": mine}) | Q(**{f"{at}agent_id__in": mine})
        found |= Q(pk__in=joint) if model is Application else Q(application_id__in=joint)
    return found


def desk_of(actor: Actor) -> Desk:
    """Return the desk of one person as it is now, with whom they stand in for today (AB 角)."""
    now = legal_now()
    today = shanghai_date(now)
    rows = Deputy.objects.filter(deputy_id=actor.person_id, ended_at=None, first_day__lte=today, last_day__gte=today)
    people = tuple(pk for pk in (actor.person_id, *rows.values_list("person_id", flat=True)) if pk)
    registers = sorted(actor.registers(*AGENCY_ROLES))
    near = int(rules.rules_of_register(registers[0]).get("limits.warn_before_wd")) if registers else 0
    return Desk(actor, people, now, rules.calendar().add(today, near).last_day)


#: Stand in a compiled statement for what changes from one request to the next.
_NOW = datetime(1971, 1, 1, tzinfo=UTC)
_SOON = date(1971, 1, 2)
_DUE = datetime(1971, 1, 3, tzinfo=UTC)
_AFTER = UUID(int=0x5EA2)


def listed(actor: Actor, tab: str, filters: Filters | None = None, *, cursor: str = "", limit: int = LIMIT) -> Page:
    """Return one page of a tab: nearest deadline first, what has none last; {items, next}.

    Raises DomainError cursor_invalid.
    """
    desk, chosen = desk_of(actor), filters or Filters()
    after = _parse(cursor)
    found: list[dict[str, Any]] = []
    for kind in _MODELS:
        found += _page_of(desk, kind, tab, chosen, after, limit)
    found.sort(key=_key)
    more = len(found) > limit
    return {"items": _told(desk, found[:limit]), "next": _cursor(found[limit - 1]) if more else None}


def _page_of(
    desk: Desk, kind: str, tab: str, chosen: Filters, after: tuple[datetime, UUID] | None, limit: int
) -> list[dict[str, Any]]:
    which = "" if after is None else "undated" if after[0] == _NEVER else "dated"
    free = bool(chosen.registrant or chosen.serial)
    make = _compiled.__wrapped__ if free else _compiled
    known = make(desk.actor, desk.people, kind, tab, chosen, which)
    if known is None:
        return []
    statement, params, columns = known
    rows = _run(desk, f"{statement} LIMIT {limit + 1:d}", params, after=after)
    return [{**_BLANK, "object": kind, **dict(zip(columns, row, strict=True))} for row in rows]


def _run(
    desk: Desk, statement: str, params: Sequence[Any], *, after: tuple[datetime, UUID] | None
) -> list[tuple[Any, ...]]:
    """Run a compiled statement with what is so now."""
    due, pk = after or (None, None)
    present = {_NOW: desk.now, _SOON: desk.soon, _DUE: due, _AFTER: pk}
    with connection.cursor() as cursor:
        cursor.execute(statement, [present.get(p, p) if _changes(p) else p for p in params])
        return list(cursor.fetchall())


def _changes(value: Any) -> bool:
    return isinstance(value, datetime | date | UUID)


_BLANK = {"number": "", "title": "", "who": "", "case_kind": "first", "type": ""}


@lru_cache(maxsize=512)
def _compiled(
    actor: Actor, people: tuple[UUID, ...], kind: str, tab: str, chosen: Filters, after: str
) -> tuple[str, tuple[Any, ...], list[str]] | None:
    """The statement of one list, made once for an actor: building it costs more than running it.

    None where the actor's scope or the filter holds nothing of this kind.
    """
    model, desk = _MODELS[kind], Desk(actor, people, _NOW, _SOON)
    narrowed = chosen.q(kind)
    if narrowed is None:
        return None
    rows = desk.rows(model).filter(desk.condition(model, tab), narrowed)
    if chosen.mine:
        held = CaseAssignment.objects.filter(ended_at=None, person_id__in=people)
        rows = rows.filter(pk__in=held.values("object_id"))
    if after == "undated":
        rows = rows.filter(deadline_ends=None, pk__gt=_AFTER)
    elif after:
        rows = rows.filter(Q(deadline_ends__gt=_DUE) | Q(deadline_ends=_DUE, pk__gt=_AFTER) | Q(deadline_ends=None))
    told = {name: F(name) for name in _COMMON} | _COLUMNS[kind]
    ordered = rows.order_by(F("deadline_ends").asc(nulls_last=True), "pk")
    # Under names of our own: a column may be called as an annotation.
    chosen_columns = ordered.values(**{f"desk_{name}": expression for name, expression in told.items()})
    try:
        statement, params = chosen_columns.query.sql_with_params()
    except EmptyResultSet:
        return None
    return statement, tuple(params), list(told)


def _key(row: Mapping[str, Any]) -> tuple[datetime, UUID]:
    return row["deadline_ends"] or _NEVER, row["id"]


def _cursor(row: Mapping[str, Any]) -> str:
    due, pk = _key(row)
    return f"{due.astimezone(UTC):%Y%m%dT%H%M%S.%f}~{pk}"


def _parse(cursor: str) -> tuple[datetime, UUID] | None:
    if not cursor:
        return None
    due, _, pk = cursor.partition("~")
    try:
        return datetime.strptime(due, "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC), UUID(pk)
    except ValueError:
        raise DomainError("cursor_invalid", N_("翻页标记不正确：请从第一页重新开始"), "cursor") from None


def _told(desk: Desk, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to each row the working days left, whether it is late, who acts next and who holds it."""
    holders = holders_of(rows)
    calendar, today = rules.calendar(), shanghai_date(desk.now)
    for row in rows:
        day = row["deadline_day"]
        row["working_days"] = None if day is None else calendar.between(today, day)
        row["overdue"] = row["deadline_ends"] is not None and desk.now >= row["deadline_ends"]
        row["next"] = next_roles(row["object"], row["state"], row["case_kind"])
        row["holder"] = holders.get((row["id"], stage_of(row["object"], row["state"])))
        row["held_by_me"] = row["holder"] is not None and row["holder"] == desk.actor.person_id
    return rows


def holders_of(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[UUID, str], UUID]:
    """Return {(object id, stage): person id} of the cases that somebody holds now."""
    held = CaseAssignment.objects.filter(object_id__in=[row["id"] for row in rows], ended_at=None)
    return {(pk, stage): person for pk, stage, person in held.values_list("object_id", "stage", "person_id")}


def counts(actor: Actor) -> dict[str, int]:
    """Return how many open cases stand under each tab but `done`, whose past is not counted."""
    desk = desk_of(actor)
    total = dict.fromkeys(TABS[:-1], 0)
    for kind in _MODELS:
        known = _compiled_counts(actor, desk.people, kind)
        if known is None:
            continue
        for name, number in zip(total, _run(desk, *known, after=None)[0], strict=True):
            total[name] += number
    return total


@lru_cache(maxsize=256)
def _compiled_counts(actor: Actor, people: tuple[UUID, ...], kind: str) -> tuple[str, tuple[Any, ...]] | None:
    """The statement that counts every tab in one pass, made once for an actor; None where the scope holds nothing."""
    model, desk = _MODELS[kind], Desk(actor, people, _NOW, _SOON)
    tabs = {f"desk_{tab}": Count("pk", filter=desk.condition(model, tab)) for tab in TABS[:-1]}
    rows = desk.rows(model).annotate(desk_one=Value(1)).values("desk_one").annotate(**tabs).values(*tabs)
    try:
        statement, params = rows.query.sql_with_params()
    except EmptyResultSet:
        return None
    return statement, tuple(params)

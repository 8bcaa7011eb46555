"""The desk: what waits for an actor, nearest deadline first, across every kind of object."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import DateTimeField, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from dengji.core.clock import legal_now
from dengji.core.errors import N_, DomainError
from dengji.law.procedure import TABLE
from dengji.parties.actor import Actor, supervised_registers

from .. import selectors
from ..models import Application, Complaint, Objection, Recheck
from ..models.cases import CaseBase
from .cases import acts_on
from .paging import Page

#: What has no deadline stands last.
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)
_OBJECTS: tuple[type[CaseBase], ...] = (Application, Objection, Complaint, Recheck)
_COLUMNS = ("id", "state", "register_id", "deadline_day", "deadline_ends", "deadline_provisional")
#: Taking back is always possible for a while; it does not make a file wait for anybody.
_NOT_WORK = frozenset({"withdraw", "retract", "terminate", "suspend_notice", "cancel_request", "suppress_content"})


def queue(actor: Actor, *, cursor: str = "", limit: int = 50) -> Page:
    """Return what waits for the actor's roles: items with deadline, overdue mark and possible acts; {items, next}.

    Raises DomainError cursor_invalid.
    """
    after = _parse(cursor)
    now = legal_now()
    kinds = actor.kinds() | {"co_registrant", "interested_party"}
    rows = [row for model in _OBJECTS for row in _waiting(model, actor, kinds, after)[: limit + 1]]
    rows.sort(key=_key)
    items = [item for row in rows[:limit] if (item := _item(actor, row, now))]
    more = len(rows) > limit
    return {"items": items, "next": _cursor(rows[limit - 1]) if more else None}


def _waiting(
    model: type[CaseBase], actor: Actor, kinds: frozenset[str], after: tuple[datetime, UUID] | None
) -> QuerySet[Any]:
    acts = [act for act in TABLE.values() if act.object == model.OBJECT and act.name not in _NOT_WORK]
    states = {state for act in acts if act.roles & kinds for state in act.sources}
    due = Coalesce("deadline_ends", Value(_NEVER), output_field=DateTimeField())
    rows = model._default_manager.filter(selectors.SCOPES[model](actor, "act"), state__in=states).annotate(due=due)
    if after is not None:
        rows = rows.filter(Q(due__gt=after[0]) | Q(due=after[0], pk__gt=after[1]))
    return rows.order_by("due", "pk")


def _key(row: Any) -> tuple[datetime, UUID]:
    return row.due, row.pk


def _cursor(row: Any) -> str:
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


def _item(actor: Actor, row: CaseBase, now: datetime) -> dict[str, Any] | None:
    """What the desk shows of a row; None where nothing can be done by this actor after all."""
    roles = None
    if isinstance(row, Recheck) and row.register_id in supervised_registers(actor):
        roles = frozenset({"authority_supervisor"})
    acts = acts_on(actor, row, roles)
    if not set(acts) - _NOT_WORK:
        return None
    item = {name: getattr(row, name) for name in _COLUMNS}
    named = isinstance(row, Application)
    return item | {
        "object": row.OBJECT,
        "serial": getattr(row, "serial", ""),
        "number": getattr(row, "number", ""),
        "kind": getattr(row, "kind", ""),
        "name": getattr(row, "name", "") if named else "",
        "registrant_name": getattr(row, "registrant_name", "") if named else "",
        "overdue": row.deadline_ends is not None and now >= row.deadline_ends,
        "acts": acts,
    }

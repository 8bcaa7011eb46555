"""What an authority sees of the agencies of its territory (Arts. 17–19): figures of a period, open cases, decisions.

Everything is counted from the decisions themselves, so that anybody may recount it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q

from dengji.core.clock import legal_now
from dengji.core.errors import forbidden
from dengji.law.calendar import SHANGHAI
from dengji.parties.access import log_read
from dengji.parties.actor import Actor, supervised_registers
from dengji.parties.models import AccessLog, Register

from ..models import Application, Complaint, Decision, Notice, Objection, Registration
from .paging import Page, page
from .statistics import _STAGES as STAGES

#: figure → the act that is counted.
_COUNTED = {
    "coded": "assign_code",
    "completed": "complete",
    "cancelled": "cancel",
    "revoked": "revoke",
    "rejected": "reject",
    "declined": "decline",
    "withdrawn": "withdraw",
    "objections": "lodge",
    "upheld": "uphold",
    "complaints": "file_complaint",
    "rounds": "request_supplement",
    "notices": "open_notice",
}
FIGURES = ("submitted", *_COUNTED)
_ACTS = """
SELECT d.register_id, d.act, count(*), count(DISTINCT d.object_id), count(*) FILTER (WHERE d.act = 'submit' AND NOT
    EXISTS (SELECT FROM registration_decision p WHERE p.object_id = d.object_id AND p.act = 'submit' AND p.n < d.n))
FROM registration_decision d WHERE d.register_id = ANY(%s) AND d.at >= %s AND d.at < %s AND d.act = ANY(%s)
GROUP BY d.register_id, d.act
"""
_ON_TIME = """
SELECT d.register_id, d.act, count(*), count(*) FILTER (WHERE d.at < before.deadline_ends)
FROM registration_decision d
CROSS JOIN LATERAL (
    SELECT p.deadline_ends FROM registration_decision p
    WHERE p.object_id = d.object_id AND p.n < d.n AND p.deadline_ends IS NOT NULL
    ORDER BY p.n DESC LIMIT 1) AS before
WHERE d.register_id = ANY(%s) AND d.at >= %s AND d.at < %s AND d.act = ANY(%s)
GROUP BY d.register_id, d.act
"""
_TREND = """
SELECT to_char(at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM'), act, count(*) FROM registration_decision
WHERE register_id = ANY(%s) AND at >= %s AND act = ANY(%s) GROUP BY 1, 2 ORDER BY 1
"""
_CASES = ("id", "serial", "kind", "state", "name", "registrant_name", "register_id", "deadline_day", "deadline_ends")


def span(first_day: date, last_day: date) -> tuple[datetime, datetime]:
    """Return the instants between which a period lies: the first included, the second not."""
    begin = datetime(first_day.year, first_day.month, first_day.day, tzinfo=SHANGHAI)
    end = last_day + timedelta(days=1)
    return begin, datetime(end.year, end.month, end.day, tzinfo=SHANGHAI)


def figures_of(registers: Collection[UUID], first_day: date, last_day: date) -> dict[UUID, dict[str, Any]]:
    """Return {register: figures} of a period: FIGURES, returned files, and on time {stage: (done, in time)}."""
    begin, end = span(first_day, last_day)
    mine = list(registers)
    found: dict[UUID, dict[str, Any]] = {
        pk: dict.fromkeys(FIGURES, 0) | {"returned": 0, "on_time": dict.fromkeys(STAGES, (0, 0))} for pk in mine
    }
    names = {act: name for name, act in _COUNTED.items()}
    stage_of = {act: stage for stage, acts in STAGES.items() for act in acts}
    with connection.cursor() as cursor:
        cursor.execute(_ACTS, [mine, begin, end, ["submit", *names]])
        for pk, act, times, objects, first in cursor.fetchall():
            if act == "submit":
                found[pk]["submitted"] = first
                continue
            found[pk][names[act]] = times
            if act == "request_supplement":
                found[pk]["returned"] = objects
        cursor.execute(_ON_TIME, [mine, begin, end, list(stage_of)])
        for pk, act, done, in_time in cursor.fetchall():
            before = found[pk]["on_time"][stage_of[act]]
            found[pk]["on_time"][stage_of[act]] = before[0] + done, before[1] + in_time
    return found


def overview(actor: Actor, first_day: date, last_day: date) -> list[dict[str, Any]]:
    """Return one row per supervised register: agency, region, territory, figures of the period, and how it stands now.

    Raises DomainError forbidden for whoever supervises nothing.
    """
    mine = _supervised(actor)
    figures, now = figures_of(mine, first_day, last_day), legal_now()

    def counted(model: Any, *chosen: Q) -> dict[UUID, int]:
        rows = model.objects.filter(*chosen, register_id__in=mine).order_by().values_list("register_id")
        return dict(rows.annotate(n=Count("pk")))

    late: dict[UUID, int] = defaultdict(int)
    for model in (Application, Objection, Complaint):
        for pk, number in counted(model, _late(now)).items():
            late[pk] += number
    valid, running = counted(Registration, Q(state="VALID")), counted(Notice, Q(state="RUNNING"))
    registers = Register.objects.filter(pk__in=mine).select_related("agency", "jurisdiction").order_by("name", "pk")
    return [
        {
            "id": row.pk,
            "register": row.name,
            "agency": row.agency.name,
            "agency_id": row.agency_id,
            "region": row.jurisdiction.region_code,
            "jurisdiction": row.jurisdiction.name,
            "jurisdiction_id": row.jurisdiction_id,
            "rulebook": row.jurisdiction.rulebook,
            "valid": valid.get(row.pk, 0),
            "in_notice": running.get(row.pk, 0),
            "overdue": late[row.pk],
            **figures[row.pk],
        }
        for row in registers
    ]


def trend(actor: Actor, first_day: date, register_id: UUID | None = None) -> dict[str, dict[str, int]]:
    """Return {month: {act: count}} of some acts since a day, of one register or all one supervises."""
    mine = _supervised(actor)
    chosen = mine & {register_id} if register_id else mine
    found: dict[str, dict[str, int]] = defaultdict(dict)
    with connection.cursor() as cursor:
        acts = ["accept", "assign_code", "request_supplement", "lodge"]
        cursor.execute(_TREND, [list(chosen), span(first_day, first_day)[0], acts])
        for month, act, number in cursor.fetchall():
            found[month][act] = number
    return dict(found)


def cases(actor: Actor, register_id: UUID, *, overdue: bool = False, after: UUID | None = None) -> Page:
    """Return the submitted applications of one supervised register, newest first; only those past their deadline."""
    if register_id not in _supervised(actor):
        raise forbidden()
    rows = Application.objects.filter(register_id=register_id).exclude(serial="")
    if overdue:
        rows = rows.filter(_late(legal_now()))
    found = page(rows, _CASES, after=after, limit=50)
    now = legal_now()
    for row in found["items"]:
        row["overdue"] = row["deadline_ends"] is not None and row["deadline_ends"] <= now
    return found


def _late(now: datetime) -> Q:
    return Q(ended_at=None, deadline_ends__lte=now)


def _supervised(actor: Actor) -> frozenset[UUID]:
    mine = supervised_registers(actor)
    if "authority_supervisor" not in actor.kinds():
        raise forbidden()
    return mine


def audit_lines(actor: Actor, source: str, chosen: dict[str, str], *, after: int | None, limit: int) -> dict[str, Any]:
    """Return lines of the access log or of the decisions, newest first, for audit administrators: {items, next}.

    `chosen` holds act, actor, object (an id). Each reading is itself logged; raises DomainError forbidden.
    """
    if "audit_admin" not in actor.kinds() or actor.person_id is None:
        raise forbidden()
    log_read(actor=actor.key, what=f"audit_{source}", object_id=actor.person_id, object_kind="person")
    wanted = {"act": chosen.get("act"), "actor": chosen.get("actor"), "object_id": chosen.get("object")}
    given = Q(**{name: value for name, value in wanted.items() if value})
    model, key = (AccessLog, "id") if source == "access" else (Decision, "entry_id")
    last = "outcome" if source == "access" else "to_state"
    rows = model._default_manager.filter(given)
    if after is not None:
        rows = rows.filter(**{f"{key}__lt": after})
    columns = (key, "at", "actor", "act", "object_kind", "object_id", last)
    found = list(rows.order_by(f"-{key}").values_list(*columns)[: limit + 1])
    names = ("id", "at", "actor", "act", "object_kind", "object_id", "outcome")
    items = [dict(zip(names, row, strict=True)) for row in found[:limit]]
    return {"items": items, "next": items[-1]["id"] if len(found) > limit else None}

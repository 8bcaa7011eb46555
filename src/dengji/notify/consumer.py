"""Follows the log's order and the clock's marks, and writes to each person what concerns them (design §3, R60)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import QuerySet

from dengji.core.clock import legal_now
from dengji.law.calendar import shanghai_date
from dengji.ledger import services as ledger
from dengji.ledger.models import Entry
from dengji.registration.models import Application, ClockMark, Complaint, Decision, Objection, Registration
from dengji.registration.services.clockwork import Round

from . import services
from .models import MarkCursor, Notification
from .recipients import Case, People
from .routes import ACTS, MARKS

logger = logging.getLogger(__name__)

CONSUMER = "notify"
_BATCH = 500
#: How each kind of object is loaded with all that a message or an audience asks of it.
_ROWS: dict[str, QuerySet[Any]] = {
    "application": Application.objects.select_related("register", "registration"),
    "registration": Registration.objects.select_related("register"),
    "objection": Objection.objects.select_related("register", "application__registration"),
    "complaint": Complaint.objects.select_related("register"),
}


@dataclass(frozen=True)
class Occurrence:
    """Something that happened to a case: where it stands in the log or among the marks, and who is told what."""

    source: str
    position: int
    case: Case
    routes: Sequence[tuple[str, str]]
    params: dict[str, Any]


def follow(now: Round) -> int:
    """Tell what has been placed in the log and marked by the clock since the last time; return how many were read."""
    read = 0
    while read < now.limit:
        handed = ledger.consume(CONSUMER, tell_entries, min(_BATCH, now.limit)) + tell_marks(min(_BATCH, now.limit))
        if not handed:
            break
        read += handed
    return read


def tell_entries(entries: Iterable[tuple[int, Entry]]) -> None:
    """Tell a run of log entries, joined to their decisions; entries that nobody is told of cost nothing."""
    wanted = [(index, e) for index, e in entries if (e.object_kind, e.act) in ACTS]
    decisions = {d.entry_id: d for d in Decision.objects.filter(entry_id__in=[e.pk for _, e in wanted])}
    cases = _cases((e.object_kind, e.object_id) for _, e in wanted)
    tell(
        Occurrence(
            "log",
            index,
            cases[entry.object_id],
            ACTS[entry.object_kind, entry.act],
            {**_of_case(cases[entry.object_id]), **_of_decision(decisions[entry.pk])},
        )
        for index, entry in wanted
        if entry.pk in decisions and entry.object_id in cases
    )


def tell_marks(limit: int = _BATCH) -> int:
    """Tell the clock's next marks, in order, and move the cursor in the same transaction; return how many."""
    with transaction.atomic():
        MarkCursor.objects.get_or_create(id=1)
        cursor = MarkCursor.objects.select_for_update().get(id=1)
        marks = list(ClockMark.objects.filter(pk__gt=cursor.last_mark).order_by("pk")[:limit])
        if not marks:
            return 0
        cases = _cases((m.object_kind, m.object_id) for m in marks)
        tell(
            Occurrence(
                "marks", mark.pk, cases[mark.object_id], routes, {**_of_case(cases[mark.object_id]), **_of_mark(mark)}
            )
            for mark in marks
            if mark.object_id in cases and (routes := _routes(mark, cases[mark.object_id]))
        )
        cursor.last_mark = marks[-1].pk
        cursor.save(update_fields=["last_mark"])
    return len(marks)


def _cases(objects: Iterable[tuple[str, UUID]]) -> dict[UUID, Case]:
    wanted: dict[str, set[UUID]] = {}
    for kind, pk in objects:
        wanted.setdefault(kind, set()).add(pk)
    return {
        row.pk: Case(row) for kind, pks in wanted.items() if kind in _ROWS for row in _ROWS[kind].filter(pk__in=pks)
    }


def _routes(mark: ClockMark, case: Case) -> Sequence[tuple[str, str]]:
    name = mark.mark.partition("_")[0] if mark.mark.startswith("reminder_") else mark.mark
    return MARKS.get((mark.object_kind, name, case.row.state)) or MARKS.get((mark.object_kind, name, "*"), ())


def _of_case(case: Case) -> dict[str, Any]:
    """What a message says of the object: numbers and days, nothing personal."""
    application, registration = case.application, case.registration
    numbered = application or registration
    return {
        "serial": numbered.serial if numbered else getattr(case.row, "number", ""),
        "code": (application.code if application else "") or (registration.code if registration else ""),
        "valid_to": registration.valid_to.isoformat() if registration else "",
    }


def _of_decision(decision: Decision) -> dict[str, Any]:
    return {
        "n": decision.n,
        "act": decision.act,
        "state": decision.to_state,
        "deadline": decision.deadline_day.isoformat() if decision.deadline_day else "",
        "provisional": decision.deadline_provisional,
        "version": decision.data.get("version", 0),
    }


def _of_mark(mark: ClockMark) -> dict[str, Any]:
    days = (mark.due - shanghai_date(mark.at)).days
    return {
        "mark": mark.mark,
        "days": days,
        "deadline": "" if mark.object_kind == "registration" else mark.due.isoformat(),
    }


def tell(occurrences: Iterable[Occurrence]) -> None:
    """Write to each person concerned one message of each occurrence, and queue what also goes out by mail or SMS."""
    people, at = People(), legal_now()
    rows: list[Notification] = []
    for occurrence in occurrences:
        try:
            rows += _messages(occurrence, people, at)
        except DatabaseError:
            raise
        except Exception as error:
            # One bad object must not hold up everybody's messages for ever.
            logger.error("notify: %s %s: %s", occurrence.source, occurrence.position, type(error).__name__)
    services.store(rows)


def _messages(occurrence: Occurrence, people: People, at: datetime) -> list[Notification]:
    told: dict[UUID, str] = {}
    for event, audience in occurrence.routes:
        for person in people.of(audience, occurrence.case):
            told.setdefault(person, event)
    row = occurrence.case.row
    return [
        Notification(
            person_id=person,
            register_id=row.register_id,
            event=event,
            object_kind=row.OBJECT,
            object_id=row.pk,
            params=occurrence.params,
            source=occurrence.source,
            position=occurrence.position,
            created_at=at,
        )
        for person, event in sorted(told.items())
    ]

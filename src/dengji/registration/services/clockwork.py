"""The clock as an actor: what falls due by itself, each object in a transaction of its own (design §3, R14, R31, R60).

A tick is harmless twice and harmless at the same moment from two processes: an act of the clock carries the digest of
(act, object, due instant) as its transaction id, and a mark is unique by (object, mark, day it is about).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from dengji.core.clock import legal_now, real_now
from dengji.core.frame import lock_key
from dengji.core.node import is_recovering
from dengji.law.calendar import end_of, shanghai_date
from dengji.law.codes import ISSUERS
from dengji.law.procedure import OPEN_OBJECTION
from dengji.law.rulebook import Rulebook
from dengji.ledger import sequencer
from dengji.parties import actor as actors
from dengji.parties.access import seal_access_log
from dengji.parties.models import AccessLogRoot, Register

from .. import rules
from ..models import Application, ClockMark, Complaint, Notice, Objection, Registration
from .coding import assign_code
from .notices import close_notice
from .results import cancel

logger = logging.getLogger(__name__)

#: What has a limit that somebody may miss. A running notice has an end, which nobody can miss.
TIMED: tuple[type[Application] | type[Objection] | type[Complaint], ...] = (Application, Objection, Complaint)
_NOT_A_LIMIT = "NOTICE"
#: How often the access log is committed to the ledger; an operating interval, not a limit of the law.
_ROOT_EVERY = timedelta(hours=1)
#: Said of a register once all its terms have been looked at on a day; legal time never runs slower than real time.
_TERMS_SEEN = "terms_seen"
_A_DAY = timedelta(hours=25)


@dataclass
class Round:
    """One tick: its legal instant and Shanghai date, how many objects each phase may take, what went wrong."""

    at: datetime
    today: date
    limit: int
    failed: dict[str, int] = field(default_factory=dict)

    def fail(self, phase: str, object_id: object, error: Exception) -> None:
        """Count and log a failure, by id and code only; raises again where the database is gone."""
        self.failed[phase] = self.failed.get(phase, 0) + 1
        logger.warning("tick: %s %s: %s", phase, object_id, getattr(error, "code", type(error).__name__))
        if isinstance(error, DatabaseError) and not connection.is_usable():
            raise error


def clock_id(act: str, object_id: UUID, due: datetime) -> str:
    """Return the transaction id of an act of the clock: sha256(act, object, due instant) in hex (design §3)."""
    return hashlib.sha256(f"{act}\0{object_id}\0{due.astimezone(UTC).isoformat()}".encode()).hexdigest()


def tick(limit: int = 2000) -> dict[str, int]:
    """Do everything that is due by legal time; return {phase: objects done} and `failed`.

    Each phase takes at most `limit` objects, the longest due first, so that a tick after downtime stays short and the
    next ones catch up. An object that fails is counted and logged by id; it never stops the others.
    """
    return _run(PHASES, limit)


def _run(phases: Mapping[str, Callable[[Round], int]], limit: int) -> dict[str, int]:
    if is_recovering():  # nothing may be done by itself before the log has been compared with what others know of it
        return {**dict.fromkeys(phases, 0), "failed": 0}
    at = legal_now()
    now = Round(at, shanghai_date(at), limit)
    counts: dict[str, int] = {}
    for name, phase in phases.items():
        try:
            counts[name] = phase(now)
        except Exception as error:
            counts.setdefault(name, 0)
            now.fail(name, "-", error)
    return {**counts, "failed": sum(now.failed.values())}


def _each(now: Round, phase: str, items: Iterable[tuple[UUID, Callable[[], Any]]]) -> int:
    done = 0
    for object_id, work in items:
        try:
            work()
            done += 1
        except Exception as error:
            now.fail(phase, object_id, error)
    return done


def _over(now: Round, notices: QuerySet[Notice]) -> list[Notice]:
    """Running notices whose period and grace are over, the earliest first."""
    rows = (
        notices.filter(state="RUNNING", ends__lte=now.at, application__state="NOTICE")
        .select_related("application")
        .order_by("ends", "pk")[: now.limit]
    )
    grace = "notice.close_grace_minutes"
    return [n for n in rows if now.at >= n.ends + timedelta(minutes=int(rules.rules_of(n.application).get(grace)))]


def _close_notices(now: Round) -> int:
    """公示期满 for first registrations to which no objection is open (R19)."""
    disputed = Objection.objects.filter(application=OuterRef("application_id"), state__in=OPEN_OBJECTION)
    due = (
        (
            notice.application_id,
            partial(
                close_notice,
                actor=actors.CLOCK,
                transaction_id=clock_id("close_notice", notice.application_id, notice.ends),
                application_id=notice.application_id,
            ),
        )
        for notice in _over(now, Notice.objects.filter(~Exists(disputed), kind="first"))
    )
    return _each(now, "close_notice", due)


def _notices_over(now: Round) -> int:
    """Notices of the other kinds end by the agency's `complete`; the clock only says that they may."""
    said = ClockMark.objects.filter(object_id=OuterRef("application_id"), mark="notice_over", due=OuterRef("last_day"))
    rows = _over(now, Notice.objects.filter(~Exists(said)).exclude(kind="first"))
    return mark(now, "notice_over", "application", [(n.register_id, n.application_id, n.last_day) for n in rows])


def _assign_codes(now: Round) -> int:
    """赋码 by registers with an issuer of their own; one that asks upstream waits for its answer (R20)."""
    disputed = Objection.objects.filter(application=OuterRef("pk"), state__in=OPEN_OBJECTION)
    rows = (
        Application.objects.filter(
            ~Exists(disputed), register__issuer__in=list(ISSUERS), state="CODING", kind="first", code_way=""
        )
        .select_related("register")
        .order_by("notice_ends", "pk")[: now.limit]
    )
    due = (
        (
            row.pk,
            partial(
                assign_code,
                actor=actors.issuer(row.register),
                transaction_id=clock_id("assign_code", row.pk, row.notice_ends or row.created_at),
                application_id=row.pk,
            ),
        )
        for row in rows
    )
    return _each(now, "assign_code", due)


def _unsaid(name: str, rows: QuerySet[Any], day: str, limit: int) -> list[tuple[UUID, UUID, date]]:
    """(register, object, day) of the rows about which this has not been said for this day, the earliest day first."""
    said = ClockMark.objects.filter(object_id=OuterRef("pk"), mark=name, due=OuterRef(day))
    found = rows.filter(~Exists(said)).order_by(day, "pk").values_list("register_id", "pk", day)
    return list(found[:limit])


_INSERT = """
INSERT INTO registration_clockmark (register_id, object_kind, object_id, mark, due, at)
SELECT register_id, %s, object_id, %s, due, %s
FROM unnest(%s::uuid[], %s::uuid[], %s::date[]) AS new (register_id, object_id, due)
ON CONFLICT (object_id, mark, due) DO NOTHING
"""


def mark(now: Round, name: str, kind: str, rows: Sequence[tuple[UUID, UUID, date]]) -> int:
    """Say once what the clock noticed about objects; `rows` are (register, object, day it is about).

    All in one statement; where that fails, one by one, so that one bad object does not silence the others.
    """
    if not rows:
        return 0
    try:
        return _insert(now, name, kind, rows)
    except DatabaseError as error:
        if len(rows) == 1:
            now.fail(name, rows[0][1], error)
            return 0
        return sum(mark(now, name, kind, [row]) for row in rows)


def _insert(now: Round, name: str, kind: str, rows: Sequence[tuple[UUID, UUID, date]]) -> int:
    registers, objects, days = zip(*rows, strict=True)
    with transaction.atomic(), connection.cursor() as cursor:
        # Whoever follows the marks by id must never see a higher one before a lower one.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_key("dengji", "clock marks")])
        cursor.execute(_INSERT, [kind, name, now.at, list(registers), list(objects), list(days)])
        return int(cursor.rowcount)


def _overdue(now: Round) -> int:
    """Limits that have passed: they cannot be closed silently (R14)."""
    return sum(
        mark(
            now,
            "overdue",
            model.OBJECT,
            _unsaid(
                "overdue",
                model._default_manager.filter(ended_at=None, deadline_ends__lte=now.at).exclude(state=_NOT_A_LIMIT),
                "deadline_day",
                now.limit,
            ),
        )
        for model in TIMED
    )


def _warnings(now: Round) -> int:
    """Limits that end within the rulebook's warning, in working days (R60)."""
    calendar, done = rules.calendar(), 0
    for rulebook, registers in _by_rulebook():
        ahead = calendar.add(now.today, int(rulebook.get("limits.warn_before_wd"))).ends
        for model in TIMED:
            running = model._default_manager.filter(
                ended_at=None, deadline_ends__gt=now.at, deadline_ends__lte=ahead, register_id__in=registers
            ).exclude(state=_NOT_A_LIMIT)
            done += mark(now, "warning", model.OBJECT, _unsaid("warning", running, "deadline_day", now.limit))
    return done


def _by_rulebook() -> list[tuple[Rulebook, list[UUID]]]:
    groups: dict[str, list[UUID]] = {}
    for name, register in Register.objects.order_by("pk").values_list("jurisdiction__rulebook", "pk"):
        groups.setdefault(name, []).append(register)
    return [(rules.current(name), registers) for name, registers in groups.items()]


def validity_windows(rulebook: Rulebook, today: date) -> list[tuple[str, date | None, date]]:
    """Return (mark, first last-day, last last-day) of the registrations about which something is to be said today.

    Of the reminders only the nearest one reached is said: after downtime nobody is told of days long gone (R31, R60).
    """
    windows: list[tuple[str, date | None, date]] = []
    window = timedelta(days=int(rulebook.get("validity.renewal_window_days")))
    windows.append(("renewal_open", today, today + window))
    first = today
    for days in sorted(set(rulebook.get("validity.reminder_days"))):
        windows.append((f"reminder_{days}", first, today + timedelta(days=days)))
        first = today + timedelta(days=days + 1)
    windows.append(("expired", None, today - timedelta(days=1)))
    return windows


def _validity(now: Round) -> int:
    """Renewal windows that open, reminders before the end, registrations past their end (Art. 15, R31, R60).

    Days decide, so one look at all terms a day is enough; between, only registrations made since are looked at.
    """
    done = 0
    for rulebook, registers in _by_rulebook():
        valid = Registration.objects.filter(register_id__in=registers, state="VALID")
        seen = ClockMark.objects.filter(object_id__in=registers, mark=_TERMS_SEEN, due=now.today).count()
        if all_seen := seen == len(registers):
            valid = valid.filter(pk__gt=_first_id(real_now() - _A_DAY))
        settled = not all_seen
        for name, first, last in validity_windows(rulebook, now.today):
            rows = valid.filter(valid_to__lte=last)
            if first is not None:
                rows = rows.filter(valid_to__gte=first)
            found = _unsaid(name, rows, "valid_to", now.limit)
            said = mark(now, name, Registration.OBJECT, found)
            settled = settled and said == len(found) < now.limit
            done += said
        if settled:
            mark(now, _TERMS_SEEN, "register", [(pk, pk, now.today) for pk in registers])
    return done


def _first_id(instant: datetime) -> UUID:
    """The lowest UUIDv7 of an instant: ids made later are higher."""
    return UUID(int=int(instant.timestamp() * 1000) << 80)


def _cancel_expired(now: Round) -> int:
    """注销 by the clock, only where the rulebook lets it; elsewhere the agency confirms (R31)."""
    done = 0
    for rulebook, registers in _by_rulebook():
        if not rulebook.get("validity.automatic_cancellation"):
            continue
        rows = (
            Registration.objects.filter(register_id__in=registers, state="VALID", valid_to__lt=now.today)
            .order_by("valid_to", "pk")
            .values_list("pk", "valid_to")[: now.limit]
        )
        due = (
            (
                pk,
                partial(
                    cancel,
                    actor=actors.CLOCK,
                    transaction_id=clock_id("cancel", pk, end_of(last)),
                    registration_id=pk,
                ),
            )
            for pk, last in rows
        )
        done += _each(now, "cancel", due)
    return done


def _seal_access_log(now: Round) -> int:
    """The hourly root of the access log (design §3); whoever comes second finds the lock taken."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock_key("dengji", "access log root")])
        (first_to_come,) = cursor.fetchone()
        last = AccessLogRoot.objects.order_by("-last_id").values_list("at", flat=True).first()
        if not first_to_come or (last is not None and now.at < last + _ROOT_EVERY):
            return 0
        return int(seal_access_log() is not None)


def place_all(now: Round | None = None) -> int:
    """Give every waiting entry its place in the log and keep the log signed; return how many were placed."""
    return sequencer.run_once(finish=True)


#: What a tick does, in this order; rooms on higher floors add theirs by `add_phase`.
PHASES: dict[str, Callable[[Round], int]] = {
    "close_notice": _close_notices,
    "notice_over": _notices_over,
    "assign_code": _assign_codes,
    "overdue": _overdue,
    "warning": _warnings,
    "validity": _validity,
    "cancel": _cancel_expired,
    "access_log_root": _seal_access_log,
    "placed": place_all,
}
#: What follows the log's order; the worker runs these between the ticks.
FOLLOWERS: dict[str, Callable[[Round], int]] = {}


def add_phase(name: str, phase: Callable[[Round], int]) -> None:
    """Let a room on a higher floor do its part at the end of every tick."""
    PHASES[name] = phase


def add_follower(name: str, follower: Callable[[Round], int]) -> None:
    """Let a room on a higher floor follow the log in the worker, between the ticks."""
    FOLLOWERS[name] = follower


def follow(limit: int = 2000) -> dict[str, int]:
    """Let everybody who follows the log read on, between two ticks; return {follower: objects done} and `failed`."""
    return _run(FOLLOWERS, limit)

"""The clock: what falls due by itself, once, in order, without one object stopping the others."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from dengji.core import clock
from dengji.law.calendar import end_of
from dengji.ledger.models import Pending
from dengji.parties.models import AccessLogRoot
from dengji.registration import services
from dengji.registration.models import Application, ClockMark, Decision, Registration
from dengji.registration.services import clockwork
from tests.factories import world as w


def noon(day: date) -> datetime:
    """Noon in Shanghai."""
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


def marks(pk: Any, *names: str) -> list[tuple[str, date]]:
    rows = ClockMark.objects.filter(object_id=pk).order_by("pk").values_list("mark", "due")
    return [row for row in rows if not names or row[0] in names]


def in_notice(world: w.World) -> tuple[Any, datetime]:
    pk = w.draft(world)
    w.advance(world, pk, "open_notice")
    ends = Application.objects.get(pk=pk).notice_ends
    assert ends is not None
    return pk, ends


@pytest.mark.django_db
def test_a_notice_is_closed_and_coded_only_after_its_grace() -> None:
    world = w.build()
    pk, ends = in_notice(world)
    w.move_clock(ends + timedelta(minutes=4))
    assert clockwork.tick()["close_notice"] == 0
    assert Application.objects.get(pk=pk).state == "NOTICE"
    w.move_clock(ends + timedelta(minutes=5))
    counts = clockwork.tick()
    assert (counts["close_notice"], counts["assign_code"], counts["failed"]) == (1, 1, 0)
    assert Application.objects.get(pk=pk).state == "REGISTERED"
    assert not Pending.objects.exists()
    done = list(Decision.objects.filter(object_id=pk, act__in=("close_notice", "assign_code")).order_by("n"))
    assert [(d.act, d.actor) for d in done] == [
        ("close_notice", "clock"),
        ("assign_code", f"issuer:{world.register.slug}"),
    ]


@pytest.mark.django_db
def test_a_second_tick_does_nothing() -> None:
    world = w.build()
    _, ends = in_notice(world)
    w.move_clock(ends + timedelta(minutes=6))
    clockwork.tick()
    before = Decision.objects.count(), ClockMark.objects.count()
    again = clockwork.tick()
    assert not any(again.values())
    assert (Decision.objects.count(), ClockMark.objects.count()) == before

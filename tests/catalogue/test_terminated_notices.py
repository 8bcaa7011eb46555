"""A notice that ended by termination keeps title, state and dates for the days the rulebook gives, unindexed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dengji.core.clock import legal_now
from dengji.registration import queries, rules
from tests.factories import world as w
from tests.registration.kit import on

from . import kit

pytestmark = pytest.mark.django_db


def noticed(world: w.World) -> tuple[object, object]:
    """An application in notice and its notice."""
    pk = w.draft(world)
    return pk, w.advance(world, pk, "open_notice")["notice"]


def test_title_state_and_dates_stay_for_a_while() -> None:
    world = w.build()
    pk, notice = noticed(world)
    running = queries.notice(notice)  # type: ignore[arg-type]
    assert running["title"] == running["fields"]["name"] and not running["noindex"]
    w.act(world, "terminate", pk, "agency_supervisor", reason="示例理由")
    ended = queries.notice(notice)  # type: ignore[arg-type]
    assert (ended["state"], ended["title"], ended["fields"]) == ("TERMINATED", running["title"], None)
    assert ended["noindex"] and ended["first_day"] == running["first_day"] and ended["ended_at"]
    assert queries.notices()["items"] == []
    days = rules.rules_of_register(world.register.pk).get("notice.terminated_shown_days")
    w.move_clock(legal_now() + timedelta(days=days))
    assert queries.notice(notice)["title"] == running["title"]  # type: ignore[arg-type]
    w.move_clock(legal_now() + timedelta(days=1))
    later = queries.notice(notice)  # type: ignore[arg-type]
    assert later["title"] is None and later["state"] == "TERMINATED" and later["noindex"]


def test_a_suspended_or_suppressed_notice_has_no_title() -> None:
    world = w.build()
    pk, notice = noticed(world)
    on(world, "suspend_notice", "agency_supervisor", application_id=pk, ground="error", reason="示例理由")
    hidden = queries.notice(notice)  # type: ignore[arg-type]
    assert hidden["title"] is None and hidden["noindex"]
    other, told = noticed(world)
    w.act(world, "terminate", other, "agency_supervisor", reason="示例理由")
    kit.suppress(world, "application", other)
    assert not queries.notice(told)["title"]  # type: ignore[arg-type]

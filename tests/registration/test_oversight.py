"""Complaints, random re-checks, and the calendar (R41, R67, R68)."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from dengji.core.encryption import unseal_json
from dengji.law.calendar import shanghai_date
from dengji.parties import services as parties
from dengji.parties.services import OPERATOR
from dengji.registration import rules
from dengji.registration.models import CalendarVersion, Complaint, Decision, Notice, Objection, Recheck, Registration
from dengji.registration.projection import differences
from tests.factories import world as w

from .kit import application, decide, lodge, noticed, on, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> w.World:
    """A register with its people."""
    return w.build()


# -- complaints -----------------------------------------------------------------------------------------------------


def complain(world: w.World, actor: str = "nobody", **more: Any) -> dict[str, Any]:
    """A complaint."""
    values = {"register_id": world.register.pk, "text": "登记内容疑似不实", "subject_code": "DEMO-X"}
    return on(world, "file_complaint", actor, **(values | more))


@pytest.mark.parametrize("contact", [None, {"name": "示例投诉人", "phone": "13700000000"}])
def test_anyone_complains_also_anonymously(world: w.World, contact: dict[str, str] | None) -> None:
    result = complain(world, contact=contact)
    row = Complaint.objects.get(pk=result["id"])
    assert result["state"] == "RECEIVED" and result["number"] == row.number and len(result["key"]) == 32
    assert rules.calendar().between(shanghai_date(Decision.objects.get(object_id=row.pk).at), row.deadline_day) == 10
    assert unseal_json(row.body, context=row.pk.bytes) == {"text": "登记内容疑似不实"}
    assert unseal_json(row.contact, context=row.pk.bytes) == (contact or {})
    assert "不实".encode() not in bytes(row.body)
    assert Decision.objects.get(object_id=row.pk).data["anonymous"] is (contact is None)


def test_a_complaint_says_something_to_a_register(world: w.World) -> None:
    with refused("text_required"):
        complain(world, text=" ")
    with refused("not_found", 404):
        complain(world, register_id=uuid4())


def test_the_supervisor_answers_with_reasons(world: w.World) -> None:
    result = complain(world)
    target = {"complaint_id": UUID(result["id"])}
    for actor in ("acceptor", "clerk", "citizen", "authority_supervisor", "nobody"):
        with refused("not_found", 404):
            on(world, "answer_complaint", actor, reason="已核查", **target)
    with refused("reason_required"):
        on(world, "answer_complaint", "agency_supervisor", reason="", **target)
    assert on(world, "answer_complaint", "agency_supervisor", reason="已核查", **target)["state"] == "ANSWERED"
    with refused("wrong_state", 409):
        on(world, "answer_complaint", "agency_supervisor", reason="再答", **target)
    row = Complaint.objects.get(pk=result["id"])
    assert row.ended_at is not None and differences(row) == {}


# -- re-checks ------------------------------------------------------------------------------------------------------


def draw(world: w.World, actor: str = "agency_supervisor", **more: Any) -> dict[str, Any]:
    """Draw the period's share."""
    return on(world, "draw_rechecks", actor, **({"register_id": world.register.pk, "period": "2026Q4"} | more))


def many(world: w.World, count: int) -> list[UUID]:
    """Registrations copied from one, enough to draw from."""
    first = Registration.objects.get(pk=w.registered(world)["registration"])
    ids = [first.pk]
    for i in range(count - 1):
        first.pk, first.code = uuid4(), f"DEMO-COPY-{i}"
        first._state.adding = True
        first.save(force_insert=True)
        ids.append(first.pk)
    return ids


def test_the_drawing_is_repeatable_from_its_seed(world: w.World) -> None:
    """R67: anyone can draw again."""
    valid = many(world, 41)
    result = draw(world)
    assert result["of"] == 41 and len(result["drawn"]) == 3  # five per cent, rounded up
    order = sorted(valid, key=lambda pk: hashlib.sha256(result["seed"].encode() + pk.bytes).digest())
    drawn = [Recheck.objects.get(pk=pk) for pk in result["drawn"]]
    assert [row.registration_id for row in drawn] == order[:3]
    assert {row.seed for row in drawn} == {result["seed"]}


def test_a_period_is_drawn_once_and_told_again(world: w.World) -> None:
    """Asking again, whoever asks and whatever was registered meanwhile, draws no further share."""
    valid = many(world, 41)
    Registration.objects.filter(pk=valid[0]).update(state="REVOKED")
    one = draw(world)
    on(world, "find_recheck", "authority_supervisor", recheck_id=UUID(one["drawn"][0]), conforming=True)
    w.registered(world)
    assert draw(world) == draw(world, "authority_supervisor", period=" 2026Q4 ") == one
    assert one["of"] == 40 and len(one["drawn"]) == 2 == Recheck.objects.count()
    assert draw(world, period="2027Q1")["of"] == 41
    assert valid[0] not in Recheck.objects.values_list("registration_id", flat=True)


def test_an_empty_drawing_is_no_drawing(world: w.World) -> None:
    assert draw(world)["drawn"] == []
    w.registered(world)
    assert len(draw(world)["drawn"]) == 1


@pytest.mark.parametrize("period", ["", " ", "x" * 21])
def test_a_period_has_a_name(world: w.World, period: str) -> None:
    with refused("period_invalid"):
        draw(world, period=period)


def test_who_draws_and_finds(world: w.World) -> None:
    many(world, 2)
    for actor in ("reviewer", "clerk", "system_admin", "citizen"):
        with refused("forbidden", 403):
            draw(world, actor)
    with refused("forbidden", 403):
        draw(world, register_id=w.build().register.pk)
    result = draw(world, "authority_supervisor")
    target = {"recheck_id": UUID(result["drawn"][0])}
    with refused("not_found", 404):
        on(world, "find_recheck", "reviewer", conforming=True, **target)
    with refused("reason_required"):
        on(world, "find_recheck", "agency_supervisor", conforming=False, **target)
    found = on(world, "find_recheck", "agency_supervisor", conforming=False, reason="简介不实", **target)
    assert found["state"] == "DEFICIENT"
    with refused("wrong_state", 409):
        on(world, "find_recheck", "authority_supervisor", conforming=True, **target)
    row = Recheck.objects.get(pk=result["drawn"][0])
    assert row.ended_at is not None and differences(row) == {}


def test_a_conforming_record_needs_no_reason(world: w.World) -> None:
    many(world, 1)
    result = draw(world)
    found = on(world, "find_recheck", "authority_supervisor", recheck_id=UUID(result["drawn"][0]), conforming=True)
    assert found["state"] == "CONFORMING"


def test_a_supervisor_sees_only_its_territory(world: w.World) -> None:
    """R3, Art. 18: registers below count, registers beside do not."""
    other = w.build()
    many(other, 1)
    with refused("forbidden", 403):
        draw(other, world.actor("authority_supervisor"))
    other.register.jurisdiction.parent = world.register.jurisdiction
    other.register.jurisdiction.save()
    assert len(draw(other, world.actor("authority_supervisor"))["drawn"]) == 1


# -- calendar -------------------------------------------------------------------------------------------------------


def holiday(day: Any, working: bool = False) -> dict[str, Any]:
    """An override."""
    return {"day": day.isoformat(), "working": working, "source": "示例通知"}


def set_calendar(world: w.World, version: str, overrides: list[dict[str, Any]], actor: str = "system_admin") -> Any:
    """Put a calendar into force."""
    return on(world, "set_calendar", actor, version=version, overrides=overrides)


def test_a_holiday_within_lengthens_the_running_notice(world: w.World) -> None:
    """R41."""
    pk = noticed(world)
    before = application(pk)
    assert before.notice_last_day is not None
    day = rules.calendar().previous_working(before.notice_last_day, 2)
    assert set_calendar(world, "v1", [holiday(day)])["recalculated"] == 1
    after = application(pk)
    assert after.notice_last_day == after.deadline_day
    assert after.notice_last_day == rules.calendar().add(before.notice_last_day, 1).last_day
    notice = Notice.objects.get(application_id=pk)
    assert (notice.last_day, notice.ends) == (after.notice_last_day, after.notice_ends)
    decision = Decision.objects.get(object_id=pk, act="recalculate")
    assert decision.data == {"old": before.deadline_day.isoformat(), "new": after.deadline_day.isoformat()}
    assert decision.calendar == "v1" and decision.actor == "clock"
    assert differences(after) == {}


def test_no_change_ever_shortens(world: w.World) -> None:
    pk = noticed(world)
    before = application(pk)
    first = before.notice_opened_at
    assert first is not None and before.notice_last_day is not None
    days = [shanghai_date(first) + timedelta(days=n) for n in range(1, 20)]
    worked = [holiday(d, True) for d in days if not rules.calendar().is_working(d)]
    assert set_calendar(world, "v1", worked)["recalculated"] == 0
    assert application(pk).notice_last_day == before.notice_last_day
    assert not Decision.objects.filter(object_id=pk, act="recalculate").exists()


def test_every_running_period_counts_from_its_own_beginning(world: w.World) -> None:
    """A holiday long after the end of a period changes nothing of it, however late the calendar comes."""
    waiting = w.draft(world)
    w.advance(world, waiting, "submit")
    reviewed = w.draft(world)
    w.advance(world, reviewed, "begin_review")
    pk = noticed(world)
    objection = lodge(world, pk)
    complaint = on(world, "file_complaint", "nobody", register_id=world.register.pk, text="x")
    rows = [application(waiting), application(reviewed), application(pk)]
    rows += [Objection.objects.get(pk=objection["id"]), Complaint.objects.get(pk=complaint["id"])]
    days = [row.deadline_day for row in rows]
    latest = max(d for d in days if d)
    w.move_clock(rows[0].deadline_ends - timedelta(minutes=5))
    far = rules.calendar().add(latest, 5).last_day
    assert set_calendar(world, "v1", [holiday(far)])["recalculated"] == 0
    for row, day in zip(rows, days, strict=True):
        row.refresh_from_db()
        assert row.deadline_day == day


def test_all_running_periods_move_together(world: w.World) -> None:
    pk = noticed(world)
    objection = lodge(world, pk)
    complaint = on(world, "file_complaint", "nobody", register_id=world.register.pk, text="x")
    opened = application(pk).notice_opened_at
    assert opened is not None
    tomorrow = rules.calendar().add(shanghai_date(opened), 1).last_day
    assert set_calendar(world, "v1", [holiday(tomorrow)])["recalculated"] == 3
    assert set_calendar(world, "v2", [holiday(tomorrow)])["recalculated"] == 0
    for row in (
        application(pk),
        Objection.objects.get(pk=objection["id"]),
        Complaint.objects.get(pk=complaint["id"]),
    ):
        assert Decision.objects.filter(object_id=row.pk, act="recalculate").count() == 1
        assert differences(row) == {}
    decide(world, "verify", objection)
    assert Objection.objects.get(pk=objection["id"]).deadline_day is None


def test_later_deadlines_use_the_new_calendar(world: w.World) -> None:
    pk = w.draft(world)
    w.advance(world, pk, "pass_review")
    tomorrow = rules.calendar().add(shanghai_date(application(pk).accepted_at), 1).last_day
    set_calendar(world, "v1", [holiday(tomorrow)])
    w.advance(world, pk, "open_notice")
    row = application(pk)
    assert rules.calendar().version == "v1" and row.notice_last_day is not None
    assert rules.calendar().between(shanghai_date(row.notice_opened_at), row.notice_last_day) == 10
    assert Decision.objects.get(object_id=pk, act="open_notice").calendar == "v1"


@pytest.mark.parametrize(
    ("version", "overrides", "code"),
    [
        ("", [], "version_taken"),
        ("x" * 41, [], "version_taken"),
        ("v", [{"day": "tomorrow", "working": True, "source": "x"}], "day_invalid"),
        ("v", [{"working": True, "source": "x"}], "day_invalid"),
        ("v", [{"day": "2027-01-01", "working": True, "source": " "}], "source_required"),
        ("v", [{"day": "2027-01-01", "working": "yes", "source": "x"}], "source_required"),
        ("v", [{"day": "1700-01-01", "working": True, "source": "x"}], "calendar_invalid"),
        (
            "v",
            [
                {"day": "2027-01-01", "working": True, "source": "x"},
                {"day": "2027-01-01", "working": False, "source": "y"},
            ],
            "calendar_invalid",
        ),
    ],
)
def test_a_calendar_that_cannot_be_is_refused_and_the_old_one_stays(
    world: w.World, version: str, overrides: list[dict[str, Any]], code: str
) -> None:
    before = rules.calendar().version
    with refused(code):
        set_calendar(world, version, overrides)
    assert not CalendarVersion.objects.exists() and rules.calendar().version == before
    w.advance(world, w.draft(world), "submit")


def test_a_version_is_used_once_and_by_the_system_administrator(world: w.World) -> None:
    set_calendar(world, "v1", [])
    with refused("version_taken"):
        set_calendar(world, "v1", [])
    for actor in ("agency_supervisor", "audit_admin", "clerk"):
        with refused("forbidden", 403):
            set_calendar(world, "v2", [], actor)
    with refused("calendar_invalid"):
        set_calendar(world, rules.calendars.load().version, [])


def test_an_own_file_is_not_rechecked_by_its_own(world: w.World) -> None:
    many(world, 1)
    result = draw(world)
    parties.grant_role(
        actor=OPERATOR, person=world.people["agency_supervisor"], kind="agent", organisation=world.registrant
    )
    with refused("own_file", 403):
        on(world, "find_recheck", "agency_supervisor", recheck_id=UUID(result["drawn"][0]), conforming=True)

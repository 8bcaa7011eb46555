"""The public notice: what it shows, how long it runs, how it stops (Arts. 4, 12, 13)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dengji.law.calendar import end_of, shanghai_date
from dengji.ledger import services as ledger
from dengji.ledger.models import Entry
from dengji.parties import services as parties
from dengji.parties.services import OPERATOR
from dengji.registration import inspection, rules, selectors
from dengji.registration.models import Decision, NameKey, Notice, Objection, Registration
from dengji.registration.projection import differences
from tests.factories import world as w

from .kit import application, at_coding, decide, follow_up, lodge, noticed, on, overrule, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> w.World:
    """A register with its people."""
    return w.build()


def suspend(world: w.World, pk: Any, actor: str = "agency_supervisor", **more: Any) -> dict[str, Any]:
    """Suspension for a fault in the notice."""
    return w.act(world, "suspend_notice", pk, actor, **({"ground": "error", "reason": "简介有误"} | more))


def test_a_notice_runs_ten_working_days_and_shows_four_items(world: w.World) -> None:
    """Art. 12, R15, R53."""
    pk = noticed(world)
    notice, row = Notice.objects.get(application_id=pk), application(pk)
    assert set(notice.fields) == {"data_type", "name", "intro", "registrant_name"}
    assert rules.calendar().between(notice.first_day, notice.last_day) == 10
    assert notice.ends == end_of(notice.last_day) == row.notice_ends
    assert notice.first_day == shanghai_date(notice.opened_at)
    assert notice in selectors.running_notices()


def test_its_entry_is_public_and_carries_no_free_text(world: w.World) -> None:
    pk = noticed(world)
    entry = Entry.objects.get(object_id=pk, act="open_notice")
    body = bytes(entry.body).decode()
    assert entry.public and application(pk).name not in body and world.registrant.name not in body
    notice = Notice.objects.get(application_id=pk)
    assert notice.content in body
    assert application(pk).name in ledger.content(notice.content).decode()


def test_the_reviewer_does_not_open_the_notice(world: w.World, monkeypatch: pytest.MonkeyPatch) -> None:
    """R2, design §4: reviewer ≠ notice opener ⚙."""
    parties.grant_role(actor=OPERATOR, person=world.people["reviewer"], kind="notice_opener", register=world.register)
    pk = w.draft(world)
    w.advance(world, pk, "pass_review")
    with refused("opener_differs", 409):
        w.act(world, "open_notice", pk, "reviewer")
    assert not Notice.objects.exists()
    overrule(monkeypatch, "notice.opener_differs_from_reviewer", False)
    assert w.act(world, "open_notice", pk, "reviewer")["state"] == "NOTICE"


def test_personal_detail_in_public_fields_is_cleared_by_a_human(world: w.World) -> None:
    """R50."""
    intro = (
        "该数据资源为张掖市大数据中心在客运服务过程中产生，包含线路名称等信息，联系电话13912345678，可用于出行查询。"
    )
    pk = w.draft(world, fields={"intro": intro})
    w.advance(world, pk, "pass_review")
    with refused("hits_cleared", 409):
        w.act(world, "open_notice", pk, "notice_opener")
    with refused("hits_cleared", 409):
        w.act(world, "open_notice", pk, "notice_opener", cleared=[{"code": "x", "field": "intro", "reason": "y"}])
    row = application(pk)
    content, _ = inspection.current_content(row)
    hits = [f for f in inspection.inspect(row, content, at=row.receipt_at) if f.clearable]
    assert hits
    cleared = [{"code": f.code, "field": f.field, "reason": " "} for f in hits]
    with refused("hits_cleared", 409):
        w.act(world, "open_notice", pk, "notice_opener", cleared=cleared)
    cleared = [{**c, "reason": "该号码为公开的服务热线"} for c in cleared]
    assert w.act(world, "open_notice", pk, "notice_opener", cleared=cleared)["state"] == "NOTICE"
    assert Decision.objects.get(object_id=pk, act="open_notice").data["cleared"]


def test_no_notice_without_secrecy_review(world: w.World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as relaxed:
        overrule(relaxed, "procedure.secrecy_review_required", False)
        pk = w.draft(world)
        w.act(world, "submit_for_business_review", pk, "clerk")
        w.act(world, "submit", pk, "business_reviewer", preview_acknowledged=True)
        w.advance(world, pk, "pass_review")
    with refused("secrecy_review", 409):
        w.act(world, "open_notice", pk, "notice_opener")


def test_a_notice_without_a_period_is_not_opened(world: w.World, monkeypatch: pytest.MonkeyPatch) -> None:
    pk = w.draft(world)
    w.advance(world, pk, "pass_review")
    overrule(monkeypatch, "limits.notice_wd", None)
    with refused("notice_without_end", 409):
        w.act(world, "open_notice", pk, "notice_opener")
    assert application(pk).state == "REVIEW_PASSED"


# -- suspend, resume ------------------------------------------------------------------------------------------------


def test_suspension_hides_at_once_and_resuming_starts_the_full_period(world: w.World) -> None:
    """Art. 4, design §4."""
    pk = noticed(world)
    first = Notice.objects.get(application_id=pk)
    suspend(world, pk)
    row = application(pk)
    assert row.notice_ends is None and row.deadline_day is None
    assert not selectors.running_notices().exists()
    with refused("objection_open", 409):
        lodge(world, pk)
    w.move_clock(first.ends + timedelta(days=3))
    with refused("wrong_state", 409):
        w.act(world, "close_notice", pk, "clock")
    w.act(world, "resume_notice", pk, "agency_supervisor")
    second = Notice.objects.get(application_id=pk, run=2)
    assert rules.calendar().between(second.first_day, second.last_day) == 10 and second.last_day > first.last_day
    assert list(selectors.running_notices()) == [second]
    with refused("notice_running", 409):
        w.act(world, "close_notice", pk, "clock")
    assert differences(application(pk)) == {}


@pytest.mark.parametrize(
    ("more", "code"),
    [({"ground": "bored"}, "ground_unknown"), ({"reason": ""}, "reason_required")],
)
def test_a_suspension_has_a_ground_and_a_reason(world: w.World, more: dict[str, str], code: str) -> None:
    pk = noticed(world)
    with refused(code):
        suspend(world, pk, **more)
    assert application(pk).state == "NOTICE"


def test_only_the_supervisor_suspends_and_resumes(world: w.World) -> None:
    pk = noticed(world)
    for role in ("notice_opener", "reviewer", "clerk"):
        with refused("forbidden", 403):
            suspend(world, pk, role)
    suspend(world, pk)
    with refused("forbidden", 403):
        w.act(world, "resume_notice", pk, "notice_opener")


# -- the end --------------------------------------------------------------------------------------------------------


def test_a_notice_is_closed_by_the_clock_only_and_after_its_grace(world: w.World) -> None:
    pk = noticed(world)
    ends = application(pk).notice_ends
    assert ends is not None
    for role in ("agency_supervisor", "notice_opener", "clerk"):
        with refused("forbidden", 403):
            w.act(world, "close_notice", pk, role)
    w.move_clock(ends + timedelta(minutes=4))
    with refused("notice_running", 409):
        w.act(world, "close_notice", pk, "clock")
    w.move_clock(ends + timedelta(minutes=5))
    closed = w.act(world, "close_notice", pk, "clock")
    assert closed["state"] == "CODING" and Notice.objects.get(application_id=pk).state == "OVER"
    assert closed["local_number"].endswith(application(pk).serial)


def test_an_open_objection_keeps_the_notice_open_after_day_ten(world: w.World) -> None:
    """R18."""
    pk = noticed(world)
    objection = lodge(world, pk)
    w.after_notice(pk)
    with refused("no_open_objection", 409):
        w.act(world, "close_notice", pk, "clock")
    decide(world, "verify", objection)
    with refused("no_open_objection", 409):
        w.act(world, "close_notice", pk, "clock")
    decide(world, "dismiss", objection, reason="经核查与事实不符")
    assert w.act(world, "close_notice", pk, "clock")["state"] == "CODING"


@pytest.mark.parametrize("stage", ["NOTICE", "NOTICE_SUSPENDED", "CODING"])
def test_the_agency_may_terminate_with_reasons(world: w.World, stage: str) -> None:
    pk = at_coding(world) if stage == "CODING" else noticed(world)
    if stage == "NOTICE_SUSPENDED":
        suspend(world, pk)
    with refused("reason_required"):
        w.act(world, "terminate", pk, "agency_supervisor", reason="")
    with refused("forbidden", 403):
        w.act(world, "terminate", pk, "reviewer", reason="x")
    assert w.act(world, "terminate", pk, "agency_supervisor", reason="发现虚假")["state"] == "TERMINATED"
    assert not selectors.running_notices().exists()
    assert not NameKey.objects.filter(object_id=pk).exists()
    assert differences(application(pk)) == {}


def test_termination_closes_open_objections_as_moot(world: w.World) -> None:
    pk = noticed(world)
    one, two = lodge(world, pk), lodge(world, pk)
    decide(world, "verify", two)
    w.act(world, "terminate", pk, "agency_supervisor", reason="发现虚假")
    assert set(Objection.objects.filter(application_id=pk).values_list("state", flat=True)) == {"MOOT"}
    for objection in (one, two):
        with refused("wrong_state", 409):
            decide(world, "find_inadmissible", objection, reason="x")


# -- which kinds are published --------------------------------------------------------------------------------------


def test_a_change_of_data_is_published_a_change_of_contact_is_not(world: w.World) -> None:
    """R28."""
    coded = w.registered(world)
    contact = follow_up(world, "change", coded["registration"], fields={"registrant_address": "示例路2号"})
    w.advance(world, contact, "pass_review")
    with refused("notice_required", 409):
        w.act(world, "open_notice", contact, "notice_opener")
    assert w.act(world, "complete", contact, "reviewer")["version"] == 2
    data = follow_up(world, "change", coded["registration"], fields={"update_frequency": "daily"})
    w.advance(world, data, "pass_review")
    with refused("notice_settled", 409):
        w.act(world, "complete", data, "reviewer")
    w.act(world, "open_notice", data, "notice_opener")
    with refused("notice_settled", 409):
        w.act(world, "complete", data, "reviewer")
    w.after_notice(data)
    with refused("wrong_kind", 409):
        w.act(world, "close_notice", data, "clock")
    assert w.act(world, "complete", data, "reviewer")["version"] == 3


def test_an_objection_to_a_change_holds_it_and_ends_it(world: w.World) -> None:
    coded = w.registered(world)
    pk = follow_up(world, "change", coded["registration"], fields={"update_frequency": "daily"})
    w.advance(world, pk, "open_notice")
    objection = lodge(world, pk)
    w.after_notice(pk)
    with refused("no_open_objection", 409):
        w.act(world, "complete", pk, "reviewer")
    decide(world, "verify", objection)
    assert decide(world, "uphold", objection, reason="属实")["application_state"] == "TERMINATED"
    assert Registration.objects.get(pk=coded["registration"]).state == "VALID"


def test_a_register_without_that_notice_is_not_found(world: w.World) -> None:
    with refused("not_found", 404):
        on(world, "open_notice", "notice_opener", application_id=world.register.pk)

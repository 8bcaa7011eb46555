"""Two files about one registration: neither takes back what the other has brought (Art. 9, R5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from dengji.registration import basis, inspection
from dengji.registration.models import Application, Decision, RegistrationVersion
from dengji.registration.projection import differences
from tests.factories import world as w

from .kit import application, follow_up, on, refused, registration, to_day

pytestmark = pytest.mark.django_db
RIGHT = "该数据资源为张掖市大数据中心在提供城市客运服务过程中产生，包含线路名称、停靠站等具体信息，可用于公众出行查询。"
ADDRESS = {"registrant_address": "示例路9号"}


@pytest.fixture
def world() -> w.World:
    """A register with its people."""
    return w.build()


@pytest.fixture
def coded(world: w.World) -> dict[str, Any]:
    """A registration."""
    return w.registered(world)


def rectify(world: w.World, coded: dict[str, Any], fields: dict[str, Any] | None = None) -> UUID:
    """A citizen's rectification of the introduction, handed over."""
    kinds = ("rectification_evidence", "identity_proof", "interest_proof")
    fields = {"intro": RIGHT} if fields is None else fields
    more: dict[str, Any] = {"actor": "citizen", "interested_party": True, "fields": fields}
    return follow_up(world, "rectification", coded["registration"], materials=kinds, **more)


def submit(world: w.World, pk: UUID, clerk: str, reviewer: str) -> None:
    """From the draft to the agency's door."""
    w.act(world, "submit_for_business_review", pk, clerk)
    w.act(world, "submit", pk, reviewer, **w.SECRECY)


def rectified(world: w.World, pk: UUID) -> None:
    """A rectification taken to its end."""
    if application(pk).state == "DRAFT":
        submit(world, pk, "citizen", "citizen")
    w.advance(world, pk, "open_notice")
    w.after_notice(pk)
    w.act(world, "complete", pk, "reviewer")


def latest(coded: dict[str, Any]) -> dict[str, Any]:
    """The fields of the registration as it is now."""
    row = registration(coded)
    return dict(RegistrationVersion.objects.get(registration=row, number=row.version).fields)


@pytest.mark.parametrize("second", ["change", "rectification", "renewal", "cancellation"])
def test_a_registrant_has_one_open_file_about_a_registration(
    world: w.World, coded: dict[str, Any], second: str
) -> None:
    first = follow_up(world, "change", coded["registration"], fields=ADDRESS)
    with refused("another_pending", 409) as caught:
        follow_up(world, second, coded["registration"])
    assert caught.value.params["other"] == str(first)
    w.advance(world, first, "submit")
    with refused("another_pending", 409) as caught:
        follow_up(world, second, coded["registration"])
    assert caught.value.params["other"] == application(first).serial
    on(world, "withdraw", "clerk", application_id=first)
    assert follow_up(world, second, coded["registration"])


def test_other_registrations_are_free(world: w.World, coded: dict[str, Any]) -> None:
    follow_up(world, "change", coded["registration"])
    assert follow_up(world, "change", w.registered(world)["registration"])


def test_a_stranger_blocks_nobody_and_takes_nothing_back(world: w.World, coded: dict[str, Any]) -> None:
    """The citizen's draft is older than the change; what the change brought stays."""
    theirs = rectify(world, coded)
    mine = follow_up(world, "change", coded["registration"], fields=ADDRESS)
    w.advance(world, mine, "pass_review")
    w.act(world, "complete", mine, "reviewer")
    with refused("registration_moved", 409) as caught:
        submit(world, theirs, "citizen", "citizen")
    assert caught.value.params == {"other": application(mine).serial, "version": 2}
    on(world, "save_draft", "citizen", application_id=theirs, content={}, rebase=True)
    rectified(world, theirs)
    assert latest(coded)["intro"] == RIGHT and latest(coded)["registrant_address"] == "示例路9号"


def test_a_file_under_way_is_not_completed_over_another(world: w.World, coded: dict[str, Any]) -> None:
    mine = follow_up(world, "change", coded["registration"], fields=ADDRESS)
    w.advance(world, mine, "pass_review")
    theirs = rectify(world, coded)
    rectified(world, theirs)
    with refused("registration_moved", 409) as caught:
        w.act(world, "complete", mine, "reviewer")
    assert caught.value.params["other"] == application(theirs).serial
    assert application(mine).state == "REVIEW_PASSED" and latest(coded)["intro"] == RIGHT
    # The way out: take it back, copy it; only its own change is copied onto the present version.
    on(world, "withdraw", "clerk", application_id=mine)
    again = follow_up(world, "change", coded["registration"], copied_from=mine)
    w.advance(world, again, "pass_review")
    w.act(world, "complete", again, "reviewer")
    assert latest(coded)["intro"] == RIGHT and latest(coded)["registrant_address"] == "示例路9号"
    for row in Application.objects.filter(registration_id=coded["registration"]):
        assert differences(row) == {}


def test_a_renewal_that_changes_nothing_carries_what_is_there(world: w.World, coded: dict[str, Any]) -> None:
    """Nobody loses a registration because a stranger had it corrected just before it ended."""
    to_day(registration(coded).valid_to - timedelta(days=50))
    mine = follow_up(world, "renewal", coded["registration"])
    w.advance(world, mine, "pass_review")
    rectified(world, rectify(world, coded))
    assert w.act(world, "complete", mine, "reviewer")["version"] == 3
    assert latest(coded)["intro"] == RIGHT


def test_a_cancellation_reverts_nothing_and_goes_on(world: w.World, coded: dict[str, Any]) -> None:
    mine = follow_up(world, "cancellation", coded["registration"])
    w.advance(world, mine, "pass_review")
    rectified(world, rectify(world, coded))
    assert w.act(world, "complete", mine, "reviewer")["registration_state"] == "CANCELLED"


def test_the_base_is_on_record(world: w.World, coded: dict[str, Any]) -> None:
    pk = follow_up(world, "change", coded["registration"])
    assert application(pk).base_version == 1
    assert Decision.objects.get(object_id=pk, act="create_application").data["base_version"] == 1
    assert "base_version" not in Decision.objects.get(object_id=w.draft(world), act="create_application").data


def test_a_rebased_draft_keeps_its_own_words_and_no_others(world: w.World, coded: dict[str, Any]) -> None:
    theirs = rectify(world, coded, {"intro": RIGHT, "scenarios": None})
    mine = follow_up(world, "change", coded["registration"], fields={**ADDRESS, "update_frequency": "daily"})
    w.advance(world, mine, "open_notice")
    w.after_notice(mine)
    w.act(world, "complete", mine, "reviewer")
    on(world, "save_draft", "citizen", application_id=theirs, content={}, rebase=True)
    content = inspection.content_of(application(theirs).draft)
    assert content["intro"] == RIGHT and content["update_frequency"] == "daily" and content["contact_name"]
    assert "scenarios" not in content and "registrant_address" not in content
    assert application(theirs).base_version == 2


@pytest.mark.parametrize(
    ("mine", "base", "present", "result"),
    [
        ({"a": 1}, {"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 3}, {"a": 1}, {"a": 2}, {"a": 3}),
        ({}, {"a": 1}, {"a": 2, "b": 1}, {"b": 1}),
        ({"c": 1}, {}, {"a": 2}, {"a": 2, "c": 1}),
    ],
)
def test_own_changes_alone_are_carried(mine: Any, base: Any, present: Any, result: Any) -> None:
    assert basis.onto(mine, base, present) == result

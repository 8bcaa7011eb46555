"""The agency's desk: accept, supplement, decline, review, explain (Arts. 10, 11)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from dengji.core.encryption import unseal_json
from dengji.law.calendar import shanghai_date
from dengji.parties import services as parties
from dengji.parties.services import OPERATOR
from dengji.registration import rules
from dengji.registration.models import Decision, DecisionDetail, NameKey
from dengji.registration.projection import differences
from tests.factories import world as w

from .kit import application, follow_up, overrule, past_deadline, refused

pytestmark = pytest.mark.django_db
ITEMS = [{"field": "intro", "text": "写明用途"}, {"field": "risk_assessment", "text": "报告未签章"}]


@pytest.fixture
def world() -> w.World:
    """A register with its people."""
    return w.build()


def until(world: w.World, act: str, **more: Any) -> UUID:
    """An application after this act."""
    pk = w.draft(world, **more)
    w.advance(world, pk, act)
    return pk


def resubmit(world: w.World, pk: UUID, content: dict[str, Any] | None = None) -> None:
    """Answer a supplement."""
    if content:
        w.act(world, "save_draft", pk, "clerk", content=content)
    w.act(world, "submit_for_business_review", pk, "clerk")
    w.act(world, "submit", pk, "business_reviewer", **w.SECRECY)


def words(pk: UUID, act: str) -> dict[str, Any]:
    """The private words of the last decision of this act."""
    decision = Decision.objects.filter(object_id=pk, act=act).latest("n")
    detail = DecisionDetail.objects.get(pk=decision.detail_id)
    return unseal_json(detail.data, context=pk.bytes)["words"]


@pytest.mark.parametrize(
    ("before", "act", "more", "allowed"),
    [
        ("submit", "accept", {}, "acceptor"),
        ("submit", "request_supplement", {"items": ITEMS}, "acceptor"),
        ("submit", "decline", {"reason": "x"}, "acceptor"),
        ("accept", "begin_review", {}, "reviewer"),
        ("begin_review", "pass_review", {}, "reviewer"),
        ("begin_review", "reject", {"reason": "x"}, "reviewer"),
    ],
)
def test_each_act_belongs_to_one_role(
    world: w.World, before: str, act: str, more: dict[str, Any], allowed: str
) -> None:
    pk = until(world, before)
    state, n = application(pk).state, application(pk).n
    for role in world.people:
        if role != allowed:
            inside = role in w.AGENCY_KINDS or role in ("clerk", "business_reviewer")
            with refused("forbidden" if inside else "not_found", 403 if inside else 404):
                w.act(world, act, pk, role, **more)
    assert (application(pk).state, application(pk).n) == (state, n)
    w.act(world, act, pk, allowed, **more)
    assert application(pk).n == n + 1


def test_the_acceptance_limit_is_three_working_days(world: w.World) -> None:
    pk = until(world, "submit")
    row = application(pk)
    assert row.receipt_at is not None and row.deadline_day is not None
    assert rules.calendar().between(shanghai_date(row.receipt_at), row.deadline_day) == 3
    w.act(world, "accept", pk, "acceptor")
    row.refresh_from_db()
    assert row.accepted_at is not None and row.deadline_day is not None
    assert rules.calendar().between(shanghai_date(row.accepted_at), row.deadline_day) == 20


@pytest.mark.parametrize("items", [[], [{"field": "", "text": "x"}], [{"field": "intro", "text": "  "}]])
def test_a_supplement_is_one_complete_list_each_item_tied(world: w.World, items: list[dict[str, str]]) -> None:
    """R10: each item tied to a field or material."""
    pk = until(world, "submit")
    with refused("items_required"):
        w.act(world, "request_supplement", pk, "acceptor", items=items)
    assert application(pk).state == "SUBMITTED"


def test_the_clock_starts_anew_with_the_resubmission(world: w.World) -> None:
    """Art. 10: the acceptance date runs from the re-submission."""
    pk = until(world, "submit")
    first = application(pk).receipt_at
    assert first is not None
    w.act(world, "request_supplement", pk, "acceptor", items=ITEMS, reason="一次告知")
    assert words(pk, "request_supplement")["items"] == ITEMS
    assert application(pk).deadline_day is None
    resubmit(world, pk)
    row = application(pk)
    assert row.receipt_at is not None and row.receipt_at > first
    assert row.rounds == 1 and row.version == 2 and not row.in_supplement
    assert differences(row) == {}


def test_what_was_visible_before_should_have_been_said_before(world: w.World) -> None:
    pk = until(world, "submit")
    w.act(world, "request_supplement", pk, "acceptor", items=[{"field": "intro", "text": "写明用途"}])
    resubmit(world, pk, {"intro": application(pk).draft.fields["intro"][:-1] + "等。"})
    again = [{"field": name, "text": "x"} for name in ("intro", "duty_basis", "commitment_letter")]
    result = w.act(world, "request_supplement", pk, "acceptor", items=again)
    assert result["previously_visible"] == ["duty_basis"]


def test_rounds_may_be_limited(world: w.World, monkeypatch: pytest.MonkeyPatch) -> None:
    pk = until(world, "submit")
    overrule(monkeypatch, "procedure.max_supplement_rounds", 1)
    w.act(world, "request_supplement", pk, "acceptor", items=ITEMS)
    resubmit(world, pk)
    with refused("rounds", 409):
        w.act(world, "request_supplement", pk, "acceptor", items=ITEMS)
    assert w.act(world, "decline", pk, "acceptor", reason="仍不完整")["state"] == "DECLINED"


@pytest.mark.parametrize(("before", "act"), [("submit", "decline"), ("begin_review", "reject")])
def test_a_refusal_is_reasoned_and_ends_the_file(world: w.World, before: str, act: str) -> None:
    role = "acceptor" if act == "decline" else "reviewer"
    pk = until(world, before)
    with refused("reason_required"):
        w.act(world, act, pk, role, reason="")
    w.act(world, act, pk, role, reason="材料不实")
    row = application(pk)
    assert row.ended_at is not None and row.deadline_day is None
    assert words(pk, act)["reason"] == "材料不实"
    assert not NameKey.objects.filter(object_id=pk).exists()
    with refused("wrong_state", 409):
        w.act(world, "withdraw", pk, "clerk")
    assert differences(row) == {}


def test_nobody_decides_on_a_file_of_their_own_organisation(world: w.World) -> None:
    pk = until(world, "submit")
    parties.grant_role(actor=OPERATOR, person=world.people["acceptor"], kind="agent", organisation=world.registrant)
    with refused("own_file", 403):
        w.act(world, "accept", pk, "acceptor")


def test_nor_on_one_their_organisation_co_registers_or_files_as_agent(world: w.World) -> None:
    other = world.stranger_organisation
    pk = w.draft(world, fields={"co_registrants": [{"name": other.name, "credit_code": other.credit_code}]})
    w.attach(world, pk, ("joint_agreement",))
    w.advance(world, pk, "submit")
    parties.grant_role(actor=OPERATOR, person=world.people["acceptor"], kind="clerk", organisation=other)
    with refused("own_file", 403):
        w.act(world, "accept", pk, "acceptor")
    agency = w.organisation("示例代理机构")
    filed = w.draft(world, agent_id=agency.pk)
    w.attach(world, filed, ("agency_letter",))
    w.advance(world, filed, "submit")
    parties.grant_role(actor=OPERATOR, person=world.people["notice_opener"], kind="acceptor", register=world.register)
    parties.grant_role(actor=OPERATOR, person=world.people["notice_opener"], kind="agent", organisation=agency)
    with refused("own_file", 403):
        w.act(world, "accept", filed, "notice_opener")


def test_acceptor_and_reviewer_may_have_to_differ(world: w.World, monkeypatch: pytest.MonkeyPatch) -> None:
    parties.grant_role(actor=OPERATOR, person=world.people["acceptor"], kind="reviewer", register=world.register)
    pk = until(world, "accept")
    overrule(monkeypatch, "procedure.acceptor_differs_from_reviewer", True)
    with refused("acceptor_differs", 409):
        w.act(world, "begin_review", pk, "acceptor")
    assert w.act(world, "begin_review", pk, "reviewer")["state"] == "UNDER_REVIEW"


@pytest.mark.parametrize("act", ["pass_review", "reject"])
def test_an_overdue_review_is_explained_before_it_is_closed(world: w.World, act: str) -> None:
    """Art. 11, R14."""
    pk = until(world, "begin_review")
    with refused("overdue", 409):
        w.act(world, "explain_overdue", pk, "reviewer", reason="材料繁多")
    past_deadline(pk)
    more = {"reason": "不合规"} if act == "reject" else {}
    with refused("overdue_explained", 409):
        w.act(world, act, pk, "reviewer", **more)
    with refused("reason_required"):
        w.act(world, "explain_overdue", pk, "reviewer", reason="")
    explained = w.act(world, "explain_overdue", pk, "reviewer", reason="材料繁多")
    assert explained["state"] == "UNDER_REVIEW" and explained["deadline"] is not None
    assert w.act(world, act, pk, "reviewer", **more)["act"] == act
    assert differences(application(pk)) == {}


def test_a_review_on_its_last_day_is_in_time(world: w.World) -> None:
    pk = until(world, "begin_review")
    ends = application(pk).deadline_ends
    assert ends is not None
    w.move_clock(ends - timedelta(minutes=1))
    assert w.act(world, "pass_review", pk, "reviewer", opinion="合规")["state"] == "REVIEW_PASSED"
    assert words(pk, "pass_review") == {"opinion": "合规"}


def test_reasons_are_not_in_the_decision(world: w.World) -> None:
    pk = until(world, "submit")
    w.act(world, "decline", pk, "acceptor", reason="示例机密理由")
    decision = Decision.objects.get(object_id=pk, act="decline")
    assert "示例机密理由" not in str(decision.data)
    assert decision.detail_digest.startswith("sha256:")
    detail = DecisionDetail.objects.get(pk=decision.detail_id)
    assert "示例机密理由".encode() not in bytes(detail.data)


def test_nobody_decides_on_what_they_asked_for_themselves(world: w.World) -> None:
    """An officer who asks for a rectification as an interested party is a party to it."""
    coded = w.registered(world)
    world.people["citizen"] = world.people["reviewer"]
    pk = follow_up(
        world,
        "rectification",
        coded["registration"],
        actor="citizen",
        interested_party=True,
        materials=("rectification_evidence", "identity_proof", "interest_proof"),
    )
    w.act(world, "submit_for_business_review", pk, "citizen")
    w.act(world, "submit", pk, "citizen", **w.SECRECY)
    w.act(world, "accept", pk, "acceptor")
    with refused("own_file", 403):
        w.act(world, "begin_review", pk, "reviewer")

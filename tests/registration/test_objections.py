"""Objections: a real person, in time, with evidence; each an object of its own (Art. 12, design §4)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from dengji.core.encryption import unseal_json
from dengji.law.calendar import shanghai_date
from dengji.parties import services as parties
from dengji.parties.models import AccessLog
from dengji.parties.services import OPERATOR
from dengji.registration import services
from dengji.registration.models import Material, Notice, Objection
from dengji.registration.projection import differences
from dengji.registration.services.objections import visible_to
from tests.factories import world as w

from .kit import PERSON, application, at_coding, decide, lodge, noticed, on, overrule, refused

pytestmark = pytest.mark.django_db
UNIT = {"name": "示例公司", "credit_code": "91330100799655058B", "agent": "示例代理人"}


@pytest.fixture
def world() -> w.World:
    """A register with its people."""
    return w.build()


def objection(result: dict[str, Any]) -> Objection:
    """The stored objection."""
    return Objection.objects.get(pk=result["id"])


# -- who and what ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("actor", ["nobody", "citizen", "stranger_clerk", "objection_officer"])
def test_anyone_real_may_object_while_the_notice_runs(world: w.World, actor: str) -> None:
    pk = noticed(world)
    result = lodge(world, pk, actor)
    row = objection(result)
    assert result["state"] == "LODGED" and result["deadline"] is not None and len(result["key"]) == 32
    assert row.person_id == (world.people[actor].pk if actor in ("citizen", "stranger_clerk") else None)
    assert differences(row) == {}


def test_identity_and_grounds_lie_encrypted(world: w.World) -> None:
    row = objection(lodge(world, noticed(world), grounds="与本单位数据重复"))
    for sealed in (row.identity, row.grounds):
        assert b"620102199001010000" not in bytes(sealed) and "重复".encode() not in bytes(sealed)
    assert unseal_json(row.identity, context=row.pk.bytes)["document_number"] == "620102199001010000"
    assert unseal_json(row.grounds, context=row.pk.bytes) == {"grounds": "与本单位数据重复", "relation": "数据来源方"}
    assert row.relation == ""


def test_the_same_person_is_found_by_a_blind_index(world: w.World) -> None:
    pk = noticed(world)
    one = objection(lodge(world, pk))
    two = objection(lodge(world, pk, identity={**PERSON, "document_number": "6201 0219 9001 0100 00"}))
    three = objection(lodge(world, pk, identity={**PERSON, "document_number": "620102199001010001"}))
    assert bytes(one.identity_index) == bytes(two.identity_index) != bytes(three.identity_index)


def test_a_unit_objects_with_its_code_and_agent(world: w.World) -> None:
    row = objection(lodge(world, noticed(world), objector_kind="unit", identity=UNIT))
    assert unseal_json(row.identity, context=row.pk.bytes) == UNIT


@pytest.mark.parametrize(
    ("more", "code", "field"),
    [
        ({"objector_kind": "bot"}, "objector_kind", "objector_kind"),
        ({"identity": {**PERSON, "name": " "}}, "identity_required", "name"),
        ({"identity": {**PERSON, "document_type": ""}}, "identity_required", "document_type"),
        ({"identity": {**PERSON, "document_number": ""}}, "identity_required", "document_number"),
        ({"identity": {**PERSON, "document_type": "library_card"}}, "document_type", "document_type"),
        ({"objector_kind": "unit", "identity": {**UNIT, "agent": ""}}, "identity_required", "agent"),
        ({"objector_kind": "unit", "identity": {**UNIT, "credit_code": "9133"}}, "credit_code", "credit_code"),
        ({"grounds": " "}, "grounds_required", "grounds"),
        ({"relation": ""}, "relation_required", "relation"),
        ({"evidence": []}, "evidence_required", "evidence"),
        ({"evidence": [services.Upload("x.pdf", b"<html>")]}, "file_type", "file"),
        ({"evidence": [services.Upload("x.pdf", b"")]}, "file_size", "file"),
    ],
)
def test_what_an_objection_must_have(world: w.World, more: dict[str, Any], code: str, field: str) -> None:
    """Art. 12: real name and necessary evidence; design §4: the relation to the matter."""
    pk = noticed(world)
    with refused(code) as caught:
        lodge(world, pk, **more)
    assert caught.value.field == field
    assert not Objection.objects.exists() and not Material.objects.filter(owner_kind="objection").exists()


def test_an_unknown_notice_is_not_found(world: w.World) -> None:
    pk = noticed(world)
    with refused("not_found", 404):
        lodge(world, pk, notice_id=uuid4())


# -- when -----------------------------------------------------------------------------------------------------------


def test_the_period_ends_with_its_last_day(world: w.World) -> None:
    pk = noticed(world)
    ends = application(pk).notice_ends
    assert ends is not None
    w.move_clock(ends - timedelta(seconds=30))
    assert lodge(world, pk)["state"] == "LODGED"
    w.move_clock(ends)
    with refused("objection_open", 409):
        lodge(world, pk)
    with refused("objection_open", 409):
        lodge(world, pk, "objection_officer")


def test_staff_enter_what_arrived_in_time_until_a_code_is_requested(world: w.World) -> None:
    """Design §3: earlier receipt date and proof, until a code is requested."""
    pk = at_coding(world)
    notice = Notice.objects.get(application_id=pk)
    days = {
        notice.first_day - timedelta(days=1): False,
        notice.first_day: True,
        notice.last_day: True,
        notice.last_day + timedelta(days=1): False,
    }
    for day, in_time in days.items():
        if in_time:
            late = lodge(world, pk, "objection_officer", received_on=day)
            assert objection(late).received_on == day
            decide(world, "find_inadmissible", late, reason="证据与事项无关")
        else:
            with refused("objection_open", 409):
                lodge(world, pk, "objection_officer", received_on=day)
    with refused("objection_open", 409):
        lodge(world, pk, "citizen", received_on=notice.last_day)
    with refused("evidence_required"):
        lodge(world, pk, "objection_officer", received_on=notice.last_day, evidence=[])
    w.act(world, "request_code", pk, "agency_supervisor")
    with refused("objection_open", 409):
        lodge(world, pk, "objection_officer", received_on=notice.last_day)


def test_nothing_can_have_arrived_tomorrow(world: w.World) -> None:
    pk = noticed(world)
    notice = Notice.objects.get(application_id=pk)
    with refused("objection_open", 409):
        lodge(world, pk, "objection_officer", received_on=notice.last_day)
    today: date = shanghai_date(notice.opened_at)
    assert lodge(world, pk, "objection_officer", received_on=today)["state"] == "LODGED"


def test_a_late_objection_stops_the_code(world: w.World) -> None:
    pk = at_coding(world)
    notice = Notice.objects.get(application_id=pk)
    late = lodge(world, pk, "objection_officer", received_on=notice.last_day)
    with refused("no_open_objection", 409):
        w.act(world, "assign_code", pk, "issuer")
    with refused("no_open_objection", 409):
        w.act(world, "request_code", pk, "agency_supervisor")
    decide(world, "verify", late)
    assert decide(world, "uphold", late, reason="属实")["application_state"] == "TERMINATED"


# -- deciding -------------------------------------------------------------------------------------------------------


def test_two_objections_one_dismissed_one_upheld(world: w.World) -> None:
    pk = noticed(world)
    one, two, three = lodge(world, pk), lodge(world, pk, "citizen"), lodge(world, pk)
    for result in (one, two):
        assert decide(world, "verify", result)["state"] == "VERIFIED"
    assert decide(world, "dismiss", one, reason="不属实")["state"] == "DISMISSED"
    assert application(pk).state == "NOTICE"
    upheld = decide(world, "uphold", two, reason="属实")
    assert upheld["state"] == "UPHELD" and upheld["application_state"] == "TERMINATED"
    assert [objection(r).state for r in (one, two, three)] == ["DISMISSED", "UPHELD", "MOOT"]
    for row in Objection.objects.filter(application_id=pk):
        assert differences(row) == {} and row.ended_at is not None and row.deadline_day is None
    assert differences(application(pk)) == {}
    assert Notice.objects.get(application_id=pk).state == "TERMINATED"


@pytest.mark.parametrize("act", ["find_inadmissible", "dismiss", "uphold"])
def test_every_decision_is_reasoned(world: w.World, act: str) -> None:
    result = lodge(world, noticed(world))
    if act != "find_inadmissible":
        decide(world, "verify", result)
    with refused("reason_required"):
        decide(world, act, result, reason=" ")
    decide(world, act, result, reason="理由")
    with refused("wrong_state", 409):
        decide(world, act, result, reason="理由")


def test_an_objection_is_verified_before_it_is_decided(world: w.World) -> None:
    result = lodge(world, noticed(world))
    for act in ("uphold", "dismiss"):
        with refused("wrong_state", 409):
            decide(world, act, result, reason="理由")


@pytest.mark.parametrize("actor", ["acceptor", "reviewer", "clerk", "citizen", "authority_supervisor", "system_admin"])
def test_others_do_not_find_the_objection(world: w.World, actor: str) -> None:
    result = lodge(world, noticed(world))
    with refused("not_found", 404):
        decide(world, "verify", result, actor)


def test_the_objector_and_the_supervisor_do_not_verify(world: w.World) -> None:
    result = lodge(world, noticed(world), "citizen")
    for actor in ("citizen", "agency_supervisor"):
        with refused("forbidden", 403):
            decide(world, "verify", result, actor)


def test_the_reviewer_of_the_file_does_not_judge_objections_to_it(
    world: w.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    parties.grant_role(
        actor=OPERATOR, person=world.people["reviewer"], kind="objection_officer", register=world.register
    )
    result = lodge(world, noticed(world))
    decide(world, "verify", result, "reviewer")
    with refused("decider_differs", 409):
        decide(world, "dismiss", result, "reviewer", reason="理由")
    overrule(monkeypatch, "objection.decider_differs_from_reviewer", False)
    assert decide(world, "dismiss", result, "reviewer", reason="理由")["state"] == "DISMISSED"


def test_nobody_handles_objections_to_a_file_of_their_own_organisation(world: w.World) -> None:
    pk = noticed(world)
    result = lodge(world, pk)
    parties.grant_role(
        actor=OPERATOR, person=world.people["objection_officer"], kind="agent", organisation=world.registrant
    )
    for act, more in (("verify", {}), ("find_inadmissible", {"reason": "x"})):
        with refused("own_file", 403):
            decide(world, act, result, **more)
    with refused("own_file", 403):
        lodge(world, pk, "objection_officer")


# -- taking back ----------------------------------------------------------------------------------------------------


def test_an_objection_is_taken_back_with_its_key(world: w.World) -> None:
    result = lodge(world, noticed(world))
    for key in ("", "0" * 32, result["id"]):
        with refused("not_found", 404):
            decide(world, "retract", result, "nobody", key=key)
    assert decide(world, "retract", result, "nobody", key=result["key"])["state"] == "RETRACTED"
    with refused("wrong_state", 409):
        decide(world, "retract", result, "nobody", key=result["key"])


def test_or_by_the_account_that_lodged_it(world: w.World) -> None:
    result = lodge(world, noticed(world), "citizen")
    decide(world, "verify", result)
    for other in ("clerk", "objection_officer", "nobody"):
        with refused("not_found", 404):
            decide(world, "retract", result, other)
    assert decide(world, "retract", result, "citizen")["state"] == "RETRACTED"


def test_an_unknown_objection_is_not_found(world: w.World) -> None:
    with refused("not_found", 404):
        on(world, "retract", "citizen", objection_id=uuid4(), key="x")
    with refused("not_found", 404):
        on(world, "verify", "objection_officer", objection_id=uuid4())


# -- who sees what --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actor", "expected"),
    [("objection_officer", "full"), ("agency_supervisor", "full"), ("citizen", "full"), ("clerk", "masked")],
)
def test_identity_is_for_the_handling_officers(world: w.World, actor: str, expected: str) -> None:
    row = objection(lodge(world, noticed(world), "citizen"))
    assert visible_to(world.actor(actor), row) == expected


def test_evidence_is_read_by_few_and_each_reading_is_logged(world: w.World) -> None:
    result = lodge(world, noticed(world), "citizen")
    material = Material.objects.get(owner_id=UUID(result["id"]))
    _, data = services.read_material(actor=world.actor("objection_officer"), material_id=material.pk)
    assert data == w.PDF
    log = AccessLog.objects.get(act="read_material")
    assert log.object_id == material.pk and log.actor == world.actor("objection_officer").key
    for actor in ("clerk", "reviewer", "stranger_clerk", "system_admin"):
        with refused("not_found", 404):
            services.read_material(actor=world.actor(actor), material_id=material.pk)


def test_the_objector_may_add_evidence_until_it_is_decided(world: w.World) -> None:
    result = lodge(world, noticed(world), "citizen")

    def add() -> dict[str, Any]:
        return on(
            world,
            "add_material",
            "citizen",
            owner_kind="objection",
            owner_id=UUID(result["id"]),
            kind="objection_evidence",
            upload=services.Upload("b.pdf", w.PDF),
        )

    assert add()["size"] == len(w.PDF)
    decide(world, "find_inadmissible", result, reason="无关")
    with refused("wrong_state", 409):
        add()

"""Who finds what: one scope for lists and objects, closed by default (R3, design §2)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dengji.parties import actor as actors
from dengji.parties import services as parties
from dengji.parties.services import OPERATOR
from dengji.registration import selectors
from dengji.registration.models import Application, Complaint, Objection, Recheck, Registration
from tests.factories import world as w

from .kit import application, at_coding, lodge, noticed, on, refused

pytestmark = pytest.mark.django_db
INSIDE = ("clerk", "business_reviewer")


@pytest.fixture
def world() -> w.World:
    """A register with its people."""
    return w.build()


def seen(world: w.World, model: Any, pk: Any, purpose: str = "read") -> set[str]:
    """The people (and the clock) who find an object; a list and a single read must agree."""
    found = set()
    for name in [*world.people, "clock", "nobody", "issuer"]:
        actor = world.actor(name)
        listed = model.objects.filter(selectors.SCOPES[model](actor, purpose)).filter(pk=pk).exists()
        try:
            selectors.get(model, pk, actor, purpose)
            single = True
        except Exception:
            single = False
        assert listed == single, name
        if listed:
            found.add(name)
    return found


def test_a_draft_is_the_registrants_own(world: w.World) -> None:
    assert seen(world, Application, w.draft(world)) == {*INSIDE, "clock"}


def test_a_submitted_file_is_the_agencys_and_the_authority_looks_on(world: w.World) -> None:
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    assert seen(world, Application, pk) == {*INSIDE, *w.AGENCY_KINDS, "authority_supervisor", "clock", "issuer"}
    assert seen(world, Application, pk, "act") == {*INSIDE, *w.AGENCY_KINDS, "clock", "issuer"}


def test_a_registration_in_full_is_not_for_strangers(world: w.World) -> None:
    coded = w.registered(world)
    expected = {*INSIDE, *w.AGENCY_KINDS, "authority_supervisor", "clock", "issuer"}
    assert seen(world, Registration, coded["registration"]) == expected


def test_an_objection_is_for_its_officers_its_objector_and_masked_for_the_registrant(world: w.World) -> None:
    pk = noticed(world)
    objection = lodge(world, pk, "citizen")["id"]
    officers = {"objection_officer", "agency_supervisor", "citizen", "clock", "issuer"}
    assert seen(world, Objection, objection) == {*officers, *INSIDE}
    assert seen(world, Objection, objection, "act") == officers


def test_a_complaint_is_for_the_supervisors(world: w.World) -> None:
    made = on(world, "file_complaint", "citizen", register_id=world.register.pk, text="x")
    assert seen(world, Complaint, made["id"]) == {"agency_supervisor", "authority_supervisor", "clock"}
    assert seen(world, Complaint, made["id"], "act") == {"agency_supervisor", "clock"}


def test_a_recheck_is_for_the_supervisors(world: w.World) -> None:
    w.registered(world)
    drawn = on(world, "draw_rechecks", "agency_supervisor", register_id=world.register.pk, period="p")["drawn"][0]
    assert seen(world, Recheck, drawn) == {"agency_supervisor", "authority_supervisor"}


def test_another_register_sees_nothing(world: w.World) -> None:
    pk = noticed(world)
    other = w.build()
    for name in (*w.AGENCY_KINDS, "authority_supervisor"):
        with refused("not_found", 404):
            selectors.get(Application, pk, other.actor(name))


def test_an_ended_role_sees_nothing(world: w.World) -> None:
    pk = w.draft(world)
    (role,) = world.people["clerk"].roles.all()
    parties.end_role(actor=OPERATOR, role=role)
    with refused("not_found", 404):
        selectors.get(Application, pk, world.actor("clerk"))


def test_roles_are_held_towards_one_object(world: w.World) -> None:
    pk = noticed(world)
    row = application(pk)
    expected = {
        "clerk": {"clerk"},
        "business_reviewer": {"business_reviewer"},
        "acceptor": {"acceptor"},
        "authority_supervisor": {"authority_supervisor"},
        "stranger_clerk": set(),
        "citizen": set(),
        "system_admin": set(),
        "clock": {"clock"},
        "issuer": {"issuer"},
    }
    assert {name: set(selectors.roles_for(world.actor(name), row)) for name in expected} == expected
    other = w.build()
    assert selectors.roles_for(other.actor("acceptor"), row) == frozenset()
    assert selectors.roles_for(actors.issuer(other.register), row) == frozenset()


def test_an_interested_partys_file_gives_the_registrant_no_role(world: w.World) -> None:
    coded = w.registered(world)
    made = on(
        world,
        "create_application",
        "citizen",
        register_id=world.register.pk,
        organisation_id=world.registrant.pk,
        kind="rectification",
        registration_id=coded["registration"],
        interested_party=True,
    )
    row = application(made["id"])
    assert seen(world, Application, row.pk) == {"citizen", "clock"}
    assert selectors.roles_for(world.actor("clerk"), row) == frozenset()
    assert selectors.roles_for(world.actor("citizen"), row) == {"interested_party"}


def test_agents_and_co_registrants_find_their_files(world: w.World) -> None:
    agency = w.organisation("示例代理机构")
    parties.grant_role(actor=OPERATOR, person=world.people["citizen"], kind="agent", organisation=agency)
    stranger = world.stranger_organisation
    pk = w.draft(
        world,
        agent_id=agency.pk,
        fields={"co_registrants": [{"name": stranger.name, "credit_code": stranger.credit_code}]},
    )
    assert seen(world, Application, pk) == {*INSIDE, "citizen", "stranger_clerk", "stranger_business_reviewer", "clock"}
    row = application(pk)
    assert selectors.roles_for(world.actor("citizen"), row) == {"agent"}
    assert selectors.roles_for(world.actor("stranger_clerk"), row) == {"co_registrant"}
    assert selectors.is_own_file(world.actor("citizen"), row)
    assert not selectors.is_own_file(world.actor("acceptor"), row)


def test_a_supervisor_of_much_asks_once_where_it_reaches(world: w.World) -> None:
    """The roles towards each of many rows cost no query each."""
    rows = [application(at_coding(world)) for _ in range(3)]
    supervisor = world.actor("authority_supervisor")
    with CaptureQueriesContext(connection) as queries:
        assert all(selectors.roles_for(supervisor, row) == {"authority_supervisor"} for row in rows)
    assert len(queries) == 2


def test_running_notices_are_open_to_all(world: w.World) -> None:
    one, two = noticed(world), noticed(world)
    assert [n.application_id for n in selectors.running_notices()] == [two, one]
    assert isinstance(one, UUID)

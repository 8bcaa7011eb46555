"""Registers, units, people, roles and tokens: who may set them up, and what excludes what (R1–R3, design §4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from dengji.core.clock import real_now
from dengji.core.errors import DomainError
from dengji.ledger.models import Entry
from dengji.parties import access, actor, roles, selectors
from dengji.parties import services as parties
from dengji.parties.models import AccessLog, AccessLogRoot, Person, Role, Token
from dengji.parties.services import OPERATOR
from tests.factories import world as w
from tests.registration.kit import refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> w.World:
    """A register with its people."""
    return w.build()


# -- units ----------------------------------------------------------------------------------------------------------


def jurisdiction(**more: Any) -> Any:
    """A jurisdiction."""
    values = {"code": "x", "name": "示例", "region_code": "620000", "rulebook": "cn-gs"}
    return parties.add_jurisdiction(**({"actor": OPERATOR} | values | more))


def test_a_jurisdiction_has_a_known_rulebook_and_region() -> None:
    top = jurisdiction()
    assert jurisdiction(code="y", parent=top).parent == top
    for more, code in (
        ({"code": "z", "rulebook": "cn-atlantis"}, "rulebook_unknown"),
        ({"code": "z", "region_code": "999999"}, "region_unknown"),
        ({}, "exists"),
    ):
        with refused(code):
            jurisdiction(**more)


def test_an_organisation_has_a_valid_code_once(world: w.World) -> None:
    code = w.credit_code()
    made = parties.add_organisation(actor=world.actor("system_admin"), credit_code=f" {code.lower()} ", name=" 示例 ")
    assert (made.credit_code, made.name) == (code, "示例")
    assert selectors.organisation_by_code(f" {code} ") == made
    for more, error in (
        ({"credit_code": code, "name": "另一"}, "exists"),
        ({"credit_code": code[:-1], "name": "x"}, "credit_code"),
        ({"credit_code": w.credit_code(), "name": " "}, "name_required"),
    ):
        with refused(error):
            parties.add_organisation(actor=OPERATOR, **more)
    with refused("not_found"):
        selectors.organisation_by_code("91330100799655058B")


def test_a_register_has_a_known_issuer_and_level(world: w.World) -> None:
    values: dict[str, Any] = {
        "actor": OPERATOR,
        "slug": "new",
        "name": "示例",
        "jurisdiction": world.register.jurisdiction,
        "agency": world.register.agency,
        "agency_level": "city",
    }
    for more, code in (({"issuer": "printer"}, "issuer_unknown"), ({"agency_level": "village"}, "level_unknown")):
        with refused(code):
            parties.add_register(**(values | more))
    with refused("register_required"):
        parties.add_register(**values) and selectors.only_register()
    assert selectors.register_by_slug("new").agency_level == "city"
    with refused("not_found"):
        selectors.register_by_slug("gone")
    assert [r.slug for r in selectors.registers()][-1] == "new"


def test_the_only_register_needs_no_name(world: w.World) -> None:
    assert selectors.only_register() == world.register


@pytest.mark.parametrize("who", ["clerk", "audit_admin", "reviewer", "citizen"])
def test_others_set_nothing_up(world: w.World, who: str) -> None:
    outsider = world.actor(who)
    tries = (
        lambda: jurisdiction(actor=outsider),
        lambda: parties.add_organisation(actor=outsider, credit_code=w.credit_code(), name="x"),
        lambda: parties.add_person(actor=outsider, username="x", name="x"),
        lambda: parties.grant_role(actor=outsider, person=world.people["citizen"], kind="system_admin"),
        lambda: parties.end_role(actor=outsider, role=Role.objects.all()[0]),
        lambda: parties.create_token(actor=outsider, person=world.people["acceptor"], label="x"),
        lambda: parties.add_register(
            actor=outsider,
            slug="x",
            name="x",
            jurisdiction=world.register.jurisdiction,
            agency=world.registrant,
            agency_level="city",
        ),
    )
    for attempt in tries:
        with refused("forbidden", 403):
            attempt()


# -- people ---------------------------------------------------------------------------------------------------------


def test_a_persons_details_lie_encrypted() -> None:
    made = parties.add_person(
        actor=OPERATOR,
        username=" zhang ",
        name="张示例",
        phone="13900001111",
        email="z@example.com",
        password="correct horse battery",
    )
    row = Person.objects.get(pk=made.pk)
    assert row.username == "zhang" and selectors.person_by_username("ZHANG") == row
    assert Person.objects.get_by_natural_key("Zhang") == row
    for sealed, word in ((row.name_sealed, "张"), (row.phone_sealed, "139"), (row.email_sealed, "example")):
        assert word.encode() not in bytes(sealed)
    assert (selectors.name_of(row), selectors.email_of(row)) == ("张示例", "z@example.com")
    assert row.check_password("correct horse battery") and row.password.startswith("scrypt$")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"username": " "}, "username_required"),
        ({"username": "a\nb"}, "username_required"),
        ({"username": "x", "password": "short"}, "password_weak"),
        ({"username": "x", "password": "password1234"}, "password_weak"),
        ({"username": "taken"}, "exists"),
    ],
)
def test_a_person_needs_a_name_and_a_good_password(more: dict[str, str], code: str) -> None:
    parties.add_person(actor=OPERATOR, username="taken", name="x")
    with refused(code):
        parties.add_person(actor=OPERATOR, name="x", **more)


def test_without_a_password_nobody_signs_in() -> None:
    row = parties.add_person(actor=OPERATOR, username="quiet", name="x")
    assert not row.has_usable_password() and selectors.email_of(row) == ""
    with refused("not_found"):
        selectors.person_by_username("nobody-here")


# -- roles ----------------------------------------------------------------------------------------------------------


def test_every_role_of_the_law_is_there() -> None:
    """R1."""
    assert {"clerk", "business_reviewer", "agent", "acceptor", "reviewer", "agency_supervisor"} <= roles.KINDS.keys()
    assert {"authority_supervisor", "gateway", "objection_officer", "notice_opener"} <= roles.KINDS.keys()
    assert {"objector", "interested_party", "clock"} <= roles.SYSTEM_ROLES
    assert all(kind.label for kind in roles.KINDS.values())


@pytest.mark.parametrize("one", sorted(roles.ADMINISTRATORS))
@pytest.mark.parametrize("other", sorted(roles.KINDS))
def test_the_three_administrators_hold_no_other_role(one: str, other: str) -> None:
    """三员分立, design §4."""
    assert roles.excludes(one, other) == roles.excludes(other, one) == (one != other)


def test_roles_that_exclude_each_other_are_not_given(world: w.World) -> None:
    for name, kind in (("system_admin", "audit_admin"), ("clerk", "security_admin")):
        with refused("roles_exclude", 409):
            parties.grant_role(actor=world.actor("security_admin"), person=world.people[name], kind=kind)
    with refused("roles_exclude", 409):
        parties.grant_role(
            actor=OPERATOR, person=world.people["audit_admin"], kind="clerk", organisation=world.registrant
        )
    (held,) = world.people["audit_admin"].roles.all()
    parties.end_role(actor=OPERATOR, role=held)
    assert parties.grant_role(
        actor=OPERATOR, person=world.people["audit_admin"], kind="clerk", organisation=world.registrant
    )


def test_a_role_is_bound_to_what_it_is_about(world: w.World) -> None:
    person = world.people["citizen"]
    for kind, binding in (
        ("clerk", {}),
        ("clerk", {"register": world.register}),
        ("acceptor", {"organisation": world.registrant}),
        ("acceptor", {"register": world.register, "organisation": world.registrant}),
        ("authority_supervisor", {"register": world.register}),
        ("system_admin", {"register": world.register}),
    ):
        with refused("binding_required"):
            parties.grant_role(actor=OPERATOR, person=person, kind=kind, **binding)
    with refused("role_unknown"):
        parties.grant_role(actor=OPERATOR, person=person, kind="emperor")
    parties.grant_role(actor=OPERATOR, person=person, kind="acceptor", register=world.register)
    with refused("exists", 409):
        parties.grant_role(actor=OPERATOR, person=person, kind="acceptor", register=world.register)


def test_an_ended_role_stays_on_record_and_may_be_given_again(world: w.World) -> None:
    role = world.people["acceptor"].roles.get()
    parties.end_role(actor=world.actor("security_admin"), role=role)
    assert world.actor("acceptor").grants == ()
    ended = Role.objects.get(pk=role.pk).ended_at
    parties.end_role(actor=OPERATOR, role=role)
    assert ended is not None and Role.objects.get(pk=role.pk).ended_at == ended
    parties.grant_role(
        actor=world.actor("security_admin"), person=world.people["acceptor"], kind="acceptor", register=world.register
    )
    assert world.actor("acceptor").registers("acceptor") == {world.register.pk}
    assert Role.objects.filter(person=world.people["acceptor"]).count() == 2


def test_an_actor_knows_its_grants(world: w.World) -> None:
    clerk, officer = world.actor("clerk"), world.actor("acceptor")
    assert clerk.kinds() == {"clerk"} and clerk.organisations() == {world.registrant.pk}
    assert clerk.organisations("agent") == frozenset() and clerk.registers() == frozenset()
    assert officer.registers() == {world.register.pk} and officer.registers("reviewer") == frozenset()
    assert actor.CLOCK.kinds() == {"clock"} and actor.issuer(world.register).system_registers == {world.register.pk}


def test_supervision_reaches_all_below(world: w.World) -> None:
    """Art. 18, R3: by explicit links, never by region code."""
    top = world.register.jurisdiction
    middle = jurisdiction(code="m", parent=top)
    below = w.build()
    below.register.jurisdiction.parent = middle
    below.register.jurisdiction.save()
    beside = w.build()
    seen = actor.supervised_registers(world.actor("authority_supervisor"))
    assert seen == {world.register.pk, below.register.pk} and beside.register.pk not in seen
    assert actor.supervised_registers(below.actor("authority_supervisor")) == {below.register.pk}
    assert actor.supervised_registers(world.actor("acceptor")) == frozenset()
    assert selectors.jurisdiction_by_code("m") == middle
    with refused("not_found"):
        selectors.jurisdiction_by_code("gone")


# -- tokens ---------------------------------------------------------------------------------------------------------


def test_a_token_stands_for_its_person(world: w.World) -> None:
    clerk = world.actor("clerk")
    token = parties.create_token(actor=clerk, person=world.people["clerk"], label="脚本")
    found = selectors.actor_for_token(token)
    assert found == clerk and selectors.actor_for_token(token + "x") is None
    row = Token.objects.get()
    assert token.encode() not in bytes(row.digest) and len(token) > 40
    parties.revoke_token(actor=clerk, token_id=row.pk)
    assert selectors.actor_for_token(token) is None


def test_a_token_ends_with_time_role_or_person(world: w.World) -> None:
    for days in (0, 367):
        with refused("days_invalid"):
            parties.create_token(actor=OPERATOR, person=world.people["clerk"], label="x", days=days)
    token = parties.create_token(actor=world.actor("security_admin"), person=world.people["clerk"], label="x", days=1)
    Token.objects.update(expires_at=real_now() - timedelta(seconds=1))
    assert selectors.actor_for_token(token) is None
    Token.objects.update(expires_at=real_now() + timedelta(days=1))
    parties.end_role(actor=OPERATOR, role=world.people["clerk"].roles.get())
    holder = selectors.actor_for_token(token)
    assert holder is not None and holder.grants == ()
    Person.objects.filter(pk=world.people["clerk"].pk).update(is_active=False)
    assert selectors.actor_for_token(token) is None


def test_only_its_owner_or_the_security_administrator_revokes_a_token(world: w.World) -> None:
    token = parties.create_token(actor=world.actor("clerk"), person=world.people["clerk"], label="x")
    pk = Token.objects.get().pk
    for who in ("stranger_clerk", "system_admin"):
        with refused("forbidden", 403):
            parties.revoke_token(actor=world.actor(who), token_id=pk)
    with refused("forbidden", 403):
        parties.revoke_token(actor=world.actor("clerk"), token_id=pk + 1)
    assert selectors.actor_for_token(token) is not None
    parties.revoke_token(actor=world.actor("security_admin"), token_id=pk)
    assert selectors.actor_for_token(token) is None


# -- the access log -------------------------------------------------------------------------------------------------


def test_the_access_log_is_sealed_into_the_ledger(world: w.World) -> None:
    access.seal_access_log()
    access.log_refusal(actor="person:x", act="accept", outcome="forbidden", object_id=uuid4())
    access.log_read(actor="person:x", what="objection", object_id=uuid4(), object_kind="objection")
    root = access.seal_access_log()
    assert root is not None and root.last_id - root.first_id >= 1
    entry = Entry.objects.get(object_id=root.pk)
    assert entry.act == "access_log_root" and not entry.public
    assert access.seal_access_log() is None
    assert AccessLogRoot.objects.latest("last_id").pk == root.pk


def test_a_node_without_a_register_seals_nothing() -> None:
    access.log_refusal(actor="x", act="accept", outcome="forbidden")
    assert access.seal_access_log() is None


def test_the_audit_administrator_reads_the_log_and_nobody_else(world: w.World) -> None:
    for i in range(3):
        access.log_refusal(actor=f"person:{i}", act="accept", outcome="forbidden")
    auditor = world.actor("audit_admin")
    lines = selectors.access_log(auditor, limit=2)
    assert len(lines) == 2 and set(lines[0]) == {"id", "at", "actor", "act", "object_kind", "object_id", "outcome"}
    more = selectors.access_log(auditor, after=lines[-1]["id"])
    assert all(line["id"] > lines[-1]["id"] for line in more)
    for who in ("system_admin", "security_admin", "agency_supervisor", "clerk"):
        with pytest.raises(DomainError):
            selectors.access_log(world.actor(who))
        assert not AccessLog.objects.filter(selectors.access_scope(world.actor(who))).exists()


# -- lists for the administrators -----------------------------------------------------------------------------------


def test_lists_go_on_where_they_stopped(world: w.World) -> None:
    everybody = selectors.people(limit=1000)
    assert [p.username for p in everybody] == sorted(p.username for p in everybody)
    assert selectors.people(after=everybody[0].username, limit=2) == everybody[1:3]
    units = selectors.organisations()
    assert selectors.organisations(after=units[0].credit_code) == units[1:]
    assert selectors.organisations("无关") == [world.stranger_organisation]
    assert selectors.organisations(world.registrant.credit_code) == [world.registrant]
    assert world.register.jurisdiction in selectors.jurisdictions()


def test_current_roles_are_those_not_ended(world: w.World) -> None:
    person = world.people["clerk"]
    (role,) = selectors.current_roles(person)
    assert selectors.role_by_id(role.pk) == role and role in selectors.current_roles()
    parties.end_role(actor=OPERATOR, role=role)
    assert selectors.current_roles(person) == []
    with refused("not_found"):
        selectors.role_by_id(10**9)


def test_a_telephone_number_is_known_to_the_messenger_only_in_clear() -> None:
    row = parties.add_person(actor=OPERATOR, username="t", name="x", phone="13900001111")
    assert selectors.phone_of(row) == "13900001111"
    assert selectors.phone_of(parties.add_person(actor=OPERATOR, username="u", name="x")) == ""


def test_an_unknown_token_is_not_found(world: w.World) -> None:
    with refused("not_found", 404):
        parties.revoke_token(actor=world.actor("security_admin"), token_id=10**9)

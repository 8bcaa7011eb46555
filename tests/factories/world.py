"""A small world: one province's register with its people, two registrants, and records that pass every check."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.contrib.auth.hashers import make_password

from dengji.core.encryption import seal_json
from dengji.law.codes import make_credit_code
from dengji.parties import actor as actors
from dengji.parties import services as parties
from dengji.parties.actor import Actor
from dengji.parties.models import Jurisdiction, Organisation, Person, Register, Role
from dengji.parties.services import OPERATOR
from dengji.registration import services

_numbers = itertools.count(1)
AGENCY_KINDS = ("acceptor", "reviewer", "notice_opener", "objection_officer", "agency_supervisor", "gateway")
PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


def tid() -> str:
    """A fresh transaction id."""
    return uuid.uuid4().hex


def credit_code() -> str:
    """A valid credit code that belongs to nobody: registering authority digits 9/X are not assigned this way."""
    return make_credit_code(f"12620700{next(_numbers):09d}")


def organisation(name: str, **more: Any) -> Organisation:
    """An organisation of the example world."""
    values: dict[str, Any] = {
        "kind": "government_organ",
        "region_code": "620700",
        "address": "示例路1号",
        "example": True,
    }
    return parties.add_organisation(actor=OPERATOR, credit_code=credit_code(), name=name, **(values | more))


def person(username: str) -> Person:
    """A person of the example world, named after the account."""
    return parties.add_person(actor=OPERATOR, username=f"{username}-{next(_numbers)}", name=f"示例{username}")


@dataclass
class World:
    """One register with everybody who takes part."""

    register: Register
    registrant: Organisation
    stranger_organisation: Organisation
    people: dict[str, Person] = field(default_factory=dict)

    def actor(self, name: str) -> Actor:
        """The actor of a person by the role's name; `clock`, `nobody`, `issuer` are the system's own."""
        special = {"clock": actors.CLOCK, "nobody": actors.NOBODY}
        if name in special:
            return special[name]
        if name == "issuer":
            return actors.issuer(self.register)
        return actors.for_person(self.people[name])


def build(rulebook: str = "cn-gs", region: str = "620000", issuer: str = "demo") -> World:
    """Build a world under a rulebook: every role is a person of its own; a stranger organisation has its own two."""
    n = next(_numbers)
    jurisdiction = Jurisdiction.objects.filter(code=f"j{n}").first() or parties.add_jurisdiction(
        actor=OPERATOR, code=f"j{n}", name="示例辖区", region_code=region, rulebook=rulebook
    )
    agency = organisation("示例登记中心", kind="public_institution")
    register = parties.add_register(
        actor=OPERATOR,
        slug=f"r{n}",
        name="示例登记簿",
        jurisdiction=jurisdiction,
        agency=agency,
        agency_level="province",
        issuer=issuer,
    )
    world = World(register, organisation("张掖市大数据中心"), organisation("示例无关单位"))
    posts: dict[str, tuple[str, dict[str, Any]]] = {kind: (kind, {"register": register}) for kind in AGENCY_KINDS}
    for prefix, unit in (("", world.registrant), ("stranger_", world.stranger_organisation)):
        posts |= {prefix + kind: (kind, {"organisation": unit}) for kind in ("clerk", "business_reviewer")}
    posts["authority_supervisor"] = ("authority_supervisor", {"jurisdiction": jurisdiction})
    posts |= {kind: (kind, {}) for kind in ("system_admin", "security_admin", "audit_admin")}
    world.people = _people([*posts, "citizen"])
    Role.objects.bulk_create(Role(person=world.people[post], kind=kind, **to) for post, (kind, to) in posts.items())
    return world


def _people(names: list[str]) -> dict[str, Person]:
    """People as `person` makes them, in one statement: every test needs a dozen."""
    made = {name: Person(username=f"{name}-{next(_numbers)}", password=make_password(None)) for name in names}
    for name, one in made.items():
        one.name_sealed = seal_json({"v": f"示例{name}"}, one.pk.bytes)
    Person.objects.bulk_create(made.values())
    return made


#: A record that passes every check without an error, but for whose it is.
RECORD: dict[str, Any] = {
    "name": "甘肃省张掖市-道路运输业-城市客运信息",
    "intro": "该数据资源为张掖市大数据中心在提供城市客运服务过程中产生，"
    "包含线路名称、运输企业、停靠站等具体信息，可用于出行查询和运力调配。",
    "registrant_type": "government_organ",
    "registrant_region": "620700",
    "contact_name": "示例经办人",
    "contact_phone": "13800000000",
    "contact_email": "example@example.com",
    "collection_basis": "《中华人民共和国道路运输条例》",
    "duty_basis": "城市客运管理",
    "source_mode": "produced",
    "within_authorised_operation": False,
    "industries": ["54"],
    "coverage_regions": ["620700"],
    "coverage_start": "2025-01-01",
    "data_format": ["spreadsheet"],
    "update_frequency": "monthly",
    "record_count": 120,
    "grade": "general",
    "contains_personal": False,
    "evidence_method": "hash",
    "evidence_algorithm": "sha256",
    "evidence_digest": "3a7bd3e2360a3d29eea436fcfb7e44c735d117c42d1c1835420b6b9942dd4f1b",
    "evidence_time": "2025-01-02T03:04:05Z",
    "scenarios": "公众出行查询",
    "risk_assessment_conclusion": "风险可控",
    "access_mode": "apply",
}
#: The materials that a first application needs.
MATERIALS = ("description_document", "commitment_letter", "source_basis", "risk_assessment")


def content(world: World, title: str | None = None, **more: Any) -> dict[str, Any]:
    """A record of the world's registrant that passes every check without an error."""
    name = title or f"城市客运信息{next(_numbers)}"
    own = {
        "name": f"甘肃省张掖市-道路运输业-{name}",
        "intro": RECORD["intro"].replace("张掖市大数据中心", world.registrant.name),
        "registrant_name": world.registrant.name,
        "registrant_credit_code": world.registrant.credit_code,
    }
    return {**RECORD, **own, **more}


def draft(world: World, actor: str = "clerk", **more: Any) -> uuid.UUID:
    """A draft with its materials, ready for business review; its id."""
    values = content(world, more.pop("title", None), **more.pop("fields", {}))
    made = services.create_application(
        actor=world.actor(actor),
        transaction_id=tid(),
        register_id=world.register.pk,
        organisation_id=world.registrant.pk,
        content=values,
        **more,
    )
    attach(world, made["id"], actor=actor)
    return uuid.UUID(made["id"])


def attach(
    world: World,
    application_id: Any,
    kinds: tuple[str, ...] = MATERIALS,
    actor: str = "clerk",
) -> None:
    """Attach one small PDF for each kind of material."""
    for kind in kinds:
        services.add_material(
            actor=world.actor(actor),
            transaction_id=tid(),
            owner_kind="application",
            owner_id=application_id,
            kind=kind,
            upload=services.Upload(f"{kind}.pdf", PDF),
        )


def act(world: World, name: str, application_id: Any, actor: str, **more: Any) -> dict[str, Any]:
    """One act on an application by the person of a role."""
    return getattr(services, name)(
        actor=world.actor(actor), transaction_id=tid(), application_id=application_id, **more
    )


SECRECY = {
    "preview_acknowledged": True,
    "secrecy_conclusion": "publishable",
    "secrecy_date": date(2025, 1, 3),
    "secrecy_reviewer": "示例保密审查人",
}
#: The acts from draft to the notice: (act, role, arguments).
WAY: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("submit_for_business_review", "clerk", {}),
    ("submit", "business_reviewer", SECRECY),
    ("accept", "acceptor", {}),
    ("begin_review", "reviewer", {}),
    ("pass_review", "reviewer", {}),
    ("open_notice", "notice_opener", {}),
)


def advance(world: World, application_id: Any, until: str) -> dict[str, Any]:
    """Take an application from where it is to and including the act `until`."""
    from dengji.registration.models import Decision

    done = set(Decision.objects.filter(object_id=application_id).values_list("act", flat=True))
    result: dict[str, Any] = {}
    for name, role, more in WAY:
        if name not in done:
            result = act(world, name, application_id, role, **more)
        if name == until:
            return result
    raise ValueError(until)


def move_clock(instant: datetime) -> None:
    """Move legal time forward."""
    from django.db import transaction

    from dengji.core import clock

    with transaction.atomic():
        clock.advance_to(instant)


def after_notice(application_id: Any) -> None:
    """Move legal time just past the end of an application's notice and its grace."""
    from datetime import timedelta

    from dengji.registration.models import Application

    ends = Application.objects.get(pk=application_id).notice_ends
    assert ends is not None
    move_clock(ends + timedelta(minutes=6))


def registered(world: World, **more: Any) -> dict[str, Any]:
    """A registration taken through the whole procedure; what assign_code answered."""
    pk = draft(world, **more)
    advance(world, pk, "open_notice")
    after_notice(pk)
    act(world, "close_notice", pk, "clock")
    return act(world, "assign_code", pk, "issuer")

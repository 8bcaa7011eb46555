"""The example jurisdiction 甘肃/张掖: its register, its organisations and one account per role."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dengji.law.codes import make_credit_code, region
from dengji.parties import actor as actors
from dengji.parties import selectors, services
from dengji.parties.actor import Actor
from dengji.parties.models import Jurisdiction, Organisation, Person, Register
from dengji.parties.roles import KINDS
from dengji.parties.services import OPERATOR
from dengji.web.accounts.demonstration import PASSWORD

from .facts import ACCOUNTS, RECORDS, UNITS

SLUG = "zhangye"
#: (code, name, region, rulebook, parent)
_JURISDICTIONS = (
    ("cn", "全国", "000000", "cn", None),
    ("cn-gs", "甘肃省", "620000", "cn-gs", "cn"),
    ("cn-gs-zhangye", "甘肃省张掖市", "620700", "cn-gs", "cn-gs"),
)
_SYSTEM = {"clock": actors.CLOCK, "nobody": actors.NOBODY}


@dataclass
class World:
    """One register with everybody who takes part; organisations by key (`unit`, `agency` …) or by real name."""

    register: Register
    organisations: dict[str, Organisation] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    _actors: dict[str, Actor] = field(default_factory=dict)

    def actor(self, role: str) -> Actor:
        """Return the actor of a role; `clock`, `nobody`, `issuer` are the system's own, `citizen` has no role."""
        if role not in self._actors:
            if role == "issuer":
                self._actors[role] = actors.issuer(self.register)
            else:
                self._actors[role] = _SYSTEM.get(role) or actors.for_person(self.people[role])
        return self._actors[role]


def exists() -> bool:
    """Tell whether this node holds the example already."""
    return Register.objects.filter(slug=SLUG).exists()


def build() -> World:
    """Found the example jurisdiction on a fresh demonstration node, inside the caller's transaction."""
    places: dict[str | None, Jurisdiction | None] = {None: None}
    for code, name, place, rulebook, parent in _JURISDICTIONS:
        places[code] = Jurisdiction.objects.filter(code=code).first() or services.add_jurisdiction(
            actor=OPERATOR, code=code, name=name, region_code=place, rulebook=rulebook, parent=places[parent]
        )
    city, province = places["cn-gs-zhangye"], places["cn-gs"]
    if city is None or province is None:
        raise LookupError("jurisdiction")
    organisations = _organisations()
    register = services.add_register(
        actor=OPERATOR,
        slug=SLUG,
        name="示例登记簿（甘肃张掖）",
        jurisdiction=city,
        agency=organisations["agency"],
        agency_level="city",
        issuer="demo",
    )
    world = World(register, organisations)
    for account in ACCOUNTS:
        person = services.add_person(actor=OPERATOR, username=account.username, name=account.name, password=PASSWORD)
        world.people[account.role or "citizen"] = person
        if account.role:
            _grant(world, person, account.role, province)
    return world


def _organisations() -> dict[str, Organisation]:
    rows = {unit.key: (unit.name, unit.kind, unit.region) for unit in UNITS}
    rows |= {r.registrant: (r.registrant, r.registrant_type, r.region) for r in RECORDS}
    return {
        key: services.add_organisation(
            actor=OPERATOR,
            # The real codes are not known. These pass the check digit and are made up: DEM and a running number.
            credit_code=make_credit_code(f"12{place}DEM{number:06d}"),
            name=name,
            kind=kind,
            region_code=place,
            example=True,
        )
        for number, (key, (name, kind, place)) in enumerate(rows.items(), start=1)
    }


def _grant(world: World, person: Person, role: str, province: Jurisdiction) -> None:
    bound: dict[str, list[dict[str, Any]]] = {
        "organisation": _registrants(world, role),
        "register": [{"register": world.register}],
        "jurisdiction": [{"jurisdiction": province}],
        "node": [{}],
    }
    for binding in bound[KINDS[role].bound_to]:
        services.grant_role(actor=OPERATOR, person=person, kind=role, **binding)


def _registrants(world: World, role: str) -> list[dict[str, Any]]:
    own = {"agent"} if role == "agent" else set(world.organisations) - {"agent", "agency", "objector"}
    return [{"organisation": row} for key, row in world.organisations.items() if key in own]


def tokens() -> dict[str, str]:
    """Return a new API token for every account of the example, by user name; each is shown once."""
    return {
        account.username: services.create_token(
            actor=OPERATOR, person=selectors.person_by_username(account.username), label="demo"
        )
        for account in ACCOUNTS
    }


def place_name(code: str) -> str:
    """Return the full name of a region."""
    return region(code).full_name

"""Who acts: a person with roles, or one of the system's own actors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from .models import Jurisdiction, Person, Register, Role
from .roles import ORGANISATION_ROLES


@dataclass(frozen=True)
class Grant:
    """One current role of the actor, with what it is bound to."""

    kind: str
    organisation_id: UUID | None = None
    register_id: UUID | None = None
    jurisdiction_id: int | None = None


@dataclass(frozen=True)
class Actor:
    """The one on whose behalf an act or a read happens; `key` names it in logs without naming a person."""

    key: str
    person_id: UUID | None = None
    grants: tuple[Grant, ...] = ()
    system_role: str = ""
    system_registers: frozenset[UUID] = field(default_factory=frozenset)
    #: What was looked up for this actor once: an actor lives no longer than a request.
    known: dict[str, frozenset[UUID]] = field(default_factory=dict, compare=False, repr=False)

    def kinds(self) -> frozenset[str]:
        """Return every role the actor holds anywhere."""
        held = {grant.kind for grant in self.grants}
        return frozenset(held | {self.system_role} if self.system_role else held)

    def organisations(self, *kinds: str) -> frozenset[UUID]:
        """Return the organisations for which the actor holds one of these roles (any registrant role by default)."""
        wanted = set(kinds) or ORGANISATION_ROLES
        return frozenset(g.organisation_id for g in self.grants if g.kind in wanted and g.organisation_id)

    def registers(self, *kinds: str) -> frozenset[UUID]:
        """Return the registers for which the actor holds one of these agency roles (any by default)."""
        return frozenset(g.register_id for g in self.grants if g.register_id and (not kinds or g.kind in kinds))

    def jurisdictions(self) -> frozenset[int]:
        """Return the jurisdictions the actor supervises."""
        return frozenset(g.jurisdiction_id for g in self.grants if g.jurisdiction_id)


CLOCK = Actor(key="clock", system_role="clock")
NOBODY = Actor(key="public", system_role="objector")


def importer(register_id: UUID) -> Actor:
    """Return the operator at the command line, who may create drafts and adopt records for one register."""
    return Actor(key="operator", system_role="importer", system_registers=frozenset({register_id}))


def issuer(register: Register) -> Actor:
    """Return the code issuer of a register as an actor."""
    return Actor(key=f"issuer:{register.slug}", system_role="issuer", system_registers=frozenset({register.pk}))


def for_person(person: Person) -> Actor:
    """Return the actor of a person with all current roles."""
    rows = Role.objects.filter(person_id=person.pk, ended_at=None).values_list(
        "kind", "organisation_id", "register_id", "jurisdiction_id"
    )
    return of_grants(person.pk, rows)


def of_grants(person_id: UUID, rows: Iterable[tuple[Any, ...]]) -> Actor:
    """Return the actor of a person, from (kind, organisation, register, jurisdiction) of each current role."""
    return Actor(key=f"person:{person_id}", person_id=person_id, grants=tuple(Grant(*row) for row in rows))


def supervised_registers(actor: Actor) -> frozenset[UUID]:
    """Return the registers of the jurisdictions that the actor supervises, with all below them (R3, Art. 18)."""
    pending = set(actor.jurisdictions())
    if not pending:
        return frozenset()
    if (known := actor.known.get("supervised")) is not None:
        return known
    parents = dict(Jurisdiction.objects.values_list("pk", "parent_id"))
    inside = {pk for pk in parents if _climbs_to(pk, parents, pending)}
    found = frozenset(Register.objects.filter(jurisdiction_id__in=inside).values_list("pk", flat=True))
    actor.known["supervised"] = found
    return found


def _climbs_to(pk: int | None, parents: Mapping[int, int | None], targets: set[int]) -> bool:
    while pk is not None:
        if pk in targets:
            return True
        pk = parents.get(pk)
    return False

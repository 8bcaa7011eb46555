"""The one door for reads about parties."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q

from dengji.core import sql
from dengji.core.clock import real_now
from dengji.core.encryption import unseal_json
from dengji.core.errors import N_, DomainError, forbidden, not_found

from .actor import Actor, of_grants
from .models import AccessLog, Jurisdiction, Organisation, Person, Register, Role
from .services import token_digest

_HOLDER = """
SELECT token.person_id, role.kind, role.organisation_id, role.register_id, role.jurisdiction_id
FROM parties_token token
JOIN parties_person person ON person.id = token.person_id AND person.is_active
LEFT JOIN parties_role role ON role.person_id = token.person_id AND role.ended_at IS NULL
WHERE token.digest = %s AND token.revoked_at IS NULL AND token.expires_at > %s
ORDER BY role.id
"""


def actor_for_token(token: str) -> Actor | None:
    """Return the actor behind an API token with all current roles, None where it is unknown, expired or revoked.

    Asked anew at every request, in one statement, so that a revoked token and an ended role count at once.
    """
    with sql.prepared() as cursor:
        cursor.execute(_HOLDER, [token_digest(token), real_now()])
        rows = cursor.fetchall()
    return of_grants(rows[0][0], [row[1:] for row in rows if row[1]]) if rows else None


def register_by_slug(slug: str) -> Register:
    """Return a register by its slug; raises DomainError not_found."""
    row = Register.objects.filter(slug=slug).select_related("jurisdiction", "agency").first()
    if row is None:
        raise not_found(N_("没有这一登记簿"))
    return row


def registers() -> list[Register]:
    """Return every register of the node, oldest first."""
    return list(Register.objects.select_related("jurisdiction", "agency").order_by("created_at", "pk"))


def only_register() -> Register:
    """Return the node's register where it hosts exactly one; raises DomainError register_required."""
    return Register.objects.select_related("jurisdiction", "agency").get(pk=only_register_id())


def only_register_id() -> UUID:
    """Return the id of the node's register where it hosts exactly one; raises DomainError register_required."""
    with sql.prepared() as cursor:
        cursor.execute("SELECT id FROM parties_register LIMIT 2")
        rows: list[tuple[UUID]] = cursor.fetchall()
    if len(rows) != 1:
        raise DomainError("register_required", N_("请指明登记簿"), "register")
    return rows[0][0]


def organisation_by_code(credit_code: str) -> Organisation:
    """Return an organisation by its credit code; raises DomainError not_found."""
    row = Organisation.objects.filter(credit_code=credit_code.strip().upper()).first()
    if row is None:
        raise not_found(N_("平台尚无此统一社会信用代码的单位"))
    return row


def person_by_username(username: str) -> Person:
    """Return a person by login name; raises DomainError not_found."""
    row = Person.objects.filter(username__iexact=username).first()
    if row is None:
        raise not_found(N_("没有这一用户"))
    return row


def jurisdiction_by_code(code: str) -> Jurisdiction:
    """Return a jurisdiction by its code; raises DomainError not_found."""
    row = Jurisdiction.objects.filter(code=code).first()
    if row is None:
        raise not_found(N_("没有这一辖区"))
    return row


def jurisdictions() -> list[Jurisdiction]:
    """Return every jurisdiction of the node, by code."""
    return list(Jurisdiction.objects.select_related("parent").order_by("code"))


def organisations(text: str = "", *, after: str = "", limit: int = 100) -> list[Organisation]:
    """Return organisations whose name or credit code holds a text, by credit code, from `after` on."""
    wanted = Q(name__icontains=text) | Q(credit_code__icontains=text) if text else Q()
    return list(Organisation.objects.filter(wanted, credit_code__gt=after).order_by("credit_code")[:limit])


def people(*, after: str = "", limit: int = 100) -> list[Person]:
    """Return accounts by login name, from `after` on; names stay sealed."""
    return list(Person.objects.filter(username__gt=after).order_by("username")[:limit])


def current_roles(person: Person | None = None) -> list[Role]:
    """Return the roles held now, of one person or of all, with what they are bound to."""
    rows = Role.objects.filter(ended_at=None).select_related("person", "organisation", "register", "jurisdiction")
    return list((rows.filter(person=person) if person else rows).order_by("person__username", "pk"))


def role_by_id(role_id: int) -> Role:
    """Return a role by its number; raises DomainError not_found."""
    row = Role.objects.filter(pk=role_id).first()
    if row is None:
        raise not_found(N_("没有这一角色记录"))
    return row


def email_of(person: Person) -> str:
    """Return a person's e-mail address in clear, empty where none is known."""
    return str(unseal_json(person.email_sealed, person.pk.bytes).get("v", ""))


def phone_of(person: Person) -> str:
    """Return a person's telephone number in clear, empty where none is known."""
    return str(unseal_json(person.phone_sealed, person.pk.bytes).get("v", ""))


def name_of(person: Person) -> str:
    """Return a person's name in clear."""
    return str(unseal_json(person.name_sealed, person.pk.bytes).get("v", ""))


def access_scope(actor: Actor) -> Q:
    """Return which lines of the access log an actor may read: audit administrators all, others none."""
    return Q() if "audit_admin" in actor.kinds() else Q(pk__in=())


def access_log(actor: Actor, *, after: int = 0, limit: int = 100) -> list[dict[str, Any]]:
    """Return lines of the access log in order, for audit administrators; raises DomainError forbidden for others."""
    if "audit_admin" not in actor.kinds():
        raise forbidden()
    rows = AccessLog.objects.filter(access_scope(actor), pk__gt=after).order_by("pk")[:limit]
    columns = ("id", "at", "actor", "act", "object_kind", "object_id", "outcome")
    return [dict(zip(columns, row, strict=True)) for row in rows.values_list(*columns)]

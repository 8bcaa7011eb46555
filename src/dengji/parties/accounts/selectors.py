"""Reads about accounts: a person's own sessions and doings, certificates, and requests for accounts by `scope`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from dengji.core.encryption import unseal, unseal_json
from dengji.core.errors import not_found

from ..actor import Actor
from ..models import AccessLog, Certificate, Organisation, Person, Role, Session, SignUp, Token
from ..sessions import key_digest

OWN_LINES = 100


def sessions(person: Person, current: str) -> list[dict[str, Any]]:
    """Return a person's own open sessions, newest first, each {key, started_at, seen_at, address, agent, current}."""
    rows = Session.objects.filter(person=person, expire_date__gt=timezone.now()).order_by("-seen_at")
    here = key_digest(current)
    return [
        {
            "key": row.session_key,
            "started_at": row.started_at,
            "seen_at": row.seen_at,
            "current": row.session_key == here,
            "address": "",
            "agent": "",
            **unseal_json(row.place_sealed, b"session"),
        }
        for row in rows
    ]


def own_log(person: Person, *, before: int | None = None, limit: int = OWN_LINES) -> list[dict[str, Any]]:
    """Return lines of the access log about a person's own account, or that they caused, newest first."""
    own = Q(actor=f"person:{person.pk}") | Q(object_kind="person", object_id=person.pk)
    rows = AccessLog.objects.filter(own, **({"pk__lt": before} if before else {})).order_by("-pk")[:limit]
    columns = ("id", "at", "act", "outcome", "object_kind", "object_id")
    return [dict(zip(columns, row, strict=True)) for row in rows.values_list(*columns)]


def tokens(person: Person) -> list[Token]:
    """Return a person's tokens that still open something, newest first."""
    now = timezone.now()
    return list(Token.objects.filter(person=person, revoked_at=None, expires_at__gt=now).order_by("-pk"))


def person_by_id(person_id: UUID) -> Person:
    """Return a person by id; raises DomainError not_found."""
    row = Person.objects.filter(pk=person_id).first()
    if row is None:
        raise not_found()
    return row


def person_by_certificate(fingerprint: str) -> Person | None:
    """Return the active person to whom a certificate is bound, by its fingerprint in hexadecimal digits."""
    row = (
        Certificate.objects.filter(fingerprint=bytes.fromhex(fingerprint), revoked_at=None, person__is_active=True)
        .select_related("person")
        .first()
    )
    return row.person if row else None


def certificates(person: Person) -> list[Certificate]:
    """Return the certificates bound to a person now."""
    return list(Certificate.objects.filter(person=person, revoked_at=None).order_by("pk"))


def sign_up_scope(actor: Actor) -> Q:
    """Return which requests an actor may see and decide: an agency's head those to it, administrators all."""
    if actor.kinds() & {"system_admin", "security_admin"}:
        return Q()
    return Q(register_id__in=actor.registers("agency_supervisor"))


def sign_ups(actor: Actor, *, state: str = "PENDING", limit: int = 100) -> list[SignUp]:
    """Return requests for accounts in a state, oldest first."""
    rows = SignUp.objects.filter(sign_up_scope(actor), state=state).select_related("register", "organisation")
    return list(rows.order_by("created_at")[:limit])


def sign_up(actor: Actor, sign_up_id: UUID) -> SignUp:
    """Return one request within the actor's scope; raises DomainError not_found."""
    rows = SignUp.objects.filter(sign_up_scope(actor), pk=sign_up_id)
    row = rows.select_related("register", "organisation", "decided_by").first()
    if row is None:
        raise not_found()
    return row


def sign_up_words(row: SignUp) -> dict[str, Any]:
    """Return what a request says, opened: {unit, people, letter?, identity?}."""
    words: dict[str, Any] = unseal_json(row.payload_sealed, row.pk.bytes)
    return words


def sign_up_reason(row: SignUp) -> str:
    """Return the reason of a refusal."""
    return str(unseal_json(row.reason_sealed, row.pk.bytes).get("v", ""))


def sign_up_letter(row: SignUp) -> bytes | None:
    """Return the letter of authority that came with a request."""
    return unseal(bytes(row.letter_sealed), row.pk.bytes) if row.letter_sealed is not None else None


def sign_ups_asked_by(person: Person) -> list[SignUp]:
    """Return the requests that a person made for colleagues, newest first."""
    return list(SignUp.objects.filter(asked_by=person).order_by("-created_at")[:50])


def members(actor: Actor, kinds: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the actor's own organisations, each {organisation, roles}: who acts for it now (names stay sealed)."""
    own = actor.organisations(*kinds)
    found = {unit.pk: {"organisation": unit, "roles": []} for unit in Organisation.objects.filter(pk__in=own)}
    roles = Role.objects.filter(organisation_id__in=own, ended_at=None).select_related("person")
    for role in roles.order_by("kind", "pk"):
        found[role.organisation_id]["roles"].append(role)  # type: ignore[index, attr-defined]
    return sorted(found.values(), key=lambda unit: str(unit["organisation"]))

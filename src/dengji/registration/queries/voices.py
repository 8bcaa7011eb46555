"""Objections, complaints, re-checks, the calendar in force, and what a person may know of their own account."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

from django.db.models import F

from dengji.core.encryption import follow_key, unseal_json
from dengji.core.errors import not_found
from dengji.parties.access import log_read
from dengji.parties.actor import Actor
from dengji.parties.models import Person, Role, Token

from .. import rules, selectors
from ..models import CalendarVersion, Complaint, Decision, DecisionDetail, Material, Objection, Recheck
from .cases import acts_on
from .paging import Page, page

_OBJECTION = (
    "id",
    "application_id",
    "notice_id",
    "register_id",
    "state",
    "objector_kind",
    "lodged_at",
    "received_on",
    "deadline_day",
    "deadline_ends",
    "ended_at",
)
_COMPLAINT = ("id", "number", "register_id", "state", "subject_code", "deadline_day", "deadline_ends", "created_at")
_RECHECK = ("id", "register_id", "registration_id", "organisation_id", "state", "period", "seed", "created_at")
_FULL = frozenset({"objection_officer", "agency_supervisor", "objector"})


def objections(
    actor: Actor, *, application_id: UUID | None = None, state: str = "", after: UUID | None = None, limit: int = 50
) -> Page:
    """Return the objections within the actor's scope, without identity or grounds: {items, next}."""
    rows = Objection.objects.filter(selectors.objection_scope(actor))
    wanted = {"application_id": application_id, "state": state}
    return page(rows.filter(**{k: v for k, v in wanted.items() if v}), _OBJECTION, after=after, limit=limit)


def masked(row: Objection) -> dict[str, Any]:
    """Return an objection without who objects."""
    said = unseal_json(row.grounds, context=row.pk.bytes)
    evidence = Material.objects.filter(owner_id=row.pk, removed_at=None).order_by("pk")
    return {
        **{name: getattr(row, name) for name in _OBJECTION},
        "grounds": said.get("grounds", ""),
        "evidence": [
            {"id": m.pk, "content_type": m.content_type, "size": m.size, "sha256": m.sha256} for m in evidence
        ],
        "relation": None,
        "identity": None,
        "shown": "masked",
        "acts": [],
    }


def objection_detail(actor: Actor, objection_id: UUID) -> dict[str, Any]:
    """Return one objection: with the identity for the handling officers and the objector, masked for the registrant.

    An officer's reading of the identity is logged (design §4). Raises DomainError not_found.
    """
    row = selectors.get(Objection, objection_id, actor)
    roles = selectors.fit_roles(actor, row)
    result = masked(row) | {"acts": acts_on(actor, row, roles)}
    if not roles & _FULL:
        return result
    if "objector" not in roles:
        log_read(
            actor=actor.key,
            what="identity",
            object_id=row.pk,
            object_kind="objection",
            register_id=row.register_id,
        )
    return result | _opened(row)


def _opened(row: Objection) -> dict[str, Any]:
    return {
        "identity": unseal_json(row.identity, context=row.pk.bytes),
        "relation": unseal_json(row.grounds, context=row.pk.bytes).get("relation", ""),
        "shown": "full",
    }


def objection_by_key(objection_id: UUID, key: str) -> dict[str, Any]:
    """Return one's own objection by the key given at lodging; raises DomainError not_found for any other key."""
    row = Objection.objects.filter(pk=objection_id).first()
    if row is None or not matches(row.pk, key):
        raise not_found()
    acts = [act for act in ("retract",) if row.state in ("LODGED", "VERIFIED")]
    return masked(row) | _opened(row) | {"acts": acts}


def matches(object_id: UUID, key: str) -> bool:
    """Tell whether this is the key given to whoever lodged an objection or filed a complaint without an account."""
    return secrets.compare_digest(follow_key(object_id).encode(), key.encode("utf-8", "replace"))


def complaints(actor: Actor, *, state: str = "", after: UUID | None = None, limit: int = 50) -> Page:
    """Return the complaints within the actor's scope, without text or contact: {items, next}."""
    rows = Complaint.objects.filter(selectors.complaint_scope(actor))
    return page(rows.filter(state=state) if state else rows, _COMPLAINT, after=after, limit=limit)


def complaint_detail(actor: Actor, complaint_id: UUID, key: str = "") -> dict[str, Any]:
    """Return one complaint with its answer, by the complainant's key or to those in scope, whose reading is logged.

    Raises DomainError not_found.
    """
    by_key = bool(key) and matches(complaint_id, key)
    row = Complaint.objects.filter(pk=complaint_id).first() if by_key else selectors.get(Complaint, complaint_id, actor)
    if row is None:
        raise not_found()
    if not by_key:
        log_read(
            actor=actor.key, what="complaint", object_id=row.pk, object_kind="complaint", register_id=row.register_id
        )
    handling = "agency_supervisor" in selectors.roles_for(actor, row)
    return {
        **{name: getattr(row, name) for name in _COMPLAINT},
        "text": unseal_json(row.body, context=row.pk.bytes).get("text", ""),
        "contact": unseal_json(row.contact, context=row.pk.bytes) if by_key or handling else None,
        "answer": _answer(row),
        "acts": [] if by_key else acts_on(actor, row),
    }


def _answer(row: Complaint) -> str:
    decision = Decision.objects.filter(object_id=row.pk, act="answer_complaint").first()
    detail = DecisionDetail.objects.filter(pk=decision.detail_id).first() if decision and decision.detail_id else None
    if detail is None:
        return ""
    return str(unseal_json(detail.data, context=row.pk.bytes).get("words", {}).get("reason", ""))


def rechecks(actor: Actor, *, period: str = "", after: UUID | None = None, limit: int = 50) -> Page:
    """Return the random re-checks within the actor's scope (R67): {items, next}."""
    rows = Recheck.objects.filter(selectors.recheck_scope(actor)).annotate(code=F("registration__code"))
    return page(rows.filter(period=period) if period else rows, (*_RECHECK, "code"), after=after, limit=limit)


def calendar_in_force() -> dict[str, Any]:
    """Return the working-day calendar in force: its version and this node's overrides (R37, R41)."""
    row = CalendarVersion.objects.order_by("-at", "-version").first()
    return {
        "version": rules.calendar().version,
        "base": row.base if row else rules.calendar().version,
        "overrides": row.overrides if row else [],
    }


def profile(actor: Actor) -> dict[str, Any]:
    """Return who the actor is: login name, language and current roles with what they are bound to."""
    person = own_person(actor)
    roles = Role.objects.filter(person=person, ended_at=None).order_by("pk")
    bound = roles.values(
        "kind",
        "organisation_id",
        "register_id",
        jurisdiction_code=F("jurisdiction__code"),
        organisation_name=F("organisation__name"),
        credit_code=F("organisation__credit_code"),
        register_name=F("register__name"),
    )
    return {"id": person.pk, "username": person.username, "language": person.language, "roles": list(bound)}


def own_person(actor: Actor) -> Person:
    """Return the actor's own account; raises DomainError not_found for the system's own actors."""
    person = Person.objects.filter(pk=actor.person_id).first() if actor.person_id is not None else None
    if person is None:
        raise not_found()
    return person


def tokens(actor: Actor) -> list[dict[str, Any]]:
    """Return one's own API tokens, never the secret: id, label, dates."""
    rows = Token.objects.filter(person=own_person(actor)).order_by("pk")
    return [dict(row) for row in rows.values("id", "label", "created_at", "expires_at", "revoked_at")]

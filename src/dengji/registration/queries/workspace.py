"""What a registrant's people see of their own: files, registrations, and a draft with all that it rests on."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Q

from dengji.core.clock import legal_now
from dengji.core.errors import N_, not_found
from dengji.law.calendar import renewal_opens, shanghai_date
from dengji.law.procedure import TERMINAL
from dengji.law.visibility import visible
from dengji.parties.actor import Actor
from dengji.parties.models import Organisation

from .. import basis, inspection, lookup, rules, selectors
from ..models import Application, Registration
from .cases import acts_on, application_detail
from .paging import Page, page

_FILE = (
    "id",
    "serial",
    "kind",
    "data_type",
    "state",
    "name",
    "registrant_name",
    "organisation_id",
    "code",
    "deadline_day",
    "deadline_ends",
    "deadline_provisional",
    "created_at",
)
_RECORD = (
    "id",
    "code",
    "local_number",
    "state",
    "data_type",
    "name",
    "registrant_name",
    "organisation_id",
    "register_id",
    "version",
    "coded_on",
    "valid_to",
)


def _own(actor: Actor) -> Q:
    """The files an actor prepares, reviews or holds jointly; never those it only decides on."""
    mine = actor.organisations("clerk", "business_reviewer", "agent")
    own = Q(organisation_id__in=mine) | Q(agent_id__in=mine) | Q(co_registrants__organisation_id__in=mine)
    if actor.person_id:
        own |= Q(applicant_id=actor.person_id, applicant_kind="interested_party")
    return Q(pk__in=Application.objects.filter(own).values("pk"))


def own_applications(actor: Actor, *, ended: bool = False, after: UUID | None = None, limit: int = 50) -> Page:
    """Return the actor's own open (or `ended`) files, newest first, each with the acts possible: {items, next}."""
    rows = Application.objects.filter(selectors.application_scope(actor)).filter(_own(actor))
    rows = rows.filter(state__in=TERMINAL) if ended else rows.exclude(state__in=TERMINAL)
    found = page(rows, _FILE, after=after, limit=limit)
    objects = rows.in_bulk([item["id"] for item in found["items"]])
    for item in found["items"]:
        item["acts"] = acts_on(actor, objects[item["id"]])
    return found


def own_registrations(actor: Actor, *, after: UUID | None = None, limit: int = 50) -> Page:
    """Return the registrations of the actor's organisations, newest first, with the time of renewal: {items, next}."""
    mine = actor.organisations("clerk", "business_reviewer")
    rows = Registration.objects.filter(selectors.registration_scope(actor), organisation_id__in=mine)
    found = page(rows, _RECORD, after=after, limit=limit)
    today = shanghai_date(legal_now())
    for item in found["items"]:
        item |= _renewal(item["register_id"], item["valid_to"], today, item["state"])
    return found


def _renewal(register_id: UUID, valid_to: date, today: date, state: str) -> dict[str, Any]:
    days = int(rules.rules_of_register(register_id).get("validity.renewal_window_days"))
    opens = renewal_opens(valid_to, days)
    return {
        "renewal_opens": opens,
        "renewable": state == "VALID" and opens <= today <= valid_to,
        "expired": state == "VALID" and valid_to < today,
    }


def own_registration(actor: Actor, registration_id: UUID) -> dict[str, Any]:
    """Return one registration of the actor's organisations or clients; raises DomainError not_found."""
    row = selectors.get(Registration, registration_id, actor)
    if row.organisation_id not in actor.organisations("clerk", "business_reviewer"):
        raise not_found()
    item = {name: getattr(row, name) for name in _RECORD}
    return item | _renewal(row.register_id, row.valid_to, shanghai_date(legal_now()), row.state)


def rectifiable(code: str) -> dict[str, Any]:
    """Return what anyone may know of a valid registration to ask for its rectification (Art. 9(3)).

    Raises DomainError not_found.
    """
    row = Registration.objects.filter(lookup.named(code.strip())).first()
    if row is None or row.state != "VALID":
        raise not_found(N_("没有这一有效的登记结果查询码"))
    shown = visible(inspection.registration_fields(row), "page")
    return {
        "id": row.pk,
        "code": row.code,
        "register_id": row.register_id,
        "organisation_id": row.organisation_id,
        "data_type": row.data_type,
        "name": shown.get("name", ""),
        "registrant_name": shown.get("registrant_name", ""),
    }


def own_organisations(actor: Actor, *kinds: str) -> list[dict[str, Any]]:
    """Return the organisations for which the actor holds one of these roles: id, name, credit code."""
    rows = Organisation.objects.filter(pk__in=actor.organisations(*kinds)).order_by("name")
    return [dict(row) for row in rows.values("id", "name", "credit_code")]


def workpiece(actor: Actor, application_id: UUID) -> dict[str, Any]:
    """Return a file for those who prepare, review or jointly hold it: the draft, what it builds on, who must confirm.

    Everybody else gets DomainError not_found: the agency has its desk.
    """
    row = selectors.get(Application, application_id, actor)
    roles = selectors.fit_roles(actor, row)
    if not roles & {"clerk", "business_reviewer", "agent", "interested_party", "co_registrant"}:
        raise not_found()
    outsider = row.kind != "first" and inspection.by_outsider(row)
    registration = row.registration
    base = basis.fields_at(registration, row.base_version) if registration else {}
    return application_detail(actor, application_id) | {
        "roles": roles,
        "outsider": outsider,
        "applicant_kind": row.applicant_kind,
        "agent_id": row.agent_id,
        "copied_from": row.copied_from_id,
        "in_supplement": row.in_supplement,
        "own_draft": actor.person_id == row.clerk_id,
        "saved_at": row.draft.updated_at,
        "base": visible(base, "page") if outsider else base,
        "base_version": row.base_version,
        "moved": registration is not None and basis.moved(row, registration),
        "registration": {name: getattr(registration, name) for name in ("id", "code", "name", "valid_to")}
        if registration
        else None,
        "holders": [
            {"name": one.organisation.name, "confirmed": one.confirmed_revision == row.draft.revision}
            for one in row.co_registrants.select_related("organisation").order_by("pk")
        ],
    }


def rules_for(application_id: UUID, actor: Actor) -> Any:
    """Return the rulebook that a file of the actor's follows; raises DomainError not_found."""
    return rules.rules_of(selectors.get(Application, application_id, actor))


def origin(actor: Actor, application_id: UUID) -> dict[str, Any]:
    """Return for which register, unit, agent and registration a file was opened: what a copy of it is opened with."""
    row = selectors.get(Application, application_id, actor)
    return {
        "register_id": row.register_id,
        "organisation_id": row.organisation_id,
        "agent_id": row.agent_id,
        "registration_id": row.registration_id,
    }

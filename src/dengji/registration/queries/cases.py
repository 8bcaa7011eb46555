"""Applications as their own people and the agency see them: lists, content, history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q

from dengji.core.clock import legal_now
from dengji.core.encryption import unseal_json
from dengji.core.errors import forbidden
from dengji.law.checks import Finding
from dengji.law.procedure import acts_for
from dengji.parties.access import log_read
from dengji.parties.actor import Actor

from .. import inspection, selectors
from ..models import Application, Decision, DecisionDetail
from ..models.cases import CaseBase
from .paging import Page, page

_SUMMARY = (
    "id",
    "serial",
    "kind",
    "data_type",
    "state",
    "name",
    "registrant_name",
    "organisation_id",
    "register_id",
    "registration_id",
    "code",
    "local_number",
    "deadline_day",
    "deadline_ends",
    "deadline_provisional",
    "created_at",
)
#: Whoever prepares the file sees the whole of it, as it now stands.
_OWN = frozenset({"clerk", "business_reviewer", "agent", "interested_party"})
#: The agency's people who speak with the registrant need its contact; each reading is logged (R62).
_NEEDS_CONTACT = frozenset({"acceptor", "reviewer"})
_EDITABLE = frozenset({"DRAFT", "SUPPLEMENT", "BUSINESS_REVIEW"})
#: Private words of a decision that concern one side only: word → roles that may read it.
INTERNAL_WORDS = {"secrecy_reviewer": _OWN | _NEEDS_CONTACT}


def applications(
    actor: Actor,
    *,
    serial: str = "",
    state: str = "",
    kind: str = "",
    register_id: UUID | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> Page:
    """Return applications within the actor's scope, newest first: {items, next}."""
    wanted = {"serial": serial, "state": state, "kind": kind, "register_id": register_id}
    chosen = Q(**{name: value for name, value in wanted.items() if value})
    rows = Application.objects.filter(selectors.application_scope(actor)).filter(chosen)
    return page(rows, _SUMMARY, after=after, limit=limit)


def acts_on(actor: Actor, row: CaseBase, roles: frozenset[str] | None = None) -> list[str]:
    """Return the names of the acts that the actor could take on an object now, guards aside."""
    held = selectors.fit_roles(actor, row) if roles is None else roles
    kind = row.kind if isinstance(row, Application) else "first"
    return [act.name for act in acts_for(row.OBJECT, row.state, kind, held)]


def application_detail(actor: Actor, application_id: UUID, *, personal: bool = False) -> dict[str, Any]:
    """Return one application: the draft for its own people, the submitted version for everybody else in scope.

    Personal fields are shown to the registrant's people; to the acceptor and the reviewer only with `personal`, and
    that reading is logged (R62). Raises DomainError not_found, forbidden.
    """
    row = selectors.get(Application, application_id, actor)
    roles = selectors.fit_roles(actor, row)
    own = bool(roles & _OWN)
    if personal and not own and not roles & _NEEDS_CONTACT:
        raise forbidden()
    result = {name: getattr(row, name) for name in _SUMMARY}
    result |= {
        "version": row.version,
        "rounds": row.rounds,
        "receipt_at": row.receipt_at,
        "accepted_at": row.accepted_at,
        "notice_last_day": row.notice_last_day,
        "ended_at": row.ended_at,
        "late_filing": row.late_filing,
        "rulebook": row.rulebook,
        "rulebook_digest": row.rulebook_digest,
        "acts": acts_on(actor, row, roles),
        "revision": None,
        "findings": None,
    }
    if own or "co_registrant" in roles:
        return result | _draft_of(row, own)
    version = row.versions.filter(number=row.version).first()
    if version is None:
        return result | {"shown": "version", "content": {}, "request": {}, "suppressed": False}
    content = inspection.version_content(version, personal=personal)
    if personal:
        log_read(
            actor=actor.key,
            what="personal",
            object_id=row.pk,
            object_kind="application",
            register_id=row.register_id,
        )
    return result | {
        "shown": "version",
        "content": content,
        "request": version.request,
        "suppressed": version.suppressed_at is not None,
    }


def _draft_of(row: Application, own: bool) -> dict[str, Any]:
    draft = row.draft
    content = inspection.content_of(draft) if own else dict(draft.fields)
    found = None
    if own and row.state in _EDITABLE:
        found = inspection.inspect(row, content, at=legal_now())
    return {
        "shown": "draft",
        "content": content,
        "request": draft.request,
        "revision": draft.revision,
        "findings": found,
        "suppressed": row.versions.filter(suppressed_at__isnull=False).exists(),
    }


def findings(actor: Actor, application_id: UUID) -> list[Finding]:
    """Run the formal-review checks for somebody in scope: on the draft for its own people, else on the version."""
    row = selectors.get(Application, application_id, actor)
    if selectors.roles_for(actor, row) & (_OWN | {"co_registrant"}):
        return inspection.inspect(row, inspection.content_of(row.draft), at=legal_now())
    version = row.versions.filter(number=row.version).first()
    if version is None:
        return []
    # The machine reads the personal fields too, or it would miss what is there; findings never quote them.
    content = inspection.version_content(version, personal=True)
    return inspection.inspect(row, content, at=legal_now(), receipt=row.receipt_at)


def decisions(actor: Actor, model: type[CaseBase], object_id: UUID) -> list[dict[str, Any]]:
    """Return the history of one object with the reasons opened, for those who may see the object.

    Who acted is told by role, not by name. Words that were lawfully deleted are marked as removed.
    """
    row = selectors.get(model, object_id, actor)
    roles = selectors.fit_roles(actor, row)
    rows = list(Decision.objects.filter(object_id=row.pk).order_by("n"))
    details = DecisionDetail.objects.in_bulk([d.detail_id for d in rows if d.detail_id])
    return [_decision(d, details.get(d.detail_id) if d.detail_id else None, roles) for d in rows]


def _decision(decision: Decision, detail: DecisionDetail | None, roles: frozenset[str]) -> dict[str, Any]:
    words: Mapping[str, Any] = {}
    if detail is not None:
        words = unseal_json(detail.data, context=decision.object_id.bytes).get("words", {})
    return {
        "n": decision.n,
        "act": decision.act,
        "role": decision.role,
        "at": decision.at,
        "from_state": decision.from_state,
        "state": decision.to_state,
        "deadline": decision.deadline_day,
        "deadline_provisional": decision.deadline_provisional,
        "rulebook": decision.rulebook,
        "rulebook_digest": decision.rulebook_digest,
        "calendar": decision.calendar,
        "data": decision.data,
        "words": {k: v for k, v in words.items() if k not in INTERNAL_WORDS or roles & INTERNAL_WORDS[k]},
        "words_removed": bool(decision.detail_id) and detail is None,
        "digest": decision.digest,
    }

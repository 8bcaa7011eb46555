"""Who sees which document: one `scope` for lists and objects alike (design §2 rule 4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from dengji.core.errors import not_found
from dengji.parties.actor import Actor, supervised_registers
from dengji.registration.models import Application, CoRegistrant, Notice, Objection, Registration
from dengji.registration.queries.voices import matches

from .models import Document
from .table import KINDS

NOTHING = Q(pk__in=())
READY = (Document.State.MADE, Document.State.SEALED)
#: Documents to an objector name who objects: of the agency only these see them (design §4).
_KNOW_OBJECTOR = ("objection_officer", "agency_supervisor")
PAGE = 50


def scope(actor: Actor, purpose: str = "read") -> Q:
    """Return which documents an actor may read, or with purpose `handle` seal, serve and make again.

    A registrant sees what is addressed to it, once made; an objector their own; the agency those of its register, but
    who objects only through the handling officers; the authority its territory, only to read. The text of a notice is
    open to all while the notice runs.
    """
    if actor.system_role == "clock":
        return Q()
    allowed = _agency(actor)
    if purpose != "read":
        return allowed
    if supervised := supervised_registers(actor):
        allowed |= Q(register_id__in=supervised) & ~Q(recipient_kind="objector")
    return allowed | addressed_to(actor) | _running()


def _agency(actor: Actor) -> Q:
    allowed = NOTHING
    if registers := actor.registers():
        allowed |= Q(register_id__in=registers) & ~Q(recipient_kind="objector")
    if registers := actor.registers(*_KNOW_OBJECTOR):
        allowed |= Q(register_id__in=registers, recipient_kind="objector")
    if own := actor.organisations():  # nobody acts for the agency on a file of their own (design §4)
        applications = Application.objects.filter(
            Q(organisation_id__in=own) | Q(agent_id__in=own) | Q(co_registrants__organisation_id__in=own)
        )
        allowed &= ~Q(organisation_id__in=own)
        allowed &= ~Q(object_id__in=applications.values("pk"))
        allowed &= ~Q(object_id__in=Objection.objects.filter(application__in=applications).values("pk"))
    return allowed


def addressed_to(actor: Actor) -> Q:
    """Return which documents are addressed to the actor, as registrant, joint holder, agent or person, and made."""
    mine = NOTHING
    if own := actor.organisations("clerk", "business_reviewer"):
        mine |= Q(recipient_kind="registrant", organisation_id__in=own)
        joint = CoRegistrant.objects.filter(organisation_id__in=own).values("application_id")
        mine |= Q(recipient_kind="registrant", object_kind="application", object_id__in=joint)
    if agents := actor.organisations("agent"):
        handled = Application.objects.filter(agent_id__in=agents).values("pk")
        mine |= Q(recipient_kind="registrant", object_kind="application", object_id__in=handled)
    if actor.person_id:
        mine |= Q(person_id=actor.person_id)
    return mine & Q(state__in=READY)


def _running() -> Q:
    """The text of the notice that runs now; of a suspended or finished one no longer (Arts. 4, 12)."""
    now = Notice.objects.filter(application_id=OuterRef("object_id"), opened_at=OuterRef("at"), state="RUNNING")
    return Q(Exists(now), recipient_kind="public", state__in=READY)


def get(document_id: UUID, actor: Actor, purpose: str = "read") -> Document:
    """Return one document in the actor's scope; raises DomainError not_found for any other."""
    row = Document.objects.filter(scope(actor, purpose)).filter(pk=document_id).first()
    if row is None:
        raise not_found()
    return row


def get_by_key(document_id: UUID, key: str) -> Document:
    """Return a made document to an objector without an account, by the key given at lodging; raises not_found."""
    row = Document.objects.filter(pk=document_id, recipient_kind="objector", state__in=READY).first()
    if row is None or not matches(row.object_id, key):
        raise not_found()
    return row


def documents(
    actor: Actor,
    *,
    object_id: UUID | None = None,
    kind: str = "",
    state: str = "",
    mine: bool = False,
    after: UUID | None = None,
    limit: int | None = PAGE,
) -> QuerySet[Document]:
    """Return the documents in an actor's scope, newest first; `mine` leaves those addressed to the actor.

    With `limit` None the rows can be narrowed further.
    """
    rows = Document.objects.filter(scope(actor)).select_related("register")
    if mine:
        rows = rows.filter(addressed_to(actor))
    if object_id is not None:
        rows = rows.filter(Q(object_id=object_id) | Q(object_id__in=_related(object_id)))
    if kind:
        rows = rows.filter(kind=kind)
    if state:
        rows = rows.filter(state=state)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    return rows.order_by("-pk")[:limit]


def _related(object_id: UUID) -> list[UUID]:
    """The objects of the same case: an application's objections, a registration's applications."""
    found = list(Objection.objects.filter(application_id=object_id).values_list("pk", flat=True))
    found += Application.objects.filter(registration_id=object_id).values_list("pk", flat=True)
    found += Registration.objects.filter(applications=object_id).values_list("pk", flat=True)
    return found


def names(rows: Iterable[Document]) -> dict[UUID, str]:
    """Return what each object of these documents is called: its application's or registration's name, if it has one."""
    ids = {row.object_id for row in rows}
    found = dict(Application.objects.filter(pk__in=ids).values_list("pk", "name"))
    found |= dict(Registration.objects.filter(pk__in=ids).values_list("pk", "name"))
    return found | dict(Objection.objects.filter(pk__in=ids).values_list("pk", "application__name"))


def described(row: Document) -> Mapping[str, Any]:
    """Return what a list says of a document; nothing personal."""
    return {
        "id": str(row.pk),
        "kind": row.kind,
        "label": KINDS[row.kind].label,
        "number": row.number,
        "object_kind": row.object_kind,
        "object_id": str(row.object_id),
        "recipient_kind": row.recipient_kind,
        "state": row.state,
        "error": row.error,
        "at": row.at,
        "made_at": row.made_at,
        "sha256": row.sha256,
        "size": row.size,
        "pages": row.pages,
        "wording_version": row.wording_version,
        "layout_version": row.layout_version,
    }


def counts() -> dict[str, int]:
    """Return {waiting, failing, substituted} for doctor: what is to be made, what kept failing, what lacks a glyph."""
    making = Document.objects.filter(state=Document.State.MAKING)
    return {
        "waiting": making.count(),
        "failing": making.filter(attempts__gt=0).count(),
        "substituted": Document.objects.filter(state__in=READY, error="glyph_missing").count(),
    }

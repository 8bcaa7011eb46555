"""The one door for reads: `scope` per model serves lists and objects alike, so they can never disagree (design §2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.db.models import Model, Q

from dengji.core.errors import not_found
from dengji.parties.actor import Actor, supervised_registers
from dengji.parties.roles import AGENCY_ROLES

from .models import Application, Complaint, CoRegistrant, Notice, Objection, Recheck, Registration

if TYPE_CHECKING:
    from .models.cases import CaseBase

NOTHING = Q(pk__in=())
EVERYTHING = Q()
#: Nobody outside the registrant sees an application before it is submitted for the first time.
_UNSUBMITTED = Q(serial="")
M = TypeVar("M", bound="CaseBase")


def _registers(actor: Actor) -> frozenset[UUID]:
    return actor.registers() | actor.system_registers


def application_scope(actor: Actor, purpose: str = "read") -> Q:
    """Return which applications an actor may read, or act on with purpose `act` (R3).

    Registrants see their own and those they co-register or handle as agent; of an agent's draft in their name nothing
    before it holds a letter of authority, so that nobody fills their list unasked (Art. 7). Agencies only their
    register; the authority only its territory, and only to read; administrators none.
    """
    if actor.system_role == "clock":
        return EVERYTHING
    scope = NOTHING
    if own := actor.organisations("clerk", "business_reviewer"):
        scope |= Q(organisation_id__in=own, mandated=True) & ~Q(applicant_kind="interested_party")
        scope |= Q(mandated=True, pk__in=CoRegistrant.objects.filter(organisation_id__in=own).values("application_id"))
    if agents := actor.organisations("agent"):
        scope |= Q(agent_id__in=agents)
    if actor.person_id:
        scope |= Q(applicant_id=actor.person_id, applicant_kind="interested_party")
    if registers := _registers(actor):
        scope |= Q(register_id__in=registers) & ~_UNSUBMITTED
    if purpose == "read" and (supervised := supervised_registers(actor)):
        scope |= Q(register_id__in=supervised) & ~_UNSUBMITTED
    return scope


def registration_scope(actor: Actor, purpose: str = "read") -> Q:
    """Return which registrations an actor may read in full, or act on; their public side is open to all."""
    if actor.system_role == "clock":
        return EVERYTHING
    scope = NOTHING
    if own := actor.organisations():
        scope |= Q(organisation_id__in=own)
    if registers := _registers(actor):
        scope |= Q(register_id__in=registers)
    if purpose == "read" and (supervised := supervised_registers(actor)):
        scope |= Q(register_id__in=supervised)
    return scope


def objection_scope(actor: Actor, purpose: str = "read") -> Q:
    """Return which objections an actor may see: the objector's own, and those of the handling agency (design §4)."""
    if actor.system_role == "clock":
        return EVERYTHING
    scope = NOTHING
    if actor.person_id:
        scope |= Q(person_id=actor.person_id)
    if registers := actor.registers("objection_officer", "agency_supervisor") | actor.system_registers:
        scope |= Q(register_id__in=registers)
    if purpose == "read" and (own := actor.organisations("clerk", "business_reviewer")):
        scope |= Q(application__organisation_id__in=own)
    return scope


def complaint_scope(actor: Actor, purpose: str = "read") -> Q:
    """Return which complaints an actor may see: about the agency's register, or within the supervised territory."""
    if actor.system_role == "clock":
        return EVERYTHING
    scope = NOTHING
    if registers := actor.registers("agency_supervisor"):
        scope |= Q(register_id__in=registers)
    if purpose == "read" and (supervised := supervised_registers(actor)):
        scope |= Q(register_id__in=supervised)
    if own := actor.organisations():  # nobody reads who complained of their own organisation
        theirs = Registration.objects.filter(organisation_id__in=own)
        scope &= ~Q(subject_code__in=theirs.values("code"))
    return scope


def recheck_scope(actor: Actor, purpose: str = "read") -> Q:
    """Return which random re-checks an actor may see and decide: supervisors of the register or of its territory."""
    registers = actor.registers("agency_supervisor") | supervised_registers(actor)
    return Q(register_id__in=registers) if registers else NOTHING


SCOPES: dict[type[Model], Any] = {
    Application: application_scope,
    Registration: registration_scope,
    Objection: objection_scope,
    Complaint: complaint_scope,
    Recheck: recheck_scope,
}


def get(model: type[M], pk: UUID, actor: Actor, purpose: str = "read") -> M:
    """Return one object within the actor's scope; raises DomainError not_found for any other, existing or not."""
    found = model._default_manager.filter(SCOPES[model](actor, purpose)).filter(pk=pk).first()
    if found is None:
        raise not_found()
    return found


def roles_for(actor: Actor, obj: CaseBase) -> frozenset[str]:
    """Return the roles the actor holds with respect to one object; the procedure table asks for these."""
    roles = {g.kind for g in actor.grants if g.kind in AGENCY_ROLES and g.register_id == obj.register_id}
    if actor.system_role and (actor.system_role in ("clock", "objector") or obj.register_id in actor.system_registers):
        roles.add(actor.system_role)
    if any(g.kind == "authority_supervisor" for g in actor.grants) and obj.register_id in supervised_registers(actor):
        roles.add("authority_supervisor")
    if isinstance(obj, Application):
        roles |= _application_roles(actor, obj)
    if isinstance(obj, Objection) and obj.person_id is not None and obj.person_id == actor.person_id:
        roles.add("objector")
    return frozenset(roles)


def _application_roles(actor: Actor, application: Application) -> set[str]:
    if application.applicant_kind == "interested_party":
        return {"interested_party"} if application.applicant_id == actor.person_id else set()
    roles = set()
    if application.mandated:
        roles = {
            g.kind
            for g in actor.grants
            if g.kind in ("clerk", "business_reviewer") and g.organisation_id == application.organisation_id
        }
    if application.agent_id and application.agent_id in actor.organisations("agent"):
        roles.add("agent")
    clerks = actor.organisations("clerk", "business_reviewer") - {application.organisation_id}
    if clerks and application.mandated and application.co_registrants.filter(organisation_id__in=clerks).exists():
        roles.add("co_registrant")
    return roles


def fit_roles(actor: Actor, obj: CaseBase) -> frozenset[str]:
    """Return the roles towards one object that count: none of the agency's on a file of one's own (design §4)."""
    roles = roles_for(actor, obj)
    return roles - AGENCY_ROLES if roles & AGENCY_ROLES and is_own_file(actor, obj) else roles


def is_party(actor: Actor, obj: CaseBase) -> bool:
    """Tell whether the actor in person is who applied as interested party, or who objects."""
    if isinstance(obj, Application) and obj.applicant_kind != "interested_party":
        return False
    party = obj.person_id if isinstance(obj, Objection) else getattr(obj, "applicant_id", None)
    return party is not None and party == actor.person_id


def is_own_file(actor: Actor, obj: CaseBase) -> bool:
    """Tell whether a file is the actor's own, or that of an organisation the actor belongs to.

    One belongs as registrant, co-registrant or agent.
    """
    if is_party(actor, obj):
        return True
    mine = actor.organisations()
    if not mine:
        return False
    if isinstance(obj, Objection):
        obj = obj.application
    if getattr(obj, "organisation_id", None) in mine:
        return True
    if not isinstance(obj, Application):
        return False
    return obj.agent_id in mine or obj.co_registrants.filter(organisation_id__in=mine).exists()


def running_notices() -> Any:
    """Return the public notices that run now, newest first: readable by anyone (Art. 12)."""
    return Notice.objects.filter(state="RUNNING").select_related("register").order_by("-opened_at", "-pk")

"""Who needs a second factor, and whether they have one."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from dengji.parties.actor import Actor, for_person
from dengji.parties.roles import ADMINISTRATORS, AGENCY_ROLES

from ..marks import is_demonstration

#: The roles that decide or administer (`DENGJI_SECOND_FACTOR=roles`).
OFFICIAL = AGENCY_ROLES | ADMINISTRATORS | {"authority_supervisor"}


def required(actor: Actor) -> bool:
    """Tell whether this person must have a second factor on this node."""
    rule = settings.DENGJI_SECOND_FACTOR or ("none" if is_demonstration() else "roles")
    return rule == "all" or (rule == "roles" and bool(actor.kinds() & OFFICIAL))


def present(person: Any) -> bool:
    """Tell whether a person has a factor other than recovery codes."""
    from allauth.mfa.models import Authenticator

    return bool(
        Authenticator.objects.filter(user_id=person.pk).exclude(type=Authenticator.Type.RECOVERY_CODES).exists()
    )


def may_remove(authenticator: Any) -> bool:
    """Tell whether a person may remove this factor: not the last one, where their role needs one."""
    from allauth.mfa.models import Authenticator

    others = Authenticator.objects.filter(user_id=authenticator.user_id).exclude(pk=authenticator.pk)
    left = others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists()
    return left or not required(for_person(authenticator.user))


def forget(person: Any) -> int:
    """Remove all factors of a person; the caller has checked who asks."""
    from allauth.mfa.models import Authenticator

    return int(Authenticator.objects.filter(user_id=person.pk).delete()[0])

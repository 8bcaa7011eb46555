"""Where a person's work begins after signing in."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from dengji.parties.roles import ADMINISTRATORS, AGENCY_ROLES, ORGANISATION_ROLES

from ..access import actor_of

#: Roles → the first page, by its name; the first whose page exists is taken.
_FIRST: tuple[tuple[frozenset[str], str], ...] = (
    (AGENCY_ROLES, "desk"),
    (frozenset({"authority_supervisor"}), "oversight"),
    (frozenset({"security_admin"}), "accounts-people"),
    (ADMINISTRATORS, "accounts"),
    (ORGANISATION_ROLES, "workspace"),
)


def landing(request: HttpRequest) -> str:
    """Return the address of the page on which the person's work begins."""
    held = actor_of(request).kinds()
    for kinds, name in _FIRST:
        if held & kinds:
            for tried in (name, f"{name}:home", f"{name}-home"):
                try:
                    return reverse(tried)
                except NoReverseMatch:
                    continue
    return reverse("accounts")

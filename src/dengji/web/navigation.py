"""Where the header leads: the ways open to anyone, and the areas that a person's roles open."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext

from dengji.core.errors import N_
from dengji.parties.roles import ADMINISTRATORS, AGENCY_ROLES, ORGANISATION_ROLES

from .access import actor_of

#: Name of the view → what it is called. A view that this node does not have is left out.
_WAYS = {
    "search": N_("登记检索"),
    "notices": N_("公示公告"),
    "statistics": N_("登记统计"),
    "verify": N_("核验"),
    "help": N_("办事指南"),
}
_AREAS: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("workspace", N_("登记主体工作台"), ORGANISATION_ROLES),
    ("desk", N_("登记机构工作台"), AGENCY_ROLES),
    ("oversight", N_("监督管理"), frozenset({"authority_supervisor"}) | ADMINISTRATORS),
    ("accounts", N_("我的账户"), frozenset()),
)


def address(name: str) -> str:
    """Return the address of a view, also of the first page of an area with names of its own; "" where there is none."""
    for one in (name, f"{name}:home", f"{name}:index", f"{name}-home"):
        try:
            return reverse(one)
        except NoReverseMatch:
            continue
    return ""


def ways(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the ways open to anyone, the one that leads here marked."""
    found = ((gettext(title), address(name)) for name, title in _WAYS.items())
    return [{"title": title, "url": url, "active": request.path.startswith(url)} for title, url in found if url]


def areas(request: HttpRequest) -> list[dict[str, str]]:
    """Return the areas that the roles of the person signed in open."""
    held = actor_of(request).kinds()
    wanted = ((gettext(title), address(name)) for name, title, kinds in _AREAS if not kinds or held & kinds)
    return [{"title": title, "url": url} for title, url in wanted if url]

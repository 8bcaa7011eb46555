"""What every page knows about this node, its visitor, and where to go."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext

from dengji.core.errors import N_, DomainError
from dengji.core.node import identity

from . import navigation
from .theme import theme_of

#: Setting → what stands before it, and where it leads, as the rules for government sites want it in the footer.
_FACTS: tuple[tuple[str, str, str], ...] = (
    ("DENGJI_SITE_SPONSOR", N_("主办单位"), ""),
    ("DENGJI_SITE_OPERATOR", N_("承办单位"), ""),
    ("DENGJI_SITE_CONTACT", N_("联系方式"), ""),
    ("DENGJI_SITE_CODE", N_("网站标识码"), ""),
    ("DENGJI_SITE_ICP", "", "https://beian.miit.gov.cn/"),
    ("DENGJI_SITE_POLICE", "", "https://beian.mps.gov.cn/"),
)


def node(request: HttpRequest) -> dict[str, Any]:
    """Return the node's origin and whether it is a demonstration, for the marks that every page carries (design §3).

    And what the page was asked for, so that its links to other languages and themes ask for the same.
    """
    asked = request.GET.copy()
    for name in ("lang", "theme"):
        asked.pop(name, None)
    try:
        origin, demonstration = identity()
    except (DomainError, DatabaseError):
        origin, demonstration = "", False
    return {
        "origin": origin,
        "demonstration": demonstration,
        "asked": f"{asked.urlencode()}&" if asked else "",
        "theme": theme_of(request),
        "site": {"name": settings.DENGJI_SITE_NAME, "facts": _facts()},
        "user": getattr(request, "user", None),
        "ways": SimpleLazyObject(lambda: navigation.ways(request)),
        "areas": SimpleLazyObject(lambda: navigation.areas(request)),
    }


def _facts() -> list[dict[str, str]]:
    """What the operator has said about the site, in the order of _FACTS."""
    rows = ((label, getattr(settings, name), url) for name, label, url in _FACTS)
    return [
        {"label": gettext(label) if label else "", "value": value, "url": url} for label, value, url in rows if value
    ]

"""What every page knows about this node."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from dengji.core.errors import DomainError
from dengji.core.node import identity


def node(request: HttpRequest) -> dict[str, Any]:
    """Return the node's origin and whether it is a demonstration, for the marks that every page carries (design §3).

    And what the page was asked for, so that its links to other languages ask for the same.
    """
    asked = request.GET.copy()
    asked.pop("lang", None)
    query = f"{asked.urlencode()}&" if asked else ""
    try:
        origin, demonstration = identity()
    except DomainError:
        return {"origin": "", "demonstration": False, "asked": query}
    return {"origin": origin, "demonstration": demonstration, "asked": query}

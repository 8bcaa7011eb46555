"""What every page knows about this node."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from dengji.core.errors import DomainError
from dengji.core.node import identity


def node(request: HttpRequest) -> dict[str, Any]:
    """Return the node's origin and whether it is a demonstration, for the marks that every page carries (design §3)."""
    try:
        origin, demonstration = identity()
    except DomainError:
        return {"origin": "", "demonstration": False}
    return {"origin": origin, "demonstration": demonstration}

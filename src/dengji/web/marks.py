"""The marks that every output of a demonstration node carries (design §3)."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError
from django.utils.translation import gettext

from dengji.core.errors import N_, DomainError
from dengji.core.node import identity

DEMONSTRATION = N_("演示数据 非登记结果")


def is_demonstration() -> bool:
    """Tell whether this node is a demonstration; one without an identity, or whose database is away, says no."""
    try:
        return identity()[1]
    except (DomainError, DatabaseError):
        return False


def mark(body: dict[str, Any]) -> dict[str, Any]:
    """Return an answer with the mark of a demonstration node, in the caller's language."""
    return {**body, "demonstration": gettext(DEMONSTRATION)} if is_demonstration() else body

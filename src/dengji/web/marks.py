"""The marks that every output of a demonstration node carries (design §3)."""

from __future__ import annotations

from typing import Any

from dengji.core.errors import DomainError
from dengji.core.node import identity

DEMONSTRATION = "演示数据 非登记结果"


def is_demonstration() -> bool:
    """Tell whether this node is a demonstration; a node without an identity is not."""
    try:
        return identity()[1]
    except DomainError:
        return False


def mark(body: dict[str, Any]) -> dict[str, Any]:
    """Return an answer with the mark of a demonstration node."""
    return {**body, "demonstration": DEMONSTRATION} if is_demonstration() else body

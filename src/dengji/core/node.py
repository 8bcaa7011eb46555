"""The identity of this node: made once, never changed."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from .clock import machine_now
from .errors import N_, DomainError
from .models import Node


def found(origin: str, *, demonstration: bool, legal_start: datetime | None = None) -> Node:
    """Give a fresh database its identity, or return the one it has; raises DomainError where they disagree.

    A demonstration node cannot be turned into production, nor the other way (design §3). `legal_start` is the legal
    time at which the clock of a fresh demonstration node begins, also in the past, so that real records can be shown
    on their real dates (docs/adr/0012); a node that exists keeps its clock. Raises DomainError clock_fixed for it in
    production, demonstration_fixed.
    """
    if legal_start is not None and not demonstration:
        raise DomainError("clock_fixed", N_("只有演示节点可以移动法定时钟"), status=403)
    if demonstration and not origin.startswith("demo."):
        origin = f"demo.{origin}"
    offset = legal_start - machine_now() if legal_start else timedelta(0)
    node, created = Node.objects.get_or_create(
        id=1, defaults={"origin": origin, "demonstration": demonstration, "legal_offset": offset}
    )
    if not created and node.demonstration != demonstration:
        raise DomainError(
            "demonstration_fixed",
            N_("此数据目录属于另一种节点：演示节点不能转为正式节点，正式节点不能用于演示；请换用其他数据目录"),
            status=409,
        )
    identity.cache_clear()
    return node


@lru_cache(maxsize=1)
def identity() -> tuple[str, bool]:
    """Return (log origin, demonstration?) of this node; raises DomainError before `dengji up` has founded it."""
    row = Node.objects.values_list("origin", "demonstration").first()
    if row is None:
        raise DomainError("node_missing", N_("节点尚未初始化：请先运行 dengji up"), status=503)
    return row

"""The identity of this node: made once, never changed."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache

from .clock import machine_now
from .errors import N_, DomainError
from .models import Node

_EPOCH = re.compile(r"(?P<name>.+)/(?P<number>[1-9][0-9]{0,8})")


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


def epoch(origin: str) -> tuple[str, int]:
    """Return (name of the log, number of its epoch) of a log origin: `name` is epoch 1, `name/2` the second."""
    found = _EPOCH.fullmatch(origin)
    return (found["name"], int(found["number"])) if found else (origin, 1)


def next_epoch(origin: str) -> str:
    """Return the origin under which a log goes on after a loss (design §5)."""
    name, number = epoch(origin)
    return f"{name}/{number + 1}"


def is_epoch_of(earlier: object, origin: str) -> bool:
    """Return whether `earlier` is this origin or an earlier epoch of the same log."""
    if not isinstance(earlier, str):
        return False
    (name, number), (own, current) = epoch(earlier), epoch(origin)
    return earlier == origin or (name == own and number < current)


def notice(origin: str | None) -> None:
    """Forget the identity kept by this process where the database says another: a new epoch has begun."""
    if origin is not None and identity()[0] != origin:
        identity.cache_clear()


def is_recovering() -> bool:
    """Return whether the node was restored and has not yet compared with what others know of its log (design §5)."""
    row = Node.objects.values_list("origin", "restored_from").first()
    if row is None:
        return False
    notice(row[0])
    return row[1] is not None


def recovering() -> DomainError:
    """Return the error for every act on a node that is recovering."""
    return DomainError(
        "node_recovering",
        N_("节点由备份恢复，尚未与见证方核对，暂时只读：请运行 dengji node recover"),
        status=503,
    )

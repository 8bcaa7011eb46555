"""The tree as the database holds it: rows of hashes, and the fault where what is stored contradicts itself."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.db import connection

from dengji.core.errors import N_

from .models import Tile
from .pure.errors import LedgerError
from .pure.merkle import EMPTY_ROOT, HASH_SIZE, Frontier
from .pure.tiles import HEIGHT, WIDTH, parents

#: Full tiles whose roots are kept, 8 KB each: every signing goes over up to 255 of them for each unfinished row.
_KEEP = 512


class LedgerFault(LedgerError):  # noqa: N818 - a state of the log, not a slip of the caller
    """What is stored contradicts itself; nothing is placed or signed until an operator has looked (`ledger_fault`)."""


def fault(code: str, message: str, **params: Any) -> LedgerFault:
    """Return the error for a log that contradicts itself."""
    return LedgerFault(code, message, status=503, params=params)


def agreed(row: tuple[int, bytes, int] | None) -> Frontier:
    """Return the frontier of (size, frontier, number of leaves); raises LedgerFault where these three disagree."""
    if row is None:
        raise fault("tree_missing", N_("日志有记录而没有树：数据库被改动过"))
    size, data, leaves = row
    frontier = Frontier.decode(bytes(data))
    if not frontier.size == size == leaves:
        raise fault(
            "tree_disagrees",
            N_("日志的树有 {size} 条，前沿 {frontier} 条，记录表 {leaves} 条：数据库被改动过"),
            size=size,
            frontier=frontier.size,
            leaves=leaves,
        )
    return frontier


def row_hashes(level: int, first: int, count: int) -> bytes:
    """Return `count` hashes of row 8·level from `first` on, as stored: leaves, or the roots of full tiles below.

    Raises LedgerFault where one is missing. `first` must be a multiple of 256 and `count` at most 256.
    """
    if level == 0:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT hash FROM ledger_leaf WHERE index >= %s AND index < %s ORDER BY index", [first, first + count]
            )
            found = [bytes(row[0]) for row in cursor.fetchall()]
    else:
        below = Tile.objects.filter(level=level - 1, n__gte=first, n__lt=first + count).order_by("n")
        found = [tree_hash(bytes(data)) for data in below.values_list("data", flat=True)]
    if len(found) != count or any(len(one) != HASH_SIZE for one in found):
        raise fault(
            "tile_incomplete",
            N_("日志第 {level} 层自第 {first} 个起的节点不全：数据库被改动过"),
            level=level * HEIGHT,
            first=first,
        )
    return b"".join(found)


def tree_hash(data: bytes) -> bytes:
    """Return the root over the hashes of one row."""
    if len(data) == WIDTH * HASH_SIZE:
        return _full_tile(data)
    frontier = Frontier()
    for at in range(0, len(data), HASH_SIZE):
        frontier.append(data[at : at + HASH_SIZE])
    return frontier.root() if data else EMPTY_ROOT


@lru_cache(maxsize=_KEEP)
def _full_tile(data: bytes) -> bytes:
    # Kept by what was read, not by its place: a tile that is altered is another one, and is hashed anew.
    while len(data) > HASH_SIZE:
        data = parents(data)
    return data

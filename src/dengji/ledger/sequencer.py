"""The sequencer: gives waiting entries their places, one batch per transaction, never two at a time.

Each placing transaction takes an advisory lock that ends with it, so a sequencer that dies, hangs or loses its network
holds nothing between batches, and another goes on at once. Three things keep two apart where even that fails: the lock
on the tree's row, the demand that tree and leaves agree, and the unique index of a leaf.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from django.db import connection, transaction

from dengji.core.errors import N_
from dengji.core.frame import lock_key
from dengji.core.node import is_recovering

from . import checkpointing
from .pure.merkle import Frontier, leaf_hash
from .pure.tiles import HEIGHT, WIDTH
from .stored import agreed, fault, row_hashes, tree_hash

BATCH = 2000
#: How long a transaction may stand idle before the server ends it and frees the lock: a frozen process is replaced.
_IDLE = "5s"

_LOCK = """
SELECT set_config('idle_in_transaction_session_timeout', %s, true), pg_try_advisory_xact_lock(%s)
"""
_WAITING = """
SELECT p.entry_id, e.body FROM ledger_pending p JOIN ledger_entry e ON e.id = p.entry_id ORDER BY p.entry_id LIMIT %s
"""
_STATE = """
SELECT t.size, t.frontier, (SELECT coalesce(max(index) + 1, 0) FROM ledger_leaf)
FROM ledger_tree t WHERE t.id = 1 FOR UPDATE OF t
"""
_BEGIN = """
INSERT INTO ledger_tree (id, size, frontier) SELECT 1, 0, %s WHERE NOT EXISTS (SELECT FROM ledger_leaf)
ON CONFLICT DO NOTHING
"""
_LEAVES = """
INSERT INTO ledger_leaf (index, entry_id, hash)
SELECT * FROM unnest(%b::bigint[], %b::bigint[], %b::bytea[])
"""
_TILES = """
INSERT INTO ledger_tile (level, n, data) SELECT * FROM unnest(%b::smallint[], %b::bigint[], %b::bytea[])
"""


def place_pending(limit: int = BATCH) -> int:
    """Give waiting entries their places, in order of entry id, gapless; return how many were placed.

    One sequencer at a time: a second caller finds the advisory lock taken and returns 0. Leaves, frontier and every
    tile that became full are stored in one transaction. A node that is recovering places nothing. Raises LedgerFault
    tree_missing, tree_disagrees, tile_disagrees.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK, [_IDLE, lock_key("dengji", "sequencer")])
        if not cursor.fetchone()[1] or is_recovering():
            return 0
        cursor.execute(_WAITING, [limit])
        rows = cursor.fetchall()
        if rows:
            append([(entry_id, bytes(body)) for entry_id, body in rows])
    return len(rows)


def append(entries: Sequence[tuple[int, bytes]]) -> None:
    """Give these entries, (id, canonical bytes), the next places, in this order; in the caller's transaction.

    Only `place_pending` and the recovery of a restored node come here. Raises LedgerFault tree_missing, tree_disagrees.
    """
    frontier = _frontier()
    first = frontier.size
    hashes = [leaf_hash(body) for _, body in entries]
    ids = [entry_id for entry_id, _ in entries]
    _insert(_LEAVES, range(first, first + len(entries)), ids, hashes)
    _store_tiles(_grow(frontier, hashes))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_tree SET size = %s, frontier = %s", [frontier.size, frontier.encode()])
        cursor.execute("DELETE FROM ledger_pending WHERE entry_id = ANY(%s)", [ids])


def _insert(statement: str, *columns: Iterable[Any]) -> None:
    # Bound at the server: Django's cursor would write a batch of hashes out as text.
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, [list(column) for column in columns])


def _frontier() -> Frontier:
    with connection.cursor() as cursor:
        cursor.execute(_STATE)
        row = cursor.fetchone()
        if row is None:
            cursor.execute(_BEGIN, [Frontier().encode()])
            cursor.execute(_STATE)
            row = cursor.fetchone()
    return agreed(row)


def _grow(frontier: Frontier, hashes: Sequence[bytes]) -> list[tuple[int, int, bytes]]:
    """Append the hashes; return (level, n, hash of all of it) of every tile that became full, lowest first."""
    full = []
    for leaf in hashes:
        for level, index, value in frontier.append(leaf):
            if level and level % HEIGHT == 0:
                full.append((level // HEIGHT - 1, index, value))
    return sorted(full)


def _store_tiles(full: Sequence[tuple[int, int, bytes]]) -> None:
    # Level by level: a tile's hashes are read from the tiles below it.
    for level in sorted({level for level, _, _ in full}):
        made = [(level, n, _tile(level, n, value)) for at, n, value in full if at == level]
        _insert(_TILES, *zip(*made, strict=True))


def _tile(level: int, n: int, value: bytes) -> bytes:
    """Return the 256 hashes of a full tile from the rows below it; raises LedgerFault where they were changed."""
    data = row_hashes(level, n * WIDTH, WIDTH)
    if tree_hash(data) != value:
        raise fault("tile_disagrees", N_("日志第 {level} 层第 {n} 块与其记录不符：数据库被改动过"), level=level, n=n)
    return data


def run_once(*, finish: bool = False) -> int:
    """Place everything that waits and see that the log is signed; return how many were placed.

    What the worker does every 200 ms. `finish` signs what has grown however young the last checkpoint is, for callers
    that do not come again. Raises LedgerFault; a fault found at signing stops no placing.
    """
    placed = 0
    while batch := place_pending():
        placed += batch
        if batch < BATCH:
            break
        checkpointing.keep()
    checkpointing.keep(at_once=finish)
    return placed

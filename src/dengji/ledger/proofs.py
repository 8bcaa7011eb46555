"""Proofs from the stored tiles: that an entry is in the log, and that a longer log extends a shorter one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from dengji.core.errors import N_

from .models import Entry
from .models import Tile as StoredTile
from .pure.errors import refuse
from .pure.merkle import HASH_SIZE, consistency_proof, inclusion_proof, path_from
from .pure.tiles import HEIGHT, WIDTH, Tile, encode_bundle, expand, hash_at
from .stored import fault, row_hashes

#: Full tiles kept by this process, 17 KB each with the nodes above their hashes: all of a log of a million entries, for
#: a tile that must be read and hashed anew costs as much as fifteen proofs.
_KEEP_TILES = 4096
#: Sizes whose unfinished tiles are kept: those of the latest checkpoints.
_KEEP_SIZES = 8

Rows = Sequence[bytes]


def tile_data(tile: Tile) -> bytes:
    """Return the bytes of a hash tile, 32·width: full ones as stored, partial ones from what lies below.

    Raises LedgerFault where something is missing. The caller sees to it that `tile.end` is a size that was signed.
    """
    if tile.width == WIDTH:
        stored = StoredTile.objects.filter(level=tile.level, n=tile.index).values_list("data", flat=True).first()
        if stored is not None:
            return bytes(stored)
    return row_hashes(tile.level, tile.index * WIDTH, tile.width)


def bundle_data(tile: Tile) -> bytes:
    """Return the bytes of an entry bundle, each entry after its length; raises LedgerFault where one is missing."""
    first = tile.index * WIDTH
    rows = Entry.objects.filter(leaf__index__gte=first, leaf__index__lt=first + tile.width).order_by("leaf__index")
    entries = [bytes(body) for body in rows.values_list("body", flat=True)]
    if len(entries) != tile.width:
        raise fault("tile_incomplete", N_("日志第 {first} 条起的记录不全：数据库被改动过"), first=first)
    return encode_bundle(entries)


@lru_cache(maxsize=_KEEP_TILES)
def _full(level: int, n: int) -> Rows:
    tile = Tile(level, n)
    return expand(tile, tile_data(tile))


class StoredNodes:
    """A NodeReader over the stored log at one size; unfinished tiles are kept with it, full ones by the process."""

    def __init__(self, size: int, *, cached: bool = True) -> None:
        self.size = size
        self._full = _full if cached else lru_cache(maxsize=16)(_full.__wrapped__)
        self._edge: dict[int, Rows] = {}
        # What stands above a full tile is the same for its 256 entries.
        self._above = lru_cache(maxsize=_KEEP_TILES)(lambda n: path_from(HEIGHT, n, size, self))

    def inclusion(self, index: int) -> list[bytes]:
        """Return the audit path of entry `index` at this size; raises LedgerError out_of_range, node_missing."""
        n, place = divmod(index, WIDTH)
        if not 0 <= n < self.size >> HEIGHT:
            return inclusion_proof(index, self.size, self)
        inside = []
        for row in self._full(0, n):
            at = (place ^ 1) * HASH_SIZE
            inside.append(row[at : at + HASH_SIZE])
            place >>= 1
        return inside + self._above(n)

    def __call__(self, level: int, index: int) -> bytes:
        """Return node (level, index); raises LedgerError node_missing where it is not complete at this size."""
        if level < 0 or index < 0 or (index + 1) << level > self.size:
            raise refuse("node_missing", N_("日志没有第 {level} 层第 {index} 个节点"), level=level, index=index)
        row, height = divmod(level, HEIGHT)
        first = index << height
        n, place = divmod(first, WIDTH)
        width = min(WIDTH, (self.size >> HEIGHT * row) - n * WIDTH)
        rows = self._full(row, n) if width == WIDTH else self._partial(row, n, width)
        return hash_at(rows[height], place >> height)

    def _partial(self, row: int, n: int, width: int) -> Rows:
        if row not in self._edge:
            tile = Tile(row, n, width)
            self._edge[row] = expand(tile, tile_data(tile))
        return self._edge[row]


@lru_cache(maxsize=_KEEP_SIZES)
def nodes(size: int) -> StoredNodes:
    """Return the reader of the log at a size that is placed; cached, so ask for signed sizes."""
    return StoredNodes(size)


def forget() -> None:
    """Drop what this process keeps of the log, as after a change of database."""
    _full.cache_clear()
    nodes.cache_clear()


def inclusion(index: int, size: int) -> list[bytes]:
    """Return the audit path of entry `index` in the log of `size` entries (RFC 6962 §2.1.1).

    Raises LedgerError out_of_range, node_missing.
    """
    return nodes(size).inclusion(index)


def consistency(old: int, new: int) -> list[bytes]:
    """Return the proof that the log of `new` entries extends that of `old` (RFC 6962 §2.1.2).

    Raises LedgerError out_of_range, node_missing.
    """
    return consistency_proof(old, new, nodes(new))

"""Tiles and entry bundles of C2SP tlog-tiles: coordinates, paths, encoding, and a node reader over them."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from dengji.core.errors import N_

from .errors import refuse
from .merkle import HASH_SIZE, MAX_SIZE, NodeReader

HEIGHT = 8
WIDTH = 1 << HEIGHT
ENTRIES = -1
MAX_LEVEL = 63
MAX_ENTRY = 2**16 - 1

_PATH = re.compile(
    r"tile/(?P<level>entries|[1-9]?[0-9])/(?P<groups>(?:x[0-9]{3}/){0,5})(?P<last>[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, order=True)
class Tile:
    """One tile: `width` hashes of row 8·level from index·256 on; level ENTRIES means the bundle of the entries."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """The path below the log's prefix, such as `tile/0/x001/x234/067.p/112`."""
        digits, rest = f"{self.index % 1000:03d}", self.index // 1000
        while rest:
            digits, rest = f"x{rest % 1000:03d}/{digits}", rest // 1000
        level = "entries" if self.level == ENTRIES else self.level
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{digits}{partial}"

    @classmethod
    def parse(cls, path: str) -> Tile:
        """Return the tile of a path; raises LedgerError for any path that `path` would not have written."""
        if found := _PATH.fullmatch(path):
            level = ENTRIES if found["level"] == "entries" else int(found["level"])
            index = int(found["groups"].replace("x", "").replace("/", "") + found["last"])
            tile = cls(level, index, int(found["width"] or WIDTH))
            last = MAX_SIZE >> HEIGHT * (max(level, 0) + 1)
            if level <= MAX_LEVEL and index <= last and tile.path == path and tile.width <= WIDTH:
                return tile
        raise refuse("tile_path", N_("不是日志分块的路径"))

    @property
    def end(self) -> int:
        """The log size from which on this tile exists in this width."""
        return (self.index * WIDTH + self.width) << HEIGHT * max(self.level, 0)


def _row(level: int, old: int, new: int) -> Iterator[Tile]:
    for index in range(old >> HEIGHT, (new + WIDTH - 1) >> HEIGHT):
        yield Tile(level, index, min(WIDTH, new - index * WIDTH))


def new_tiles(old: int, new: int) -> Iterator[Tile]:
    """Yield the hash tiles, partial ones included, that a growth from `old` to `new` entries creates, lowest first.

    From 0 it yields all tiles of a log of that size. Raises LedgerError unless 0 ≤ old ≤ new.
    """
    _check_growth(old, new)
    level = 0
    while old != new:
        yield from _row(level, old, new)
        level, old, new = level + 1, old >> HEIGHT, new >> HEIGHT


def new_bundles(old: int, new: int) -> Iterator[Tile]:
    """Yield the entry bundles that a growth from `old` to `new` entries creates; raises LedgerError as `new_tiles`."""
    _check_growth(old, new)
    if old != new:
        yield from _row(ENTRIES, old, new)


def _check_growth(old: int, new: int) -> None:
    if not 0 <= old <= new <= MAX_SIZE:
        raise refuse("out_of_range", N_("日志不能从 {old} 条变为 {new} 条"), old=old, new=new)


def tile_data(tile: Tile, node: NodeReader) -> bytes:
    """Return the bytes of a hash tile, 32·width; raises LedgerError for a missing node."""
    first = tile.index * WIDTH
    return b"".join(node(HEIGHT * tile.level, first + place) for place in range(tile.width))


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Return 1 to 256 entries, each after its length as uint16; raises LedgerError for one over 65535 bytes."""
    parts: list[bytes] = []
    for place, entry in enumerate(entries):
        if len(entry) > MAX_ENTRY:
            raise refuse(
                "entry_too_large",
                N_("第 {place} 条有 {size} 字节，超过 {limit}"),
                place=place,
                size=len(entry),
                limit=MAX_ENTRY,
            )
        parts += (len(entry).to_bytes(2, "big"), entry)
    if not 2 <= len(parts) <= 2 * WIDTH:
        raise refuse("bundle_width", N_("一个分块含 1 至 256 条"))
    return b"".join(parts)


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """Return exactly `width` entries of a bundle; raises LedgerError for a bundle cut short, too long or too short."""
    entries: list[bytes] = []
    at = 0
    while at < len(data) and len(entries) < width:
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        entries.append(data[start:at])
    if at != len(data) or len(entries) != width:
        raise refuse("bundle_malformed", N_("条目分块残缺或条数不是 {width}"), width=width)
    return entries


class TileReader:
    """A NodeReader over the tiles of a log of fixed size; keeps the `keep` tiles used last, 16 KiB each.

    Tiles are not authenticated here: what is computed from them must be compared with a signed root.
    """

    def __init__(self, fetch: Callable[[Tile], bytes], size: int, keep: int = 1024) -> None:
        self.size = size
        self._fetch = fetch
        self._keep = keep
        self._tiles: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()

    def __call__(self, level: int, index: int) -> bytes:
        """Return node (level, index); raises LedgerError where it is not complete or its tile has another length."""
        if level < 0 or index < 0 or (index + 1) << level > self.size:
            raise refuse("node_missing", N_("日志没有第 {level} 层第 {index} 个节点"), level=level, index=index)
        row, height = divmod(level, HEIGHT)
        first = index << height
        return hash_at(self._rows(row, first >> HEIGHT)[height], (first % WIDTH) >> height)

    def _rows(self, row: int, index: int) -> list[bytes]:
        key = (row, index)
        found = self._tiles.get(key)
        if found is None:
            tile = Tile(row, index, min(WIDTH, (self.size >> HEIGHT * row) - index * WIDTH))
            found = self._tiles[key] = expand(tile, self._fetch(tile))
            if len(self._tiles) > self._keep:
                self._tiles.popitem(last=False)
        else:
            self._tiles.move_to_end(key)
        return found


def expand(tile: Tile, data: bytes) -> list[bytes]:
    """The hashes of a tile and the rows of complete nodes above them, up to height 7, each row joined; 16 KiB."""
    if len(data) != HASH_SIZE * tile.width:
        raise refuse("tile_malformed", N_("分块 {path} 的长度不对"), path=tile.path)
    rows = [data]
    for _ in range(1, HEIGHT):
        rows.append(parents(rows[-1]))
    return rows


def parents(row: bytes) -> bytes:
    """Return the joined hashes of the complete nodes above a row of joined hashes; an odd one at the end has none."""
    sha256, pair = hashlib.sha256, 2 * HASH_SIZE
    return b"".join([sha256(b"\x01" + row[at : at + pair]).digest() for at in range(0, len(row) - HASH_SIZE, pair)])


def hash_at(row: bytes, place: int) -> bytes:
    """Return one hash of a row of joined hashes."""
    return row[HASH_SIZE * place : HASH_SIZE * (place + 1)]

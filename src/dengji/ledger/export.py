"""The log as static files that verify by themselves: checkpoint, keys, tiles, entries, contents (C2SP tlog-tiles).

A run adds to what an earlier one wrote. Each file appears whole or not at all, and the checkpoint last, so a directory
is a valid log at every moment, also where a run was killed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson

from dengji.core.canonical import timestamp
from dengji.core.errors import N_, DomainError, conflict
from dengji.core.node import identity

from . import checkpointing, keyring, proofs, services
from .models import Content
from .pure.checkpoints import Checkpoint, open_checkpoint, require_extension
from .pure.errors import LedgerError
from .pure.tiles import ENTRIES, HEIGHT, WIDTH, Tile, new_bundles, new_tiles

Progress = Callable[[str, int, int], None]

_BATCH = 500
_README = """\
{origin}
{mark}
公共数据资源登记日志的静态副本，格式为 C2SP tlog-tiles（RFC 6962）：任何人无需本节点即可验证。
checkpoint 为最新检查点，vkey 为验证密钥（请另行核对），tile/ 为哈希分块与记录，content/ 为公开记录所指内容。
已依法屏蔽的内容只留 .tombstone.json 说明理由。记录未被改动，不等于内容真实。

A static copy of the registration log in the format of C2SP tlog-tiles (RFC 6962); it verifies without the node.
"""
_MARK = "演示数据 非登记结果 / demonstration data, not a registration result"


@dataclass(frozen=True)
class Exported:
    """What a run did: the size it brought the copy to, files written and removed."""

    size: int
    written: int
    removed: int


class Directory:
    """Files below one directory, each replaced atomically and only where it differs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.written = self.removed = 0

    def write(self, path: str, data: bytes) -> None:
        """Write a file whole or not at all; raises OSError."""
        target = self.root / path
        if target.exists() and target.read_bytes() == data:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            # mkstemp lets only the owner read; these files are for everybody.
            Path(temporary).chmod(0o644)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        self.written += 1

    def remove(self, path: str) -> None:
        """Remove a file if it is there, and its directory if that is empty then."""
        target = self.root / path
        if target.exists():
            target.unlink()
            self.removed += 1
            if not any(target.parent.iterdir()):
                target.parent.rmdir()


def export(directory: Path, progress: Progress = lambda what, done, total: None) -> Exported:
    """Bring a directory up to the newest checkpoint; return what was done.

    Contents that were suppressed or are withheld disappear from earlier runs. Raises DomainError checkpoint_missing,
    export_of_another_log where the directory holds what this log does not extend; LedgerFault; OSError.
    """
    row = checkpointing.latest()
    if row is None:
        raise DomainError("checkpoint_missing", N_("日志还没有检查点：请先启动节点"), status=409)
    files = Directory(directory)
    now, _ = open_checkpoint(bytes(row.note), keyring.history())
    old = _earlier(directory, now)
    # First what must disappear, so that even a run cut short has removed it.
    for done, total in _contents(files):
        progress("content", done, total)
    tiles = [*new_tiles(old, now.size), *new_bundles(old, now.size)]
    for number, tile in enumerate(tiles, 1):
        files.write(tile.path, proofs.bundle_data(tile) if tile.level == ENTRIES else proofs.tile_data(tile))
        progress("tile", number, len(tiles))
    mark = _MARK if identity()[1] else ""
    files.write("README.txt", _README.format(origin=now.origin, mark=mark).encode())
    files.write("vkey", "".join(f"{key}\n" for key in keyring.vkeys()).encode())
    # What the checkpoint vouches for is on the disk before it is.
    os.sync()
    files.write("checkpoint", checkpointing.published(row))
    for tile in set(_edge(old)) - set(_edge(now.size)):
        files.remove(tile.path)
    return Exported(now.size, files.written, files.removed)


def _earlier(directory: Path, now: Checkpoint) -> int:
    """The size of the log that an earlier run left here, which the present one must extend."""
    path = directory / "checkpoint"
    if not path.exists():
        return 0
    try:
        old, _ = open_checkpoint(path.read_bytes(), keyring.history())
        require_extension(old, now, proofs.consistency(old.size, now.size) if old.size <= now.size else [])
    except LedgerError as error:
        raise conflict(
            "export_of_another_log", N_("该目录中的日志不是本日志的前一部分：请另选目录，并查明日志是否被改写")
        ) from error
    return old.size


def _edge(size: int) -> Iterator[Tile]:
    """The partial tiles of a log of this size."""
    if size % WIDTH:
        yield Tile(ENTRIES, size // WIDTH, size % WIDTH)
    level = 0
    while row := size >> HEIGHT * level:
        if row % WIDTH:
            yield Tile(level, row // WIDTH, row % WIDTH)
        level += 1


def _contents(files: Directory) -> Iterator[tuple[int, int]]:
    total, done, last = Content.objects.count(), 0, b""
    while batch := list(Content.objects.filter(digest__gt=last).order_by("digest")[:_BATCH]):
        rest = _withheld(batch)
        for row in batch:
            _content(files, row, hidden=row.object_id in rest)
        done, last = done + len(batch), bytes(batch[-1].digest)
        yield done, total


def _withheld(batch: list[Content]) -> set[Any]:
    ordered = sorted(batch, key=lambda row: row.object_kind)
    groups = groupby(ordered, key=lambda row: row.object_kind)
    return {one for kind, rows in groups for one in services.withheld(kind, {row.object_id for row in rows})}


def _content(files: Directory, row: Content, *, hidden: bool) -> None:
    path = f"content/{bytes(row.digest).hex()}"
    if row.body is not None and not hidden:
        if not (files.root / path).exists():
            files.write(path, bytes(row.body))
        return
    files.remove(path)
    if row.suppressed_at is not None:
        tombstone = {"status": "suppressed", "ground": row.ground, "at": timestamp(row.suppressed_at)}
        files.write(f"{path}.tombstone.json", orjson.dumps(tombstone) + b"\n")

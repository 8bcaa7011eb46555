"""Bringing a backup back into an empty place: nothing is written before the whole file has been found sound."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson
import psycopg
from pyrage import x25519

from dengji.core.canonical import timestamp
from dengji.core.errors import N_, DomainError
from dengji.ledger.pure.notes import VerifierKey

from . import container, tables
from .container import ABOUT, CONFIG, DATABASE, END, FILES, KEYS, Manifest, Progress, quiet

if TYPE_CHECKING:
    from .replay import Tail

_PIECE = 1 << 20
_MOST_SMALL = 16 << 20


@dataclass
class Sound:
    """A backup that was read to its end and can be restored: the manifest, what is small, who signed."""

    path: Path
    code: x25519.Identity
    manifest: Manifest
    about: dict[str, Any]
    keys: dict[str, bytes]
    signed_by: list[VerifierKey]
    #: Whether the keys that verified the signature were given, or are those in the backup itself.
    pinned: bool
    config: dict[str, bytes] = field(default_factory=dict)
    #: How much there is to put back.
    rows: int = 0
    files: int = 0


def examine(
    path: Path,
    code: x25519.Identity,
    *,
    vkeys: Iterable[VerifierKey] = (),
    gm: bool = False,
    progress: Progress = quiet,
) -> Sound:
    """Read a backup to its end: digests, decryption, signature, and that nothing is missing inside.

    Without `vkeys` the signature is checked with the keys in the backup itself, which shows that it is of one piece,
    not whose it is. Raises DomainError backup_damaged, backup_newer, recovery_code_wrong, backup_unsigned,
    sm2_missing; LedgerError signature_invalid; OSError.
    """
    manifest = container.read_manifest(path)
    container.require_whole(path, manifest, progress)
    small: dict[str, bytes] = {}
    seen: set[str] = set()
    with container.opened(path, manifest, code) as tar:
        for member in tar:
            seen.add(name_of(member))
            if name_of(member).startswith((KEYS, CONFIG)) or name_of(member) in (ABOUT, END):
                if member.size > _MOST_SMALL:
                    raise container.broken()
                small[name_of(member)] = container.content(tar, member).read()
    about, end = json_of(small.get(ABOUT)), json_of(small.get(END))
    files = sum(name.startswith(FILES) for name in seen)
    if "rows" not in end:
        raise container.broken()  # a segment of the archive is no backup
    columns = {f"{DATABASE}{table}/columns.json" for table in end["rows"]}
    if files != end["files"] or not columns <= seen:
        raise container.broken()
    pinned = list(vkeys)
    keys = pinned or [VerifierKey.parse(text) for text in about["vkeys"]]
    signed = manifest.verify(keys, gm=gm)
    return Sound(
        path,
        code,
        manifest,
        about,
        _below(small, KEYS),
        signed,
        bool(pinned),
        _below(small, CONFIG),
        sum(end["rows"].values()),
        files,
    )


def _below(small: dict[str, bytes], prefix: str) -> dict[str, bytes]:
    return {name.removeprefix(prefix): data for name, data in small.items() if name.startswith(prefix)}


def name_of(member: tarfile.TarInfo) -> str:
    """Return the name of a member; raises DomainError backup_damaged for anything but a file below the top."""
    path = PurePosixPath(member.name)
    if not member.isreg() or path.is_absolute() or ".." in path.parts:
        raise container.broken()
    return member.name


def json_of(data: bytes | None) -> dict[str, Any]:
    """Return the object that these bytes are in JSON; raises DomainError backup_damaged."""
    try:
        value = orjson.loads(data or b"")
    except ValueError:
        raise container.broken() from None
    if not isinstance(value, dict):
        raise container.broken()
    return value


def write_keys(found: Sound, keys: Path) -> None:
    """Write the key files of a backup for their owner alone; one that is there stays as it is. Raises OSError."""
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, data in found.keys.items():
        if "/" in name or (keys / name).exists():
            continue
        _write(keys / name, data)


def write_config(found: Sound, directory: Path) -> None:
    """Write the settings of the old machine beside the data, for the operator to look at; nothing reads them."""
    for name, data in found.config.items():
        if "/" not in name:
            _write(directory / f"restored-{name}", data)


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def load(found: Sound, migrator: str, *, after: Tail | None = None, progress: Progress = quiet) -> dict[str, int]:
    """Put every row and stored file back, `after` it the archive, and leave the node recovering.

    Return {rows, files, transactions}, the last being those of the archive.

    The database, reached as the owner of its tables, has the schema of the backup's migrations and no node yet; rows
    come back in one transaction, or none does. Raises DomainError backup_damaged, target_not_empty,
    archive_inapplicable.
    """
    from . import replay

    counts = {"rows": 0, "files": 0, "transactions": 0}
    with psycopg.connect(migrator) as connection:
        if connection.execute("SELECT 1 FROM core_node").fetchone():
            raise target_not_empty()
        loader = tables.Loader(connection)
        loader.begin()
        loaded: dict[str, int] = {}
        last: dict[str, Any] = {}
        stored: set[str] = set()
        with container.opened(found.path, found.manifest, found.code) as tar:
            for member in tar:
                name = name_of(member)
                if name.startswith(DATABASE):
                    _row_member(loader, tar, name, member, loaded)
                    progress("rows", sum(loaded.values()), found.rows)
                elif name.startswith(FILES):
                    if store(name.removeprefix(FILES), container.content(tar, member)):
                        stored.add(name.removeprefix(FILES))
                    counts["files"] += 1
                    progress("files", counts["files"], found.files)
                elif name == END:
                    last = json_of(container.content(tar, member).read())
        if loaded != last["rows"]:
            raise container.broken()
        at = str(found.about["made_at"])
        if after is not None:
            done = replay.apply(after, loader, progress)
            counts["transactions"], counts["files"] = done.transactions, counts["files"] + done.files
            _remove_unnamed(connection, stored)
            at = max(at, timestamp(done.at or datetime.fromisoformat(at)))
        loader.end(last["sequences"] | (after.sequences if after else {}))
        _leave_recovering(connection, at)
    with psycopg.connect(migrator, autocommit=True) as connection:
        connection.execute("ANALYZE")
    counts["rows"] = sum(loaded.values())
    return counts


def store(key: str, stream: BinaryIO) -> bool:
    """Store a file under the name that its row knows; return whether it was not there.

    What a bucket that outlived the machine still has stays. Raises DomainError target_not_empty.
    """
    from django.core.files import File
    from django.core.files.storage import default_storage

    if default_storage.exists(key):
        return False
    if default_storage.save(key, File(stream, name=key)) != key:
        raise target_not_empty()
    return True


def _remove_unnamed(connection: psycopg.Connection, stored: set[str]) -> None:
    """Remove the files that the backup still had and the archive has not: what was taken out stays out."""
    from django.core.files.storage import default_storage

    for key in stored - set(tables.storage_keys(connection)):
        default_storage.delete(key)


def _row_member(
    loader: tables.Loader, tar: tarfile.TarFile, name: str, member: tarfile.TarInfo, loaded: dict[str, int]
) -> None:
    table = name.split("/")[1]
    stream = container.content(tar, member)
    if name.endswith("columns.json"):
        columns = tuple(json_of(stream.read())["columns"])
        known = loader.tables.get(table)
        if known is None or set(known.columns) != set(columns):
            raise DomainError(
                "schema_differs", N_("备份中的表 {table} 与数据库结构不符"), status=422, params={"table": table}
            )
        loader.tables[table] = tables.Table(table, columns)
        loaded[table] = 0
        return
    loaded[table] += loader.load(loader.tables[table], _pieces(stream))


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    while piece := stream.read(_PIECE):
        yield piece


def _leave_recovering(connection: psycopg.Connection, at: str) -> None:
    done = connection.execute("UPDATE core_node SET restored_from = %s", [at])
    if done.rowcount != 1:
        raise container.broken()


def target_not_empty() -> DomainError:
    """Return the error for a place that already holds a node."""
    return DomainError(
        "target_not_empty", N_("目标数据目录或数据库不是空的：没有改动，请用 --data-dir 指定新的空目录"), status=409
    )


def missing_migrations(found: Sound, known: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what this program has and the backup had not; raises DomainError backup_newer for the other way round."""
    had = {(app, name) for app, name in found.about["migrations"]}
    if had - known:
        raise container.newer()
    return sorted(known - had)


def last_of_each(graph: Any, had: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the migrations, one of each app, that lead to just those that the backup had."""
    nodes = graph.graph.node_map
    return sorted(
        key
        for key in had
        if key in nodes and not any(child.key[0] == key[0] and child.key in had for child in nodes[key].children)
    )


def try_keys() -> None:
    """Open every data key of the restored node; raises DomainError key_missing, key_mismatch."""
    from dengji.core import encryption
    from dengji.core.models import DataKey

    for row in DataKey.objects.all():
        encryption.open_key(row.pk)

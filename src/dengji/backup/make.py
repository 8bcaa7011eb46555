"""Making a backup while the node serves: keys, settings, every row of one moment, every stored file."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection

from dengji.core.canonical import canonical, timestamp
from dengji.core.clock import real_now
from dengji.core.node import identity, is_recovering, recovering
from dengji.ledger import keyring, own_copy
from dengji.ledger.pure.merkle import Frontier
from dengji.ledger.pure.notes import NoteSigner

from . import container, recipient, tables
from .container import ABOUT, CONFIG, DATABASE, END, FILES, KEYS, Progress, quiet

MASTER_KEY = "master.key"
ENVIRONMENT = "environment"
#: Where a database lies and who may enter it belongs to the machine, not to the node.
_NOT_KEPT = ("DENGJI_DATABASE_", "DENGJI_DATA_DIR", "DENGJI_PG_BINDIR", "DENGJI_TEST_")
_STATE = "SELECT size, frontier FROM ledger_tree"


@dataclass(frozen=True)
class Made:
    """What a backup holds: its manifest, and the stored files that were not there to be copied."""

    path: Path
    manifest: dict[str, Any]
    rows: int
    files: int
    missing: list[str]


def make(path: Path, *, archive: dict[str, Any] | None = None, progress: Progress = quiet) -> Made:
    """Write a backup of this node to one file, encrypted to its recovery recipients, while it serves.

    `archive` is the point from which the archive goes on where this backup ends (`archive.point`). Everything in it is
    of one moment. Needs no right but the app role's. Raises DomainError recipient_missing, node_recovering,
    backup_damaged, and what the log's keys raise; OSError; then a file of that name is as it was.
    """
    if is_recovering():
        raise recovering()
    source = Source(progress, archive)
    manifest = container.write(
        path.absolute(),
        source.write,
        recipients=recipient.parsed(keyring.directory()),
        signers=_signers,
        progress=progress,
    )
    return Made(path, manifest, sum(source.rows.values()), source.files, source.missing)


def _signers() -> list[NoteSigner]:
    found = keyring.signers()
    connection.close()  # writing took its time; nothing keeps a connection idle meanwhile
    return found


class Source:
    """Writes the plain payload."""

    def __init__(self, progress: Progress, archive: dict[str, Any] | None = None) -> None:
        self.progress = progress
        self.archive = archive
        self.rows: dict[str, int] = {}
        self.files = 0
        self.missing: list[str] = []

    def write(self, stream: BinaryIO) -> dict[str, Any]:
        """Write everything as a tar; return the facts for the manifest."""
        with tarfile.open(fileobj=stream, mode="w|", format=tarfile.GNU_FORMAT) as self.tar, _snapshot() as database:
            made_at = timestamp(real_now())
            about = self._about(database, made_at)
            self._add(ABOUT, canonical(about))
            self._keys()
            self._database(database)
            self._files(tables.storage_keys(database))
            end = {"rows": self.rows, "sequences": tables.sequences(database), "files": self.files}
            self._add(END, canonical({**end, "missing": self.missing}))
        facts = ("origin", "demonstration", "gm", "made_at", "version", "log", "archive")
        return {name: about[name] for name in facts if name in about}

    def _add(self, name: str, data: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), 0o600
        self.tar.addfile(info, io.BytesIO(data))

    def _about(self, database: psycopg.Connection, made_at: str) -> dict[str, Any]:
        origin, demonstration = identity()
        row = database.execute(_STATE).fetchone()
        tree = Frontier.decode(bytes(row[1])) if row else Frontier()
        return {
            **({"archive": self.archive} if self.archive else {}),
            "snapshot": tables.seen(database),
            "origin": origin,
            "demonstration": demonstration,
            "gm": bool(settings.DENGJI_GM),
            "made_at": made_at,
            "version": version("dengji"),
            "migrations": [list(one) for one in tables.migrations(database)],
            "log": {"size": tree.size, "root": f"sha256:{tree.root().hex()}"},
            "vkeys": [str(key) for key in keyring.history()],
        }

    def _keys(self) -> None:
        for name, data in key_files().items():
            self._add(f"{KEYS}{name}", data)
        self._add(f"{CONFIG}{ENVIRONMENT}", _environment().encode())

    def _database(self, database: psycopg.Connection) -> None:
        every = tables.tables(database)
        for done, table in enumerate(every, 1):
            self.rows[table.name] = 0
            columns = {"columns": list(table.columns)}
            self._add(f"{DATABASE}{table.name}/columns.json", canonical(columns))
            for number, (rows, packed) in enumerate(tables.chunks(database, table)):
                self._add(f"{DATABASE}{table.name}/{number:06d}.gz", packed)
                self.rows[table.name] += rows
            self.progress("tables", done, len(every))

    def _files(self, keys: list[str]) -> None:
        for done, key in enumerate(keys, 1):
            try:
                # Sealed already, and no larger than an upload may be.
                with default_storage.open(key, "rb") as file:
                    self._add(f"{FILES}{key}", file.read())
                self.files += 1
            except FileNotFoundError:
                self.missing.append(key)
            self.progress("files", done, len(keys))


def key_files() -> dict[str, bytes]:
    """Return the node's keys by file name, but never the recovery code; raises OSError."""
    directory = keyring.directory()
    found = {one.name: one for one in sorted(directory.iterdir()) if one.is_file() and one.name[0] != "."}
    for name in (recipient.CODE_FILE, own_copy.FILE):
        found.pop(name, None)
    master = Path(settings.DENGJI_KEY_FILE)
    if master.is_file():
        found[MASTER_KEY] = master
    return {name: path.read_bytes() for name, path in sorted(found.items())}


@contextlib.contextmanager
def _snapshot() -> Iterator[psycopg.Connection]:
    """A connection of its own, which shows one moment until the end."""
    database = connection.get_new_connection(connection.get_connection_params())
    try:
        with contextlib.closing(database):
            tables.snapshot(database)
            yield database
    finally:
        connection.close_if_unusable_or_obsolete()


def _environment() -> str:
    """The node's settings as they were given to it, one a line; they may hold secrets, and lie encrypted."""
    kept = sorted(
        (name, value)
        for name, value in os.environ.items()
        if name.startswith("DENGJI_") and not name.startswith(_NOT_KEPT)
    )
    return "".join(f"{name}={value}\n" for name, value in kept if "\n" not in value)

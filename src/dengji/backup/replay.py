"""Going on from a nightly backup with the archive: the segments after it, checked first, then applied to a moment."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import sql

from dengji.core.errors import N_, DomainError
from dengji.ledger.pure.errors import LedgerError
from dengji.ledger.pure.notes import VerifierKey

from . import container, restoring, tables
from .changes import UNTOLD, Change, Decoder, MalformedError, Snapshot, Transaction
from .container import ABOUT, END, FILES, KEYS, Progress, quiet
from .places import BACKUP_SUFFIX, CHANGES, SEGMENT_KIND, SEGMENT_SUFFIX, segment_name

_BATCH = 2000
_LENGTH = 4
_MOST_LENGTH = 1 << 30


@dataclass
class Tail:
    """The segments that follow a backup, each read to its end and found sound, up to the wanted moment."""

    paths: list[Path]
    found: restoring.Sound
    #: Transactions committed later are left out; None goes to the end.
    to: datetime | None
    sequences: dict[str, int] = field(default_factory=dict)
    #: The last moment that the archive holds.
    until: datetime | None = None
    changes: int = 0


def base(directory: Path, to: datetime | None) -> Path:
    """Return the newest nightly backup that can be read and is not later than `to`.

    Raises DomainError backup_none.
    """
    for path in sorted(directory.glob(f"*{BACKUP_SUFFIX}"), reverse=True):
        try:
            made_at = datetime.fromisoformat(str(container.read_manifest(path).facts["made_at"]))
        except DomainError:
            continue
        if to is None or made_at <= to:
            return path
    raise DomainError(
        "backup_none", N_("{path} 中没有可用的备份，或都晚于所要的时刻"), status=404, params={"path": directory}
    )


def tail(found: restoring.Sound, directory: Path, *, to: datetime | None = None, progress: Progress = quiet) -> Tail:
    """Read the segments after a backup to their end, up to the moment `to`, and return them for `restoring.load`.

    Raises DomainError archive_none for a backup that no archive goes on from, archive_gap and archive_damaged, which
    name the file; OSError.
    """
    point = found.about.get("archive")
    if point is None:
        raise DomainError("archive_none", N_("此备份之后没有连续存档：只能恢复到备份的时刻"), status=404)
    result = Tail([], found, to)
    keys, previous = list(found.signed_by), None
    keys += [key for key in map(VerifierKey.parse, found.about["vkeys"]) if key not in keys]
    for path in _paths(directory, point, to):
        manifest = _sound(path, keys, point["chain"], previous, gm=bool(found.manifest.facts.get("gm")))
        previous = manifest.facts["payload"]["sha256"]
        try:
            told = _read(path, manifest, result)
        except (DomainError, MalformedError, zlib.error, ValueError, KeyError) as error:
            raise _damaged(path) from error
        keys += [key for key in told if key not in keys]
        result.paths.append(path)
        result.until = datetime.fromisoformat(str(manifest.facts["made_at"]))
        progress("tail", len(result.paths), 0)
    return result


def _paths(directory: Path, point: dict[str, Any], to: datetime | None) -> Iterator[Path]:
    """The segments after a point, in order, up to the first that reaches `to`; a number left out is a gap."""
    there = sorted(path for path in directory.glob(f"{point['chain']}-*{SEGMENT_SUFFIX}"))
    last = max((int(path.name.removesuffix(SEGMENT_SUFFIX).rpartition("-")[2]) for path in there), default=0)
    until: Any = None
    for number in range(point["number"] + 1, last + 1):
        path = directory / segment_name(point["chain"], number)
        if not path.exists():
            raise _gap(path, until)
        yield path
        until = container.read_manifest(path).facts["made_at"]
        if to is not None and datetime.fromisoformat(str(until)) > to:
            return
    if to is not None and until is None and _later(directory.parent, to, point):
        raise _gap(directory / segment_name(point["chain"], point["number"] + 1), until)


def _later(directory: Path, to: datetime, point: dict[str, Any]) -> bool:
    """Whether a nightly backup after `to` shows that there were segments, which it took the place of."""
    for path in directory.glob(f"*{BACKUP_SUFFIX}"):
        try:
            facts = container.read_manifest(path).facts
        except DomainError:
            continue
        if datetime.fromisoformat(str(facts["made_at"])) > to and facts.get("archive") != point:
            return True
    return False


def _gap(path: Path, until: Any) -> DomainError:
    return DomainError(
        "archive_gap",
        N_("缺少存档片段 {name}：没有恢复任何内容；可用 --to 恢复到此前的时刻（{until}），或只恢复备份文件"),
        status=422,
        params={"name": path.name, "until": until or "–"},
    )


def _damaged(path: Path) -> DomainError:
    return DomainError(
        "archive_damaged",
        N_("存档片段 {name} 残缺、被改动过或不属于此备份：没有恢复任何内容；可用 --to 恢复到此前的时刻"),
        status=422,
        params={"name": path.name},
    )


def _sound(path: Path, keys: list[VerifierKey], chain: str, previous: str | None, *, gm: bool) -> container.Manifest:
    try:
        manifest = container.read_manifest(path)
        container.require_whole(path, manifest)
        manifest.verify(keys, gm=gm)
    except (DomainError, LedgerError) as error:
        raise _damaged(path) from error
    facts = manifest.facts
    same = facts.get("kind") == SEGMENT_KIND and path.name == segment_name(
        str(facts.get("chain")), int(facts.get("number", -1))
    )
    if not same or facts["chain"] != chain or (previous is not None and facts["previous"] != previous):
        raise _damaged(path)
    return manifest


def _read(path: Path, manifest: container.Manifest, result: Tail) -> list[VerifierKey]:
    """Read one segment to its end; return the verifier keys that it tells of."""
    told: list[VerifierKey] = []
    changes, files, end = 0, 0, None
    decoder = Decoder()
    with container.opened(path, manifest, result.found.code) as tar:
        for member in tar:
            name = restoring.name_of(member)
            stream = container.content(tar, member)
            if name == ABOUT:
                told = [VerifierKey.parse(text) for text in restoring.json_of(stream.read())["vkeys"]]
            elif name.startswith(KEYS):
                # The newest wins: a key that was changed since the backup signs what comes after it.
                result.found.keys[name.removeprefix(KEYS)] = stream.read()
            elif name.startswith(CHANGES):
                changes += sum(len(decoder.changes(one)) for one in _messages(stream.read()))
            elif name.startswith(FILES):
                files += 1
            elif name == END:
                end = restoring.json_of(stream.read())
    if end is None or (end["changes"], end["files"]) != (changes, files):
        raise _damaged(path)
    result.changes += changes
    for sequence, value in end["sequences"].items():
        result.sequences[sequence] = max(value, result.sequences.get(sequence, 0))
    return told


def _messages(packed: bytes) -> Iterator[bytes]:
    data = zlib.decompress(packed)
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + _LENGTH], "big")
        if size > _MOST_LENGTH or at + _LENGTH + size > len(data):
            raise MalformedError("length")
        yield data[at + _LENGTH : at + _LENGTH + size]
        at += _LENGTH + size


# Applying


@dataclass
class Applied:
    """What was done: how many transactions and changes, the moment of the last transaction, files."""

    transactions: int = 0
    changes: int = 0
    files: int = 0
    at: datetime | None = None


def apply(found: Tail, loader: tables.Loader, progress: Progress = quiet) -> Applied:
    """Apply every transaction that the backup did not see, in the order of commits, each once, up to the moment.

    Inside the caller's transaction, while triggers rest. Raises DomainError archive_inapplicable where a change finds
    no row; psycopg.Error.
    """
    seen = Snapshot.parse(str(found.found.about["snapshot"]))
    done, writer, last = Applied(), _Writer(loader), -1
    for path in found.paths:
        manifest = container.read_manifest(path)
        decoder = Decoder()
        with container.opened(path, manifest, found.found.code) as tar:
            for member in tar:
                name = restoring.name_of(member)
                if name.startswith(FILES):
                    restoring.store(name.removeprefix(FILES), container.content(tar, member))
                    done.files += 1
                    continue
                if not name.startswith(CHANGES):
                    continue
                for message in _messages(container.content(tar, member).read()):
                    for transaction, change in decoder.read_one(message):
                        if transaction.lsn <= last or seen.sees(transaction.xid) or _after(transaction, found.to):
                            continue
                        if change is not None:
                            writer.add(change)
                            done.changes += 1
                            continue
                        done.transactions, done.at, last = done.transactions + 1, transaction.at, transaction.lsn
                progress("rows", done.changes, found.changes)
    writer.flush()
    return done


def _after(transaction: Transaction, to: datetime | None) -> bool:
    return to is not None and transaction.at > to


class _Writer:
    """Writes changes in their order, those of one form together."""

    def __init__(self, loader: tables.Loader) -> None:
        self.loader = loader
        self._form: tuple[Any, ...] | None = None
        self._rows: list[list[Any]] = []

    def add(self, change: Change) -> None:
        """Take a change; raises DomainError schema_differs for a table that the restored node does not have."""
        name = change.relation.name
        if name == tables.MIGRATIONS:
            return
        known = self.loader.tables.get(name)
        if known is None or set(known.columns) != set(change.relation.columns):
            raise DomainError(
                "schema_differs", N_("备份中的表 {table} 与数据库结构不符"), status=422, params={"table": name}
            )
        told = tuple(column for column, value in change.new.items() if value is not UNTOLD)
        key = tuple(sorted(change.relation.key))
        if change.kind == "U" and not change.old:
            # The key is as it was, and one that the server always gives itself may not even be set to that.
            told = tuple(column for column in told if column not in change.relation.key) or told
        form = (change.kind, name, told, key)
        if form != self._form or len(self._rows) >= _BATCH:
            self.flush()
            self._form = form
        row = [change.new[column] for column in told]
        if change.kind in "UD":
            row += [change.old.get(column, change.new.get(column)) for column in key]
        self._rows.append(row)

    def flush(self) -> None:
        """Write what waits; raises DomainError archive_inapplicable."""
        if self._form is None or not self._rows:
            return
        kind, name, told, key = self._form
        statement = _statement(kind, name, told, key)
        rows, self._rows = self._rows, []
        with self.loader.connection.cursor() as cursor:
            if kind == "T":
                cursor.execute(statement)
                return
            cursor.executemany(statement, rows)
            if cursor.rowcount != len(rows):
                raise DomainError(
                    "archive_inapplicable",
                    N_("存档与备份不相接：表 {table} 中缺少应改动的数据行"),
                    status=422,
                    params={"table": name},
                )


def _statement(kind: str, name: str, told: tuple[str, ...], key: tuple[str, ...]) -> sql.Composed:
    table = sql.Identifier(name)
    if kind == "T":
        return sql.SQL("TRUNCATE {}").format(table)
    if kind == "I":
        columns = sql.SQL(", ").join(map(sql.Identifier, told))
        values = sql.SQL(", ").join([sql.Placeholder()] * len(told))
        return sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})").format(table, columns, values)
    match = sql.SQL(" AND ").join(sql.SQL("{} = {}").format(sql.Identifier(one), sql.Placeholder()) for one in key)
    if kind == "D":
        return sql.SQL("DELETE FROM {} WHERE {}").format(table, match)
    changed = sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(one), sql.Placeholder()) for one in told)
    return sql.SQL("UPDATE {} SET {} WHERE {}").format(table, changed, match)

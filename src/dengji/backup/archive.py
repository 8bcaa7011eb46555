"""The archive: what was committed since the last nightly backup, kept outside within a minute, encrypted.

A segment is a file like a backup (`container`), with the rows that the server decoded from its write-ahead log since
the segment before, the stored files they name, and the keys. Segments of one chain are numbered; each names the digest
of the one before. A chain ends where the server's slot is lost or the schema changes, and the next nightly backup,
which is then due at once, begins another (docs/adr/0013).
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

import orjson
import psycopg
from django.conf import settings
from django.db import connection

from dengji.core.canonical import timestamp
from dengji.core.clock import real_now
from dengji.core.node import is_recovering
from dengji.database import Cluster, DatabaseError
from dengji.database.archiving import PUBLICATION
from dengji.database.lock import FileLock
from dengji.ledger import keyring

from . import container, places, recipient
from .changes import lsn
from .places import SEGMENT_SUFFIX, archive_seconds, archive_wanted, segment_name
from .segment import Segment, State

logger = logging.getLogger(__name__)

_STATE = "chain.json"
#: A minute's archive that is missing for so long is worth telling.
_BEHIND = timedelta(minutes=5)
#: Changes of one segment, after whose transaction the next one begins.
_MOST = 200_000
_FETCH = 1000
_DRAIN_SECONDS = 60.0
_FLUSH_SECONDS = 2.0
_STATEMENT_TIMEOUT = "10min"

_SLOT = """
SELECT confirmed_flush_lsn::text, wal_status, pg_current_wal_insert_lsn()::text
FROM pg_replication_slots WHERE slot_name = %s AND database = current_database()
"""
_CREATE = "SELECT lsn::text FROM pg_create_logical_replication_slot(%s, 'pgoutput')"
_DROP = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s"
_PEEK = """
SELECT data FROM pg_logical_slot_peek_binary_changes(
    %s, %s::pg_lsn, %s, 'proto_version', '1', 'publication_names', %s)
"""
_ADVANCE = "SELECT pg_replication_slot_advance(%s, %s::pg_lsn)"


def address() -> str | None:
    """Return the archiver's way into the embedded database; None for a server of the operator's own."""
    wants = connection.settings_dict
    try:
        info = Cluster(Path(settings.DENGJI_DATA_DIR)).attach()
    except DatabaseError:
        return None
    if str(info.socket_dir) != str(wants["HOST"]) or "archiver" not in info.passwords:
        return None
    return info.dsn("archiver", str(wants["NAME"]))


def state() -> State | None:
    """Return how far the archive has come, None before its first look."""
    try:
        return State(**orjson.loads((places.archive() / _STATE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def behind() -> datetime | None:
    """Return since when nothing has been archived where that is too long, else None."""
    known = state()
    if known is None or not archive_wanted():
        return None
    last = datetime.fromisoformat(known.at)
    return last if real_now() - last > max(_BEHIND, timedelta(seconds=5 * archive_seconds())) else None


def keep(stop: threading.Event) -> None:
    """Archive every minute and once more when told to stop; let a backup begin where the archive needs one.

    A fault is told and tried again: no act waits for the archive.
    """
    from . import tasks

    ended = False
    while not ended:
        ended = stop.wait(archive_seconds())
        try:
            step()
            if not ended:
                tasks.start_due()
        except Exception as error:
            logger.warning("archive: %s, trying again", getattr(error, "code", type(error).__name__))
        finally:
            connection.close()


def step(*, settled: bool = False) -> State | None:
    """Keep what was committed since the last step; return how far the archive is, None where there is none.

    With `settled` everything committed before the call is in it. Raises DomainError recipient_missing; OSError;
    psycopg.Error. After any failure the next step does the same work again.
    """
    where = address()
    if where is None or is_recovering():
        return None
    if not archive_wanted():
        _let_go(where)
        return None
    place = places.archive()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FileLock(place / "lock")
    if not lock.take(wait=_DRAIN_SECONDS):
        return state()
    try:
        with _server(where) as server:
            now = _current(server) or _begin(server)
            target = _flushed(server, wait=settled)
            more = True
            while more:
                now, more = _segment(server, now, target)
            return now
    finally:
        lock.release()


@contextlib.contextmanager
def _server(where: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(where, autocommit=True, application_name="dengji-archive") as server:
        server.execute(f"SET statement_timeout = '{_STATEMENT_TIMEOUT}'")
        yield server


def _row(server: psycopg.Connection, query: LiteralString, values: list[Any] | None = None) -> tuple[Any, ...]:
    (row,) = server.execute(query, values).fetchall()
    return row


def _slot() -> str:
    """The slot of this database: several may share one server."""
    name = str(connection.settings_dict["NAME"])
    return f"dengji_archive_{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def _let_go(where: str) -> None:
    """Without an archive nothing is to make the server keep its log."""
    with _server(where) as server:
        server.execute(_DROP, [_slot()])


def _begin(server: psycopg.Connection) -> State:
    server.execute(_DROP, [_slot()])
    place = _row(server, _CREATE, [_slot()])[0]
    made = State(secrets.token_hex(8), 0, place, timestamp(real_now()), "", _migrations())
    _write_state(made)
    return made


def _current(server: psycopg.Connection) -> State | None:
    """How far we are, where the chain can go on: the server kept its log, it is the same one, the same schema."""
    known = state()
    row = server.execute(_SLOT, [_slot()]).fetchone()
    if known is None or row is None or row[1] == "lost" or known.migrations != _migrations():
        return None
    if not lsn(row[0]) <= lsn(known.to) <= lsn(row[2]):
        return None
    # A segment that became whole just before a crash: what is written must not be written over.
    path = places.archive() / segment_name(known.chain, known.number + 1)
    if not path.exists():
        return known
    manifest = container.read_manifest(path)
    container.require_whole(path, manifest)
    known = _after(known, manifest.facts)
    _write_state(known)
    return known


def _after(known: State, facts: dict[str, Any]) -> State:
    digest = str(facts["payload"]["sha256"])
    return replace(known, number=int(facts["number"]), to=str(facts["to"]), at=str(facts["made_at"]), digest=digest)


def _migrations() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT app || '.' || name FROM django_migrations ORDER BY 1")
        return hashlib.sha256("\n".join(name for (name,) in cursor.fetchall()).encode()).hexdigest()


def _write_state(value: State) -> None:
    path = places.archive() / _STATE
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps(asdict(value)))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _flushed(server: psycopg.Connection, *, wait: bool) -> str:
    """A place in the server's log that is on its disk; with `wait`, one behind all that was written until now."""
    query = "SELECT pg_current_wal_flush_lsn()::text, pg_current_wal_insert_lsn()::text"
    row = _row(server, query)
    wants, deadline = lsn(row[1]), time.monotonic() + _FLUSH_SECONDS
    while wait and lsn(row[0]) < wants and time.monotonic() < deadline:
        time.sleep(0.02)
        row = _row(server, query)
    return str(row[0])


# One segment


def _segment(server: psycopg.Connection, known: State, target: str) -> tuple[State, bool]:
    """Write what was committed up to `target`, if anything; return how far we are and whether there is more."""
    with server.transaction(), server.cursor("peek") as cursor:
        cursor.itersize = _FETCH
        cursor.execute(_PEEK, [_slot(), target, _MOST, PUBLICATION], binary=True)
        first = cursor.fetchone()
        if first is not None:
            rows = (bytes(row[0]) for row in _and(first, cursor))
            segment = Segment(known, rows)
            manifest = container.write(
                places.archive() / segment_name(known.chain, known.number + 1),
                segment.write,
                recipients=recipient.parsed(keyring.directory()),
                signers=keyring.signers,
            )
    if first is None:
        done = replace(known, to=target if lsn(target) > lsn(known.to) else known.to, at=timestamp(real_now()))
        more = False
    else:
        done, more = _after(known, manifest), segment.seen >= _MOST
    _write_state(done)
    server.execute(_ADVANCE, [_slot(), done.to])
    return done, more


def _and(first: Any, rest: Iterable[Any]) -> Iterator[Any]:
    yield first
    yield from rest


# Together with the nightly backup


def point() -> dict[str, Any] | None:
    """Bring the archive up to now; return what a backup that begins after this says of it: chain and number.

    Every transaction of the segments up to that number is in the backup, so they may go once it is whole. Where one
    that was open all the while keeps that from being so, the number is that of the backup before, and none go.
    """
    now = step(settled=True)
    if now is None:
        return None
    return {"chain": now.chain, "number": now.number if _drained() else now.base}


def _drained() -> bool:
    """Wait until every transaction that is open has ended: one whose commit is in the log may not be visible yet."""
    deadline = time.monotonic() + _DRAIN_SECONDS
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
        (last,) = cursor.fetchone()
        while time.monotonic() < deadline:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot()) >= %s::xid8", [last])
            if cursor.fetchone()[0]:
                return True
            time.sleep(0.05)
    return False


def prune(since: dict[str, Any]) -> None:
    """Remove the segments that a whole backup with this point holds, and those of chains that ended before it."""
    place = places.archive()
    lock = FileLock(place / "lock")
    if not lock.take(wait=_DRAIN_SECONDS):
        return
    try:
        last = segment_name(since["chain"], since["number"])
        for path in place.glob(f"*{SEGMENT_SUFFIX}"):
            if not path.name.startswith(since["chain"]) or path.name <= last:
                path.unlink(missing_ok=True)
        known = state()
        if known is not None and known.chain == since["chain"]:
            _write_state(replace(known, base=since["number"]))
    finally:
        lock.release()


def renewal_due(newest: dict[str, Any] | None) -> bool:
    """Return whether a backup is wanted now: the chain has none, or a text was suppressed since the newest one.

    `newest` is the manifest of the newest nightly backup. After a suppression the backup makes the segments that still
    hold the text go (design §5).
    """
    from dengji.ledger.models import Leaf

    known = state()
    if known is not None and archive_wanted() and ((newest or {}).get("archive") or {}).get("chain") != known.chain:
        return True
    if newest is None:
        return False
    size = int(newest["log"]["size"])
    return bool(Leaf.objects.filter(index__gte=size, entry__act="suppress_content").exists())

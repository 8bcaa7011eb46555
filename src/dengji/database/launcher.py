"""The embedded PostgreSQL of a node: one `Cluster` per data directory, kept by one process, used by many."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg

from dengji.database import archiving, paths, roles, server_user
from dengji.database import binaries as programs
from dengji.database.errors import DatabaseError, from_os_error
from dengji.database.initialise import OWNER, initialise, sweep
from dengji.database.lock import FileLock, require
from dengji.database.server import Server, clear_traces, disk_is_full, find

_USERS = {"owner": OWNER, **roles.ROLES}
#: A cluster of before there was an archive gets this one's password at its next start.
_ADDED = {"archiver": archiving.ARCHIVER}

# Fixed on the command line, above postgresql.conf and ALTER SYSTEM: reachable only through the socket, durable, and no
# values of statements in the log (personal data must never be there).
_FIXED = (
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "password_encryption=scram-sha-256",
    "logging_collector=off",
    "log_destination=stderr",
    "log_statement=none",
    "log_min_messages=log",
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
    "log_min_duration_statement=-1",
    "log_parameter_max_length=0",
    "log_parameter_max_length_on_error=0",
    "log_autovacuum_min_duration=-1",
    "log_checkpoints=off",
    "log_lock_waits=off",
    "log_line_prefix=%m [%p] ",
)
_DURABLE = ("fsync=on", "full_page_writes=on", "synchronous_commit=on")
_TEST = (
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "autovacuum_naptime=10min",
    "shared_buffers=64MB",
    "max_connections=100",
)


# Children that others still use: kept, so that they are not reported as forgotten.
_left_running: list[Server] = []


@dataclass(frozen=True)
class ConnectionInfo:
    """How to reach a running cluster."""

    socket_dir: Path
    passwords: dict[str, str] = field(repr=False)
    adopted: bool = False

    def dsn(self, role: str = "app", database: str = roles.DATABASE) -> str:
        """A libpq URL for a role: owner (superuser), migrator, app, auditor or archiver."""
        user, password = (_USERS | _ADDED)[role], quote(self.passwords[role], safe="")
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql://{user}:{password}@/{quote(database, safe='')}?host={host}&port={paths.PORT}"


class Cluster:
    """The database of one data directory.

    `start` makes it if needed, takes the directory's lock, and starts the server or adopts one that outlived its
    keeper; `attach` only connects to one that runs. `test=True` gives up durability for speed. A context manager.
    """

    def __init__(self, data_dir: Path | None = None, *, test: bool = False, bindir: Path | None = None) -> None:
        self.root = paths.data_dir(data_dir)
        self.layout = paths.Layout(self.root)
        self.test = test
        self.bindir = bindir
        self._lock = FileLock(self.layout.lock)
        self._server: Server | None = None
        self._info: ConnectionInfo | None = None

    def start(self, *, timeout: float = 60, lock_wait: float = 0) -> ConnectionInfo:
        """Start the server (or adopt a running one) and bring roles and database to the wanted state.

        `timeout` seconds to become ready, `lock_wait` seconds for another keeper to leave. Raises DatabaseError with
        any code of `errors.MESSAGES`; then nothing runs that did not run before, and existing data is as it was.
        """
        info = self._start(timeout, lock_wait)
        # From now on it is ours to stop, no longer the last session's.
        self.layout.temporary.unlink(missing_ok=True)
        return info

    def start_for_session(self, *, timeout: float = 60) -> ConnectionInfo:
        """Like `start`, for a command that needs the server only while it runs (see `session`)."""
        info = self._start(timeout, 0)
        if not info.adopted:
            self.layout.temporary.touch(mode=0o600)
        return info

    def _start(self, timeout: float, lock_wait: float) -> ConnectionInfo:
        paths.prepare_root(self.root)
        require(self._lock, self.root, lock_wait)
        try:
            self._info = self._adopt() or self._launch(timeout)
        except BaseException as error:
            self._abandon()
            if isinstance(error, OSError):
                raise from_os_error(error, self.root) from error
            raise
        return self._info

    def attach(self) -> ConnectionInfo:
        """Reach the server that another process keeps. Raises DatabaseError not_running, passwords_missing."""
        running = find(self.layout.cluster)
        if running is None or running.socket_dir is None or running.status != "ready":
            raise DatabaseError("not_running", path=self.root)
        self._info = ConnectionInfo(running.socket_dir, self._passwords(), adopted=True)
        return self._info

    def dsn(self, role: str = "app", database: str = roles.DATABASE) -> str:
        """A libpq URL for owner, migrator, app or auditor. Before `start` or `attach`: DatabaseError not_running."""
        if self._info is None:
            raise DatabaseError("not_running", path=self.root)
        return self._info.dsn(role, database)

    def is_running(self) -> bool:
        """Whether a server runs for this data directory, whoever keeps it."""
        return find(self.layout.cluster) is not None

    def stop(self, *, adopted: bool = False, timeout: float = 60, lock_wait: float = 0) -> None:
        """Stop the server if we started it; with `adopted`, also one found running that no other process keeps.

        Frees the directory in any case. Raises DatabaseError stop_timeout.
        """
        try:
            server = self._server
            if adopted and server is None and self.is_running() and self._lock.take(wait=lock_wait):
                server = self._found()
            if server and (adopted or server.process):
                server.stop(timeout)
                self.layout.temporary.unlink(missing_ok=True)
                self._server = None
                if server.socket_dir and server.socket_dir != self.layout.run:
                    # A directory of ours in a common place; another file in it would be somebody else's.
                    with contextlib.suppress(OSError):
                        server.socket_dir.rmdir()
        finally:
            self.leave()

    def leave(self) -> None:
        """Free the directory and leave the server running."""
        if self._server and self._server.process:
            _left_running.append(self._server)
        self._server = self._info = None
        self._lock.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _abandon(self) -> None:
        try:
            if self._server and self._server.process:
                self._server.stop(10)
        finally:
            self._server = None
            self._lock.release()

    def _found(self) -> Server | None:
        running = find(self.layout.cluster)
        return Server(self.layout.cluster, self.layout.log, running.pid, running.socket_dir) if running else None

    def _adopt(self) -> ConnectionInfo | None:
        running = find(self.layout.cluster)
        if running is None or running.socket_dir is None:
            return None
        info = ConnectionInfo(running.socket_dir, self._passwords(), adopted=True)
        _await_answer(info, 30)
        self._server = self._found()
        return info

    def _launch(self, timeout: float) -> ConnectionInfo:
        cluster = self.layout.cluster
        sweep(self.root)
        chosen = programs.for_cluster(cluster, self.bindir)
        postgres = chosen.program("postgres")
        user = server_user.choose(postgres, self.root, cluster)
        directory = paths.socket_dir(self.root, user.owner)
        if (cluster / "PG_VERSION").exists():
            passwords = self._complete_passwords()
        else:
            passwords = self._complete_passwords() if self.layout.passwords.exists() else self._new_passwords({})
            initialise(chosen, user, cluster, passwords["owner"], test=self.test)
        _refuse_trust(cluster / "pg_hba.conf")
        clear_traces(cluster, directory, timeout)
        settings = (*_FIXED, *archiving.SETTINGS, *(_TEST if self.test else _DURABLE))
        self._server = Server.launch(postgres, user, cluster, directory, self.layout.log, settings, timeout)
        info = ConnectionInfo(directory, passwords)
        try:
            roles.ensure_roles(info.dsn("owner", "postgres"), roles.DATABASE, passwords)
            archiving.ensure(info.dsn("owner"), passwords["archiver"])
        except psycopg.errors.DiskFull as error:
            raise DatabaseError("disk_full", path=self.root) from error
        except psycopg.OperationalError as error:
            if disk_is_full(self.root):
                raise DatabaseError("disk_full", path=self.root) from error
            raise
        return info

    def _passwords(self) -> dict[str, str]:
        path = self.layout.passwords
        try:
            known = json.loads(path.read_text())
        except FileNotFoundError:
            known = {}
        except OSError as error:
            raise from_os_error(error, path) from error
        except ValueError:
            known = {}
        if not isinstance(known, dict) or not all(isinstance(known.get(role), str) for role in _USERS):
            raise DatabaseError("passwords_missing", path=path)
        return known

    def _complete_passwords(self) -> dict[str, str]:
        known = self._passwords()
        return known if _ADDED.keys() <= known.keys() else self._new_passwords(known)

    def _new_passwords(self, known: dict[str, str]) -> dict[str, str]:
        """Written before the cluster exists, so that no cluster is ever without its passwords."""
        path = self.layout.passwords
        made = {role: secrets.token_urlsafe(32) for role in (*_USERS, *_ADDED)} | known
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        try:
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(fd, "w") as stream:
                json.dump(made, stream)
                stream.flush()
                os.fsync(stream.fileno())
            fresh.rename(path)
        finally:
            fresh.unlink(missing_ok=True)
        return made


def _refuse_trust(hba: Path) -> None:
    for line in hba.read_text().splitlines():
        if "trust" in line.partition("#")[0].split():
            raise DatabaseError("trust_refused", path=hba)


def _await_answer(info: ConnectionInfo, seconds: float) -> None:
    """A found server may still be recovering."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            psycopg.connect(info.dsn("owner", "postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.05)
        else:
            return

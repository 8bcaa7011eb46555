"""The database for the length of one command."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from dengji.database import paths
from dengji.database.errors import DatabaseError
from dengji.database.launcher import Cluster, ConnectionInfo
from dengji.database.lock import FileLock

# A leaving session frees the lock within milliseconds; a node that keeps the lock has removed the mark.
_HANDOVER = 5.0


@contextlib.contextmanager
def session(data_dir: Path | None = None, *, test: bool = False, timeout: float = 60) -> Iterator[ConnectionInfo]:
    """The running database, else one started for the purpose and stopped after.

    Sessions may overlap: the last one to leave stops a server that a session started. Raises what `Cluster.start`
    raises.
    """
    cluster = Cluster(data_dir, test=test)
    if not cluster.root.is_dir():
        paths.prepare_root(cluster.root)
    users = FileLock(cluster.layout.users)
    info = _join(cluster, users, timeout)
    try:
        yield info
    finally:
        _leave(cluster, users)


def _join(cluster: Cluster, users: FileLock, timeout: float) -> ConnectionInfo:
    deadline = time.monotonic() + timeout
    # Signed in before looking, so that a leaving session cannot stop the server under us.
    if not users.take(shared=True, wait=timeout):
        raise DatabaseError("already_running", path=cluster.root, pid=users.holder())
    try:
        while True:
            with contextlib.suppress(_NotYetError), _retrying("not_running", None):
                return cluster.attach()
            with contextlib.suppress(_NotYetError), _retrying("already_running", deadline):
                return cluster.start_for_session(timeout=timeout)
            time.sleep(0.05)  # another process is starting it
    except BaseException:
        users.release()
        raise


class _NotYetError(Exception):
    """Try again."""


@contextlib.contextmanager
def _retrying(code: str, deadline: float | None) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        if error.code != code or (deadline is not None and time.monotonic() >= deadline):
            raise
        raise _NotYetError from error


def _leave(cluster: Cluster, users: FileLock) -> None:
    users.release()
    alone = FileLock(users.path)
    try:
        if cluster.layout.temporary.exists() and alone.take():
            cluster.stop(adopted=True, lock_wait=_HANDOVER)
    finally:
        alone.release()
        cluster.leave()

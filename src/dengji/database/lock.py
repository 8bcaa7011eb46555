"""Advisory locks on files, so that one process at a time keeps a data directory."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

from dengji.database.errors import DatabaseError, from_os_error

_open_locks: set[FileLock] = set()


class FileLock:
    """A lock (flock) on one file, shared or exclusive; the kernel frees it when the process dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        return self._fd is not None

    def take(self, *, shared: bool = False, wait: float = 0.0) -> bool:
        """Take the lock, waiting at most `wait` seconds; False if another holds it. Raises DatabaseError unwritable."""
        if self._fd is not None:
            return True
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise from_os_error(error, self.path) from error
        deadline = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(fd)
                    return False
                time.sleep(0.02)
                continue
            break
        self._fd = fd
        _open_locks.add(self)
        if not shared:
            # Only for the message of the one who comes second; a full disk must not forbid a lock.
            with contextlib.suppress(OSError):
                os.ftruncate(fd, 0)
                os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        return True

    def holder(self) -> str:
        """The pid the last exclusive holder wrote, or '?'."""
        try:
            return self.path.read_text().strip() or "?"
        except OSError:
            return "?"

    def release(self) -> None:
        """Give the lock back; harmless if it is not held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
            _open_locks.discard(self)


def _forget_in_child() -> None:
    # A forked worker would otherwise keep the lock alive after its parent was killed.
    for lock in list(_open_locks):
        lock.release()


os.register_at_fork(after_in_child=_forget_in_child)


def require(lock: FileLock, root: Path, wait: float) -> None:
    """Take `lock` exclusively or raise DatabaseError already_running."""
    if not lock.take(wait=wait):
        raise DatabaseError("already_running", path=root, pid=lock.holder())

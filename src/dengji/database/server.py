"""One server process: finding it, starting it, waiting for it, stopping it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dengji.database.errors import DatabaseError, from_os_error
from dengji.database.paths import PORT, SOCKET_NAME
from dengji.database.server_user import ServerUser

_POLL = 0.01
_LOG_KEPT = 10 * 1024 * 1024
_FULL = ("No space left on device", "Disk quota exceeded", "Check free disk space", "wrote only")


@dataclass(frozen=True)
class PidFile:
    """What the server wrote into postmaster.pid."""

    pid: int
    socket_dir: Path | None
    status: str


def read_pid_file(cluster: Path) -> PidFile | None:
    """The content of postmaster.pid, or None if absent or not yet complete."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    lines += [""] * 8
    return PidFile(abs(pid), Path(lines[4].strip()) if lines[4].strip() else None, lines[7].strip())


def clean_environment() -> dict[str, str]:
    """Our environment without what would steer PostgreSQL (PG…, locale), so that its messages can be recognised."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_")) and k not in ("LANG", "LANGUAGE")}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def _signallable(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _works_in(pid: int | str, cluster: Path) -> bool | None:
    """Whether process `pid` works in the cluster, as every PostgreSQL process does; None if that cannot be known."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == cluster.resolve()
    except PermissionError:
        return None
    except OSError:
        return False


def _processes_in(cluster: Path) -> list[int]:
    if not sys.platform.startswith("linux"):
        return []
    return [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit() and _works_in(one.name, cluster)]


def _listens(directory: Path | None) -> bool:
    if directory is None:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(directory / SOCKET_NAME))
        except OSError:
            return False
    return True


def find(cluster: Path) -> PidFile | None:
    """The live server of this cluster, or None.

    A number in postmaster.pid proves nothing: after a kill or in a restarted container it may be a zombie's or a
    stranger's.
    """
    noted = read_pid_file(cluster)
    if noted is None or not _signallable(noted.pid):
        return None
    here = _works_in(noted.pid, cluster)
    if here is None:
        here = _listens(noted.socket_dir)
    return noted if here else None


def clear_traces(cluster: Path, socket_directory: Path, timeout: float) -> None:
    """Remove what a killed server left behind. Only under the directory's lock and when `find` found no server."""
    noted = read_pid_file(cluster)
    deadline = time.monotonic() + timeout
    while noted and _processes_in(cluster) and time.monotonic() < deadline:
        time.sleep(_POLL)  # sessions of a killed server end by themselves; until then its memory is in use
    if noted and _signallable(noted.pid) and _works_in(noted.pid, cluster) is False and not _processes_in(cluster):
        (cluster / "postmaster.pid").unlink(missing_ok=True)
    for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
        (socket_directory / name).unlink(missing_ok=True)


def tail(log: Path, start: int = 0, lines: int = 15) -> str:
    """The last lines of the log, from byte `start` on."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(start, log.stat().st_size - 8192))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def disk_is_full(directory: Path) -> bool:
    """Whether less than one megabyte is left for us in `directory`."""
    try:
        space = os.statvfs(directory)
    except OSError:
        return False
    return space.f_bavail * space.f_frsize < 1024 * 1024


def tells_of_full_disk(said: str, directory: Path) -> bool:
    """Whether PostgreSQL failed in `directory` for want of space; it may have found no room even to say so."""
    return any(mark in said for mark in _FULL) or (not said and disk_is_full(directory))


def _open_log(log: Path) -> int:
    try:
        if log.exists() and log.stat().st_size > _LOG_KEPT:
            log.replace(log.with_suffix(".log.1"))
        return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise from_os_error(error, log) from error


class Server:
    """A running server: started by us (`process` is our child) or found running."""

    def __init__(
        self,
        cluster: Path,
        log: Path,
        pid: int,
        socket_dir: Path | None = None,
        process: subprocess.Popen[bytes] | None = None,
    ) -> None:
        self.cluster = cluster
        self.log = log
        self.pid = pid
        self.socket_dir = socket_dir
        self.process = process

    @classmethod
    def launch(
        cls,
        postgres: Path,
        user: ServerUser,
        cluster: Path,
        socket_directory: Path,
        log: Path,
        settings: Iterable[str],
        timeout: float,
    ) -> Server:
        """Start the server and wait until it accepts connections, at most `timeout` seconds.

        Raises DatabaseError start_failed, start_timeout, disk_full; then no process is left.
        """
        argv: list[str | Path] = [postgres, "-D", cluster, "-p", str(PORT), "-k", socket_directory]
        for setting in settings:
            argv += ["-c", setting]
        stream = _open_log(log)
        begin = os.fstat(stream).st_size
        try:
            # A session of its own: Ctrl-C in the terminal reaches us, and we stop the server last.
            process = subprocess.Popen(
                user.command(argv),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
                cwd="/",
                env=clean_environment(),
                **user.becomes,
            )
        except OSError as error:
            raise from_os_error(error, postgres) from error
        finally:
            os.close(stream)
        server = cls(cluster, log, process.pid, socket_directory, process)
        try:
            server._await_ready(begin, timeout)
        except BaseException:
            # One that has not begun to listen to signals is killed: it has promised nobody anything yet.
            for number in (signal.SIGQUIT, signal.SIGKILL):
                if server.alive():
                    server._signal(number)
                    server._wait(10)
            raise
        return server

    def _await_ready(self, begin: int, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process and self.process.poll() is not None:
                said = tail(self.log, begin)
                if tells_of_full_disk(said, self.cluster):
                    raise DatabaseError("disk_full", path=self.cluster)
                raise DatabaseError("start_failed", path=self.log, log=said)
            noted = read_pid_file(self.cluster)
            if noted and noted.pid == self.pid and noted.status == "ready":
                return
            time.sleep(_POLL)
        raise DatabaseError("start_timeout", seconds=timeout, path=self.log, log=tail(self.log, begin))

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def alive(self) -> bool:
        """Whether the process still runs."""
        if self.process:
            return self.process.poll() is None
        return find(self.cluster) is not None

    def _wait(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL)
        return True

    def stop(self, timeout: float = 60) -> None:
        """Stop: roll back open transactions, write a checkpoint, end; after `timeout` seconds without it.

        Raises DatabaseError stop_timeout.
        """
        if not self.alive():
            return  # its number may be somebody else's by now
        for number, patience in ((signal.SIGINT, timeout), (signal.SIGQUIT, 10.0)):
            self._signal(number)
            if self._wait(patience):
                return
        raise DatabaseError("stop_timeout", pid=self.pid, seconds=timeout, path=self.log)

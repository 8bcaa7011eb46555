"""As whom the server runs. PostgreSQL refuses root; nobody is added to the machine and no parent directory is opened.

Three ways: as ourselves; as `nobody` (root only: the data belongs to nobody); or as ourselves seen through a user
namespace in which we are `nobody` (for root below a closed directory such as /root, and for users without an account
entry, as in some containers).
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dengji.database.errors import DatabaseError

_PROBE = 'test -x "$1" && test -w "$2" && "$1" --version >/dev/null 2>&1'


@dataclass(frozen=True)
class ServerUser:
    """One way to run a program of PostgreSQL: a prefix for its command line, and the user it becomes."""

    name: str
    owner: int
    prefix: tuple[str, ...] = ()
    becomes: Mapping[str, Any] = field(default_factory=dict)

    def command(self, argv: Sequence[str | Path]) -> list[str]:
        """The full command line."""
        return [*self.prefix, *map(str, argv)]

    def can_use(self, postgres: Path, directory: Path) -> bool:
        """Whether this user really can run `postgres` and write in `directory`."""
        probe = self.command(["/bin/sh", "-c", _PROBE, "sh", postgres, directory])
        try:
            done = subprocess.run(probe, capture_output=True, timeout=20, cwd="/", check=False, **self.becomes)
        except (OSError, subprocess.SubprocessError):
            return False
        return done.returncode == 0


def _nobody() -> tuple[int, int]:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return 65534, 65534
    return entry.pw_uid, entry.pw_gid


def myself() -> ServerUser:
    """Run as the current user."""
    return ServerUser("self", os.geteuid())


def nobody() -> ServerUser:
    """Run as the account `nobody`; needs root."""
    uid, gid = _nobody()
    return ServerUser("nobody", uid, becomes={"user": uid, "group": gid, "extra_groups": []})


def namespaced() -> ServerUser:
    """Run as ourselves, shown to the program as `nobody` by a user namespace (util-linux `unshare`)."""
    uid, gid = _nobody()
    program = shutil.which("unshare") or "/usr/bin/unshare"
    return ServerUser("namespace", os.geteuid(), (program, "-U", f"--map-user={uid}", f"--map-group={gid}", "--"))


def _has_account(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def candidates() -> list[Callable[[], ServerUser]]:
    """The ways worth trying for the current user, best first."""
    if os.geteuid() == 0:
        return [nobody, namespaced]
    return [myself] if _has_account(os.geteuid()) else [namespaced]


def choose(postgres: Path, root: Path, cluster: Path) -> ServerUser:
    """The way that works here: for an existing cluster the one of its owner, else the first that passes a real trial.

    Raises DatabaseError wrong_owner, no_server_user.
    """
    ways = [make() for make in candidates()]
    if cluster.exists():
        owner = cluster.stat().st_uid
        ways = [way for way in ways if way.owner == owner]
        if not ways:
            raise DatabaseError("wrong_owner", path=cluster, owner=owner, user=os.geteuid())
        trial = cluster
        for way in ways:
            if way.can_use(postgres, trial):
                return way
    else:
        for way in ways:
            if _passes_trial(way, postgres, root):
                return way
    raise DatabaseError("no_server_user", reason=", ".join(way.name for way in ways))


def _passes_trial(way: ServerUser, postgres: Path, root: Path) -> bool:
    trial = root / f"pg.trial-{os.getpid()}"
    trial.mkdir(mode=0o700)
    try:
        if way.owner != os.geteuid():
            os.chown(trial, way.owner, -1)
        return way.can_use(postgres, trial)
    finally:
        trial.rmdir()

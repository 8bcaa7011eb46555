"""Where a node keeps its things: the data directory by the XDG rules, and a short enough socket directory."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dengji.database.errors import DatabaseError, from_os_error

PORT = 5432
SOCKET_NAME = f".s.PGSQL.{PORT}"
# sun_path holds 107 bytes on Linux and 103 on macOS; 100 leaves room for PostgreSQL's ".lock" twin as well.
SOCKET_PATH_LIMIT = 95
# PostgreSQL keeps paths in buffers of 1024 bytes and appends up to about 100.
DATA_PATH_LIMIT = 900
# libpq and the server both split socket directories at commas and unquote them.
_PLAIN = re.compile(r"[^\s,\"'@\\%:|]+")


@dataclass(frozen=True)
class Layout:
    """The files of one data directory."""

    root: Path

    @property
    def cluster(self) -> Path:
        return self.root / "pg"

    @property
    def log(self) -> Path:
        return self.root / "log" / "postgresql.log"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def users(self) -> Path:
        return self.root / "users"

    @property
    def temporary(self) -> Path:
        return self.root / "temporary"

    @property
    def passwords(self) -> Path:
        return self.root / "pg-passwords.json"


def data_dir(explicit: Path | None = None, env: Mapping[str, str] | None = None) -> Path:
    """The absolute data directory.

    Explicit, else $DENGJI_DATA_DIR, else $XDG_DATA_HOME/dengji, else ~/.local/share/dengji.
    """
    env = os.environ if env is None else env
    if explicit is not None:
        chosen = Path(explicit).expanduser()
    elif env.get("DENGJI_DATA_DIR"):
        chosen = Path(env["DENGJI_DATA_DIR"]).expanduser()
    elif Path(env.get("XDG_DATA_HOME", "")).is_absolute():
        chosen = Path(env["XDG_DATA_HOME"]) / "dengji"
    else:
        chosen = Path.home() / ".local" / "share" / "dengji"
    return chosen.resolve()


def prepare_root(root: Path) -> None:
    """Make the data directory if it is not there, and prove that we may write in it.

    Raises DatabaseError unwritable, disk_full, path_too_long. Existing directories keep their mode.
    """
    if len(os.fsencode(root)) > DATA_PATH_LIMIT:
        raise DatabaseError("path_too_long", path=root)
    try:
        if not root.exists():
            root.parent.mkdir(parents=True, exist_ok=True)
            # Started by root, the server runs as another user, who must pass through to reach its own mode-700 part.
            root.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, exist_ok=True)
        (root / "log").mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=root) as probe:
            probe.write(b"\0" * 4096)
            probe.flush()
    except OSError as error:
        raise from_os_error(error, root) from error


def socket_dir(root: Path, server_uid: int, env: Mapping[str, str] | None = None) -> Path:
    """The directory of the server's socket, made if needed: mode 700, owned by `server_uid`.

    `<data>/run` if its path is short and plain, else a directory named by a hash of the data directory under
    $XDG_RUNTIME_DIR or /tmp. Raises DatabaseError unsafe_directory for a symbolic link or another owner.
    """
    env = os.environ if env is None else env
    own = Layout(root).run
    if len(os.fsencode(own / SOCKET_NAME)) <= SOCKET_PATH_LIMIT and _PLAIN.fullmatch(str(own)):
        return _private(own, server_uid)
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    runtime = env.get("XDG_RUNTIME_DIR", "")
    base = Path("/tmp")  # noqa: S108 - ownership, mode and kind are verified below
    if server_uid == os.geteuid() and _usable_runtime(runtime, server_uid):
        base = Path(runtime)
    return _private(base / f"dengji-{server_uid}-{digest}", server_uid)


def _usable_runtime(runtime: str, uid: int) -> bool:
    if not runtime.startswith("/") or len(os.fsencode(runtime)) > 50 or not _PLAIN.fullmatch(runtime):
        return False
    path = Path(runtime)
    return path.is_dir() and path.stat().st_uid == uid and os.access(path, os.W_OK)


def _private(path: Path, uid: int) -> Path:
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise from_os_error(error, path) from error
    else:
        if uid != os.geteuid():
            os.chown(path, uid, -1, follow_symlinks=False)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise DatabaseError("unsafe_directory", path=path, reason="not a directory / 不是目录")
    if found.st_uid != uid:
        raise DatabaseError("unsafe_directory", path=path, reason=f"owned by uid {found.st_uid} / 属主不符")
    if found.st_mode & 0o077:
        path.chmod(0o700)
    return path

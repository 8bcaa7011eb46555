"""Making a new cluster: beside its place, then renamed, so that a fault at any moment leaves nothing half-made."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from dengji.database.binaries import Binaries
from dengji.database.errors import DatabaseError, from_os_error
from dengji.database.server import clean_environment, tells_of_full_disk
from dengji.database.server_user import ServerUser

OWNER = "dengji_owner"
# Only with a password, only through the socket.
_HBA = "# TYPE  DATABASE  USER  METHOD\nlocal  all  all  scram-sha-256\n"
# For a node that shares two cores and 1.5 GiB with the web server and the worker. Operators may add lines at the end
# of postgresql.conf or use ALTER SYSTEM; what protects data and persons is fixed on the command line instead.
_TUNING = {
    # The index of similar names alone is 354 MB at one million records.
    "shared_buffers": "512MB",
    "effective_cache_size": "4GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "max_connections": "60",
    "max_worker_processes": "4",
    "max_parallel_workers": "2",
    "max_parallel_workers_per_gather": "1",
    "autovacuum_max_workers": "2",
    # Only pglz is compiled in, which costs more than all the rest of writing a row (ADR 0014).
    "wal_compression": "off",
    "max_wal_size": "4GB",
    "min_wal_size": "128MB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    # Pages that are not in the buffers are in the system's cache: handing them from process to process costs more CPU
    # than reading them (ADR 0014).
    "effective_io_concurrency": "0",
    "jit": "off",
    "idle_in_transaction_session_timeout": "10min",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "lc_messages": "'C'",
}


def _locales(major: int) -> list[list[str]]:
    if major >= 17:
        return [["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]]
    return [["--locale=C.UTF-8"], ["--locale=C"]]


def sweep(root: Path) -> None:
    """Remove what an interrupted initialisation left. Only under the directory's lock."""
    for left in [*root.glob("pg.new-*"), *root.glob("pg.trial-*")]:
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def initialise(binaries: Binaries, user: ServerUser, cluster: Path, password: str, *, test: bool) -> None:
    """Make a cluster: UTF-8, page checksums, one superuser with a password, no other way in.

    Raises DatabaseError foreign_directory, disk_full, initialise_failed; then `cluster` does not exist.
    """
    if cluster.is_symlink() or (cluster.exists() and (not cluster.is_dir() or any(cluster.iterdir()))):
        raise DatabaseError("foreign_directory", path=cluster)
    fresh = cluster.with_name(f"pg.new-{os.getpid()}")
    secret = cluster.with_name(f"{fresh.name}.pw")
    try:
        _hand_over(user, fresh, secret, password)
        _run_initdb(binaries, user, fresh, secret, test=test)
        # Written in place, which keeps the owner initdb gave these files.
        (fresh / "pg_hba.conf").write_text(_HBA)
        with (fresh / "postgresql.conf").open("a") as stream:
            stream.write("\n# dengji\n" + "".join(f"{name} = {value}\n" for name, value in _TUNING.items()))
        fresh.rename(cluster)
        _sync_directory(cluster.parent)
    except OSError as error:
        raise from_os_error(error, cluster) from error
    finally:
        secret.unlink(missing_ok=True)
        shutil.rmtree(fresh, ignore_errors=True)


def _hand_over(user: ServerUser, fresh: Path, secret: Path, password: str) -> None:
    fresh.mkdir(mode=0o700)
    fd = os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as stream:
        stream.write(password)
    if user.owner != os.geteuid():
        os.chown(fresh, user.owner, -1)
        os.chown(secret, user.owner, -1)


def _run_initdb(binaries: Binaries, user: ServerUser, fresh: Path, secret: Path, *, test: bool) -> None:
    fixed: list[str | Path] = [binaries.program("initdb"), f"--pgdata={fresh}", f"--username={OWNER}"]
    fixed += ["--encoding=UTF8", "--auth=scram-sha-256", f"--pwfile={secret}", "--data-checksums", "--no-instructions"]
    fixed += ["--no-sync"] if test else []
    said = ""
    for locale in _locales(binaries.major):
        done = subprocess.run(
            user.command([*fixed, *locale]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=clean_environment(),
            check=False,
            **user.becomes,
        )
        if done.returncode == 0:
            return
        said = done.stdout.decode("utf-8", "replace")
        if tells_of_full_disk(said, fresh):
            raise DatabaseError("disk_full", path=fresh.parent)
        if "invalid locale name" not in said:
            break
    raise DatabaseError("initialise_failed", log="\n".join(said.splitlines()[-15:]))


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

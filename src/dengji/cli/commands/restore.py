"""`dengji restore`: a backup into an empty place; the node is read-only there until `dengji node recover`."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dengji import database
from dengji.core.errors import N_, DomainError
from dengji.database import Cluster, Urls, resolve_urls
from dengji.database.paths import prepare_root

from ..failure import DONE
from ..node import child_environment, enter
from ..output import _, fields, say, show
from .backup import Meter, trusted

if TYPE_CHECKING:
    from dengji.backup.restoring import Sound

NAME = "restore"
HELP = N_("恢复：把备份还原到新的空数据目录；之后运行 dengji node recover")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the file, the recovery code and the keys that one trusts."""
    parser.add_argument("file", type=Path, metavar="FILE", help=_("备份文件"))
    parser.add_argument(
        "--recovery-code", required=True, metavar="CODE|@FILE", help=_("恢复码，或 @ 加存有恢复码的文件")
    )
    parser.add_argument("--vkey", action="append", default=[], metavar="KEY|@FILE", help=_("可信的日志验证密钥"))


def run(args: argparse.Namespace) -> int:
    """Read the whole backup first, then restore it; on any failure the target is as it was.

    Raises DomainError target_not_empty, recovery_code_wrong, backup_damaged, backup_unsigned, sm2_missing,
    backup_newer; DatabaseError; OSError.
    """
    from dengji.backup import recipient, restoring

    target = database.data_dir(args.data_dir)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise restoring.target_not_empty()
    meter = Meter()
    gm = os.environ.get("DENGJI_GM") == "1"
    found = restoring.examine(
        args.file, recipient.parse_code(args.recovery_code), vkeys=trusted(args.vkey), gm=gm, progress=meter
    )
    if not found.pinned:
        say(_("签名以备份自带的密钥核对：只说明备份前后一致；可用 --vkey 给出可信的密钥"))
    with _beside(target) as work:
        restoring.write_keys(found, work / "keys")
        restoring.write_config(found, work)
        with _running(work) as urls, enter(work, urls):
            counts = _restore(found, urls, work, meter)
    data = {"data_dir": target, "manifest": found.manifest.facts, "pinned": found.pinned, **counts}
    labels = (
        (_("数据目录"), target),
        (_("日志名称"), found.about["origin"]),
        (_("备份时刻"), found.about["made_at"]),
        (_("数据行"), counts["rows"]),
        (_("材料"), counts["files"]),
    )
    next_step = _("节点暂时只读。下一步：dengji node recover --data-dir {path}", path=target)
    show(args, data, [*fields(labels), next_step])
    return DONE


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A directory beside the target that takes its place in the end, or disappears."""
    work = target.with_name(f".{target.name}.restoring-{os.getpid()}")
    prepare_root(work)
    try:
        yield work
        work.rename(target)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


@contextlib.contextmanager
def _running(work: Path) -> Iterator[Urls]:
    external = resolve_urls()
    if external is not None:
        yield external
        return
    cluster = Cluster(work)
    cluster.start()
    try:
        yield Urls(cluster.dsn("app"), cluster.dsn("migrator"), cluster.dsn("auditor"))
    finally:
        cluster.stop()


def _restore(found: Sound, urls: Urls, work: Path, meter: Meter) -> dict[str, int]:
    from django.conf import settings
    from django.db.migrations.loader import MigrationLoader

    from dengji.backup import restoring
    from dengji.core import encryption

    master = Path(settings.DENGJI_KEY_FILE)
    if master.parent != work / "keys" and not master.exists():
        restoring.write_keys(found, master.parent)
    graph = MigrationLoader(None)
    missing = restoring.missing_migrations(found, set(graph.disk_migrations))
    had = {(app, name) for app, name in found.about["migrations"]}
    _migrate(urls, restoring.last_of_each(graph, had) if missing else [()])
    counts = restoring.load(found, urls.migrator, progress=meter)
    if missing:
        _migrate(urls, [()])
    encryption.forget_keys()
    # Before anybody believes that the node is back: the keys open what they have sealed.
    restoring.try_keys()
    return counts


def _migrate(urls: Urls, targets: Sequence[tuple[str, ...]]) -> None:
    for target in targets:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "django", "migrate", *target, "--no-input", "-v", "0"],
            env=child_environment() | {"DENGJI_DATABASE_URL": urls.migrator},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            lines = "\n".join(done.stderr.strip().splitlines()[-3:])
            raise DomainError("migration_failed", N_("建立数据库结构失败：\n{log}"), status=500, params={"log": lines})

"""`dengji restore`: a backup into an empty place; the node is read-only there until `dengji node recover`."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dengji import database
from dengji.core.errors import N_, DomainError
from dengji.database import Cluster, Urls, resolve_urls
from dengji.database.paths import prepare_root
from dengji.law.calendar import SHANGHAI

from ..failure import DONE, UsageError
from ..node import child_environment, enter
from ..output import _, fields, say, show, when
from .backup import Meter, trusted

if TYPE_CHECKING:
    from dengji.backup.replay import Tail
    from dengji.backup.restoring import Sound

NAME = "restore"
HELP = N_("恢复：把备份还原到新的空数据目录；之后运行 dengji node recover")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the file, the recovery code and the keys that one trusts."""
    parser.add_argument("file", type=Path, metavar="FILE|DIR", help=_("备份文件；或每夜备份的目录，取其中最新的一份"))
    parser.add_argument(
        "--to",
        default="",
        metavar="TIME|latest",
        help=_("接着用目录中的连续存档恢复到此时刻（如 2026-05-01T10:30，上海时间）；给出目录时默认 latest"),
    )
    parser.add_argument(
        "--recovery-code", required=True, metavar="CODE|@FILE", help=_("恢复码，或 @ 加存有恢复码的文件")
    )
    parser.add_argument("--vkey", action="append", default=[], metavar="KEY|@FILE", help=_("可信的日志验证密钥"))


def run(args: argparse.Namespace) -> int:
    """Read the whole backup first, then restore it; on any failure the target is as it was.

    Raises DomainError target_not_empty, recovery_code_wrong, backup_damaged, backup_unsigned, sm2_missing,
    backup_newer, backup_none, archive_none, archive_gap, archive_damaged; DatabaseError; OSError.
    """
    from dengji.backup import recipient, replay, restoring

    target = database.data_dir(args.data_dir)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise restoring.target_not_empty()
    meter = Meter()
    gm = os.environ.get("DENGJI_GM") == "1"
    moment = _moment(args.to)
    file = replay.base(args.file, moment) if args.file.is_dir() else args.file
    found = restoring.examine(
        file, recipient.parse_code(args.recovery_code), vkeys=trusted(args.vkey), gm=gm, progress=meter
    )
    if not found.pinned:
        say(_("签名以备份自带的密钥核对：只说明备份前后一致；可用 --vkey 给出可信的密钥"))
    after = None
    if args.to or (args.file.is_dir() and "archive" in found.about):
        after = replay.tail(found, file.parent / "tail", to=moment, progress=meter)
    with _beside(target) as work:
        restoring.write_keys(found, work / "keys")
        restoring.write_config(found, work)
        with _running(work) as urls, enter(work, urls):
            counts = _restore(found, after, urls, work, meter)
    until = min(filter(None, (after.until, moment)), default=None) if after else None
    data = {"data_dir": target, "manifest": found.manifest.facts, "pinned": found.pinned, "until": until, **counts}
    labels = (
        (_("数据目录"), target),
        (_("日志名称"), found.about["origin"]),
        (_("备份时刻"), found.about["made_at"]),
        (_("存档恢复至"), when(until) if until else ""),
        (_("备份后的事务"), counts["transactions"] or ""),
        (_("数据行"), counts["rows"]),
        (_("材料"), counts["files"]),
    )
    next_step = _("节点暂时只读。下一步：dengji node recover --data-dir {path}", path=target)
    show(args, data, [*fields(labels), next_step])
    return DONE


def _moment(text: str) -> datetime | None:
    """The moment up to which to go, None for the end; without an offset it is Shanghai's."""
    if text in ("", "latest"):
        return None
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(_("--to 应为 latest 或时刻，如 2026-05-01T10:30"), NAME) from None
    return given if given.tzinfo else given.replace(tzinfo=SHANGHAI)


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


def _restore(found: Sound, after: Tail | None, urls: Urls, work: Path, meter: Meter) -> dict[str, int]:
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
    counts = restoring.load(found, urls.migrator, after=after, progress=meter)
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

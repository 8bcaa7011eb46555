"""What `dengji doctor` looks at on the machine and inside a node that is open; each look yields its findings."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from dengji.core.errors import N_
from dengji.database import probe
from dengji.database.paths import Layout
from dengji.law import rulebook as rulebooks
from dengji.law.calendar import Calendar, shanghai_date
from dengji.law.rulebook import RulebookError

from .failure import failure_of
from .node import OpenNode, pending_migrations
from .output import _, when

OK, WARN, FAIL = "ok", "warn", "fail"
_MB = 1024 * 1024
_ENOUGH_DISK, _LITTLE_DISK = 2048 * _MB, 200 * _MB
_SAMPLE = 20
#: Seconds by which the database's clock may differ from the machine's.
_SKEW_WARN, _SKEW_FAIL = 1.0, 30.0
_REFUSED = "42501"
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Line:
    """One line of the doctor: what was looked at, whether it is well, what was seen, the way out."""

    name: str
    status: str
    detail: str
    way_out: str = ""


def guarded(name: str, look: Callable[[], Iterator[Line]]) -> Iterator[Line]:
    """Look, and turn an error into a failed line, so that one fault never hides the others."""
    try:
        yield from look()
    except Exception as error:
        found = failure_of(error)
        yield Line(name, FAIL, f"[{found.code}] {found.message}", found.way_out)


def machine(data_dir: Path) -> Iterator[Line]:
    """Disk space, permissions of keys and passwords, what an operator may have left switched on."""
    if not data_dir.is_dir():
        yield Line("data_dir", FAIL, str(data_dir), _("数据目录不存在：请先运行 dengji up，或用 --data-dir 指明"))
        return
    writable = os.access(data_dir, os.W_OK)
    way_out = "" if writable else _("请改正数据目录的属主或权限")
    yield Line("data_dir", OK if writable else FAIL, str(data_dir), way_out)
    space = os.statvfs(data_dir)
    free = space.f_bavail * space.f_frsize
    status = OK if free >= _ENOUGH_DISK else WARN if free >= _LITTLE_DISK else FAIL
    yield Line("disk", status, f"{free // _MB} MB", "" if status == OK else _("请腾出磁盘空间，至少 2 GB"))
    yield from (_private(path) for path in _secrets(data_dir) if path.exists())
    if os.environ.get("DENGJI_DEBUG") == "1":
        yield Line("debug", WARN, "DENGJI_DEBUG=1", _("正式运行请取消该设置，它会显示内部信息"))


def _secrets(data_dir: Path) -> tuple[Path, ...]:
    keys = data_dir / "keys"
    master = Path(os.environ.get("DENGJI_KEY_FILE") or keys / "master.key")
    return keys, master, keys / "session.key", Layout(data_dir).passwords, data_dir / "materials"


def _private(path: Path) -> Line:
    mode = path.stat().st_mode & 0o777
    wanted = 0o700 if path.is_dir() else 0o600
    exposed = bool(mode & 0o077)
    return Line(
        f"mode:{path.name}", FAIL if exposed else OK, f"{mode:o}", f"chmod {wanted:o} {path}" if exposed else ""
    )


def law() -> Iterator[Line]:
    """Every shipped rulebook can be read."""
    broken = []
    for name in rulebooks.ids():
        try:
            rulebooks.load(name)
        except RulebookError as error:
            broken.append(_(error.message, **error.params))
    if broken:
        yield Line("rulebooks", FAIL, "; ".join(broken), _("请恢复程序自带的规则册文件"))
    else:
        yield Line("rulebooks", OK, _("{count} 个规则册", count=len(rulebooks.ids())))


def database(node: OpenNode) -> Iterator[Line]:
    """The features of the server that we rely on, tried by each role; the schema is up to date."""
    for role, dsn in vars(node.urls).items() if node.urls else ():
        found = probe(dsn, role)
        bad = [one for one in found if not one.ok]
        yield from (Line(f"database:{role}:{one.name}", FAIL, one.detail, _(PROBE_WAY_OUT)) for one in bad)
        if not bad:
            version = next((one.detail for one in found if one.name == "version"), "")
            yield Line(f"database:{role}", OK, _("PostgreSQL {version}，{count} 项", version=version, count=len(found)))
    missing = pending_migrations()
    yield Line("migrations", FAIL if missing else OK, " ".join(missing), _("请运行 dengji up") if missing else "")


PROBE_WAY_OUT = N_("外部数据库请由管理员运行 dengji node roles 建立角色，并使用 PostgreSQL 15 或更高版本")


def promised_tables() -> list[str]:
    """Return the tables that the migrations make append-only."""
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(None)
    texts = (str(getattr(op, "sql", "")) for one in loader.disk_migrations.values() for op in one.operations)
    return sorted({name for text in texts for name in re.findall(r"CREATE TRIGGER (\w+)_append_only", text)})


def append_only(node: OpenNode) -> Iterator[Line]:
    """The promised tables really refuse change: their triggers stand, and neither the app nor the owner gets past."""
    import psycopg
    from django.db import connection

    tables = promised_tables()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE t.tgenabled IN ('O', 'A') "
            "AND NOT t.tgisinternal GROUP BY c.relname "
            "HAVING bool_or(t.tgname = c.relname || '_append_only') AND bool_or(t.tgname = c.relname || '_no_truncate')"
        )
        standing = {name for (name,) in cursor.fetchall()}
    bad = {table for table in tables if table not in standing}
    app = connection.get_new_connection(connection.get_connection_params())
    with contextlib.closing(app):
        bad |= {table for table in tables if not _refuses(app, table, _TRIALS)}
    if node.urls:
        # The owner has every right, so that only the trigger stands in the way; without TRUNCATE, whose lock would
        # make the whole node wait.
        with contextlib.closing(psycopg.connect(node.urls.migrator)) as owner:
            bad |= {table for table in tables if not _refuses(owner, table, _TRIALS[:2])}
    way_out = _("只增不改的保护已被拆除：请停止使用本节点，查明原因并从备份恢复") if bad else ""
    detail = " ".join(sorted(bad)) or _("{count} 个表", count=len(tables))
    yield Line("append_only", FAIL if bad else OK, detail, way_out)


#: Changes of one row at the most; in an empty table the first two find nothing to refuse.
_TRIALS = (
    "DELETE FROM {table} WHERE ctid = (SELECT ctid FROM {table} LIMIT 1)",
    "UPDATE {table} SET {column} = {column} WHERE ctid = (SELECT ctid FROM {table} LIMIT 1)",
    "TRUNCATE {table}",
)


def _refuses(connection: Any, table: str, trials: tuple[str, ...]) -> bool:
    """Whether every trial is refused, or changes nothing; each in a transaction that is rolled back."""
    import psycopg
    from psycopg import sql

    (column,) = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 1", [table]
    ).fetchone()
    names = {"table": sql.Identifier(table), "column": sql.Identifier(column)}
    for trial in trials:
        try:
            connection.execute("SET LOCAL lock_timeout = '1s'")
            changed = connection.execute(sql.SQL(trial).format(**names)).rowcount != 0
        except psycopg.Error as error:
            changed = error.sqlstate != _REFUSED
        finally:
            connection.rollback()
        if changed:
            return False
    return True


def identity() -> Iterator[Line]:
    """The node knows who it is, and its keys open what it has sealed."""
    from django.db import transaction

    from dengji.core import encryption, node

    origin, demonstration = node.identity()
    kind = _("演示节点") if demonstration else _("正式节点")
    local = origin == "localhost"
    yield Line(
        "node", WARN if local else OK, f"{kind} {origin}", _("正式使用前请以 DENGJI_ORIGIN 指定域名") if local else ""
    )
    with transaction.atomic():
        opened = encryption.unseal(encryption.seal(b"doctor", b"doctor"), b"doctor") == b"doctor"
        transaction.set_rollback(True)
    yield Line("keys", OK if opened else FAIL, _("加密与解密"))


def clocks() -> Iterator[Line]:
    """The database's clock agrees with the machine's."""
    from django.db import connection

    with connection.cursor() as cursor:
        before = time.time()
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        skew = abs(float(cursor.fetchone()[0]) - (before + time.time()) / 2)
    status = OK if skew < _SKEW_WARN else WARN if skew < _SKEW_FAIL else FAIL
    yield Line("clock", status, f"{skew:.3f} s", "" if status == OK else _("请校准数据库服务器和本机的时钟（NTP）"))


def calendar() -> Iterator[Line]:
    """The working-day calendar is settled for the coming twelve months."""
    from dengji.core.clock import legal_now
    from dengji.registration import rules

    today, table = shanghai_date(legal_now()), rules.calendar()
    unsettled = _first_unsettled(table, today)
    if unsettled is None:
        yield Line("calendar", OK, table.version)
        return
    yield Line(
        "calendar",
        WARN,
        _("{version}，自 {day} 起暂定", version=table.version, day=unsettled),
        _("放假安排公布后请运行 dengji calendar set"),
    )


def _first_unsettled(table: Calendar, today: date) -> date | None:
    days = (today + _DAY * n for n in range(366))
    return next((day for day in days if table.is_provisional(day)), None)


def storage() -> Iterator[Line]:
    """Materials can be stored, read and removed."""
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage

    name = default_storage.save("doctor/probe", ContentFile(b"doctor"))
    try:
        with default_storage.open(name) as stream:
            same = stream.read() == b"doctor"
    finally:
        default_storage.delete(name)
    yield Line("storage", OK if same else FAIL, type(default_storage._wrapped).__name__)  # type: ignore[attr-defined]
    yield _orphans()


def _orphans() -> Line:
    """Files that no row names: removed by night, unless there are so many that the storage must be another's."""
    from dengji.registration.services import sweeping

    found = sweeping.unnamed()
    count = len(found.keys)
    if found.foreign:
        return Line(
            "orphans", FAIL, _("{count} 个无主文件", count=count), _("材料目录可能属于另一个数据库：请核对设置")
        )
    way_out = _("后台任务每夜清除；也可核对其是否运行") if count else ""
    return Line("orphans", WARN if count else OK, _("{count} 个无主文件", count=count), way_out)


def projection() -> Iterator[Line]:
    """The newest objects are what their decisions say."""
    from dengji.registration.projection import MODELS, differences

    rows = [row for model in MODELS.values() for row in model._default_manager.order_by("-pk")[:_SAMPLE]]
    bad = [f"{row.OBJECT} {row.pk}" for row in rows if differences(row)]
    detail = "; ".join(bad) or _("抽查 {count} 个对象", count=len(rows))
    yield Line("projection", FAIL if bad else OK, detail, _("请运行 dengji rebuild 查看全部差异") if bad else "")


def statistics() -> Iterator[Line]:
    """The figures kept are what a count of the registrations in the catalogue gives."""
    from dengji.catalogue.statistics.selectors import differences

    bad = len(differences(quick=True))
    way_out = _("请运行 dengji rebuild 查看全部差异") if bad else ""
    yield Line("statistics", FAIL if bad else OK, _("{count} 处不一致", count=bad) if bad else "", way_out)


def worker() -> Iterator[Line]:
    """Nothing has waited long for its place in the log, which is the worker's business."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM ledger_pending p JOIN ledger_entry e ON e.id = p.entry_id WHERE e.at < "
            "clock_timestamp() + coalesce((SELECT legal_offset FROM core_node), interval '0') - interval '1 minute'"
        )
        (waiting,) = cursor.fetchone()
    way_out = _("后台任务似乎没有运行：请用 dengji up 启动，或运行 dengji tick") if waiting else ""
    yield Line("worker", WARN if waiting else OK, _("{count} 条记录等待编号", count=waiting), way_out)


def documents() -> Iterator[Line]:
    """Documents can be made: typesetter and typeface are there, nothing keeps failing, no character was lacking."""
    from dengji.documents import rendering, selectors

    gap, seen = rendering.missing(), selectors.counts()
    detail = _("待制作 {waiting} 份，失败 {failing} 份，缺字 {substituted} 份", **seen)
    if gap is not None:
        yield Line("documents", WARN, detail, _(gap.message))
    elif seen["failing"] or seen["substituted"]:
        yield Line("documents", WARN, detail, _("运行 dengji documents make；缺字的请增加含有该字的字体后重新制作"))
    else:
        yield Line("documents", OK, detail)


def log() -> Iterator[Line]:
    """The log agrees with itself, with its last checkpoint, and with the copy of that beside the keys (design §5)."""
    from dengji.ledger import checkpointing

    found = checkpointing.examine()
    yield Line("ledger", OK, _("{count} 条记录", count=found.now.size))


def anchoring() -> Iterator[Line]:
    """Those outside who vouch for the log answer: the time-stamping authority, the daily copy (design §5)."""
    from dengji.ledger import anchors

    for name, told in anchors.overdue().items():
        yield Line(f"anchor:{name}", WARN, _(told), _("请核对其地址与设置；在此期间办理和签署照常"))


def backups(node: OpenNode) -> Iterator[Line]:
    """Backups can be made and are; their key has left the machine; a restored node has been compared with others."""
    from dengji.backup import nightly, recipient
    from dengji.core.clock import real_now
    from dengji.core.models import Node
    from dengji.core.node import is_recovering

    restored = is_recovering()
    yield Line("recovering", FAIL if restored else OK, "", _("请运行 dengji node recover") if restored else "")
    keys = node.data_dir / "keys"
    found = recipient.recipients(keys)
    yield Line(
        "recovery_recipient",
        OK if found else FAIL,
        " ".join(found),
        "" if found else _("请运行 dengji up，它会生成恢复码"),
    )
    if recipient.code_path(keys).exists():
        yield Line(
            "recovery_code", WARN, str(recipient.code_path(keys)), _("请把恢复码抄到本机以外的安全地点，然后删除该文件")
        )
    if not nightly.enabled():
        yield Line("backup", WARN, "DENGJI_BACKUP=0", _("每夜备份已关闭：请另行备份"))
        return
    newest = nightly.newest() or Node.objects.values_list("created_at", flat=True).get()
    late = real_now() - newest > nightly.LATE
    yield Line(
        "backup",
        WARN if late else OK,
        when(newest),
        _("请运行 dengji backup，并查明后台任务为何没有备份") if late else "",
    )
    yield _archive()


def _archive() -> Line:
    """The minutes since the last backup are kept too; for a server of one's own its own means do that."""
    from dengji.backup import archive, places

    if not places.archive_wanted():
        return Line("archive", WARN, "DENGJI_ARCHIVE=0", _("连续存档已关闭：两次备份之间的办理可能丢失"))
    if archive.address() is None:
        text = _("外部数据库：请用该服务器自己的 WAL 归档（archive_command、pgBackRest 等）")
        return Line("archive", OK, text, "")
    known, since = archive.state(), archive.behind()
    if since is not None:
        return Line("archive", WARN, when(since), _("连续存档停在此刻：请查看磁盘空间和后台任务；办理照常"))
    detail = when(datetime.fromisoformat(known.at)) if known else _("后台任务启动后开始")
    return Line("archive", OK, detail, "")


def inside(node: OpenNode) -> Iterator[Line]:
    """Everything that is looked at in an open node, in order; a fault in one look hides no other."""
    looks: dict[str, Callable[[], Iterator[Line]]] = {
        "database": lambda: database(node),
        "node": identity,
        "append_only": lambda: append_only(node),
        "clock": clocks,
        "calendar": calendar,
        "storage": storage,
        "projection": projection,
        "statistics": statistics,
        "worker": worker,
        "documents": documents,
        "ledger": log,
        "anchors": anchoring,
        "backup": lambda: backups(node),
    }
    for name, look in looks.items():
        yield from guarded(name, look)

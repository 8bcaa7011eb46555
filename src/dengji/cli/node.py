"""The node behind a command: its data directory, its keys, its database, its settings; opened and closed here only."""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dengji import database
from dengji.core.errors import N_, DomainError
from dengji.database import Urls, resolve_urls
from dengji.database.errors import from_os_error
from dengji.database.paths import Layout, prepare_root

from . import output
from .output import both

SETTINGS = "dengji.config.settings"
#: What only the migrator and the auditor need; no child that serves requests gets it.
_NOT_FOR_CHILDREN = ("DENGJI_DATABASE_MIGRATOR_URL", "DENGJI_DATABASE_AUDITOR_URL", "DENGJI_DATABASE_ADMIN_URL")
#: Stands on every result of a demonstration node (design §3).
DEMONSTRATION_MARK = N_("演示数据 非登记结果")
_DJANGO_LANGUAGE = {"zh": "zh-hans", "en": "en"}


@dataclass(frozen=True)
class OpenNode:
    """A node that can be used: where it keeps its things, and its ways into the database where we opened them."""

    data_dir: Path
    urls: Urls | None


def keys_dir(data_dir: Path) -> Path:
    """Return where a node keeps its keys, made for its owner alone; raises DatabaseError unwritable, disk_full."""
    path = data_dir / "keys"
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, path) from error
    return path


def ensure_session_key(data_dir: Path) -> None:
    """Make the secret that signs sessions, once; before Django reads its settings."""
    path = keys_dir(data_dir) / "session.key"
    if path.exists():
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another start was quicker
        return
    except OSError as error:
        raise from_os_error(error, path) from error
    with os.fdopen(descriptor, "w") as stream:
        stream.write(secrets.token_urlsafe(50))
        stream.flush()
        os.fsync(stream.fileno())


@contextlib.contextmanager
def open_node(args: argparse.Namespace, *, migrate: bool = False) -> Iterator[OpenNode]:
    """The node of `args.data_dir`, or of DENGJI_DATABASE_URL, for the length of one command.

    The embedded database is started if it does not run and stopped after. With `migrate` a fresh data directory is
    made and its schema brought up to date; without, one that `dengji up` never saw raises DomainError node_missing.
    Inside a process that has Django ready (the worker, the tests) that process's node is used as it is.
    """
    from django.apps import apps
    from django.conf import settings

    if apps.ready:
        mark_demonstration()
        try:
            yield OpenNode(Path(settings.DENGJI_DATA_DIR), None)
        finally:
            output.mark("")
        return
    data_dir = database.data_dir(args.data_dir)
    external = resolve_urls()
    if external is not None:
        if migrate:
            prepare_root(data_dir)
        with enter(data_dir, external, migrate=migrate) as node:
            yield node
        return
    if not migrate and not Layout(data_dir).passwords.exists():
        raise DomainError("node_missing", N_("节点尚未初始化：请先运行 dengji up"), status=503)
    with database.session(data_dir) as info:
        urls = Urls(info.dsn("app"), info.dsn("migrator"), info.dsn("auditor"))
        with enter(data_dir, urls, migrate=migrate) as node:
            yield node


@contextlib.contextmanager
def enter(data_dir: Path, urls: Urls, *, migrate: bool = False) -> Iterator[OpenNode]:
    """Point Django at a running database as the app role, and let go of its connections in the end."""
    os.environ["DENGJI_DATA_DIR"] = str(data_dir)
    os.environ["DENGJI_DATABASE_URL"] = urls.app
    os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS
    if migrate:
        ensure_session_key(data_dir)
    import django
    from django.db import connections
    from django.utils import translation

    django.setup()
    translation.activate(_DJANGO_LANGUAGE[output.language()])
    try:
        if migrate:
            bring_up_to_date(urls)
        mark_demonstration()
        yield OpenNode(data_dir, urls)
    finally:
        output.mark("")
        connections.close_all()


def mark_demonstration() -> None:
    """From now on results say that they are a demonstration, where the node is one; a node not yet founded is none."""
    from django.db import DatabaseError

    from dengji.core.node import identity

    with contextlib.suppress(DomainError, DatabaseError):
        output.mark(DEMONSTRATION_MARK if identity()[1] else "")


def pending_migrations() -> list[str]:
    """Return the migrations that the database lacks, as app.name."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]


def bring_up_to_date(urls: Urls) -> None:
    """Apply the migrations that are missing, as the migrator, in a process of its own; raises DomainError.

    One at a time, also where several nodes share a server: an advisory lock is held meanwhile.
    """
    import psycopg

    if not pending_migrations():
        return
    both("正在建立或升级数据库结构……", "Making or upgrading the database schema …")
    with psycopg.connect(urls.migrator, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('dengji.migrate'))")
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "django", "migrate", "--no-input", "-v", "0"],
            env=child_environment() | {"DENGJI_DATABASE_URL": urls.migrator},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        lines = "\n".join(done.stderr.strip().splitlines()[-3:])
        raise DomainError(
            "migration_failed", N_("升级数据库结构失败，已有数据未被改动：\n{log}"), status=500, params={"log": lines}
        )


def child_environment() -> dict[str, str]:
    """Return the environment of a process that serves this node: the app role's address only."""
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_CHILDREN}
    return kept | {"DJANGO_SETTINGS_MODULE": SETTINGS, "PYTHONUNBUFFERED": "1"}


def prepare(*, demonstration: bool, legal_start: datetime | None = None) -> tuple[str, bool]:
    """Found the node or make sure that it is of the wanted kind, and make its keys; return (origin, founded now?).

    `legal_start` is where the legal clock of a fresh demonstration node begins. Raises DomainError
    demonstration_fixed, key_missing, key_exposed, key_of_another_log, and origin_required for a fresh node in
    production, whose log would be named localhost for ever.
    """
    from django.conf import settings

    from dengji.backup import recipient
    from dengji.core import encryption, node
    from dengji.ledger import keyring

    try:
        node.identity()
        fresh = False
    except DomainError:
        fresh = True
    if fresh and not demonstration and not os.environ.get("DENGJI_ORIGIN"):
        raise DomainError(
            "origin_required", N_("正式节点的日志以域名为名，此后不能更改：请先以 DENGJI_ORIGIN 指定域名"), status=409
        )
    more = {"legal_start": legal_start} if legal_start else {}
    founded = node.found(settings.DENGJI_ORIGIN, demonstration=demonstration, **more)
    mark_demonstration()
    keys = keys_dir(Path(settings.DENGJI_DATA_DIR))
    encryption.ensure_keys()
    keyring.ensure_keys()
    if code := recipient.ensure(keys):
        _show_recovery_code(code, recipient.code_path(keys))
    if node.is_recovering():
        both("节点由备份恢复，只读：请运行 dengji node recover", "Restored and read-only: run dengji node recover")
    return founded.origin, fresh


def _show_recovery_code(code: str, path: Path) -> None:
    """Once, and to a person only: what a service prints is kept in logs, where the code must never be."""
    if sys.stderr.isatty():
        both(f"恢复码（只显示这一次）：{code}", "recovery code, shown this once")
    both(
        f"恢复码在 {path}：请抄到本机以外，然后删除该文件",
        "Copy the recovery code off this machine, then delete that file",
    )


def collect_static() -> None:
    """Put style sheets and images where the web server serves them from."""
    from django.core.management import call_command

    from dengji.web import assets

    if assets.missing():
        both(
            "网页所需的前端文件未安装，网页将没有样式：请运行 make setup，或以 DENGJI_FRONT_DIR 指定其目录",
            "Front-end files are missing, so pages have no style: run make setup, or name their directory",
        )
    call_command("collectstatic", "--no-input", verbosity=0)

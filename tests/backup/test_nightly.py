"""Every night one backup, also after a night that the node slept through; the newest fourteen stay."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from dengji.backup import nightly, tasks
from dengji.cli import health
from dengji.cli.node import OpenNode
from dengji.core.clock import real_now
from dengji.core.errors import DomainError
from dengji.core.models import Node as NodeRow
from dengji.database.lock import FileLock
from dengji.law.calendar import SHANGHAI
from tests.backup.conftest import Node
from tests.cli.harness import Command


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment in the month after the node was founded, Shanghai time."""
    founded = NodeRow.objects.get().created_at.astimezone(SHANGHAI)
    first = (founded.replace(day=1) + timedelta(days=40)).replace(day=1)
    return first.replace(day=day, hour=hour, minute=minute, second=0, microsecond=0)


def lines(home: Path) -> dict[str, str]:
    """What the doctor says of backups: {name: status}."""
    return {one.name: one.status for one in health.backups(OpenNode(home, None))}


def test_one_is_due_when_the_hour_has_passed_without_one(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    founded = NodeRow.objects.get().created_at
    assert not nightly.due(founded + timedelta(minutes=1))
    assert nightly.due(at(5, 2, 31)) and nightly.due(at(5, 17))
    monkeypatch.setattr(nightly, "newest", lambda: at(5, 2, 40))
    assert not nightly.due(at(5, 17)) and not nightly.due(at(6, 2, 29))
    assert nightly.due(at(6, 2, 30)) and nightly.due(at(9, 12))
    monkeypatch.setenv("DENGJI_BACKUP_AT", "12:00")
    assert nightly.due(at(5, 12))
    monkeypatch.setenv("DENGJI_BACKUP", "0")
    assert not nightly.due(at(9, 12))
    monkeypatch.setenv("DENGJI_BACKUP", "1")
    monkeypatch.setenv("DENGJI_BACKUP_AT", "half past two")
    with pytest.raises(DomainError) as error:
        nightly.due(at(5, 3))
    assert error.value.code == "backup_hour"


def test_the_newest_stay_and_a_broken_one_does_not_count(
    node: Node, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DENGJI_BACKUP_KEEP", "1")
    assert nightly.newest() is None
    made = nightly.run()
    assert made is not None and nightly.kept() == [made.path]
    for name in ("20200101T000000Z", "20200102T000000Z"):
        (nightly.directory() / f"{name}{nightly.SUFFIX}").write_bytes(made.path.read_bytes())
    (nightly.directory() / f"99990101T000000Z{nightly.SUFFIX}").write_bytes(b"cut short")
    newest = nightly.newest()
    assert newest is not None and abs(real_now() - newest) < timedelta(minutes=5)
    (nightly.directory() / f"99990101T000000Z{nightly.SUFFIX}").unlink()
    assert Command(capsys).data("backup", "--nightly")["made"]
    assert len(nightly.kept()) == 1 and not any("2020" in one.name for one in nightly.kept())
    assert nightly.directory().stat().st_mode & 0o077 == 0
    lock = FileLock(nightly.directory() / "lock")
    assert lock.take()
    try:
        assert nightly.run() is None
    finally:
        lock.release()


def test_the_schedule_starts_a_process_of_its_own_and_only_one(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []

    class Process:
        def __init__(self, command: list[str], **more: Any) -> None:
            started.append(command)

        def poll(self) -> None:
            return None

    monkeypatch.setattr(tasks.subprocess, "Popen", Process)
    monkeypatch.setattr(tasks, "_started", [])
    monkeypatch.setattr(nightly, "due", lambda: False)
    assert not tasks.backup(0)
    monkeypatch.setattr(nightly, "due", lambda: True)
    assert tasks.backup(0) and not tasks.backup(0)
    assert started[0][-5:] == [sys.executable, "-m", "dengji.cli", "backup", "--nightly"]


def test_the_doctor_tells_what_is_wrong_with_backups(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    # The code still lies on the machine; nothing else is wrong with a new node.
    good = {"recovering": "ok", "recovery_recipient": "ok", "recovery_code": "warn", "backup": "ok", "archive": "ok"}
    assert lines(node.home) == good
    monkeypatch.setenv("DENGJI_ARCHIVE", "0")
    assert lines(node.home)["archive"] == "warn"
    (node.home / "keys" / "recovery-code.txt").unlink()
    assert "recovery_code" not in lines(node.home)
    monkeypatch.setattr(nightly, "newest", lambda: real_now() - timedelta(days=3))
    assert lines(node.home)["backup"] == "warn"
    monkeypatch.setenv("DENGJI_BACKUP", "0")
    assert lines(node.home)["backup"] == "warn"
    (node.home / "keys" / "recovery.recipient").unlink()
    assert lines(node.home)["recovery_recipient"] == "fail"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE core_node SET restored_from = now()")
    assert lines(node.home)["recovering"] == "fail"

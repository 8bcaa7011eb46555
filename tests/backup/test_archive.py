"""The archive: what was done since the last nightly backup comes back to the minute, and holds nothing for long."""

from __future__ import annotations

import errno
import io
import json
import os
import threading
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from psycopg.conninfo import make_conninfo

from dengji.backup import archive, container, nightly, recipient, replay, restoring
from dengji.backup.changes import Decoder, MalformedError, Snapshot
from dengji.backup.make import Made
from dengji.cli import health
from dengji.cli.node import OpenNode
from dengji.core.clock import real_now
from dengji.core.errors import DomainError
from dengji.database import archiving
from dengji.ledger import audit, sequencer
from dengji.registration import services
from dengji.registration.models import Application, Material
from tests import conftest as base
from tests.backup.conftest import Node, forget
from tests.factories import world as w

PLANTED = "道路客运植入标记丙丁"


@pytest.fixture
def archived(node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A node whose database tells what it commits; where its backups and segments go."""
    owner = make_conninfo(os.environ["DENGJI_TEST_OWNER_URL"], dbname=connection.settings_dict["NAME"])
    archiving.ensure(owner, "archiver-of-the-tests")
    where = make_conninfo(owner, user=archiving.ARCHIVER, password="archiver-of-the-tests")
    monkeypatch.setattr(archive, "address", lambda: where)
    monkeypatch.setenv("DENGJI_BACKUP_DIR", str(tmp_path / "outside"))
    return tmp_path / "outside"


Restore = Callable[..., dict[str, int]]


@pytest.fixture
def restored(node: Node, template_database: str, django_db_blocker: Any, settings: Any) -> Iterator[Restore]:
    """Go on in another database and another place for files, from the nightly backup and the archive."""
    clones = []

    def restore(outside: Path, to: datetime | None = None) -> dict[str, int]:
        code = recipient.parse_code(node.code)
        found = restoring.examine(replay.base(outside, to), code)
        after = replay.tail(found, outside / "tail", to=to)
        clones.append(base.clone_of(template_database))
        clone = next(clones[-1])
        with psycopg.connect(make_conninfo(os.environ["DENGJI_TEST_OWNER_URL"], dbname=clone)) as owner:
            owner.execute("SET session_replication_role = replica")
            owner.execute("DELETE FROM core_node")
        migrator = make_conninfo(os.environ["DENGJI_TEST_MIGRATOR_URL"], dbname=clone)
        counts = restoring.load(found, migrator, after=after)
        forget()
        restoring.try_keys()
        return counts

    yield restore
    for clone in reversed(clones):
        next(clone, None)


def everything() -> dict[str, list[str]]:
    """Every row of every table, but what restoring itself says."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
        tables = [name for (name,) in cursor.fetchall()]
        found = {}
        for name in tables:
            cursor.execute(f"SELECT (to_jsonb(t) - 'restored_from')::text FROM \"{name}\" t ORDER BY 1")
            found[name] = [text for (text,) in cursor.fetchall()]
    found.pop("django_migrations")
    return found


def a_minute(world: w.World) -> None:
    """Something of everything: a whole procedure with its materials, updates, deletions, a suppression."""
    done = w.registered(world)
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    services.suppress_content(
        actor=world.actor("agency_supervisor"),
        transaction_id=w.tid(),
        object_kind="registration",
        object_id=done["registration"],
        ground="personal_information",
        authority="示例机关",
        reason="示例理由",
    )
    sequencer.run_once()


def test_what_was_done_since_the_backup_comes_back_whole(archived: Path, restored: Restore) -> None:
    world = w.build()
    w.registered(world)
    with connection.cursor() as cursor:
        # A row whose number the server always gives itself is updated below.
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    archive.step()
    assert nightly.run() is not None and not list((archived / "tail").glob("*.dengji-tail"))
    for _ in range(2):
        a_minute(world)
        assert archive.step(settled=True)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = now()")
    archive.step(settled=True)
    names = [path.name for path in sorted((archived / "tail").glob("*.dengji-tail"))]
    assert len(names) == 3 and (archived / "tail" / names[0]).stat().st_mode & 0o077 == 0
    before = everything()
    names = Material.objects.exclude(storage_key="").values_list("storage_key", flat=True)
    kept = {name: default_storage.open(name).read() for name in names}
    assert kept
    for name in kept:
        default_storage.delete(name)
    counts = restored(archived)
    assert counts["transactions"] > 20
    assert everything() == before
    assert {name: default_storage.open(name).read() for name in kept} == kept
    assert audit.check(full=True).findings == []


def test_it_goes_to_a_moment_between(archived: Path, restored: Restore) -> None:
    world = w.build()
    archive.step()
    nightly.run()
    first = w.draft(world)
    archive.step(settled=True)
    moment, then = real_now(), everything()
    second = w.draft(world)
    archive.step(settled=True)
    restored(archived, moment)
    assert everything() == then
    assert Application.objects.filter(pk__in=[first, second]).count() == 1


def test_a_transaction_open_during_the_backup_is_there_once(archived: Path, restored: Restore) -> None:
    """It began before, ends after: the backup does not show it, the archive does."""
    world = w.build()
    archive.step()
    where = make_conninfo(os.environ["DENGJI_DATABASE_URL"], dbname=connection.settings_dict["NAME"], connect_timeout=5)
    with psycopg.connect(where) as slow:
        slow.execute("INSERT INTO ledger_cursor (consumer, next_index) VALUES ('slow', 7)")
        ended = threading.Timer(0.5, slow.commit)
        ended.start()
        nightly.run()
        ended.join()
    w.draft(world)
    archive.step(settled=True)
    before = everything()
    restored(archived)
    assert everything() == before and any('"slow"' in row for row in before["ledger_cursor"])


@pytest.mark.long
@pytest.mark.parametrize("point", ["_write_state", "_ADVANCE"])
def test_a_step_cut_short_is_made_good_without_doing_anything_twice(
    archived: Path, restored: Restore, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    world = w.build()
    archive.step()
    nightly.run()
    w.registered(world)
    with monkeypatch.context() as patch:
        if point == "_ADVANCE":
            patch.setattr(archive, point, "SELECT pg_no_such_function(%s, %s)")
        else:
            patch.setattr(archive, point, lambda value: (_ for _ in ()).throw(OSError(errno.EIO, "died")))
        with pytest.raises((OSError, psycopg.Error)):
            archive.step(settled=True)
    w.registered(world)
    archive.step(settled=True)
    before = everything()
    restored(archived)
    assert everything() == before


def test_a_missing_or_damaged_segment_is_named_and_nothing_is_restored(archived: Path, node: Node) -> None:
    world = w.build()
    archive.step()
    made = nightly.run()
    assert made
    for _ in range(3):
        w.draft(world)
        archive.step(settled=True)
    found = restoring.examine(made.path, recipient.parse_code(node.code))
    tail = archived / "tail"
    one, two, three = sorted(tail.glob("*.dengji-tail"))
    assert [path.name for path in replay.tail(found, tail).paths] == [one.name, two.name, three.name]
    kept = two.read_bytes()

    def refused(code: str) -> None:
        with pytest.raises(DomainError) as error:
            replay.tail(found, tail)
        assert (error.value.code, error.value.params["name"]) == (code, two.name)

    two.unlink()
    refused("archive_gap")
    for data in (kept[: len(kept) // 2], kept[:2000] + bytes([kept[2000] ^ 1]) + kept[2001:], one.read_bytes(), b""):
        two.write_bytes(data)
        refused("archive_damaged")
    # What lies before it can still be had.
    until = datetime.fromisoformat(str(container.read_manifest(one).facts["made_at"]))
    assert replay.tail(found, tail, to=until.replace(microsecond=0)).paths == [one]
    two.write_bytes(kept)
    # A backup that no archive goes on from says so.
    with pytest.raises(DomainError) as error:
        replay.tail(restoring.examine(node.backup().path, recipient.parse_code(node.code)), tail)
    assert error.value.code == "archive_none"


def test_a_failing_archive_stops_no_act_and_is_told(
    archived: Path, node: Node, restored: Restore, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = w.build()
    archive.step()
    nightly.run()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def told() -> tuple[Any, str]:
        lines = {one.name: one.status for one in health.backups(OpenNode(node.home, None))}
        return json.loads(Client().get("/healthz").content), lines["archive"]

    assert told() == ({"status": "ok"}, "ok")
    with monkeypatch.context() as patch:
        patch.setattr(container, "write", full)
        w.registered(world)
        with pytest.raises(OSError, match="No space"):
            archive.step(settled=True)
        later = real_now() + archive._BEHIND * 2
        patch.setattr(archive, "real_now", lambda: later)
        assert told() == ({"status": "ok", "archive": "behind"}, "warn")
        w.draft(world)
    archive.step(settled=True)
    assert told() == ({"status": "ok"}, "ok")
    before = everything()
    restored(archived)
    assert everything() == before


def plain(node: Node, path: Path) -> bytes:
    """Everything in a segment, decrypted and unpacked."""
    out = io.BytesIO()
    with container.opened(path, container.read_manifest(path), recipient.parse_code(node.code)) as tar:
        for member in tar:
            data = container.content(tar, member).read()
            out.write(zlib.decompress(data) if member.name.endswith(".z") else data)
    return out.getvalue()


def test_a_suppressed_text_leaves_the_archive_with_the_backup_that_it_calls_for(archived: Path, node: Node) -> None:
    world = w.build()
    archive.step()
    nightly.run()
    done = w.registered(world, title=PLANTED)
    archive.step(settled=True)

    def holding() -> list[str]:
        marks = [PLANTED.encode(), PLANTED.encode().hex().encode()]
        found = []
        for path in sorted((archived / "tail").glob("*.dengji-tail")):
            text = plain(node, path)
            found += [path.name for mark in marks if mark in text]
        newest = replay.base(archived, None)
        made = Made(newest, {}, 0, 0, [])
        return found + [newest.name for mark in marks if mark in node.plain(made)]

    assert holding() and not nightly.due()
    services.suppress_content(
        actor=world.actor("agency_supervisor"),
        transaction_id=w.tid(),
        object_kind="registration",
        object_id=done["registration"],
        ground="personal_information",
        authority="示例机关",
        reason="示例理由",
    )
    application = Application.objects.get(registration_id=done["registration"])
    services.suppress_content(
        actor=world.actor("agency_supervisor"),
        transaction_id=w.tid(),
        object_kind="application",
        object_id=application.pk,
        ground="personal_information",
        authority="示例机关",
        reason="示例理由",
    )
    sequencer.run_once()
    assert nightly.due()
    nightly.run()
    archive.step(settled=True)
    assert holding() == [] and not nightly.due()


def test_a_new_schema_or_a_lost_slot_begins_a_chain_with_a_backup_of_its_own(archived: Path, node: Node) -> None:
    w.build()
    first = archive.step()
    assert first and nightly.due()
    nightly.run()
    assert not nightly.due()
    with psycopg.connect(archive.address() or "", autocommit=True) as server:
        server.execute(archive._DROP, [archive._slot()])
    second = archive.step()
    assert second and second.chain != first.chain and nightly.due()
    nightly.run()
    owner = make_conninfo(os.environ["DENGJI_TEST_OWNER_URL"], dbname=connection.settings_dict["NAME"])
    with psycopg.connect(owner) as admin:
        admin.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('core', '9999_later', now())")
    third = archive.step()
    assert third and third.chain != second.chain and nightly.due()


def test_without_an_archive_the_server_keeps_nothing_for_it(archived: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.step()
    monkeypatch.setenv("DENGJI_ARCHIVE", "0")
    assert archive.step() is None and archive.behind() is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()")
        assert cursor.fetchone() == (0,)


def test_every_table_has_a_key_by_which_its_changes_are_told(node: Node) -> None:
    """Where one is missing the server would refuse to update its rows as soon as they are archived."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') "
            "AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate)"
        )
        assert cursor.fetchall() == []


def test_which_transactions_a_snapshot_saw_also_where_their_numbers_begin_anew() -> None:
    seen = Snapshot.parse("100:110:103,105")
    assert [number for number in range(98, 113) if not seen.sees(number)] == [103, 105, 110, 111, 112]
    turn = Snapshot.parse(f"{(1 << 32) - 2}:{(1 << 32) + 2}:{1 << 32}")
    assert turn.sees((1 << 32) - 1) and not turn.sees(0) and turn.sees(1) and not turn.sees(2)
    assert not Snapshot.parse(f"{(1 << 32) - 9}:{(1 << 32) - 9}:").sees(3)


@pytest.mark.parametrize("message", [b"B\0", b"I\0\0\0\7N", b"C" + bytes(25), b"U", b"R\0\0\0\1public"])
def test_a_message_that_is_none_is_refused(message: bytes) -> None:
    with pytest.raises(MalformedError):
        list(Decoder().read([message]))

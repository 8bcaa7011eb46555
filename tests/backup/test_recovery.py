"""A restored node is read-only until it has compared with what others know; then nothing is issued or signed twice."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

import psycopg
import pytest
from django.db import (
    IntegrityError,
    InternalError,
    OperationalError,
    ProgrammingError,
    close_old_connections,
    connection,
    transaction,
)
from django.db.migrations.loader import MigrationLoader
from django.test import Client
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dengji.backup import known, nightly, recipient, restoring
from dengji.backup.known import Copy
from dengji.backup.make import Made, make
from dengji.backup.recovery import recover
from dengji.core import node as nodes
from dengji.core.clock import legal_now
from dengji.core.errors import DomainError
from dengji.database import Cluster, roles
from dengji.law.calendar import shanghai_date
from dengji.ledger import audit, checkpointing, keyring, sequencer
from dengji.ledger import services as ledger
from dengji.ledger.export import export
from dengji.ledger.models import Entry, Pending, Tree
from dengji.ledger.pure.checkpoints import open_checkpoint
from dengji.ledger.pure.errors import LedgerError
from dengji.ledger.pure.merkle import root
from dengji.registration import services
from dengji.registration.models import Application, Decision, Registration, RegistrationVersion
from dengji.registration.projection import MODELS, differences
from dengji.registration.services import clockwork
from tests.backup.conftest import Machine, Node
from tests.cli.harness import elsewhere
from tests.factories import world as w

Restore = Callable[[Made], str]


def sign() -> bytes:
    """Place and sign everything; the newest checkpoint as anybody gets it."""
    sequencer.place_pending()
    while True:
        checkpointing.keep()
        row = checkpointing.latest()
        assert row is not None
        if row.size == Tree.objects.get().size:
            return checkpointing.published(row)


def clean() -> None:
    """The whole log and every projection are as they should be."""
    found = audit.check(full=True).findings
    assert found == []
    for model in MODELS.values():
        assert [differences(row) for row in model._default_manager.all() if differences(row)] == []


def _owner_of(database: str) -> str:
    return make_conninfo(os.environ["DENGJI_TEST_OWNER_URL"], dbname=database)


def serials() -> set[tuple[UUID, str]]:
    return set(Application.objects.exclude(serial="").values_list("register_id", "serial"))


def test_a_restored_node_holds_everything_and_waits(node: Node, another_database: Restore) -> None:
    world = w.build()
    done = w.registered(world)
    pending = w.draft(world)
    made = node.backup()
    material = services.list_materials(actor=world.actor("clerk"), owner_kind="application", owner_id=pending)[0]
    before = Decision.objects.count(), Entry.objects.count()
    another_database(made)
    assert (Decision.objects.count(), Entry.objects.count()) == before
    clean()
    _, data = services.read_material(actor=world.actor("clerk"), material_id=material["id"])
    assert data == w.PDF
    # Every way in is closed, the ways to look are open.
    with pytest.raises(DomainError) as error:
        w.act(world, "submit_for_business_review", pending, "clerk")
    assert (error.value.code, error.value.status) == ("node_recovering", 503)
    with pytest.raises((InternalError, OperationalError, ProgrammingError)), transaction.atomic():
        ledger.record(
            act="x", at=made_at(made), register="node", object_kind="x", object_id=UUID(int=1), n=1, public={}
        )
    size = Tree.objects.get().size
    Pending.objects.all().delete()
    assert sequencer.run_once() == 0 and not checkpointing.keep()
    assert set(clockwork.tick().values()) == {0}
    assert Tree.objects.get().size == size
    with pytest.raises(DomainError):
        make(made.path.with_name("no"))
    assert not nightly.due()
    client = Client()
    assert client.get(f"/api/v1/registrations/{done['code']}").status_code == 200
    assert client.get("/log/checkpoint").status_code == 200


def made_at(made: Made) -> datetime:
    """The moment that a backup shows."""
    return datetime.fromisoformat(made.manifest["made_at"])


def test_the_log_goes_on_where_nobody_knows_more(node: Node, another_database: Restore) -> None:
    world = w.build()
    w.registered(world)
    made = node.backup()
    known = sign()
    another_database(made)
    dry = recover(witnesses=[known], dry_run=True)
    assert dry.how == "continued" and nodes.is_recovering()
    outcome = recover(witnesses=[known])
    assert (outcome.how, outcome.origin) == ("continued", "demo.test.example")
    assert outcome.vouched_until is not None
    w.registered(world)
    sign()
    clean()
    with pytest.raises(DomainError) as error:
        recover()
    assert error.value.code == "not_recovering"


def lose_a_day(node: Node) -> tuple[w.World, Made, dict[str, UUID], dict[str, object]]:
    """A backup, and what happened after it: public acts, sealed ones, a new application, a code."""
    world = w.build()
    kept = w.registered(world)
    gone = w.registered(world)
    noticed, drafted = w.draft(world), w.draft(world)
    w.advance(world, noticed, "open_notice")
    made = node.backup()
    # After the backup.
    w.after_notice(noticed)
    w.act(world, "close_notice", noticed, "clock")
    coded = w.act(world, "assign_code", noticed, "issuer")
    w.advance(world, drafted, "accept")
    services.suppress_content(
        actor=world.actor("agency_supervisor"),
        transaction_id=w.tid(),
        object_kind="registration",
        object_id=gone["registration"],
        ground="personal_information",
        authority="示例机关",
        reason="示例理由",
    )
    fresh = w.draft(world)
    w.advance(world, fresh, "submit")
    facts: dict[str, object] = {
        "code": coded["code"],
        "codes": {kept["code"], gone["code"], coded["code"]},
        "serials": serials(),
        "gone": gone["registration"],
        "size": Entry.objects.count(),
    }
    return world, made, {"noticed": noticed, "drafted": drafted, "fresh": fresh}, facts


def nothing_twice(world: w.World, facts: dict[str, object]) -> None:
    """A further record gets a code and a serial that were never given, and the log takes it."""
    before = serials()
    done = w.registered(world)
    assert done["code"] not in facts["codes"]  # type: ignore[operator]
    assert not (serials() - before) & facts["serials"]  # type: ignore[operator]


def test_what_was_lost_comes_back_from_an_export(node: Node, another_database: Restore, tmp_path: Path) -> None:
    world, made, ids, facts = lose_a_day(node)
    known = sign()
    export(tmp_path / "export")
    another_database(made)
    assert Application.objects.get(pk=ids["noticed"]).state == "NOTICE"
    outcome = recover(witnesses=[known], copy=Copy(str(tmp_path / "export")))
    assert outcome.how == "caught_up" and not outcome.origin.endswith("/2")
    assert outcome.restored_size + outcome.fetched == facts["size"]
    # The public part of the day was done again; people hold that code.
    row = Registration.objects.get(code=facts["code"])
    assert (row.state, Application.objects.get(pk=ids["noticed"]).state) == ("VALID", "REGISTERED")
    assert RegistrationVersion.objects.get(registration=row).fields["name"] == row.name
    assert RegistrationVersion.objects.get(registration_id=facts["gone"]).fields == {}
    assert len(outcome.applied) == 3
    # The sealed part is told by number, and the log says so itself.
    assert outcome.lost_sealed and outcome.lost is None
    clean()
    opener = Decision.objects.filter(act="open_notice").values_list("actor", flat=True).first()
    # A decision written anew is excused where the log says so, and nowhere else.
    redone = Decision.objects.filter(actor="recovered").first()
    assert redone is not None
    with psycopg.connect(_owner_of(connection.settings_dict["NAME"])) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("UPDATE registration_decision SET actor = 'recovered' WHERE act = 'open_notice'")
    assert "decision_altered" in {one.code for one in audit.check().findings}
    with psycopg.connect(_owner_of(connection.settings_dict["NAME"])) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("UPDATE registration_decision SET actor = %s WHERE act = 'open_notice'", [opener])
    clean()
    # An object whose log is ahead takes no further act.
    with pytest.raises(IntegrityError), transaction.atomic():
        w.act(world, "submit_for_business_review", ids["drafted"], "clerk")
    nothing_twice(world, facts)
    newer = sign()
    old, _ = open_checkpoint(known, keyring.history())
    new, _ = open_checkpoint(newer, keyring.history())
    assert old.origin == new.origin and new.size > old.size
    assert root(old.size, checkpointing.StoredNodes(new.size)) == old.root
    clean()


def test_a_longer_log_that_nobody_has_a_copy_of_ends_the_epoch(node: Node, another_database: Restore) -> None:
    world, made, _ids, facts = lose_a_day(node)
    known = sign()
    another_database(made)
    outcome = recover(witnesses=[known])
    old, _ = open_checkpoint(known, keyring.history())
    assert outcome.how == "new_epoch" and outcome.origin == f"{old.origin}/2"
    assert outcome.lost == (outcome.restored_size, old.size - 1)
    first = Entry.objects.get(leaf__index=outcome.restored_size)
    said = json.loads(bytes(first.body))
    assert (said["act"], said["log"]) == ("epoch_begun", f"{old.origin}/2")
    assert said["public"]["old_size"] == old.size and said["public"]["old_root"] == f"sha256:{old.root.hex()}"
    assert said["public"]["kept_size"] == outcome.restored_size
    nothing_twice(world, facts)
    new, _ = open_checkpoint(sign(), keyring.history())
    assert new.origin == f"{old.origin}/2"
    # Nobody who knows the old log is shown this one under its name.
    with pytest.raises(LedgerError):
        open_checkpoint(sign(), [key for key in keyring.history() if key.name == old.origin])
    clean()


def test_without_anybody_else_a_new_epoch_begins(node: Node, another_database: Restore) -> None:
    world, made, _ids, facts = lose_a_day(node)
    sign()
    another_database(made)
    outcome = recover()
    assert outcome.how == "new_epoch" and outcome.known_size is None
    nothing_twice(world, facts)
    sign()
    clean()
    # And once more, from a backup of the second epoch.
    again = node.backup("second")
    another_database(again)
    assert recover().origin.endswith("/3")
    nothing_twice(world, facts)
    sign()
    clean()


def test_an_old_witness_proves_nothing_about_what_came_after(node: Node, another_database: Restore) -> None:
    world = w.build()
    w.registered(world)
    old = sign()
    w.registered(world)
    made = node.backup()
    sign()
    another_database(made)
    assert recover(witnesses=[old]).how == "new_epoch"


def test_a_checkpoint_that_contradicts_the_backup_stops_recovery(
    node: Node, another_database: Restore, tmp_path: Path
) -> None:
    world = w.build()
    w.registered(world)
    made = node.backup()
    sign()
    another_database(made)
    recover(new_epoch=False, witnesses=[checkpointing.published(checkpointing.latest())])  # type: ignore[arg-type]
    w.draft(world)
    forked = sign()
    export(tmp_path / "fork")
    # The same backup again, while another restored node has gone on under the same name and keys.
    another_database(made)
    w_tail = recover(witnesses=[forked], copy=Copy(str(tmp_path / "fork")), dry_run=True)
    assert w_tail.how == "caught_up"
    bundle = next(one for one in (tmp_path / "fork" / "tile" / "entries").rglob("*") if one.is_file())
    data = bytearray(bundle.read_bytes())
    data[-10] ^= 1
    bundle.write_bytes(data)
    with pytest.raises(DomainError) as error:
        recover(witnesses=[forked], copy=Copy(str(tmp_path / "fork")))
    assert error.value.code == "recovery_fork"
    assert nodes.is_recovering() and Tree.objects.get().size == made.manifest["log"]["size"]
    with pytest.raises(LedgerError):
        recover(witnesses=[forked.replace(b"\n", b"\n", 1)[:-8] + b"AAAAAA=\n"])
    assert recover(witnesses=[forked], copy=Copy(str(tmp_path / "fork")), new_epoch=True).how == "new_epoch"
    clean()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """A directory as a static web server shows it."""
    (tmp_path / "export").mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "export")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.long
def test_witness_and_copy_may_be_addresses(node: Node, another_database: Restore, tmp_path: Path, served: str) -> None:
    _world, made, _ids, facts = lose_a_day(node)
    sign()
    export(tmp_path / "export")
    another_database(made)
    outcome = recover(witnesses=[known.checkpoint(f"{served}/checkpoint")], copy=Copy(served))
    assert outcome.how == "caught_up" and outcome.restored_size + outcome.fetched == facts["size"]
    with pytest.raises(DomainError) as error:
        known.checkpoint(f"{served}/nothing")
    assert error.value.code == "source_unreachable"


def test_serials_jump_over_every_lost_day(node: Node, another_database: Restore, tmp_path: Path) -> None:
    world, made, _ids, _facts = lose_a_day(node)
    sign()
    export(tmp_path / "export")
    at = legal_now()
    another_database(made)
    recover(copy=Copy(str(tmp_path / "export")))
    assert legal_now() >= at - timedelta(minutes=1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT day, last FROM registration_serialcounter WHERE register_id = %s", [world.register.pk])
        counters: dict[date, int] = dict(cursor.fetchall())
    lost = [day for day in counters if day > shanghai_date(at) - timedelta(days=10)]
    assert len(lost) == 10
    assert all(counters[day] >= 100_000 for day in lost)


def test_only_a_recovering_node_may_change_its_name(node: Node) -> None:
    for statement in (
        "UPDATE core_node SET origin = origin || '/2'",
        "UPDATE core_node SET restored_from = now(), origin = 'demo.other'",
    ):
        with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE core_node SET restored_from = now()")
        cursor.execute("UPDATE core_node SET origin = origin || '/3'")


def test_a_backup_does_not_go_over_a_node(node: Node) -> None:
    made = node.backup()
    found = restoring.examine(made.path, recipient.parse_code(node.code))
    target = make_conninfo(os.environ["DENGJI_TEST_MIGRATOR_URL"], dbname=connection.settings_dict["NAME"])
    before = Entry.objects.count()
    with pytest.raises(DomainError) as error:
        restoring.load(found, target)
    assert error.value.code == "target_not_empty"
    assert Entry.objects.count() == before
    found.about["migrations"].append(["registration", "9999_later"])
    with pytest.raises(DomainError) as error:
        restoring.missing_migrations(found, {("registration", "0001_initial")})
    assert error.value.code == "backup_newer"


def test_the_guards_stand_again_after_a_restore(node: Node, another_database: Restore) -> None:
    w.registered(w.build())
    with connection.cursor() as cursor:
        cursor.execute(_SHAPE)
        before = _without_casts(cursor.fetchall())
    another_database(node.backup())
    with connection.cursor() as cursor:
        cursor.execute(_SHAPE)
        assert _without_casts(cursor.fetchall()) == before
        for statement in ("DELETE FROM ledger_entry", "UPDATE registration_decision SET act = 'x'"):
            with pytest.raises(ProgrammingError), transaction.atomic():
                cursor.execute(statement)


def _without_casts(shape: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The server writes one condition with its casts inside or outside a list, as it was typed or dumped."""
    return [(*row[:3], re.sub(r"::[a-z ]+(\[\])?|[()]", "", row[3])) for row in shape]


_SHAPE = """
SELECT 'trigger', tgrelid::regclass::text, tgname, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2, 3, 4
"""


@pytest.mark.long
def test_a_backup_while_four_write_goes_to_another_machine(
    node: Node, another_machine: Machine, tmp_path: Path
) -> None:
    world = w.build()
    w.registered(world)
    stop, wrote, failed = threading.Event(), [], []

    def write() -> None:
        try:
            while not stop.is_set():
                pk = w.draft(world)
                w.advance(world, pk, "accept")
                wrote.append(pk)
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(wrote) < 4 and not failed:
        sequencer.run_once()
    first = len(wrote)
    made = make(tmp_path / "busy")
    while len(wrote) < first + 4 and not failed:
        sequencer.run_once()
    stop.set()
    for thread in threads:
        thread.join()
    close_old_connections()
    assert failed == []
    known, code = tmp_path / "checkpoint", tmp_path / "code"
    known.write_bytes(sign())
    export(tmp_path / "export")
    code.write_text(node.code)
    words = ("restore", made.path, "--recovery-code", f"@{code}")
    wrong = tmp_path / "wrong"
    wrong.write_text("AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX")
    answer = another_machine.answer("restore", made.path, "--recovery-code", f"@{wrong}")
    assert answer.error["code"] == "recovery_code_wrong" and not another_machine.home.exists()
    said = another_machine(*words)
    assert said["rows"] == made.rows and said["files"] == made.files > 0
    assert another_machine.answer(*words).error["code"] == "target_not_empty"
    with Cluster(another_machine.home):  # so that not each command starts and stops a server
        assert another_machine("node", "show")["recovering"]
        assert another_machine("ledger", "check", "--full")["findings"] == []
        assert another_machine("rebuild")["differences"] == []
        outcome = another_machine("node", "recover", "--witness", known, "--export", tmp_path / "export")
        assert outcome["how"] == "caught_up" and outcome["lost_sealed"]
        assert another_machine("ledger", "check", "--full")["findings"] == []
        assert another_machine("rebuild")["differences"] == []
        assert not another_machine("node", "show")["recovering"]


@pytest.mark.long
def test_a_backup_goes_into_a_server_of_ones_own(node: Node, another_machine: Machine, tmp_path: Path) -> None:
    done = w.registered(w.build())
    made = node.backup()
    code = tmp_path / "code"
    code.write_text(node.code)
    name = f"own_{os.getpid()}"
    urls = {"app": "DENGJI_DATABASE_URL", "migrator": "DENGJI_TEST_MIGRATOR_URL", "auditor": "DENGJI_TEST_AUDITOR_URL"}
    parts = {role: conninfo_to_dict(os.environ[variable]) for role, variable in urls.items()}
    owner = os.environ["DENGJI_TEST_OWNER_URL"]
    roles.ensure_roles(owner, name, {role: str(one["password"]) for role, one in parts.items()})
    way = urlencode({"host": parts["app"]["host"], "port": parts["app"]["port"]})
    more = {
        variable: f"postgresql://{parts[role]['user']}:{parts[role]['password']}@/{name}?{way}"
        for role, variable in (("app", "DENGJI_DATABASE_URL"), ("migrator", "DENGJI_DATABASE_MIGRATOR_URL"))
    }
    words = ("restore", made.path, "--recovery-code", f"@{code}", "--json", "--data-dir")
    try:
        assert json.loads(elsewhere(*words, another_machine.home, more=more).out)["rows"] == made.rows
        again = elsewhere(*words, another_machine.home.with_name("m"), more=more)
        assert again.error["code"] == "target_not_empty" and not another_machine.home.with_name("m").exists()
        shown = elsewhere("node", "show", "--json", "--data-dir", another_machine.home, more=more)
        assert json.loads(shown.out)["recovering"]
        with psycopg.connect(more["DENGJI_DATABASE_URL"]) as app:
            assert app.execute("SELECT code FROM registration_registration").fetchall() == [(done["code"],)]
    finally:
        with psycopg.connect(owner, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_an_older_schema_is_made_before_its_rows(node: Node) -> None:
    graph = MigrationLoader(None)
    had = {("core", "0001_initial"), ("core", "0002_append_only"), ("ledger", "0001_initial")}
    assert restoring.last_of_each(graph, had) == [("core", "0002_append_only"), ("ledger", "0001_initial")]
    made = node.backup()
    found = restoring.examine(made.path, recipient.parse_code(node.code))
    assert restoring.missing_migrations(found, set(graph.disk_migrations)) == []
    later = {*graph.disk_migrations, ("registration", "9999_later")}
    assert restoring.missing_migrations(found, later) == [("registration", "9999_later")]

"""`dengji ledger check` finds nothing in an honest log, and each kind of tampering by a superuser of the database."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection, transaction
from django.test import override_settings
from pytest_django.plugin import DjangoDbBlocker

from dengji.cli.main import main
from dengji.ledger import audit, checkpointing, proofs, sequencer
from dengji.ledger.models import Entry, Leaf, Tree
from dengji.ledger.pure.merkle import Frontier, MemoryTree, leaf_hash
from dengji.registration.models import Decision
from tests import conftest as base
from tests.factories import world as w
from tests.faults import acts
from tests.ledger.conftest import add, add_many


def codes(**how: bool) -> set[str]:
    return {one.code for one in audit.check(**how).findings}


def test_a_log_of_real_acts_is_clean(log: str) -> None:
    world = w.build()
    w.registered(world)
    w.draft(world)
    acts.suppress(world, "application", acts.in_notice(world))(w.tid())
    sequencer.run_once(finish=True)
    report = audit.check(full=True)
    assert not report.findings
    assert report.counts["entries"] == Entry.objects.count()
    assert report.counts["decisions"] == Decision.objects.count() > 10
    assert report.counts["checkpoints"] == report.counts["cosignatures"] == 1


@pytest.mark.parametrize("case", acts.CASES, ids=str)
def test_every_act_leaves_decisions_and_entries_that_agree(db: None, case: acts.Case, tmp_path: Path, settings) -> None:
    settings.DENGJI_DATA_DIR = tmp_path
    world = w.build()
    case.ready(world)(w.tid())
    sequencer.run_once(finish=True)
    assert not audit.check(full=True).findings


@pytest.fixture(scope="module")
def filled(
    template_database: str, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A log with real acts, two full tiles and two checkpoints; the name of its database."""
    with django_db_blocker.unblock(), override_settings(DENGJI_DATA_DIR=tmp_path_factory.mktemp("node")):
        for name in base.clone_of(template_database):
            world = w.build()
            w.registered(world)
            acts.suppress(world, "application", acts.in_notice(world))(w.tid())
            add_many(256)
            sequencer.run_once(finish=True)
            add_many(300)
            sequencer.run_once(finish=True)
            assert codes(full=True) == set()
            yield name


@pytest.fixture
def tampered(filled: str) -> Iterator[Callable[..., object]]:
    """Do things as a superuser whom no trigger stops; all of it is undone in the end."""
    base._point_at(filled, os.environ[base._OWNER])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield cursor.execute
        transaction.set_rollback(True)
    base._point_at(filled, os.environ[base._URL])
    proofs.forget()


PUBLIC = "SELECT id FROM ledger_entry WHERE act = 'open_notice' ORDER BY id LIMIT 1"
SEALED = "SELECT id FROM ledger_entry WHERE act = 'accept' ORDER BY id LIMIT 1"
DECISION = f"UPDATE registration_decision SET {{}} WHERE entry_id = ({SEALED})"
#: What a superuser does to the database → the codes that tell of it (others may join in).
TAMPERING: dict[str, tuple[str, set[str]]] = {
    "an entry's words": (
        "UPDATE ledger_entry SET body = convert_to(replace(convert_from(body, 'UTF8'), 'NOTICE', 'NOTYCE'), 'UTF8')"
        f" WHERE id = ({PUBLIC})",
        {"entry_altered", "checkpoint_root", "tree_disagrees", "decision_entry"},
    ),
    "an entry with its hash": (
        "UPDATE ledger_entry SET body = '{}' WHERE id = (SELECT entry_id FROM ledger_leaf WHERE index = 6);"
        " UPDATE ledger_leaf SET hash = sha256('\\x007b7d'::bytea) WHERE index = 6",
        {"entry_columns", "checkpoint_root", "tile_altered"},
    ),
    "an entry's time": (f"UPDATE ledger_entry SET at = at - interval '1 day' WHERE id = ({SEALED})", {"entry_columns"}),
    "an entry's act": (f"UPDATE ledger_entry SET act = 'decline' WHERE id = ({SEALED})", {"entry_columns"}),
    "an entry is gone": (
        f"DELETE FROM ledger_entry WHERE id = ({SEALED})",
        {"entry_missing", "decision_without_entry"},
    ),
    "an entry without a place": (
        "INSERT INTO ledger_entry (act, object_kind, object_id, n, at, public, body) "
        "VALUES ('x', 'example', gen_random_uuid(), 1, now(), true, '{}')",
        {"entry_lost"},
    ),
    "a hash": ("UPDATE ledger_leaf SET hash = sha256('x') WHERE index = 3", {"entry_altered"}),
    "the last entries are gone": (
        "DELETE FROM ledger_leaf WHERE index > 500",
        {"tree_disagrees", "checkpoint_beyond", "entry_lost", "tile_extra"},
    ),
    "an entry in the middle is gone": ("DELETE FROM ledger_leaf WHERE index = 100", {"leaf_gap"}),
    "two entries change places": (
        "UPDATE ledger_leaf SET index = -1 WHERE index = 4; UPDATE ledger_leaf SET index = 4 WHERE index = 5;"
        " UPDATE ledger_leaf SET index = 5 WHERE index = -1",
        {"checkpoint_root", "tile_altered", "tree_disagrees"},
    ),
    "an entry's words by nonsense": (
        f"UPDATE ledger_entry SET body = 'x' WHERE id = ({PUBLIC})",
        {"entry_altered", "entry_columns", "decision_entry"},
    ),
    "an object's count": (f"UPDATE ledger_entry SET n = 99 WHERE id = ({SEALED})", {"object_gap", "entry_columns"}),
    "the tree": ("UPDATE ledger_tree SET size = size + 1", {"tree_disagrees"}),
    "no tree": ("DELETE FROM ledger_tree", {"tree_missing"}),
    "a tile": ("UPDATE ledger_tile SET data = sha256('x') || substring(data FROM 33) WHERE n = 1", {"tile_altered"}),
    "a tile is gone": ("DELETE FROM ledger_tile WHERE n = 0", {"tile_missing"}),
    "a checkpoint's root": ("UPDATE ledger_checkpoint SET root = sha256('x')", {"checkpoint_root", "checkpoint_note"}),
    "a checkpoint's signature": (
        "UPDATE ledger_checkpoint SET note = convert_to(regexp_replace(convert_from(note, 'UTF8'), '....=\\n$',"
        " E'AAA=\\n'), 'UTF8')",
        {"checkpoint_signature"},
    ),
    "a checkpoint by nonsense": ("UPDATE ledger_checkpoint SET note = 'x'", {"checkpoint_signature"}),
    "checkpoints change places": (
        "UPDATE ledger_checkpoint SET id = -id",
        {"checkpoint_shrinks"},
    ),
    "a cosignature": (
        "UPDATE ledger_cosignature SET line = (SELECT line FROM ledger_cosignature ORDER BY size DESC LIMIT 1)",
        {"cosignature_invalid"},
    ),
    "a content": ("UPDATE ledger_content SET body = '{}' WHERE body IS NOT NULL", {"content_altered"}),
    "a content is gone": ("DELETE FROM ledger_content", {"content_missing"}),
    "a content emptied in silence": (
        "UPDATE ledger_content SET body = NULL, suppressed_at = now() WHERE body IS NOT NULL",
        {"tombstone_without_entry"},
    ),
    "a decision's state": (DECISION.format("to_state = 'DECLINED'"), {"decision_altered"}),
    "a decision's time": (DECISION.format("at = at - interval '1 day'"), {"decision_altered", "decision_entry"}),
    "a decision's actor": (DECISION.format("actor = 'person:somebody'"), {"decision_altered"}),
    "a decision's deadline": (DECISION.format("deadline_day = deadline_day + 5"), {"decision_altered"}),
    "a decision's data by nonsense": (DECISION.format("data = '{\"a\": 1.5}'"), {"decision_altered"}),
    "a decision's digest": (DECISION.format("digest = 'sha256:00'"), {"decision_altered", "decision_entry"}),
    "a public decision's data": (
        f"UPDATE registration_decision SET data = '{{}}' WHERE entry_id = ({PUBLIC})",
        {"decision_altered"},
    ),
    "a decision is gone": (f"DELETE FROM registration_decision WHERE entry_id = ({SEALED})", {"decision_missing"}),
    "the words of a decision": (
        "UPDATE registration_decisiondetail SET data = overlay(data PLACING '\\x00'::bytea FROM 40)",
        {"detail_altered"},
    ),
}


@pytest.mark.parametrize(("statement", "expected"), TAMPERING.values(), ids=TAMPERING.keys())
def test_each_tampering_is_found(tampered, statement: str, expected: set[str]) -> None:
    tampered(statement)
    assert expected <= codes(full=True)


def test_a_rewritten_history_in_which_everything_agrees_is_betrayed_by_its_checkpoints(tampered) -> None:
    """Whoever owns the database but not the key can make all of it fit but what was signed."""
    tampered(
        "UPDATE ledger_entry SET body = convert_to(replace(convert_from(body, 'UTF8'), '\"number\":1', '\"number\":2'),"
        " 'UTF8') WHERE act = 'example'"
    )
    tree, frontier = MemoryTree(), Frontier()
    for pk, body in Entry.objects.order_by("leaf__index").values_list("pk", "body"):
        tree.append(leaf_hash(bytes(body)))
        frontier.append(leaf_hash(bytes(body)))
        tampered("UPDATE ledger_leaf SET hash = %s WHERE entry_id = %s", [leaf_hash(bytes(body)), pk])
    tampered("UPDATE ledger_tree SET frontier = %s", [frontier.encode()])
    for n in range(Tree.objects.get().size // 256):
        data = b"".join(tree(0, 256 * n + place) for place in range(256))
        tampered("UPDATE ledger_tile SET data = %s WHERE n = %s AND level = 0", [data, n])
    assert codes(full=True) == {"checkpoint_root", "own_copy_contradicts"}
    assert checkpointing.fault_code() == "not_an_extension"


def test_findings_of_one_kind_are_named_and_then_counted(tampered) -> None:
    tampered("UPDATE ledger_leaf SET hash = sha256('x')")
    report = audit.check()
    named = [one for one in report.findings if one.code == "entry_altered"]
    assert len(named) == 20
    assert report.more["entry_altered"] == Leaf.objects.count() - 20


def test_an_entry_that_waits_too_long_is_told(log: str, owner_connection: psycopg.Connection) -> None:
    add()
    assert codes() == set()
    owner_connection.execute("SET session_replication_role = replica")
    owner_connection.execute("UPDATE ledger_entry SET at = at - interval '2 minutes'")
    assert codes() == {"pending_too_long"}


def test_acts_that_go_on_meanwhile_are_no_findings(log: str) -> None:
    add_many(300)
    sequencer.run_once(finish=True)
    told: list[str] = []

    def meanwhile(stage: str, done: int, total: int) -> None:
        told.append(stage)

    add_many(300)
    assert not audit.check(progress=meanwhile).findings
    assert {"entries", "tiles", "checkpoints"} <= set(told)


def test_the_command_answers_yes_or_no(
    log: str, owner_connection: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    add_many(600)
    sequencer.run_once(finish=True)
    assert main(["ledger", "check", "--full", "--json"]) == 0
    clean = json.loads(capsys.readouterr().out)
    assert clean["findings"] == [] and clean["counts"]["tiles"] == 2
    owner_connection.execute("SET session_replication_role = replica")
    owner_connection.execute("UPDATE ledger_leaf SET hash = sha256('x') WHERE index = 3")
    assert main(["ledger", "check", "--json"]) == 1
    [found] = json.loads(capsys.readouterr().out)["findings"]
    assert found["code"] == "entry_altered" and found["where"].startswith("index 3, ")
    assert main(["ledger", "check"]) == 1
    said = capsys.readouterr()
    assert "entry_altered" in said.out and "记录" in said.err


def test_the_command_exports_and_rotates(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(3)
    sequencer.run_once(finish=True)
    assert main(["ledger", "export", str(tmp_path / "copy"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["size"] == 3
    assert main(["ledger", "rotate", "--finish"]) == 1
    assert "rotation_not_begun" in capsys.readouterr().err
    assert main(["ledger", "rotate"]) == 0
    assert main(["ledger", "rotate", "--finish"]) == 0
    capsys.readouterr()
    assert main(["ledger", "keys", "--json"]) == 0
    keys = json.loads(capsys.readouterr().out)
    assert (len(keys["vkeys"]), len(keys["history"])) == (2, 3)

"""The node's own copy of its last checkpoint, where the keys' directory outlived the database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dengji.backup import recipient, restoring
from dengji.backup.recovery import recover
from dengji.ledger import checkpointing, own_copy
from tests.backup.conftest import Node
from tests.backup.test_recovery import clean, lose_a_day, sign
from tests.factories import world as w

Restore = Callable[..., str]


def test_a_copy_that_knows_of_a_lost_day_ends_the_epoch_without_anybody_else(
    node: Node, another_database: Restore
) -> None:
    _world, made, _ids, _facts = lose_a_day(node)
    lost = checkpointing.Checkpoint.parse(sign().rpartition(b"\n\n")[0] + b"\n")
    another_database(made, copy_remains=True)
    outcome = recover()
    assert outcome.how == "new_epoch" and outcome.known_size == lost.size
    assert outcome.lost == (outcome.restored_size, lost.size - 1)
    sign()
    clean()


def test_a_copy_that_knows_no_more_lets_the_log_go_on_under_its_name(node: Node, another_database: Restore) -> None:
    w.registered(w.build())
    made = node.backup()
    known = sign()
    another_database(made, copy_remains=True)
    assert own_copy.read() and recover().how == "continued"
    assert sign().splitlines()[0] == known.splitlines()[0]
    clean()


def test_a_copy_of_the_epoch_before_stops_nobody_where_the_recovery_was_killed_before_removing_it(
    node: Node, another_database: Restore, monkeypatch: pytest.MonkeyPatch
) -> None:
    _world, made, _ids, _facts = lose_a_day(node)
    sign()
    another_database(made, copy_remains=True)
    monkeypatch.setattr(own_copy, "forget", lambda: None)
    assert recover().how == "new_epoch"
    assert own_copy.read() and checkpointing.fault_code() == ""
    sign()
    clean()


def test_a_database_set_back_without_restoring_is_not_signed_for(node: Node, another_database: Restore) -> None:
    _world, made, _ids, _facts = lose_a_day(node)
    sign()
    another_database(made, copy_remains=True)
    from dengji.core.models import Node as Row

    Row.objects.update(restored_from=None)  # past the recovery
    assert not checkpointing.keep(at_once=True)
    assert checkpointing.health().fault == "own_copy_contradicts"


def test_a_backup_leaves_the_copy_out(node: Node) -> None:
    w.registered(w.build())
    sign()
    made = node.backup()
    assert own_copy.path().exists()
    found: Any = restoring.examine(Path(made.path), recipient.parse_code(node.code))
    assert "log.key" in found.keys and own_copy.FILE not in found.keys

"""A checkpoint follows growth, its cosignature stays fresh, and nothing is signed that does not extend the last."""

from __future__ import annotations

import os
import threading
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.test import Client
from psycopg.conninfo import make_conninfo

from dengji.core.clock import real_now
from dengji.core.frame import lock_key
from dengji.ledger import checkpointing, keyring, proofs, sequencer
from dengji.ledger.models import Cosignature, Pending, SignedCheckpoint
from dengji.ledger.pure.checkpoints import Checkpoint, open_checkpoint
from dengji.ledger.pure.merkle import Frontier, MemoryTree, leaf_hash, root, verify_consistency, verify_inclusion
from tests.ledger.conftest import add, add_many, bodies


def sizes() -> list[int]:
    return list(SignedCheckpoint.objects.order_by("id").values_list("size", flat=True))


def newest() -> Checkpoint:
    row = checkpointing.latest()
    assert row
    return open_checkpoint(checkpointing.published(row), keyring.vkeys())[0]


def later(monkeypatch: pytest.MonkeyPatch, **by: float) -> None:
    """Let real time be later from now on."""
    moment = real_now() + timedelta(**by)
    monkeypatch.setattr(checkpointing, "real_now", lambda: moment)


def test_the_empty_log_is_signed_and_growth_after_it(log: str) -> None:
    sequencer.run_once(finish=True)
    add_many(300)
    sequencer.run_once(finish=True)
    tree = MemoryTree()
    for body in bodies():
        tree.append(leaf_hash(body))
    assert sizes() == [0, 300]
    assert newest() == Checkpoint("demo.test.example", 300, root(300, tree))


def test_a_log_that_keeps_growing_is_signed_every_second_at_most(log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch, seconds=0)
    for _ in range(3):
        add()
        sequencer.run_once()
    assert sizes() == [1]
    later(monkeypatch, seconds=0.9)
    sequencer.run_once()
    assert sizes() == [1, 3]


def test_the_nodes_own_cosignature_is_renewed_though_nothing_grew(log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch, seconds=0)
    add()
    sequencer.run_once()
    before = Cosignature.objects.get()
    later(monkeypatch, seconds=50)
    assert not checkpointing.keep()
    later(monkeypatch, seconds=61)
    assert checkpointing.keep()
    after = Cosignature.objects.get()
    row = checkpointing.latest()
    assert row and sizes() == [1]
    [key] = [one.key for one in keyring.cosigners(0)]
    _, note = open_checkpoint(checkpointing.published(row), keyring.vkeys())
    assert note.cosigned_at(key) == int(after.at.timestamp()) > int(before.at.timestamp())


def test_signing_waits_for_no_act_and_holds_none_up(log: str) -> None:
    """Another signer at work, or an act that is not finished, is nothing to wait for."""
    with psycopg.connect(make_conninfo(os.environ["DENGJI_DATABASE_URL"], dbname=log)) as other:
        add(2)
        other.execute("SELECT pg_advisory_xact_lock(%s)", [lock_key("dengji", "checkpoint")])
        assert sequencer.run_once(finish=True) == 2
        assert sizes() == []
        add()
        other.rollback()
        sequencer.run_once(finish=True)
    assert sizes() == [3]


def test_two_signers_at_once_sign_one_size_once(log: str) -> None:
    add(5)
    sequencer.place_pending()
    keyring.ensure_keys()

    def sign() -> None:
        try:
            checkpointing.keep(at_once=True)
        finally:
            connection.close()

    threads = [threading.Thread(target=sign) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes() == [5]


#: What a superuser may do → the code of the fault.
TAMPERING = {
    "the last leaves": ("DELETE FROM ledger_leaf WHERE index >= 600", "tree_disagrees"),
    "leaves and tree": (
        "DELETE FROM ledger_leaf WHERE index >= 600; UPDATE ledger_tree SET size = 600, frontier ="
        " int8send(600) || substring(frontier FROM 9)",
        "frontier_malformed",
    ),
    "the frontier": (
        "UPDATE ledger_tree SET frontier = overlay(frontier PLACING sha256('x') FROM 9)",
        "not_an_extension",
    ),
    "a tile": ("UPDATE ledger_tile SET data = sha256('x') || substring(data FROM 33) WHERE n = 0", "not_an_extension"),
    "a leaf of the unfinished tile": (
        "UPDATE ledger_leaf SET hash = sha256('x') WHERE index = 640",
        "not_an_extension",
    ),
    "the root of a checkpoint": ("UPDATE ledger_checkpoint SET root = sha256('x')", "not_an_extension"),
    "the signature of a checkpoint": (
        "UPDATE ledger_checkpoint SET size = 100, note ="
        " convert_to(replace(convert_from(note, 'UTF8'), E'\\n700\\n', E'\\n100\\n'), 'UTF8')",
        "not_an_extension",
    ),
}


@pytest.mark.parametrize(("statement", "code"), TAMPERING.values(), ids=TAMPERING.keys())
def test_nothing_is_signed_after_tampering_and_the_node_says_so(
    log: str, owner_connection: psycopg.Connection, statement: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_many(700)
    sequencer.run_once(finish=True)
    add_many(20)
    if code == "not_an_extension":
        sequencer.place_pending()
    owner_connection.execute("SET session_replication_role = replica")
    owner_connection.execute(statement)
    later(monkeypatch, minutes=2)
    proofs.forget()
    assert not checkpointing.keep()
    assert len(sizes()) == 1
    assert checkpointing.health().fault == code
    assert Client().get("/healthz").json() == {"status": "fault", "code": "ledger_fault", "fault": code}


def test_a_log_cut_back_with_all_care_is_not_signed_again(
    log: str, owner_connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_many(700)
    sequencer.run_once(finish=True)
    shorter = Frontier.at(600, proofs.nodes(700)).encode()
    owner_connection.execute("SET session_replication_role = replica")
    owner_connection.execute("DELETE FROM ledger_leaf WHERE index >= 600")
    owner_connection.execute("UPDATE ledger_tree SET size = 600, frontier = %s", [shorter])
    proofs.forget()
    later(monkeypatch, minutes=2)
    assert not checkpointing.keep()
    assert checkpointing.fault_code() == "not_an_extension"
    add_many(200)
    sequencer.run_once(finish=True)
    assert sizes() == [700]


def test_a_healthy_log_says_so_and_a_worker_that_is_away_makes_it_stale(
    log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checkpointing.health().stale
    add(2)
    sequencer.run_once(finish=True)
    add()
    health = checkpointing.health()
    assert (health.size, health.signed_size, health.pending, health.fault, health.stale) == (2, 2, 1, "", False)
    assert Client().get("/healthz").json() == {"status": "ok"}
    later(monkeypatch, minutes=3)
    assert checkpointing.health().stale


def test_proofs_hold_for_every_signed_size(log: str) -> None:
    for count in (1, 254, 1, 1, 300):
        add_many(count)
        sequencer.run_once(finish=True)
    signed = {row.size: bytes(row.root) for row in SignedCheckpoint.objects.all()}
    assert sorted(signed) == [1, 255, 256, 257, 557]
    hashes = [leaf_hash(body) for body in bodies()]
    for size, top in signed.items():
        for index in {0, size // 2, size - 1}:
            assert verify_inclusion(hashes[index], index, size, proofs.inclusion(index, size), top)
        for old in (one for one in signed if one <= size):
            assert verify_consistency(old, size, proofs.consistency(old, size), signed[old], top)


def test_a_waiting_entry_has_no_checkpoint_yet(log: str) -> None:
    [pk] = add()
    assert checkpointing.covering(pk) is None
    sequencer.place_pending()
    assert checkpointing.covering(pk) is None
    checkpointing.keep()
    row = checkpointing.covering(pk)
    assert row and row.size == 1
    assert not Pending.objects.exists()

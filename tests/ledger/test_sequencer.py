"""Every entry gets a place, gapless and once, by one sequencer at a time, whatever dies meanwhile."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from psycopg.conninfo import make_conninfo

from dengji.core.frame import lock_key
from dengji.ledger import sequencer, services
from dengji.ledger.models import Entry, Leaf, Pending, Tile, Tree
from dengji.ledger.pure.errors import LedgerError
from dengji.ledger.pure.merkle import Frontier, MemoryTree, leaf_hash, root
from dengji.ledger.pure.tiles import Tile as Wanted
from dengji.ledger.pure.tiles import tile_data
from tests.ledger.conftest import add, add_many, bodies

LOCK = "SELECT pg_advisory_xact_lock(%s)"


def tree() -> MemoryTree:
    made = MemoryTree()
    for body in bodies():
        made.append(leaf_hash(body))
    return made


def whole() -> None:
    """Places are gapless, nothing waits, and tree and tiles are those of the entries."""
    assert list(Leaf.objects.order_by("index").values_list("index", flat=True)) == list(range(Entry.objects.count()))
    assert not Pending.objects.exists()
    expected = tree()
    stored = Tree.objects.get()
    assert Frontier.decode(bytes(stored.frontier)).root() == root(stored.size, expected)
    assert stored.size == len(expected)
    tiles = {(tile.level, tile.n): bytes(tile.data) for tile in Tile.objects.all()}
    full = {(0, n) for n in range(stored.size // 256)} | {(1, n) for n in range(stored.size // 65536)}
    assert tiles.keys() == full
    assert all(data == tile_data(Wanted(*place), expected) for place, data in tiles.items())


@pytest.fixture
def other(log: str) -> Iterator[psycopg.Connection]:
    """Another sequencer's connection, as the role the platform works in."""
    opened = psycopg.connect(make_conninfo(os.environ["DENGJI_DATABASE_URL"], dbname=log))
    yield opened
    opened.close()


@pytest.mark.parametrize("size", [1, 255, 256, 257, 513])
def test_entries_get_places_and_full_tiles_are_stored(log: str, size: int) -> None:
    add_many(size)
    assert sequencer.run_once() == size
    whole()


def test_a_tile_of_the_second_level_is_stored(log: str) -> None:
    add_many(65_536 + 3)
    assert sequencer.run_once() == 65_539
    whole()
    assert Tile.objects.filter(level=1).count() == 1


def test_batches_of_any_size_give_the_same_log(log: str) -> None:
    add_many(700)
    for limit in (1, 2, 253, 1, 256, 100, 2000):
        sequencer.place_pending(limit)
    whole()


def test_entries_committed_out_of_id_order_all_get_a_place(log: str, other: psycopg.Connection) -> None:
    with other.transaction():
        first = other.execute(
            "WITH e AS (INSERT INTO ledger_entry (act, object_kind, object_id, n, at, public, body) "
            "VALUES ('late', 'example', gen_random_uuid(), 1, now(), true, '{}') RETURNING id) "
            "INSERT INTO ledger_pending SELECT id FROM e RETURNING entry_id"
        ).fetchone()
        assert first
        [second] = add()
        assert second > first[0]
        assert sequencer.place_pending() == 1
    assert sequencer.place_pending() == 1
    assert list(Leaf.objects.order_by("index").values_list("entry_id", flat=True)) == [second, first[0]]
    whole()


def test_while_one_holds_the_lock_another_places_nothing(log: str, other: psycopg.Connection) -> None:
    add(3)
    other.execute(LOCK, [lock_key("dengji", "sequencer")])
    assert sequencer.place_pending() == 0
    other.rollback()
    assert sequencer.place_pending() == 3


def test_another_takes_over_when_the_holder_is_killed(
    log: str, other: psycopg.Connection, owner_connection: psycopg.Connection
) -> None:
    add(3)
    other.execute(LOCK, [lock_key("dengji", "sequencer")])
    assert sequencer.place_pending() == 0
    owner_connection.execute("SELECT pg_terminate_backend(%s)", [other.info.backend_pid])
    for _ in range(50):
        if sequencer.place_pending():
            break
        time.sleep(0.1)
    whole()


def test_a_sequencer_frozen_in_the_middle_of_a_batch_loses_its_place(log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "_IDLE", "300ms")
    add(2)
    stop, started = threading.Event(), threading.Event()
    failed: list[str] = []

    def frozen() -> None:
        store = sequencer._store_tiles

        def wait(full: object) -> None:
            started.set()
            stop.wait(20)

        monkeypatch.setattr(sequencer, "_store_tiles", wait)
        try:
            sequencer.place_pending()
        except DatabaseError as error:
            failed.append(type(error).__name__)
        finally:
            monkeypatch.setattr(sequencer, "_store_tiles", store)
            connection.close()

    thread = threading.Thread(target=frozen)
    thread.start()
    assert started.wait(20)
    monkeypatch.undo()
    for _ in range(100):
        if sequencer.place_pending():
            break
        time.sleep(0.1)
    stop.set()
    thread.join()
    assert failed
    whole()


def test_many_sequencers_at_once_leave_neither_gap_nor_double(log: str) -> None:
    add_many(2_000)
    placed: list[int] = []

    def place() -> None:
        try:
            for _ in range(60):
                placed.append(sequencer.place_pending(37))
        finally:
            connection.close()

    threads = [threading.Thread(target=place) for _ in range(4)]
    for thread in threads:
        thread.start()
    add(20)
    for thread in threads:
        thread.join()
    sequencer.run_once()
    assert sum(placed) <= 2_020
    whole()


def test_a_batch_that_fails_leaves_nothing(log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    add_many(300)
    monkeypatch.setattr(sequencer, "_insert", _failing(sequencer._insert, at=2))
    with pytest.raises(RuntimeError):
        sequencer.place_pending()
    monkeypatch.undo()
    assert not Leaf.objects.exists()
    assert Pending.objects.count() == 300
    assert sequencer.place_pending() == 300
    whole()


def _failing(insert, at: int):
    calls = iter(range(1, 1000))

    def fail(*args: object) -> None:
        if next(calls) == at:
            raise RuntimeError
        insert(*args)

    return fail


#: What a superuser may do to the log → the fault that stops placing.
TAMPERING = {
    "the last leaf is gone": ("DELETE FROM ledger_leaf WHERE index = 299", "tree_disagrees"),
    "the tree is gone": ("DELETE FROM ledger_tree", "tree_missing"),
    "the tree is set back": ("UPDATE ledger_tree SET size = 299", "tree_disagrees"),
    "a leaf of the unfinished tile": ("UPDATE ledger_leaf SET hash = sha256('x') WHERE index = 280", "tile_disagrees"),
}


@pytest.mark.parametrize(("statement", "code"), TAMPERING.values(), ids=TAMPERING.keys())
def test_nothing_is_placed_on_what_contradicts_itself(
    log: str, owner_connection: psycopg.Connection, statement: str, code: str
) -> None:
    add_many(300)
    sequencer.place_pending()
    owner_connection.execute("SET session_replication_role = replica")
    owner_connection.execute(statement)
    add_many(250)
    with pytest.raises(LedgerError) as caught:
        sequencer.place_pending()
    assert caught.value.code == code
    assert Pending.objects.count() == 250


def test_an_entry_too_large_for_a_bundle_is_refused_before_it_is_recorded(log: str) -> None:
    with pytest.raises(LedgerError) as caught, transaction.atomic():
        add(filler="x" * 65_536)
    assert caught.value.code == "entry_too_large"
    assert not Entry.objects.exists()


def test_consumers_read_in_order_once_and_go_on_after_an_error(log: str) -> None:
    add(5)
    sequencer.place_pending()
    seen: list[int] = []

    def take(entries) -> None:
        for index, _entry in entries:
            seen.append(index)
            if len(seen) == 2:
                raise RuntimeError

    with pytest.raises(RuntimeError):
        services.consume("test", take)
    seen.clear()
    assert services.consume("test", lambda entries: seen.extend(i for i, _ in entries), limit=3) == 3
    assert services.consume("test", lambda entries: seen.extend(i for i, _ in entries), limit=3) == 2
    assert services.consume("test", lambda entries: seen.extend(i for i, _ in entries)) == 0
    assert seen == [0, 1, 2, 3, 4]
    assert [(index, body) for index, _, body in services.read(3, 10)] == list(enumerate(bodies()))[3:]

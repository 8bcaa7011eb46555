"""A signed log to tamper with, what a superuser may do to it, and every way of looking at it afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
import psycopg
import pytest

from dengji.core.canonical import canonical, salted_digest
from dengji.core.clock import real_now
from dengji.core.errors import DomainError
from dengji.ledger import audit, checkpointing, keyring, own_copy, proofs, sequencer
from dengji.ledger.models import Entry, Leaf, SignedCheckpoint
from dengji.ledger.pure.checkpoints import Checkpoint, open_checkpoint, require_extension
from dengji.ledger.pure.errors import LedgerError
from dengji.ledger.pure.merkle import Frontier, MemoryTree, leaf_hash
from dengji.ledger.pure.receipts import Trust, parse_receipt, verify_receipt
from dengji.ledger.pure.tiles import Tile, tile_data
from dengji.registration import receipts
from dengji.registration.models import Decision
from dengji.registration.services.engine import statement
from tests.ledger.conftest import add_many

#: Entries before those of real acts: one full tile and the beginning of the next.
FILL = 300
HIT = 10
Owner = psycopg.Connection[Any]


@dataclass(frozen=True)
class Kept:
    """What somebody outside holds from before: a checkpoint, and a receipt of a notice."""

    database: str
    checkpoint: Checkpoint
    receipt: bytes
    index: int
    trust: Trust
    own_copy: bytes


@dataclass(frozen=True)
class Shown:
    """What shows a deed: findings of the check, why the node signs no more, the receipt it makes, a held checkpoint."""

    check: frozenset[str]
    stopped: str
    receipt: str
    held: str


def published() -> Checkpoint:
    row = checkpointing.latest()
    assert row
    return open_checkpoint(checkpointing.published(row), keyring.history())[0]


def codes() -> frozenset[str]:
    return frozenset(one.code for one in audit.check(full=True).findings)


def agrees(held: Checkpoint) -> str:
    """Whether what is published now extends a checkpoint that somebody held."""
    if checkpointing.latest() is None:
        return "nothing to compare"
    now = published()
    try:
        require_extension(held, now, proofs.consistency(held.size, now.size) if held.size <= now.size else [])
    except LedgerError:
        return "contradicts"
    return "agrees"


def receipt(kept: Kept) -> str:
    """What the node says when asked for the receipt of the notice: refused, same, or another one that verifies."""
    try:
        made = parse_receipt(receipts.of_entry(kept.index).data)
    except DomainError as error:
        return f"refused ({error.code})"
    verify_receipt(made, kept.trust)
    return "proves the same" if made.entry == parse_receipt(kept.receipt).entry else "**proves another**"


def go_on() -> str:
    """Work goes on: does the node sign? The code of what stops it, empty where it signs."""
    before = SignedCheckpoint.objects.count()
    add_many(250)
    with pytest.MonkeyPatch.context() as patched:
        later = real_now() + timedelta(minutes=2)
        patched.setattr(checkpointing, "real_now", lambda: later)
        try:
            sequencer.run_once(finish=True)
        except LedgerError as error:
            return error.code
    return "" if SignedCheckpoint.objects.count() > before else checkpointing.fault_code()


def shown(kept: Kept) -> Shown:
    """Look at the log in every way there is, as if nobody knew what had been done."""
    proofs.forget()
    check, made = codes(), receipt(kept)
    return Shown(check, go_on(), made, agrees(kept.checkpoint))


# What is done


def at(index: int) -> str:
    return f"(SELECT entry_id FROM ledger_leaf WHERE index = {index})"


def forged(body: bytes) -> bytes:
    return canonical(orjson.loads(body) | {"at": "2020-01-01T00:00:00.000Z"})


def forge_entry(owner: Owner, kept: Kept, index: int = HIT) -> None:
    entry = Entry.objects.get(leaf__index=index)
    body = forged(bytes(entry.body))
    sql = "UPDATE ledger_entry SET body = %s, at = '2020-01-01T00:00:00Z' WHERE id = %s"
    owner.execute(sql, [body, entry.pk])


def tie_decision(owner: Owner, kept: Kept) -> None:
    """Let the forged entry name the digest of the forged decision."""
    entry = Entry.objects.get(leaf__index=kept.index)
    value = json.loads(bytes(entry.body))
    value["public"]["decision"] = Decision.objects.get(entry_id=entry.pk).digest
    owner.execute("UPDATE ledger_entry SET body = %s WHERE id = %s", [canonical(value), entry.pk])


def forge_entry_and_leaf(owner: Owner, kept: Kept) -> None:
    forge_entry(owner, kept)
    digest = leaf_hash(bytes(Entry.objects.get(leaf__index=HIT).body))
    owner.execute("UPDATE ledger_leaf SET hash = %s WHERE index = %s", [digest, HIT])


def make_whole(owner: Owner, kept: Kept) -> None:
    """Leaves, tiles and tree made anew from the entries, as somebody who knows the format would."""
    tree = MemoryTree()
    for index, body in (
        Entry.objects.filter(leaf__isnull=False).order_by("leaf__index").values_list("leaf__index", "body")
    ):
        tree.append(leaf_hash(bytes(body)))
        owner.execute("UPDATE ledger_leaf SET hash = %s WHERE index = %s", [leaf_hash(bytes(body)), index])
    size = len(tree)
    owner.execute("UPDATE ledger_tree SET size = %s, frontier = %s", [size, Frontier.at(size, tree).encode()])
    owner.execute("DELETE FROM ledger_tile WHERE n >= %s", [size // 256])
    for n in range(size // 256):
        owner.execute("UPDATE ledger_tile SET data = %s WHERE level = 0 AND n = %s", [tile_data(Tile(0, n), tree), n])


def forget_checkpoints(owner: Owner, kept: Kept) -> None:
    owner.execute("DELETE FROM ledger_checkpoint; DELETE FROM ledger_cosignature")


def lose_own_copy(owner: Owner, kept: Kept) -> None:
    """What takes more than the database: the directory of the keys."""
    own_copy.forget()


def forge_decision(act: str, **columns: str) -> Callable[[Owner, Kept], None]:
    """Change a decision and its own digest with it, for which the database holds all that is needed."""

    def do(owner: Owner, kept: Kept) -> None:
        decision = Decision.objects.filter(act=act).latest("n")
        for name, value in columns.items():
            setattr(decision, name, value)
        digest = salted_digest(bytes(decision.salt), statement(decision))
        for name, value in {**columns, "digest": digest}.items():
            owner.execute(f"UPDATE registration_decision SET {name} = %s WHERE id = %s", [value, decision.pk])

    return do


def tie_entry_at(owner: Owner, kept: Kept, index: int) -> None:
    """Forge an entry together with its decision, so that both agree."""
    forge_entry(owner, kept, index)
    sql = "UPDATE registration_decision SET at = '2020-01-01T00:00:00Z' WHERE entry_id = %s"
    owner.execute(sql, [Leaf.objects.get(index=index).entry_id])
    forge_decision("open_notice")(owner, kept)
    tie_decision(owner, kept)


CUT = "index >= (SELECT max(index) FROM ledger_leaf) - 2"
CUT_ENTRIES = f"DELETE FROM ledger_entry WHERE id IN (SELECT entry_id FROM ledger_leaf WHERE {CUT});"
CUT_LEAVES = f"DELETE FROM ledger_leaf WHERE {CUT};"
CUT_DECISIONS = f"DELETE FROM registration_decision WHERE entry_id IN (SELECT entry_id FROM ledger_leaf WHERE {CUT});"


def swap(*, hashes: bool) -> Callable[[Owner, Kept], None]:
    """Two entries change places; their hashes with them, or left where they were."""

    def do(owner: Owner, kept: Kept) -> None:
        (_, one, first), (_, other, second) = owner.execute(
            "DELETE FROM ledger_leaf WHERE index IN (10, 11) RETURNING index, entry_id, hash"
        ).fetchall()
        first, second = (second, first) if hashes else (first, second)
        for row in ((10, other, first), (11, one, second)):
            owner.execute("INSERT INTO ledger_leaf (index, entry_id, hash) VALUES (%s, %s, %s)", row)

    return do

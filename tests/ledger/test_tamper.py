"""What a superuser of the database may do to the log, each done for real: what shows it, and what nothing here shows.

`pytest -s` prints the table; docs/explanation/claims.md mirrors it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson
import psycopg
import pytest
from django.conf import settings
from pytest_django.plugin import DjangoDbBlocker

from dengji.core.canonical import canonical, salted_digest
from dengji.core.clock import real_now
from dengji.core.errors import DomainError
from dengji.ledger import audit, checkpointing, keyring, proofs, sequencer
from dengji.ledger.models import Entry, Leaf, SignedCheckpoint
from dengji.ledger.pure.checkpoints import Checkpoint, open_checkpoint, require_extension
from dengji.ledger.pure.errors import LedgerError
from dengji.ledger.pure.merkle import Frontier, MemoryTree, leaf_hash
from dengji.ledger.pure.receipts import Held, Trust, parse_receipt, verify_receipt
from dengji.ledger.pure.tiles import Tile, tile_data
from dengji.registration import receipts
from dengji.registration.models import Decision
from dengji.registration.services.engine import statement
from tests import conftest as base
from tests.factories import world as w
from tests.ledger.conftest import add_many
from tests.ledger.test_anchors import Witness

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


@dataclass(frozen=True)
class Shown:
    """What shows a deed: findings of the check, why the node signs no more, the receipt it makes, a held checkpoint."""

    check: frozenset[str]
    stopped: str
    receipt: str
    held: str


@pytest.fixture(scope="module")
def kept(
    template_database: str, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kept]:
    """A signed log with a registration and a draft in it: every test works on a clone of this."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patched:
        patched.setattr(settings, "DENGJI_DATA_DIR", tmp_path_factory.mktemp("tamper") / "node")
        proofs.forget()
        clone = base.clone_of(template_database)
        name = next(clone)
        add_many(FILL)
        world = w.build()
        w.registered(world)
        w.draft(world)
        sequencer.run_once(finish=True)
        index = Leaf.objects.get(entry__act="open_notice").index
        keys = tuple(keyring.vkeys())
        yield Kept(name, published(), receipts.of_entry(index).data, index, Trust(keys[0].name, keys))
        clone.close()
        proofs.forget()


@pytest.fixture
def owner(kept: Kept, django_db_blocker: DjangoDbBlocker) -> Iterator[Owner]:
    """A superuser whose statements no trigger stops, on a clone of what was kept; Django works on it too."""
    with django_db_blocker.unblock():
        clone = base.clone_of(kept.database)
        with base._owner(next(clone)) as opened:
            opened.execute("SET session_replication_role = replica")
            yield opened
        clone.close()


@pytest.fixture(scope="module")
def table() -> Iterator[list[tuple[str, Shown]]]:
    """The rows of the table that is printed at the end."""
    rows: list[tuple[str, Shown]] = []
    yield rows
    print(
        "\n| deed | `ledger check` | signing stops with | receipt made afterwards | held checkpoint |"
        "\n|---|---|---|---|---|"
    )
    for what, one in rows:
        cells = (", ".join(sorted(one.check)) or "**nothing**", one.stopped or "**goes on**", one.receipt, one.held)
        print(f"| {what} | {' | '.join(cells)} |")


def published() -> Checkpoint:
    row = checkpointing.latest()
    assert row
    return open_checkpoint(checkpointing.published(row), keyring.history())[0]


def codes() -> frozenset[str]:
    return frozenset(one.code for one in audit.check(full=True).findings)


def agrees(held: Checkpoint) -> str:
    """Whether what is published now extends a checkpoint that somebody held."""
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


SAME, REFUSED, PENDING = "proves the same", "refused (ledger_fault)", "refused (receipt_pending)"
NOTHING: frozenset[str] = frozenset()
Deed = str | Callable[[Owner, Kept], None]
OPEN = "(SELECT id FROM registration_decision WHERE act = 'open_notice')"
#: What is done, one step after another → what shows it.
DEEDS: dict[str, tuple[tuple[Deed, ...], Shown]] = {
    "a decision: who made it": (
        ("UPDATE registration_decision SET actor = 'person:nobody' WHERE act = 'accept'",),
        Shown(frozenset({"decision_altered"}), "", SAME, "agrees"),
    ),
    "a decision: its time": (
        ("UPDATE registration_decision SET at = at - interval '1 day' WHERE act = 'open_notice'",),
        Shown(frozenset({"decision_altered", "decision_entry"}), "", SAME, "agrees"),
    ),
    "a sealed decision and its digest": (
        (forge_decision("accept", actor="person:nobody"),),
        Shown(frozenset({"decision_entry"}), "", SAME, "agrees"),
    ),
    "the state after a public decision, and its digest": (
        (forge_decision("open_notice", to_state="CODING"),),
        Shown(frozenset({"decision_entry"}), "", SAME, "agrees"),
    ),
    "who made a public decision, and its digest": (
        (forge_decision("open_notice", actor="person:nobody"),),
        Shown(frozenset({"decision_entry"}), "", SAME, "agrees"),
    ),
    "the reasons of a decision": (
        (
            "UPDATE registration_decisiondetail SET data = '\\x00' WHERE id ="
            " (SELECT detail_id FROM registration_decision WHERE detail_id IS NOT NULL LIMIT 1)",
        ),
        Shown(frozenset({"detail_altered"}), "", SAME, "agrees"),
    ),
    "a decision is deleted": (
        (f"DELETE FROM registration_decision WHERE id = {OPEN}",),
        Shown(frozenset({"decision_missing"}), "", SAME, "agrees"),
    ),
    "the time in an entry's column": (
        (f"UPDATE ledger_entry SET at = at - interval '1 day' WHERE id = {at(HIT)}",),
        Shown(frozenset({"entry_columns"}), "", SAME, "agrees"),
    ),
    "the body of an entry": (
        (forge_entry,),
        Shown(frozenset({"checkpoint_root", "entry_altered", "tile_altered", "tree_disagrees"}), "", SAME, "agrees"),
    ),
    "the body of the receipt's entry": (
        (lambda owner, kept: forge_entry(owner, kept, kept.index),),
        Shown(
            frozenset({"checkpoint_root", "decision_entry", "entry_altered", "tree_disagrees"}), "", REFUSED, "agrees"
        ),
    ),
    "the hash of a leaf": (
        (f"UPDATE ledger_leaf SET hash = sha256('x') WHERE index = {HIT}",),
        Shown(frozenset({"entry_altered"}), "", SAME, "agrees"),
    ),
    "an entry and its leaf": (
        (forge_entry_and_leaf,),
        Shown(frozenset({"checkpoint_root", "tile_altered", "tree_disagrees"}), "", SAME, "agrees"),
    ),
    "a tile": (
        ("UPDATE ledger_tile SET data = sha256('x') || substring(data FROM 33)",),
        Shown(frozenset({"tile_altered"}), "not_an_extension", REFUSED, "agrees"),
    ),
    "an entry, its leaf, tiles and tree": (
        (forge_entry, make_whole),
        Shown(frozenset({"checkpoint_root"}), "not_an_extension", REFUSED, "agrees"),
    ),
    "two leaves change places, their hashes stay": (
        (swap(hashes=False),),
        Shown(frozenset({"checkpoint_root", "entry_altered", "tile_altered", "tree_disagrees"}), "", SAME, "agrees"),
    ),
    "two leaves change places": (
        (swap(hashes=True),),
        Shown(frozenset({"checkpoint_root", "tile_altered", "tree_disagrees"}), "", SAME, "agrees"),
    ),
    "two leaves change places, tiles and tree made to fit": (
        (swap(hashes=True), make_whole),
        Shown(frozenset({"checkpoint_root"}), "not_an_extension", REFUSED, "agrees"),
    ),
    "the last entries are deleted": (
        (CUT_ENTRIES,),
        Shown(frozenset({"decision_without_entry", "entry_missing"}), "", SAME, "agrees"),
    ),
    "the last entries and leaves": (
        (CUT_ENTRIES + CUT_LEAVES,),
        Shown(
            frozenset({"checkpoint_beyond", "decision_without_entry", "tree_disagrees"}),
            "tree_disagrees",
            REFUSED,
            "agrees",
        ),
    ),
    "the last entries and leaves, tiles and tree made to fit": (
        (CUT_ENTRIES + CUT_LEAVES, make_whole),
        Shown(frozenset({"checkpoint_beyond", "decision_without_entry"}), "not_an_extension", REFUSED, "agrees"),
    ),
    "the same, and the checkpoints": (
        (CUT_ENTRIES + CUT_LEAVES, make_whole, forget_checkpoints),
        Shown(frozenset({"decision_without_entry"}), "", PENDING, "contradicts"),
    ),
    "the same, and the decisions": (
        (CUT_DECISIONS + CUT_ENTRIES + CUT_LEAVES, make_whole, forget_checkpoints),
        Shown(NOTHING, "", PENDING, "contradicts"),
    ),
    "an entry, its leaf, tiles and tree, and the checkpoints": (
        (forge_entry, make_whole, forget_checkpoints),
        Shown(NOTHING, "", PENDING, "contradicts"),
    ),
    "a name in a public content": (
        ("UPDATE ledger_content SET body = body || '\\x20'",),
        Shown(frozenset({"content_altered"}), "", REFUSED, "agrees"),
    ),
    "a content is emptied without an act": (
        ("UPDATE ledger_content SET body = NULL, suppressed_at = now()",),
        Shown(frozenset({"tombstone_without_entry"}), "", SAME, "agrees"),
    ),
    "a content is deleted": (
        ("DELETE FROM ledger_content",),
        Shown(frozenset({"content_missing"}), "", SAME, "agrees"),
    ),
}


@pytest.mark.parametrize("what", DEEDS)
def test_what_shows_a_deed(kept: Kept, owner: Owner, table: list[tuple[str, Shown]], what: str) -> None:
    deeds, expected = DEEDS[what]
    for deed in deeds:
        owner.execute(deed) if isinstance(deed, str) else deed(owner, kept)
    found = shown(kept)
    table.append((what, found))
    assert found == expected
    # Whatever was done here, what somebody already held goes on proving what it proved.
    verify_receipt(parse_receipt(kept.receipt), kept.trust)


def test_an_untouched_log_shows_nothing_and_goes_on(kept: Kept, owner: Owner) -> None:
    assert shown(kept) == Shown(NOTHING, "", SAME, "agrees")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda one: replace(one, content=_renamed(one.content)), "content_mismatch"),
        (lambda one: replace(one, entry={**one.entry, "at": "2020-01-01T00:00:00.000Z"}), "entry_not_included"),
        (lambda one: replace(one, index=one.index - 1), "entry_not_included"),
        (lambda one: replace(one, checkpoint=one.checkpoint.replace(b"demo.", b"dema.")), "note_unsigned"),
    ],
    ids=["content", "time", "place", "origin"],
)
def test_a_receipt_changed_by_anybody_verifies_no_more(kept: Kept, change: Callable[[Any], Any], code: str) -> None:
    made = parse_receipt(kept.receipt)
    verify_receipt(made, kept.trust)
    with pytest.raises(LedgerError) as caught:
        verify_receipt(change(made), kept.trust)
    assert caught.value.code == code


def _renamed(content: Any) -> dict[str, Any]:
    return {**content, "fields": {**content["fields"], "name": "另一个名称"}}


# Two logs under the same keys


@dataclass(frozen=True)
class Branch:
    """What one reader was shown: a checkpoint, the newest entry's receipt, and what a witness said to it."""

    checkpoint: Checkpoint
    receipt: bytes
    clean: bool
    cosigned: bool


@pytest.fixture
def branch(kept: Kept, django_db_blocker: DjangoDbBlocker, settings: Any) -> Callable[..., Branch]:
    """Let a clone of the log go on by itself, under the same keys, and be shown to a witness."""

    def grow(witness: Witness | None = None, count: int = 5) -> Branch:
        with django_db_blocker.unblock():
            clone = base.clone_of(kept.database)
            next(clone)
            add_many(count)
            sequencer.run_once(finish=True)
            cosigned = witness is not None and shown_to(witness)
            newest = receipts.of_entry(FILL + 1).data if count == 0 else receipts.of_entry(_last()).data
            made = Branch(published(), newest, not codes(), cosigned)
            clone.close()
        return made

    return grow


def _last() -> int:
    return int(Leaf.objects.latest("index").index)


def shown_to(witness: Witness) -> bool:
    """Show the newest checkpoint to a witness as C2SP tlog-witness wants it; whether it cosigns."""
    row = checkpointing.latest()
    assert row
    old = witness.seen.size if witness.seen else 0
    proof = proofs.consistency(old, row.size) if 0 < old <= row.size else []
    try:
        status, _ = witness("/w/add-checkpoint", _request(old, proof, bytes(row.note)))
    except LedgerError:
        return False
    return status == 200


def _request(old: int, proof: list[bytes], note: bytes) -> bytes:
    lines = [f"old {old}", *(base64.b64encode(one).decode() for one in proof)]
    return "\n".join(lines).encode() + b"\n\n" + note


def test_a_fork_shows_to_a_witness_and_to_two_readers_who_compare_and_to_nobody_else(
    kept: Kept, branch: Callable[..., Branch]
) -> None:
    witness = Witness(kept.checkpoint)
    one, other = branch(witness), branch(witness)
    assert one.cosigned and not other.cosigned
    # Alone, each branch looks whole, to its own check and to whoever verifies a receipt of it.
    for each in (one, other):
        assert each.clean
        require = verify_receipt(parse_receipt(each.receipt), kept.trust)
        assert "time_by_node_alone" in {said.code for said in require.statements}
    assert one.checkpoint.size == other.checkpoint.size and one.checkpoint.root != other.checkpoint.root
    with pytest.raises(LedgerError) as caught:
        verify_receipt(parse_receipt(other.receipt), kept.trust, held=[Held("another reader", one.checkpoint)])
    assert caught.value.code == "not_an_extension"


def test_an_old_copy_put_back_is_whole_to_itself_and_shows_to_whoever_held_a_later_checkpoint(
    kept: Kept, branch: Callable[..., Branch]
) -> None:
    witness = Witness(kept.checkpoint)
    lost, again = branch(witness, count=9), branch(witness, count=4)
    assert again.clean and not again.cosigned
    assert again.checkpoint.size < lost.checkpoint.size
    with pytest.raises(LedgerError) as caught:
        verify_receipt(parse_receipt(again.receipt), kept.trust, held=[Held("daily mail", lost.checkpoint)])
    assert caught.value.code == "not_an_extension"


def test_what_nobody_held_can_be_rewritten_and_nothing_here_shows_it(kept: Kept, owner: Owner) -> None:
    """The limit of a log without anchors, asserted so that nobody promises more."""
    forge_entry(owner, kept, kept.index)
    forged_at = "2020-01-01T00:00:00Z"
    owner.execute("UPDATE registration_decision SET at = %s WHERE entry_id = %s", [forged_at, _entry_id(kept.index)])
    forge_decision("open_notice")(owner, kept)
    tie_decision(owner, kept)
    make_whole(owner, kept)
    forget_checkpoints(owner, kept)
    proofs.forget()
    assert go_on() == "" and codes() == NOTHING
    made = parse_receipt(receipts.of_entry(kept.index).data)
    report = verify_receipt(made, kept.trust)
    assert report.entry["at"] == "2020-01-01T00:00:00.000Z"
    assert "time_by_node_alone" in {said.code for said in report.statements}
    # Whoever held a checkpoint from before sees it at once.
    assert agrees(kept.checkpoint) == "contradicts"
    with pytest.raises(LedgerError) as caught:
        verify_receipt(made, kept.trust, held=[Held("exported copy", kept.checkpoint)])
    assert caught.value.code == "not_an_extension"


def _entry_id(index: int) -> int:
    return int(Leaf.objects.get(index=index).entry_id)

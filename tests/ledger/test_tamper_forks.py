"""Changed receipts, two logs under the same keys, and the limit of a log that nobody outside has seen."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from dengji.ledger import checkpointing, own_copy, proofs, sequencer
from dengji.ledger.pure.checkpoints import Checkpoint
from dengji.ledger.pure.errors import LedgerError
from dengji.ledger.pure.receipts import Held, parse_receipt, verify_receipt
from dengji.registration import receipts
from tests import conftest as base
from tests.ledger.conftest import add_many
from tests.ledger.tamper_kit import (
    Kept,
    Owner,
    agrees,
    codes,
    forget_checkpoints,
    go_on,
    lose_own_copy,
    make_whole,
    published,
    tie_entry_at,
)
from tests.ledger.test_anchors import Witness


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

    def grow(witness: Witness | None = None, count: int = 5, *, elsewhere: bool = True) -> Branch:
        if elsewhere:  # the branch grows on a machine that knows nothing of the other
            own_copy.keep(kept.own_copy)
        with django_db_blocker.unblock():
            clone = base.clone_of(kept.database)
            next(clone)
            add_many(count)
            sequencer.run_once(finish=True)
            cosigned = witness is not None and shown_to(witness)
            newest = receipts.of_entry(published().size - 1).data
            made = Branch(published(), newest, not codes(), cosigned)
            clone.close()
        return made

    return grow


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
    # On the machine that signed the later one it shows at the next signature, which is refused.
    here = branch(count=3, elsewhere=False)
    assert not here.clean and here.checkpoint == kept.checkpoint
    assert again.checkpoint.size < lost.checkpoint.size
    with pytest.raises(LedgerError) as caught:
        verify_receipt(parse_receipt(again.receipt), kept.trust, held=[Held("daily mail", lost.checkpoint)])
    assert caught.value.code == "not_an_extension"


@pytest.mark.parametrize("reach", ["database", "database and keys' directory"])
def test_what_nobody_held_can_be_rewritten_only_by_somebody_who_reaches_the_keys_too(
    kept: Kept, owner: Owner, reach: str
) -> None:
    """The limit of a log without anchors, asserted so that nobody promises more."""
    tie_entry_at(owner, kept, kept.index)
    make_whole(owner, kept)
    forget_checkpoints(owner, kept)
    if reach == "database":
        assert go_on() == "own_copy_contradicts" and codes() == {"own_copy_contradicts"}
        assert checkpointing.latest() is None and checkpointing.health().fault == "own_copy_contradicts"
        return
    lose_own_copy(owner, kept)
    proofs.forget()
    assert go_on() == "" and codes() == frozenset()
    made = parse_receipt(receipts.of_entry(kept.index).data)
    report = verify_receipt(made, kept.trust)
    assert report.entry["at"] == "2020-01-01T00:00:00.000Z"
    assert "time_by_node_alone" in {said.code for said in report.statements}
    # Whoever held a checkpoint from before sees it at once.
    assert agrees(kept.checkpoint) == "contradicts"
    with pytest.raises(LedgerError) as caught:
        verify_receipt(made, kept.trust, held=[Held("exported copy", kept.checkpoint)])
    assert caught.value.code == "not_an_extension"


def test_a_copy_that_none_of_the_keys_signed_stops_signing(kept: Kept, owner: Owner) -> None:
    own_copy.keep(kept.own_copy.replace(b"demo.", b"dema."))
    assert go_on() == "own_copy_invalid" and codes() == {"own_copy_invalid"}


def test_the_copy_is_for_its_owner_alone_and_newer_than_what_is_served(kept: Kept, owner: Owner) -> None:
    own_copy.forget()
    assert go_on() == ""
    row = checkpointing.latest()
    assert row and own_copy.read() == bytes(row.note)
    assert own_copy.path().stat().st_mode & 0o777 == 0o600
    # Killed between the copy and the row: the log extends the copy, and goes on.
    owner.execute("DELETE FROM ledger_checkpoint WHERE id = %s", [row.pk])
    assert go_on() == ""

"""What a superuser of the database may do to the log, each done for real: what shows it, and what nothing here shows.

`pytest -s` prints the table; docs/explanation/claims.md mirrors it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dengji.ledger.pure.receipts import parse_receipt, verify_receipt
from tests.ledger.tamper_kit import (
    CUT_DECISIONS,
    CUT_ENTRIES,
    CUT_LEAVES,
    HIT,
    Kept,
    Owner,
    Shown,
    at,
    forge_decision,
    forge_entry,
    forge_entry_and_leaf,
    forget_checkpoints,
    lose_own_copy,
    make_whole,
    shown,
    swap,
)


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


SAME, REFUSED, PENDING = "proves the same", "refused (ledger_fault)", "refused (receipt_pending)"
NOTHING: frozenset[str] = frozenset()
OWN, NONE = "own_copy_contradicts", "nothing to compare"
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
        Shown(
            frozenset({OWN, "checkpoint_root", "entry_altered", "tile_altered", "tree_disagrees"}),
            "",
            SAME,
            "agrees",
        ),
    ),
    "the body of the receipt's entry": (
        (lambda owner, kept: forge_entry(owner, kept, kept.index),),
        Shown(
            frozenset({OWN, "checkpoint_root", "decision_entry", "entry_altered", "tree_disagrees"}),
            "",
            REFUSED,
            "agrees",
        ),
    ),
    "the hash of a leaf": (
        (f"UPDATE ledger_leaf SET hash = sha256('x') WHERE index = {HIT}",),
        Shown(frozenset({"entry_altered"}), "", SAME, "agrees"),
    ),
    "an entry and its leaf": (
        (forge_entry_and_leaf,),
        Shown(frozenset({OWN, "checkpoint_root", "tile_altered", "tree_disagrees"}), "", SAME, "agrees"),
    ),
    "a tile": (
        ("UPDATE ledger_tile SET data = sha256('x') || substring(data FROM 33)",),
        Shown(frozenset({"tile_altered"}), "not_an_extension", REFUSED, "agrees"),
    ),
    "an entry, its leaf, tiles and tree": (
        (forge_entry, make_whole),
        Shown(frozenset({OWN, "checkpoint_root"}), "not_an_extension", REFUSED, "agrees"),
    ),
    "two leaves change places, their hashes stay": (
        (swap(hashes=False),),
        Shown(
            frozenset({OWN, "checkpoint_root", "entry_altered", "tile_altered", "tree_disagrees"}),
            "",
            SAME,
            "agrees",
        ),
    ),
    "two leaves change places": (
        (swap(hashes=True),),
        Shown(frozenset({OWN, "checkpoint_root", "tile_altered", "tree_disagrees"}), "", SAME, "agrees"),
    ),
    "two leaves change places, tiles and tree made to fit": (
        (swap(hashes=True), make_whole),
        Shown(frozenset({OWN, "checkpoint_root"}), "not_an_extension", REFUSED, "agrees"),
    ),
    "the last entries are deleted": (
        (CUT_ENTRIES,),
        Shown(frozenset({"decision_without_entry", "entry_missing", "registered_unknown"}), "", SAME, "agrees"),
    ),
    "the last entries and leaves": (
        (CUT_ENTRIES + CUT_LEAVES,),
        Shown(
            frozenset({OWN, "checkpoint_beyond", "decision_without_entry", "registered_unknown", "tree_disagrees"}),
            "tree_disagrees",
            REFUSED,
            "agrees",
        ),
    ),
    "the last entries and leaves, tiles and tree made to fit": (
        (CUT_ENTRIES + CUT_LEAVES, make_whole),
        Shown(
            frozenset({OWN, "checkpoint_beyond", "decision_without_entry", "registered_unknown"}),
            "not_an_extension",
            REFUSED,
            "agrees",
        ),
    ),
    "the same, and the checkpoints": (
        (CUT_ENTRIES + CUT_LEAVES, make_whole, forget_checkpoints),
        Shown(frozenset({"decision_without_entry", "registered_unknown", OWN}), OWN, PENDING, NONE),
    ),
    "the same, and the decisions": (
        (CUT_DECISIONS + CUT_ENTRIES + CUT_LEAVES, make_whole, forget_checkpoints),
        Shown(frozenset({OWN, "registered_unknown"}), OWN, PENDING, NONE),
    ),
    "an entry, its leaf, tiles and tree, and the checkpoints": (
        (forge_entry, make_whole, forget_checkpoints),
        Shown(frozenset({OWN}), OWN, PENDING, NONE),
    ),
    "the same, by somebody who also reaches the keys' directory": (
        (forge_entry, make_whole, forget_checkpoints, lose_own_copy),
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

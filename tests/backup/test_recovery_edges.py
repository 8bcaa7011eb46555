"""What recovery cannot do again, does not believe, or finds missing is told, and never guessed."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from dengji.backup import known
from dengji.backup.known import Copy
from dengji.backup.make import Made, make
from dengji.backup.recovery import recover
from dengji.core import node as nodes
from dengji.core.errors import DomainError
from dengji.ledger import audit, sequencer
from dengji.ledger.export import export
from dengji.ledger.models import Content, Entry
from dengji.registration.models import Application, NameKey, Registration
from tests.backup.conftest import Node
from tests.backup.test_recovery import clean, sign
from tests.factories import world as w
from tests.faults import acts

pytestmark = pytest.mark.long

Restore = Callable[[Made], str]


def places(act: str) -> set[int]:
    """Where in the log the entries of an act stand."""
    return set(Entry.objects.filter(act=act).values_list("leaf__index", flat=True))


def test_what_needs_words_that_nobody_has_is_reported_by_its_place(
    node: Node, another_database: Restore, tmp_path: Path
) -> None:
    world = w.build()
    doomed = w.registered(world)
    waiting = w.draft(world)
    w.advance(world, waiting, "pass_review")
    made = node.backup()
    # Lost: a revocation, a notice opened and suspended, a whole file up to its suspended notice.
    for kind in ("revocation_investigation", "registrant_statement"):
        acts.add_to(world, doomed["registration"], kind)(w.tid())
    acts.services.revoke(
        actor=world.actor("agency_supervisor"),
        transaction_id=w.tid(),
        registration_id=doomed["registration"],
        ground="false_materials",
        reason="示例理由",
    )
    w.act(world, "open_notice", waiting, "notice_opener")
    w.act(world, "suspend_notice", waiting, "agency_supervisor", ground="error", reason="示例理由")
    fresh = w.draft(world)
    w.advance(world, fresh, "open_notice")
    w.act(world, "suspend_notice", fresh, "agency_supervisor", ground="error", reason="示例理由")
    known_checkpoint = sign()
    export(tmp_path / "export")
    assert NameKey.objects.filter(object_id=doomed["registration"]).count() == 0
    another_database(made)
    assert NameKey.objects.filter(object_id=doomed["registration"]).count() == 1
    outcome = recover(witnesses=[known_checkpoint], copy=Copy(str(tmp_path / "export")))

    # Done again: who was revoked stays revoked, and its name is free.
    assert Registration.objects.get(pk=doomed["registration"]).state == "REVOKED"
    assert NameKey.objects.filter(object_id=doomed["registration"]).count() == 0
    assert places("revoke") <= set(outcome.applied)
    # Not done again: what belongs to a file that is lost from its first act on.
    lost = Entry.objects.filter(object_id=fresh, public=True).values_list("leaf__index", flat=True)
    assert len(lost) == 2 and set(lost) == set(outcome.not_applied)
    assert not Application.objects.filter(pk=fresh).exists()
    # A notice that was opened and suspended before the loss does not run again.
    assert Application.objects.get(pk=waiting).state == "NOTICE_SUSPENDED"
    assert outcome.as_dict()["not_applied"] == outcome.not_applied
    # The texts of suspended notices are in no export; the log's check names just those.
    found = audit.check(full=True).findings
    assert {one.code for one in found} == {"content_missing"} and len(found) == len(outcome.contents_missing) == 2


def test_words_that_the_copy_lacks_or_altered_are_told(node: Node, another_database: Restore, tmp_path: Path) -> None:
    world = w.build()
    noticed = [w.draft(world) for _ in range(3)]
    for pk in noticed:
        w.advance(world, pk, "pass_review")
    made = node.backup()
    for pk in noticed:
        w.act(world, "open_notice", pk, "notice_opener")
    sign()
    export(tmp_path / "export")
    lacking, altered, kept = sorted((tmp_path / "export" / "content").iterdir())
    lacking.unlink()
    altered.write_bytes(altered.read_bytes().replace("城市客运".encode(), "乡村客运".encode()))
    another_database(made)
    outcome = recover(copy=Copy(str(tmp_path / "export")))
    assert sorted(outcome.contents_missing) == sorted(f"sha256:{one.name}" for one in (lacking, altered))
    assert {bytes(one).hex() for one in Content.objects.values_list("digest", flat=True)} == {kept.name}


def test_a_copy_that_is_no_longer_than_the_backup_adds_nothing(
    node: Node, another_database: Restore, tmp_path: Path
) -> None:
    w.registered(w.build())
    known_checkpoint = sign()
    export(tmp_path / "export")
    made = node.backup()
    another_database(made)
    outcome = recover(witnesses=[known_checkpoint], copy=Copy(str(tmp_path / "export")))
    assert (outcome.how, outcome.fetched) == ("continued", 0)


def test_a_witness_of_another_history_stops_recovery(node: Node, another_database: Restore) -> None:
    world = w.build()
    w.registered(world)
    made, common = node.backup(), sign()
    w.draft(world)
    seen_by_others = sign()
    another_database(made)
    recover(witnesses=[common], new_epoch=False)
    for _ in range(2):
        w.registered(world)
    sign()
    again = node.backup("again")
    another_database(again)
    with pytest.raises(DomainError) as error:
        recover(witnesses=[seen_by_others])
    assert error.value.code == "recovery_fork" and nodes.is_recovering()
    assert recover(witnesses=[seen_by_others], new_epoch=True).how == "new_epoch"
    clean()


def test_an_old_backup_does_not_go_on_beside_a_later_epoch(node: Node, another_database: Restore) -> None:
    world = w.build()
    w.registered(world)
    made = node.backup()
    another_database(made)
    assert recover().origin.endswith("/2")
    later = sign()
    another_database(made)
    with pytest.raises(DomainError) as error:
        recover(witnesses=[later])
    assert error.value.code == "later_epoch_known" and nodes.is_recovering()


def test_an_entry_that_waited_for_its_place_is_not_taken_twice(
    node: Node, another_database: Restore, tmp_path: Path
) -> None:
    """Recorded before the backup, placed after it: the copy names the same entry, and it stays one."""
    world = w.build()
    w.registered(world)
    sign()
    pk = w.draft(world)
    made = make(node.home.parent / "waiting.backup")
    sign()
    export(tmp_path / "export")
    another_database(made)
    waiting = Entry.objects.filter(object_id=pk, leaf=None).count()
    outcome = recover(copy=Copy(str(tmp_path / "export")))
    assert waiting > 0 and outcome.fetched >= waiting
    assert Entry.objects.filter(object_id=pk).count() == waiting
    assert not Entry.objects.filter(leaf=None, object_id=pk).exists()
    clean()


def test_a_source_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # not listening: connections are refused
        for place in (f"http://127.0.0.1:{nobody.getsockname()[1]}/checkpoint", str(tmp_path / "none")):
            with pytest.raises(DomainError) as error:
                known.checkpoint(place)
            assert error.value.code == "source_unreachable" and error.value.params["place"] == place


def test_a_copy_without_an_entry_is_named(node: Node, another_database: Restore, tmp_path: Path) -> None:
    world = w.build()
    w.registered(world)
    made = node.backup()
    w.registered(world)
    sign()
    export(tmp_path / "export")
    for bundle in (tmp_path / "export" / "tile" / "entries").rglob("*"):
        if bundle.is_file():
            bundle.unlink()
    another_database(made)
    with pytest.raises(DomainError) as error:
        recover(copy=Copy(str(tmp_path / "export")))
    assert error.value.code == "source_unreachable" and nodes.is_recovering()
    assert sequencer.run_once() == 0

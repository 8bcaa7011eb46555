"""Keys are made once, guarded, and rotated in the open; old checkpoints still verify."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from dengji.core.errors import DomainError
from dengji.ledger import audit, checkpointing, keyring, rotation, sequencer
from dengji.ledger.models import Entry, SignedCheckpoint
from dengji.ledger.pure import sm2
from dengji.ledger.pure.checkpoints import open_checkpoint
from dengji.ledger.pure.errors import LedgerError
from dengji.ledger.pure.keys import Algorithm, Ed25519Key
from dengji.ledger.pure.notes import NoteSigner, VerifierKey, format_private
from tests.ledger.conftest import add

ORIGIN = "demo.test.example"


class Crash(BaseException):
    """A process that is killed: nothing catches it."""


def signed_by() -> list[VerifierKey]:
    """Whose signatures the newest checkpoint carries, the node's cosignature aside."""
    row = checkpointing.latest()
    assert row
    _, note = open_checkpoint(bytes(row.note), keyring.history())
    assert not note.unknown
    return [key for key, _ in note.verified]


def grow() -> None:
    add()
    sequencer.run_once(finish=True)


def test_keys_are_made_once_for_their_owner_alone(log: str) -> None:
    grow()
    files = sorted(path.name for path in keyring.directory().iterdir())
    assert files == ["cosigner.key", "last-checkpoint", "log.key", "vkeys"]
    assert {path.stat().st_mode & 0o777 for path in keyring.directory().iterdir()} == {0o600}
    before = keyring.vkeys()
    keyring.ensure_keys()
    assert keyring.vkeys() == before
    assert (keyring.directory() / "vkeys").read_text().split() == [str(key) for key in keyring.history()]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_signs_nothing(log: str, mode: int) -> None:
    grow()
    (keyring.directory() / "log.key").chmod(mode)
    with pytest.raises(DomainError) as caught:
        keyring.signers()
    assert caught.value.code == "key_exposed"
    grow()
    assert SignedCheckpoint.objects.count() == 1


def test_a_lost_key_is_never_replaced_in_silence(log: str) -> None:
    grow()
    (keyring.directory() / "log.key").unlink()
    with pytest.raises(DomainError) as caught:
        keyring.signers()
    assert caught.value.code == "key_missing"
    assert not (keyring.directory() / "log.key").exists()


def test_a_key_of_another_log_is_refused_and_never_repeated(log: str) -> None:
    grow()
    path = keyring.directory() / "log.key"
    path.write_text(format_private("another.example", Ed25519Key.generate()))
    with pytest.raises(DomainError) as caught:
        keyring.signers()
    assert caught.value.code == "key_of_another_log"
    path.write_text("PRIVATE+KEY+damaged+secretpart")
    with pytest.raises(LedgerError) as damaged:
        keyring.signers()
    assert "secretpart" not in str(damaged.value)


def test_the_key_may_come_from_the_environment(log: str, settings) -> None:
    key = Ed25519Key.generate()
    settings.DENGJI_LOG_KEY = format_private(ORIGIN, key)
    grow()
    assert signed_by() == [NoteSigner(ORIGIN, key).key]
    assert not (keyring.directory() / "log.key").exists()


def test_the_key_may_stay_in_a_device(log: str, settings) -> None:
    settings.DENGJI_LOG_SIGNER = f"{__name__}.device"
    grow()
    assert signed_by() == [VerifierKey(ORIGIN, Algorithm.ED25519, DEVICE.public)]
    with pytest.raises(DomainError) as caught:
        rotation.rotate()
    assert caught.value.code == "next_key_missing"


DEVICE = Ed25519Key(bytes(range(32)))


def device() -> Ed25519Key:
    """What DENGJI_LOG_SIGNER names: a callable that returns a Signer."""
    return DEVICE


@pytest.mark.parametrize("slot", ["log", "cosigner"])
def test_a_rotation_is_announced_signed_by_both_then_by_the_new_alone(log: str, slot: str) -> None:
    grow()
    old = keyring.vkeys()
    done = rotation.rotate(slot)
    assert set(keyring.vkeys()) == {*old, done.new}
    with pytest.raises(DomainError) as caught:
        rotation.retire(slot)
    assert caught.value.code == "rotation_not_covered"
    grow()
    if slot == "log":
        assert signed_by() == [done.old, done.new]
    rotation.retire(slot)
    grow()
    assert set(keyring.vkeys()) == {*old, done.new} - {done.old}
    if slot == "log":
        assert signed_by() == [done.new]
    assert not keyring.SLOTS[slot].next_path.exists()
    assert done.old in keyring.history()
    for row in SignedCheckpoint.objects.all():
        open_checkpoint(bytes(row.note), keyring.history())
    said = [
        orjson.loads(bytes(body)) for body in Entry.objects.filter(object_kind="log_key").values_list("body", flat=True)
    ]
    assert [(one["act"], one["n"], one["public"]["new_key"]) for one in said] == [
        ("key_rotated", 1, str(done.new)),
        ("key_retired", 2, str(done.new)),
    ]
    assert not audit.check(full=True).findings


def test_a_second_rotation_follows_the_first(log: str) -> None:
    grow()
    for _ in range(2):
        rotation.rotate()
        grow()
        rotation.retire()
        grow()
    assert len(keyring.history()) == 4
    assert not audit.check(full=True).findings


def test_a_rotation_from_the_environment_takes_the_second_key_there(log: str, settings) -> None:
    first, second = Ed25519Key.generate(), Ed25519Key.generate()
    settings.DENGJI_LOG_KEY = f"{format_private(ORIGIN, first)} {format_private(ORIGIN, second)}"
    grow()
    assert len(signed_by()) == 1
    rotation.rotate()
    grow()
    assert [key.public for key in signed_by()] == [first.public, second.public]
    rotation.retire()
    grow()
    assert [key.public for key in signed_by()] == [second.public]


#: Where a rotation may be killed → who signs the next checkpoint: the old key, both, the new.
KILLS = {
    "before the new key is written": ("rotate", "make", ["old"]),
    "before the announcement": ("rotate", "_say", ["old"]),
    "before the retirement": ("retire", "_say", ["old", "new"]),
    "before the files change": ("retire", "settle", ["new"]),
}


@pytest.mark.parametrize(("step", "place", "expected"), KILLS.values(), ids=KILLS.keys())
def test_a_rotation_killed_anywhere_goes_on(
    log: str, step: str, place: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    grow()
    [old] = [signer.key for signer in keyring.signers()]
    if step == "retire":
        rotation.rotate()
        grow()
    _kill(monkeypatch, step, place)
    grow()
    assert ["old" if key == old else "new" for key in signed_by()] == expected
    if expected != ["new"]:
        rotation.rotate()
        grow()
        rotation.retire()
    grow()
    assert old not in keyring.vkeys()
    assert len(signed_by()) == 1
    rotation.rotate()
    assert not audit.check(full=True).findings


def _kill(monkeypatch: pytest.MonkeyPatch, step: str, place: str) -> None:
    def crash(*args: object) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(rotation, place, crash)
        with pytest.raises(Crash):
            getattr(rotation, step)()


def test_leftovers_of_a_killed_write_are_no_keys(log: str) -> None:
    keyring.directory().mkdir(parents=True)
    (keyring.directory() / ".log.key.abc").write_text("half of a")
    grow()
    assert len(signed_by()) == 1


@pytest.mark.skipif(not sm2.available(), reason="this libcrypto has no SM2")
def test_in_gm_mode_checkpoints_carry_sm2_too(log: str, settings) -> None:
    grow()
    settings.DENGJI_GM = True
    assert "sm2_missing" in {one.code for one in audit.check().findings}
    grow()
    assert [key.algorithm for key in signed_by()] == [Algorithm.ED25519, Algorithm.SM2]
    assert [key.algorithm for key in keyring.vkeys()] == [Algorithm.ED25519, Algorithm.COSIGNATURE, Algorithm.SM2]
    assert not audit.check(full=True).findings


@pytest.mark.skipif(not sm2.available(), reason="this libcrypto has no SM2")
def test_a_log_at_rest_is_signed_anew_where_gm_is_switched_on(log: str, settings, monkeypatch) -> None:
    grow()
    settings.DENGJI_GM = True
    later = checkpointing.real_now() + 2 * checkpointing.RENEW_EVERY
    monkeypatch.setattr(checkpointing, "real_now", lambda: later)
    assert checkpointing.keep()
    assert [key.algorithm for key in signed_by()] == [Algorithm.ED25519, Algorithm.SM2]
    assert not audit.check(full=True).findings


def test_keys_that_cannot_be_written_are_an_error(log: str, tmp_path: Path, settings) -> None:
    (tmp_path / "file").write_text("")
    settings.DENGJI_DATA_DIR = tmp_path / "file"
    with pytest.raises(OSError, match="file"):
        keyring.ensure_keys()

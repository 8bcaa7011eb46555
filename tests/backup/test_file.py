"""The file: whole or not there, for the holder of the code alone, and refused where a byte of it was changed."""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import pyrage
import pytest
from django.core.files.storage import default_storage

from dengji.backup import container, recipient, restoring
from dengji.backup.make import make
from dengji.core.errors import DomainError
from dengji.ledger import keyring, sequencer
from dengji.ledger.pure.errors import LedgerError
from dengji.ledger.pure.keys import Algorithm, Ed25519Key
from dengji.ledger.pure.notes import NoteSigner
from dengji.registration import services
from dengji.registration.models import Material
from tests.backup.conftest import Node, members
from tests.cli.harness import ROOT, Command, environment
from tests.factories import world as w

PLANTED = "城市客运植入标记甲乙丙"


def examine(node: Node, path: Path, **more: Any) -> restoring.Sound:
    return restoring.examine(path, recipient.parse_code(node.code), **more)


def test_everything_is_in_one_file_that_other_tools_open(node: Node) -> None:
    world = w.build()
    w.registered(world, title=PLANTED)
    made = node.backup()
    parts = members(made.path)
    assert set(parts) == {"payload.age", "manifest.note"}
    assert PLANTED.encode() not in made.path.read_bytes()
    assert made.path.stat().st_mode & 0o077 == 0
    plain = pyrage.decrypt(parts["payload.age"], [recipient.parse_code(node.code)])
    place = made.path.with_name("unpacked")
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        tar.extractall(place, filter="data")
    found = {str(one.relative_to(place)) for one in place.rglob("*") if one.is_file()}
    assert {"about.json", "end.json", "keys/log.key", "keys/master.key", "database/ledger_entry/000000.gz"} <= found
    assert f"keys/{recipient.CODE_FILE}" not in found
    assert sum(name.startswith("files/") for name in found) == Material.objects.count() == made.files
    assert PLANTED.encode() in node.plain(made)
    assert made.manifest["log"]["size"] > 0
    assert examine(node, made.path, vkeys=keyring.vkeys()).pinned


def test_another_code_opens_nothing(node: Node) -> None:
    made = node.backup()
    other = pyrage.x25519.Identity.generate()
    with pytest.raises(DomainError) as error:
        restoring.examine(made.path, other)
    assert error.value.code == "recovery_code_wrong"
    for text in ("", "AGE-SECRET-KEY-1", node.code[:-1], node.code[:-1] + ("Q" if node.code[-1] != "Q" else "P")):
        with pytest.raises(DomainError) as error:
            recipient.parse_code(text)
        assert error.value.code == "recovery_code_malformed"
        assert len(text) < 20 or text not in str(error.value)


def test_every_altered_or_shortened_file_is_refused(node: Node, tmp_path: Path) -> None:
    made = node.backup()
    good = made.path.read_bytes()
    broken = tmp_path / "broken"
    places = random.Random(7)
    used = len(good.rstrip(b"\0"))
    damages = [good[:n] for n in (0, 100, 512, 600, used // 2, used - 1)]
    # Bytes that mean something: payload and manifest, and the sizes and names that lead to them.
    meaning = [*range(12), *range(124, 136), *(places.randrange(512, used) for _ in range(120))]
    padding = set(range(512 + made.manifest["payload"]["size"], len(good))) - {
        at for at in range(used) if good[at] != 0
    }
    for at in meaning:
        if at in padding:
            continue
        damages.append(good[:at] + bytes([good[at] ^ (1 << places.randrange(8))]) + good[at + 1 :])
    for number, data in enumerate(damages):
        broken.write_bytes(data)
        with pytest.raises((DomainError, LedgerError)) as error:
            examine(node, broken, vkeys=keyring.vkeys())
        assert error.value.code in {
            "backup_damaged",
            "backup_unsigned",
            "backup_newer",
            "signature_invalid",
            "recovery_code_wrong",
        }, number
    broken.write_bytes(good)
    examine(node, broken)


def test_a_payload_under_the_manifest_of_another_backup_is_refused(node: Node, tmp_path: Path) -> None:
    first = node.backup("first")
    second = node.backup("second")
    one, two = members(first.path), members(second.path)
    mixed = tmp_path / "mixed"
    with tarfile.open(mixed, "w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in (("payload.age", one["payload.age"]), ("manifest.note", two["manifest.note"])):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    with pytest.raises(DomainError) as error:
        examine(node, mixed)
    assert error.value.code == "backup_damaged"


def test_a_backup_by_somebody_else_is_told_from_ours_by_a_pinned_key(node: Node) -> None:
    made = node.backup()
    stranger = NoteSigner("test.example", Ed25519Key.generate())
    with pytest.raises(DomainError) as error:
        examine(node, made.path, vkeys=[stranger.key])
    assert error.value.code == "backup_unsigned"


def test_gm_mode_demands_a_signature_with_sm2(node: Node, settings: Any) -> None:
    plain = node.backup("plain")
    with pytest.raises(DomainError) as error:
        examine(node, plain.path, gm=True)
    assert error.value.code == "sm2_missing"
    settings.DENGJI_GM = True
    keyring.ensure_keys()
    sealed = node.backup("gm")
    assert sealed.manifest["gm"] and "sm3" in sealed.manifest["payload"]
    signed = examine(node, sealed.path, gm=True).signed_by
    assert {key.algorithm for key in signed} == {Algorithm.ED25519, Algorithm.SM2}


def test_without_a_recipient_there_is_no_backup(node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (node.home / "keys" / "recovery.recipient").unlink()
    with pytest.raises(DomainError) as error:
        make(tmp_path / "none")
    assert error.value.code == "recipient_missing"
    assert not (tmp_path / "none").exists()
    # The operator's own, where the private half was never on this machine.
    own = pyrage.x25519.Identity.generate()
    monkeypatch.setenv(recipient.SETTING, str(own.to_public()))
    assert recipient.ensure(node.home / "keys") == ""
    made = make(tmp_path / "own")
    restoring.examine(made.path, own)


def test_the_code_is_made_once_and_kept_private(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    code = recipient.ensure(keys)
    assert recipient.ensure(keys) == ""
    assert str(recipient.parse_code(f"@{keys / recipient.CODE_FILE}")) == code
    assert all(one.stat().st_mode & 0o077 == 0 for one in keys.iterdir())
    # Killed between the two files: the recipient follows from the code that was written.
    (keys / "recovery.recipient").unlink()
    assert recipient.ensure(keys) == ""
    assert recipient.recipients(keys) == [str(recipient.parse_code(code).to_public())]


def test_a_stored_file_that_is_gone_is_told(node: Node) -> None:
    world = w.build()
    w.draft(world)
    key = Material.objects.values_list("storage_key", flat=True).first()
    default_storage.delete(key)
    made = node.backup()
    assert made.missing == [key]
    examine(node, made.path)


def test_what_was_suppressed_before_is_in_no_later_backup(node: Node) -> None:
    world = w.build()
    done = w.registered(world, title=PLANTED)
    assert PLANTED.encode() in node.plain(node.backup("before"))
    services.suppress_content(
        actor=world.actor("agency_supervisor"),
        transaction_id=w.tid(),
        object_kind="registration",
        object_id=done["registration"],
        ground="personal_information",
        authority="示例机关",
        reason="示例理由",
    )
    after = node.plain(node.backup("after"))
    assert PLANTED.encode() not in after and PLANTED.encode("unicode_escape") not in after


_ENDLESS = """
import sys
from pathlib import Path
from pyrage import x25519
from dengji.backup import container

def produce(stream):
    print("writing", flush=True)
    while True:
        stream.write(b"x" * 65536)

container.write(Path(sys.argv[1]), produce, recipients=[x25519.Identity.generate().to_public()], signers=list)
"""


def test_a_backup_that_is_killed_leaves_the_old_one_as_it_was(node: Node) -> None:
    made = node.backup()
    before = made.path.read_bytes()
    process = subprocess.Popen(
        [sys.executable, "-c", _ENDLESS, str(made.path)], env=environment(), cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout and process.stdout.readline()
    deadline = time.monotonic() + 20
    left = made.path.parent
    while time.monotonic() < deadline and not any(
        one.stat().st_size > 1 << 20 for one in left.glob(f".{made.path.name}.part-*")
    ):
        time.sleep(0.02)
    # While it writes, another backup of the same name does not take its file away.
    container.sweep(made.path)
    assert len(list(left.glob(f".{made.path.name}.part-*"))) == 1
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert made.path.read_bytes() == before
    node.backup()
    assert not list(left.glob(f".{made.path.name}.part-*"))
    examine(node, made.path)


def test_a_failure_while_writing_leaves_the_old_one_as_it_was(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    made = node.backup()
    before = made.path.read_bytes()

    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dengji.backup.tables.sequences", fail)
    with pytest.raises(OSError, match="No space"):
        node.backup()
    assert made.path.read_bytes() == before
    assert [one.name for one in made.path.parent.iterdir() if one.is_file()] == [made.path.name]


def test_the_command_makes_and_verifies(
    node: Node, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dengji = Command(capsys)
    w.registered(w.build())
    sequencer.run_once()
    file = tmp_path / "by-command"
    said = dengji.data("backup", file)
    assert said["made"] and said["rows"] > 100 and said["missing"] == []
    where = ("--data-dir", node.home)
    seen = dengji.data("backup", file, "--verify", *where)
    assert seen["signed_by"] and seen["pinned"] and not seen["decrypted"]
    kept = tmp_path / "code"
    kept.write_text(node.code)
    assert dengji.data("backup", file, "--verify", "--recovery-code", f"@{kept}", *where)["decrypted"]
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    answer = dengji("backup", file, "--verify", *where, "--json")
    assert (answer.code, answer.error["code"]) == (1, "backup_damaged")
    assert dengji("backup").code == 2
    assert dengji("backup", file, "--nightly").code == 2

"""An exported log verifies by itself, grows by later runs, and forgets what was suppressed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest
from django.db import transaction

from dengji.core.clock import legal_now
from dengji.core.errors import DomainError
from dengji.ledger import checkpointing, sequencer, services
from dengji.ledger.export import Directory, export
from dengji.ledger.models import Content
from dengji.ledger.pure.checkpoints import Checkpoint, open_checkpoint
from dengji.ledger.pure.merkle import MemoryTree, leaf_hash, root
from dengji.ledger.pure.notes import VerifierKey
from dengji.ledger.pure.tiles import Tile, decode_bundle, new_bundles, new_tiles, tile_data
from tests.factories import world as w
from tests.faults import acts
from tests.ledger.conftest import add, add_many

GOPATH = os.environ.get("GOPATH", "/usr/share/gocode")
HAS_GO = shutil.which("go") and (Path(GOPATH) / "src/golang.org/x/mod/sumdb/tlog").is_dir()


def verify(directory: Path) -> Checkpoint:
    """Verify a copy of a log with nothing but its files and the pure half."""
    keys = [VerifierKey.parse(line) for line in (directory / "vkey").read_text().split()]
    checkpoint, _ = open_checkpoint((directory / "checkpoint").read_bytes(), keys)
    tree = MemoryTree()
    for tile in new_bundles(0, checkpoint.size):
        for entry in decode_bundle((directory / tile.path).read_bytes(), tile.width):
            tree.append(leaf_hash(entry))
    assert root(checkpoint.size, tree) == checkpoint.root
    for tile in new_tiles(0, checkpoint.size):
        assert (directory / tile.path).read_bytes() == tile_data(tile, tree)
    return checkpoint


def tiles(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in (directory / "tile").rglob("*") if path.is_file()}


def expected(size: int) -> set[str]:
    return {tile.path for tile in (*new_tiles(0, size), *new_bundles(0, size))}


def test_each_run_adds_and_the_copy_verifies_by_itself(log: str, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    for count in (1, 254, 1, 1, 400):
        add_many(count)
        sequencer.run_once(finish=True)
        done = export(tmp_path / "copy", lambda *said: told.append(said))
        assert verify(tmp_path / "copy").size == done.size
        assert tiles(tmp_path / "copy") == expected(done.size)
    assert told[-1][1] == told[-1][2]
    assert export(tmp_path / "copy").written == 0
    assert (tmp_path / "copy" / "checkpoint").stat().st_mode & 0o777 == 0o644
    assert "演示数据 非登记结果" in (tmp_path / "copy" / "README.txt").read_text()


def test_contents_are_exported_and_disappear_when_suppressed(log: str, tmp_path: Path) -> None:
    object_id = uuid.uuid4()
    address = services.store_content(object_kind="example", object_id=object_id, fields={"name": "隐去我"})
    path = tmp_path / "content" / address.removeprefix("sha256:")
    add()
    sequencer.run_once(finish=True)
    export(tmp_path)
    assert "隐去我" in path.read_text()
    with transaction.atomic():
        services.suppress(object_id=object_id, at=legal_now(), ground="personal_information")
    done = export(tmp_path)
    assert (done.removed, path.exists()) == (1, False)
    assert json.loads(path.with_name(f"{path.name}.tombstone.json").read_text())["ground"] == "personal_information"
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and "隐去我" in file.read_text(errors="replace")]


def test_the_content_of_a_suspended_notice_leaves_the_copy_until_it_is_resumed(log: str, tmp_path: Path) -> None:
    world = w.build()
    pk = acts.in_notice(world)
    sequencer.run_once(finish=True)
    [content] = Content.objects.filter(object_id=pk)
    path = tmp_path / "content" / bytes(content.digest).hex()
    shown = []
    for name, more in (("", {}), ("suspend_notice", {"ground": "error", "reason": "简介有误"}), ("resume_notice", {})):
        if name:
            w.act(world, name, pk, "agency_supervisor", **more)
        export(tmp_path)
        shown.append(path.exists())
    assert shown == [True, False, True]


def test_a_run_that_is_killed_leaves_a_copy_that_verifies(
    log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_many(200)
    sequencer.run_once(finish=True)
    export(tmp_path)
    add_many(400)
    sequencer.run_once(finish=True)
    write, left = Directory.write, [0]

    def killed(files: Directory, path: str, data: bytes) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        write(files, path, data)

    monkeypatch.setattr(Directory, "write", killed)
    for stop in range(9):
        left[0] = stop
        with pytest.raises(KeyboardInterrupt):
            export(tmp_path)
        assert verify_old(tmp_path) == 200
    monkeypatch.undo()
    export(tmp_path)
    assert verify(tmp_path).size == 600
    assert tiles(tmp_path) == expected(600)
    assert not list(tmp_path.rglob(".new-*"))


def verify_old(directory: Path) -> int:
    """Every tile and bundle of the checkpoint that stands there is there too."""
    keys = [VerifierKey.parse(line) for line in (directory / "vkey").read_text().split()]
    checkpoint, _ = open_checkpoint((directory / "checkpoint").read_bytes(), keys)
    assert expected(checkpoint.size) <= tiles(directory)
    return checkpoint.size


def test_a_directory_of_another_log_is_left_alone(log: str, tmp_path: Path) -> None:
    add()
    sequencer.run_once(finish=True)
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "checkpoint").write_bytes(
        b"other.example\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n"
    )
    with pytest.raises(DomainError) as caught:
        export(tmp_path / "copy")
    assert caught.value.code == "export_of_another_log"
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["checkpoint"]


def test_a_copy_that_is_ahead_of_the_log_shows_that_the_log_was_cut_back(log: str, tmp_path: Path) -> None:
    add()
    sequencer.run_once(finish=True)
    first = checkpointing.latest()
    add()
    sequencer.run_once(finish=True)
    export(tmp_path)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(checkpointing, "latest", lambda: first)
        with pytest.raises(DomainError) as caught:
            export(tmp_path)
    assert caught.value.code == "export_of_another_log"


def test_without_a_checkpoint_there_is_nothing_to_export(log: str, tmp_path: Path) -> None:
    with pytest.raises(DomainError) as caught:
        export(tmp_path)
    assert caught.value.code == "checkpoint_missing"


@pytest.mark.skipif(not HAS_GO, reason="Go or golang.org/x/mod is not installed")
def test_a_program_that_is_not_ours_verifies_the_copy(log: str, tmp_path: Path) -> None:
    add_many(1_000)
    sequencer.run_once(finish=True)
    export(tmp_path / "copy")
    # The auditor takes the log's key alone.
    vkey = (tmp_path / "copy" / "vkey").read_text().split()[0]
    (tmp_path / "copy" / "vkey").write_text(f"{vkey}\n")
    environment = {**os.environ, "GO111MODULE": "off", "GOFLAGS": "", "GOPATH": GOPATH, "CGO_ENABLED": "0"}
    source = Path(__file__).parent / "outside" / "audit.go"
    subprocess.run(["go", "build", "-o", tmp_path / "audit", source], env=environment, check=True)
    asked = json.dumps({"inclusions": [], "consistencies": []}).encode()
    done = subprocess.run([tmp_path / "audit", tmp_path / "copy"], input=asked, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["entries"] == 1_000


def test_tiles_of_any_size_have_the_paths_of_the_specification() -> None:
    assert Tile(0, 1_234_067, 112).path == "tile/0/x001/x234/067.p/112"

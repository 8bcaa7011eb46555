"""A log of 10 000 entries made here, audited by Go's sumdb/tlog and sumdb/note, whose proofs and notes verify here.

Needs Go and the module's sources, on Debian `apt-get install golang-go golang-golang-x-mod-dev`; GOPATH may name
another place than Debian's.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dengji.ledger.pure import sm2
from dengji.ledger.pure.checkpoints import Checkpoint, sign_checkpoint
from dengji.ledger.pure.cosignatures import Cosigner
from dengji.ledger.pure.keys import Ed25519Key
from dengji.ledger.pure.merkle import (
    MemoryTree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    verify_consistency,
    verify_inclusion,
)
from dengji.ledger.pure.notes import NoteSigner, VerifierKey, open_note
from dengji.ledger.pure.tiles import Tile, TileReader, encode_bundle, new_bundles, new_tiles, tile_data

SIZE = 10_000
ORIGIN = "log.example.org/register"
GOPATH = os.environ.get("GOPATH", "/usr/share/gocode")
INDEXES = [0, 1, 255, 256, 4_095, 8_191, 8_192, 9_983, 9_984, SIZE - 1]
OLD_SIZES = [1, 2, 255, 256, 257, 4_096, 8_192, 9_984, 9_999, SIZE]

pytestmark = [
    pytest.mark.skipif(not shutil.which("go"), reason="Go is not installed"),
    pytest.mark.skipif(not (Path(GOPATH) / "src/golang.org/x/mod/sumdb/tlog").is_dir(), reason="no golang.org/x/mod"),
]


class Export:
    """A log written as the static files of C2SP tlog-tiles."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.entries = [f'{{"n":{n},"text":"第{n}条"}}'.encode() + b"x" * (n % 700) for n in range(SIZE)]
        self.tree = MemoryTree()
        for entry in self.entries:
            self.tree.append(leaf_hash(entry))
        for tile in new_tiles(0, SIZE):
            self.write(tile.path, tile_data(tile, self.tree))
        for tile in new_bundles(0, SIZE):
            start = 256 * tile.index
            self.write(tile.path, encode_bundle(self.entries[start : start + tile.width]))
        log = NoteSigner(ORIGIN, Ed25519Key(hashlib.sha256(b"log").digest()))
        others = [NoteSigner("witness.example.net/w1", Cosigner(Ed25519Key(bytes(32)), 1_790_000_000))]
        if sm2.available():
            others.append(NoteSigner(ORIGIN, sm2.Sm2Key.generate()))
        self.unknown_to_go = len(others)
        self.checkpoint = Checkpoint(ORIGIN, SIZE, root(SIZE, self.tree))
        self.write("checkpoint", sign_checkpoint(self.checkpoint, log, *others))
        self.write("vkey", f"{log.key}\n".encode())

    def write(self, path: str, data: bytes) -> None:
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    """Build the auditor once; return a function that runs it."""
    home = tmp_path_factory.mktemp("go")
    environment = {**os.environ, "GO111MODULE": "off", "GOFLAGS": "", "GOPATH": GOPATH, "CGO_ENABLED": "0"}
    if "HOME" not in environment:
        environment.setdefault("GOCACHE", str(home / "cache"))
    program = home / "audit"
    source = Path(__file__).with_name("audit.go")
    subprocess.run(["go", "build", "-o", program, source], env=environment, check=True)

    def run(directory: Path, questions: dict) -> subprocess.CompletedProcess:
        return subprocess.run(
            [program, directory], input=json.dumps(questions).encode(), capture_output=True, check=False
        )

    return run


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    return Export(tmp_path_factory.mktemp("export"))


def as_json(old: int, new: int, top: bytes, hashes: list[bytes]) -> dict:
    encode = [base64.b64encode(one).decode() for one in (top, *hashes)]
    return {"old": old, "new": new, "root": encode[0], "hashes": encode[1:]}


def questions(export: Export) -> dict:
    """Our proofs, made from the tiles on disk."""
    reader = TileReader(lambda tile: (export.directory / tile.path).read_bytes(), SIZE)
    top = export.checkpoint.root
    return {
        "inclusions": [as_json(n, SIZE, top, inclusion_proof(n, SIZE, reader)) for n in INDEXES],
        "consistencies": [as_json(n, SIZE, top, consistency_proof(n, SIZE, reader)) for n in OLD_SIZES],
    }


@pytest.fixture(scope="module")
def answers(audit, export):
    result = audit(export.directory, questions(export))
    assert result.returncode == 0, result.stderr.decode()
    return json.loads(result.stdout)


def hashes(proof: dict) -> list[bytes]:
    return [base64.b64decode(one) for one in proof["hashes"] or []]


def test_go_accepts_checkpoint_entries_tiles_and_proofs(export, answers):
    assert answers["entries"] == SIZE
    assert answers["unverified"] == export.unknown_to_go
    assert {Tile.parse(path) for path in answers["tile_paths"]} == set(new_tiles(0, SIZE))


def test_proofs_made_by_go_verify_here(export, answers):
    assert len(answers["inclusions"]) == len(INDEXES)
    for proof in answers["inclusions"]:
        leaf = leaf_hash(export.entries[proof["old"]])
        assert verify_inclusion(leaf, proof["old"], SIZE, hashes(proof), export.checkpoint.root)
        assert hashes(proof) == inclusion_proof(proof["old"], SIZE, export.tree)
    assert len(answers["consistencies"]) == len(OLD_SIZES)
    for proof in answers["consistencies"]:
        old_root = base64.b64decode(proof["root"])
        assert verify_consistency(proof["old"], SIZE, hashes(proof), old_root, export.checkpoint.root)


def test_a_note_signed_by_go_opens_here(export, answers):
    note = open_note(base64.b64decode(answers["note"]), [VerifierKey.parse(answers["vkey"])])
    assert Checkpoint.parse(note.text) == export.checkpoint


CHANGES = {
    "checkpoint": b"checkpoint: ",
    "vkey": b"vkey: ",
    "tile/0/005": b"tile tile/0/005 differs",
    "tile/1/000.p/39": b"tile tile/1/000.p/39 differs",
    "tile/entries/039.p/16": b"entries give root",
}


@pytest.mark.usefixtures("answers")
@pytest.mark.parametrize(("path", "complaint"), CHANGES.items(), ids=CHANGES.keys())
def test_go_refuses_one_changed_byte(audit, export, path, complaint, tmp_path):
    asked = questions(export)
    copy = tmp_path / "copy"
    shutil.copytree(export.directory, copy)
    data = bytearray((copy / path).read_bytes())
    data[len(data) // 3] ^= 1
    (copy / path).write_bytes(data)
    result = audit(copy, asked)
    assert result.returncode != 0 and result.stderr.startswith(complaint)


@pytest.mark.usefixtures("answers")
@pytest.mark.parametrize(("kind", "complaint"), [("inclusions", b"inclusion: "), ("consistencies", b"consistency: ")])
def test_go_refuses_a_wrong_proof_of_ours(audit, export, kind, complaint):
    asked = questions(export)
    asked[kind][4]["hashes"].reverse()
    result = audit(export.directory, asked)
    assert result.returncode != 0 and result.stderr.startswith(complaint)

"""The construction: against the ledger's tree, pinned values, and a program that shares no code with us."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dengji.evidence import construction
from dengji.evidence.construction import Tree
from dengji.evidence.errors import EvidenceError
from dengji.evidence.manifest import Line, Roots
from dengji.ledger.pure import merkle
from tests.evidence.conftest import Desk

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "evidence.md"
#: Computed by the program of the how-to, of two files "a" (abc) and "b" (empty), all salts 0x11, root salt 0x22.
PINNED = {
    "sha256": "aeeb422b907dc4a3a561bfb39f2e54386ee57bc181de4d5610405ae0c4512cbf",
    "sm3": "d503208ce1f56f1f9aeb3cd68b468464bb2acee64e04922930cf62e8428cc0f3",
}


def test_the_tree_is_that_of_the_ledger() -> None:
    tree, ledger = Tree("sha256"), merkle.MemoryTree()
    assert tree.top() == merkle.EMPTY_ROOT
    for number in range(70):
        leaf = merkle.leaf_hash(bytes([number]))
        tree.append(leaf)
        ledger.append(leaf)
        assert tree.top() == merkle.root(number + 1, ledger)


def test_sm3_is_that_of_the_standard() -> None:
    digest = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert construction.hasher("sm3")().copy().hexdigest() != digest
    assert hashlib.new("sm3", b"abc").hexdigest() == digest


def test_other_algorithms_are_refused() -> None:
    with pytest.raises(EvidenceError, match="md5"):
        construction.hasher("md5")


@pytest.mark.parametrize("algorithm", ["sha256", "sm3"])
def test_the_format_stays_what_it_is(algorithm: str) -> None:
    roots = Roots((algorithm,), construction.CHUNK_SIZE)
    for name, content in (("a", b"abc"), ("b", b"")):
        roots.add(Line(name, len(content), (hashlib.new(algorithm, content).digest(),), (b"\x11" * 32,)))
    (deposit,) = roots.deposits(b"\x22" * 32, "2026-01-01T00:00:00Z")
    assert deposit["evidence_digest"] == PINNED[algorithm]
    assert (deposit["evidence_size"], deposit["evidence_count"]) == (3, 2)


def outside(desk: Desk, *words: Path) -> list[list[str]]:
    """What the program of the how-to prints."""
    (program,) = re.findall(r"```python\n(.*?)```", HOW_TO.read_text("utf-8"), re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, *map(str, words)], capture_output=True, text=True, check=True
    )
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("algorithms", [("sha256",), ("sm3",), ("sha256", "sm3")])
def test_anyone_can_compute_a_deposit_again_with_the_program_of_the_how_to(
    desk: Desk, algorithms: tuple[str, ...]
) -> None:
    deposits = desk.make(algorithms=algorithms).head["deposits"]
    expected = [[one["evidence_algorithm"], one["evidence_digest"], "same"] for one in deposits]
    assert outside(desk, desk.out) == expected
    assert outside(desk, desk.out, desk.home) == expected
    desk.write("b.csv", b"id,name\n1,y\n")
    assert [line[2] for line in outside(desk, desk.out, desk.home)] == ["DIFFERENT"] * len(algorithms)


def test_the_digest_of_a_file_of_one_chunk_is_its_plain_digest(desk: Desk) -> None:
    desk.make(algorithms=("sha256", "sm3"))
    lines = {one["path"]: one for one in map(json.loads, desk.out.read_text("utf-8").splitlines()[1:])}
    assert list(lines) == ["数据/a.csv", "数据/b.csv", "数据/子/c.csv", "数据/子/empty"]
    content = (desk.data / "b.csv").read_bytes()
    for algorithm in ("sha256", "sm3"):
        assert lines["数据/b.csv"]["chunks"][0][algorithm] == hashlib.new(algorithm, content).hexdigest()
    assert [len(one["chunks"]) for one in lines.values()] == [3, 1, 1, 1]

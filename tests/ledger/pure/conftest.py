"""Small logs and keys shared by the tests of the pure half; every value is derived, so runs repeat."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pytest

from dengji.core.canonical import canonical, salted_digest
from dengji.ledger.entries import content_address, content_body
from dengji.ledger.pure.checkpoints import Checkpoint, sign_checkpoint
from dengji.ledger.pure.cosignatures import Cosigner
from dengji.ledger.pure.keys import Ed25519Key
from dengji.ledger.pure.merkle import MemoryTree, inclusion_proof, leaf_hash, root
from dengji.ledger.pure.notes import NoteSigner
from dengji.ledger.pure.receipts import Trust, make_receipt

ORIGIN = "log.example.org/register"
SALT = bytes(range(32))
STATEMENT = {"name": "未公开的名称", "number": 7}
FIELDS = {"name": "示例公共数据资源", "summary": "第一行\n第二行"}
NOW = 1_790_000_000


def key(label: str) -> Ed25519Key:
    return Ed25519Key(hashlib.sha256(label.encode()).digest())


@dataclass
class World:
    """A log of twelve entries: number 5 is public with content, all others are sealed."""

    entries: list[bytes]
    tree: MemoryTree
    checkpoint: Checkpoint
    log: NoteSigner
    clock: NoteSigner
    witness: NoteSigner
    content: bytes

    @property
    def trust(self) -> Trust:
        return Trust(ORIGIN, (self.log.key, self.clock.key), (self.witness.key,))

    def receipt(self, index: int, *signers: NoteSigner, whole: bool = True, size: int | None = None) -> bytes:
        checkpoint = self.at(size) if size else self.checkpoint
        return make_receipt(
            self.entries[index],
            index,
            inclusion_proof(index, checkpoint.size, self.tree),
            sign_checkpoint(checkpoint, *(signers or (self.log,))),
            content=self.content if whole and index == 5 else None,
            opening=(SALT, STATEMENT) if whole and index != 5 else None,
        )

    def at(self, size: int) -> Checkpoint:
        return Checkpoint(ORIGIN, size, root(size, self.tree))


@pytest.fixture(scope="session")
def world() -> World:
    content = content_body(SALT, FIELDS)
    entries = []
    for n in range(12):
        entry = {"v": 1, "log": ORIGIN, "act": "submit", "at": "2026-09-17T01:02:03.004Z", "n": n}
        if n == 5:
            entry["public"] = {"content": content_address(content), "industry": "A"}
        else:
            entry["sealed"] = salted_digest(SALT, STATEMENT)
        entries.append(canonical(entry))
    tree = MemoryTree()
    for entry in entries:
        tree.append(leaf_hash(entry))
    return World(
        entries,
        tree,
        Checkpoint(ORIGIN, 12, root(12, tree)),
        NoteSigner(ORIGIN, key("log")),
        NoteSigner(ORIGIN, Cosigner(key("clock"), NOW)),
        NoteSigner("witness.example.net/w1", Cosigner(key("witness"), NOW + 5)),
        content,
    )

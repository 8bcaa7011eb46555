"""Merkle tree of RFC 6962 §2.1 over SHA-256: roots, inclusion and consistency proofs, the frontier of a growing log.

A node is named by (level, index): the hash of the complete subtree over leaves [index·2^level, (index+1)·2^level).
Everything is computed from a reader of such nodes, so that tiles, memory and database serve alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dengji.core.errors import N_

from .errors import refuse

HASH_SIZE = 32
MAX_SIZE = 2**63 - 1
EMPTY_ROOT = hashlib.sha256().digest()

NodeReader = Callable[[int, int], bytes]
"""(level, index) → hash of that complete subtree; raises LedgerError where the log has no such node."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the 32-byte hash of a leaf (RFC 6962 §2.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the 32-byte hash of an inner node (RFC 6962 §2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _fold(peaks: Sequence[bytes]) -> bytes:
    result = peaks[-1]
    for peak in reversed(peaks[:-1]):
        result = node_hash(peak, result)
    return result


def _peaks(start: int, end: int, node: NodeReader) -> list[bytes]:
    """Complete subtrees, largest first, that make up leaves [start, end); start is aligned to the largest of them."""
    peaks = []
    for level in range((end - start).bit_length() - 1, -1, -1):
        if (end - start) >> level & 1:
            peaks.append(node(level, start >> level))
            start += 1 << level
    return peaks


def root(size: int, node: NodeReader) -> bytes:
    """Return the tree hash of the first `size` leaves; raises LedgerError for a negative size or a missing node."""
    _check_range(0, size, size)
    return _fold(_peaks(0, size, node)) if size else EMPTY_ROOT


def _check_range(low: int, value: int, high: int) -> None:
    if not 0 <= low <= value <= high <= MAX_SIZE:
        raise refuse("out_of_range", N_("{value} 不在 {low} 至 {high} 之间"), value=value, low=low, high=high)


def path_from(level: int, index: int, size: int, node: NodeReader) -> list[bytes]:
    """Return the siblings from complete node (level, index) up to the root of the tree of `size` leaves.

    An audit path is the siblings inside a subtree, then this path from the subtree's root: so a reader that keeps the
    latter makes all proofs of one tile from it. Raises LedgerError for a missing node.
    """
    inner = (index ^ ((size - 1) >> level)).bit_length()
    # Below the level where the ways to this node and to the last leaf part, every sibling is complete.
    path = [node(level + up, (index >> up) ^ 1) for up in range(inner - 1)]
    if inner:
        top = level + inner - 1
        path.append(_fold(_peaks(((index >> (inner - 1)) ^ 1) << top, size, node)))
    level, index = level + inner, index >> inner
    while index:
        if index & 1:
            path.append(node(level, index ^ 1))
        level, index = level + 1, index >> 1
    return path


def inclusion_proof(index: int, size: int, node: NodeReader) -> list[bytes]:
    """Return the audit path of leaf `index` in the tree of `size` leaves (RFC 6962 §2.1.1), ≤ 63 hashes.

    Raises LedgerError unless 0 ≤ index < size, or for a missing node.
    """
    _check_range(0, index, size - 1)
    return path_from(0, index, size, node)


def consistency_proof(old: int, new: int, node: NodeReader) -> list[bytes]:
    """Return the proof that the tree of `new` leaves extends that of `old` leaves (RFC 6962 §2.1.2).

    Empty where old is 0 or equals new. Raises LedgerError unless 0 ≤ old ≤ new, or for a missing node.
    """
    _check_range(0, old, new)
    if old in (0, new):
        return []
    level = (old & -old).bit_length() - 1
    index = (old >> level) - 1
    start = [node(level, index)] if index else []
    return start + path_from(level, index, new, node)


def _hashes(*values: object) -> bool:
    # Sets of what map() finds: a loop in Python over each proof would cost a tenth of verifying it.
    return set(map(type, values)) == {bytes} and set(map(len, values)) == {HASH_SIZE}  # type: ignore[arg-type]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Return whether `proof` shows leaf hash `leaf` at `index` under `root` (RFC 9162 §2.1.3.2); never raises."""
    if not (0 <= index < size <= MAX_SIZE and _hashes(leaf, root, *proof)):
        return False
    # Up to where the ways of this leaf and of the last one meet, siblings are on both sides; beyond, on the left only.
    inner = (index ^ (size - 1)).bit_length()
    if len(proof) != inner + (index >> inner).bit_count():
        return False
    sha256, result, place = hashlib.sha256, leaf, index
    for sibling in proof[:inner]:
        pair = sibling + result if place & 1 else result + sibling
        result = sha256(b"\x01" + pair).digest()
        place >>= 1
    for sibling in proof[inner:]:
        result = sha256(b"\x01" + sibling + result).digest()
    return result == root


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Return whether `proof` shows that the second tree extends the first (RFC 9162 §2.1.4.2); never raises."""
    if not (0 <= old <= new <= MAX_SIZE and _hashes(old_root, new_root, *proof)):
        return False
    if old == new:
        return not proof and old_root == new_root and (old > 0 or old_root == EMPTY_ROOT)
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    hashes = list(proof)
    if old & (old - 1) == 0:
        hashes.insert(0, old_root)
    if not hashes:
        return False
    shift = (old & -old).bit_length() - 1
    place, last = (old - 1) >> shift, (new - 1) >> shift
    first = second = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


@dataclass
class Frontier:
    """The right edge of a growing log: its size and its complete subtrees, largest first (at most 63 hashes).

    All a sequencer must hold to append and to compute the next root.
    """

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    @classmethod
    def at(cls, size: int, node: NodeReader) -> Frontier:
        """Return the frontier of the first `size` leaves; raises LedgerError for a missing node."""
        _check_range(0, size, size)
        return cls(size, _peaks(0, size, node))

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Append a leaf hash; return the nodes it completed as (level, index, hash), the leaf itself first."""
        level, index, value = 0, self.size, leaf
        completed = [(level, index, value)]
        while index & 1:
            value = node_hash(self.peaks.pop(), value)
            level, index = level + 1, index >> 1
            completed.append((level, index, value))
        self.peaks.append(value)
        self.size += 1
        return completed

    def root(self) -> bytes:
        """Return the root of everything appended so far."""
        return _fold(self.peaks) if self.peaks else EMPTY_ROOT

    def encode(self) -> bytes:
        """Return the size as 8 big-endian bytes, then the peaks."""
        return self.size.to_bytes(8, "big") + b"".join(self.peaks)

    @classmethod
    def decode(cls, data: bytes) -> Frontier:
        """Return the frontier of `encode`; raises LedgerError where size and number of peaks disagree."""
        size = int.from_bytes(data[:8], "big")
        if len(data) < 8 or size > MAX_SIZE or len(data) != 8 + HASH_SIZE * size.bit_count():
            raise refuse("frontier_malformed", N_("日志前沿数据的长度与其条数不符"))
        return cls(size, [data[at : at + HASH_SIZE] for at in range(8, len(data), HASH_SIZE)])


class MemoryTree:
    """All nodes of a tree in memory, 64 bytes a leaf; a NodeReader for checks, exports and evidence manifests."""

    def __init__(self) -> None:
        self._levels: list[bytearray] = [bytearray()]

    def __len__(self) -> int:
        return len(self._levels[0]) // HASH_SIZE

    def append(self, leaf: bytes) -> None:
        """Append a 32-byte leaf hash."""
        index = len(self)
        level = 0
        self._levels[0] += leaf
        while index & 1:
            leaf = hashlib.sha256(b"\x01" + self._levels[level][-2 * HASH_SIZE :]).digest()
            level, index = level + 1, index >> 1
            if level == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level] += leaf

    def extend(self, leaves: bytes | bytearray) -> None:
        """Append many leaf hashes, joined; row by row, which takes a third of the time."""
        sha256, pair = hashlib.sha256, 2 * HASH_SIZE
        self._levels[0] += leaves
        level = 0
        while len(row := self._levels[level]) >= pair:
            if level + 1 == len(self._levels):
                self._levels.append(bytearray())
            above = self._levels[level + 1]
            fresh = bytes(row[2 * len(above) : len(row) // pair * pair])
            above += b"".join([sha256(b"\x01" + fresh[at : at + pair]).digest() for at in range(0, len(fresh), pair)])
            level += 1

    def __call__(self, level: int, index: int) -> bytes:
        """Return node (level, index); raises LedgerError where it is not complete."""
        if 0 <= level < len(self._levels) and index >= 0:
            found = bytes(self._levels[level][HASH_SIZE * index : HASH_SIZE * (index + 1)])
            if found:
                return found
        raise refuse("node_missing", N_("日志没有第 {level} 层第 {index} 个节点"), level=level, index=index)

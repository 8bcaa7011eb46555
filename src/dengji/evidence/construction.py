"""What exactly is hashed (format dengji-evidence-1), so that anyone can compute a deposited digest again.

H is SHA-256 or SM3 throughout, u64 eight big-endian bytes, ‖ concatenation. Files stand in the order of the UTF-8 bytes
of their NFC names, each cut into chunks of `chunk_size` bytes (64 MiB); an empty file is one empty chunk.

    digest = H(the bytes of the chunk)            for a file of one chunk: what sha256sum prints
    leaf   = H(0x00 ‖ salt(32) ‖ u64 size of the file ‖ u64 number of the chunk ‖ digest ‖ name in UTF-8)
    tree   = the tree of RFC 6962 §2.1 over all leaves, node = H(0x01 ‖ left ‖ right)
    root   = H(0x02 ‖ root_salt(32) ‖ u64 chunk_size ‖ u64 leaves ‖ u64 files ‖ u64 bytes ‖ tree)

Salts are random, so that a deposited root tells nothing about data that could be guessed (R61).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from dengji.core.errors import N_

from .errors import WRONG_USE, refuse

FORMAT = "dengji-evidence-1"
CHUNK_SIZE = 64 * 1024 * 1024
SIZE = 32
ALGORITHMS = ("sha256", "sm3")


def hasher(algorithm: str) -> Callable[[], Any]:
    """Return what makes hash objects of `sha256` or `sm3` (GB/T 32905); raises EvidenceError where there is none."""
    if algorithm not in ALGORITHMS:
        raise refuse("evidence_algorithm", N_("不支持的摘要算法：{name}"), status=WRONG_USE, name=algorithm)
    try:
        hashlib.new(algorithm)
    except ValueError:
        raise refuse("evidence_algorithm", N_("本机的 OpenSSL 不提供 {name}"), name=algorithm) from None
    return hashlib.sha256 if algorithm == "sha256" else lambda: hashlib.new(algorithm)


def u64(value: int) -> bytes:
    """Return a number as eight big-endian bytes."""
    return value.to_bytes(8, "big")


def chunks(size: int, chunk_size: int) -> int:
    """Return into how many chunks a file of `size` bytes is cut: one at the least."""
    return max(1, -(-size // chunk_size))


def leaf(algorithm: str, salt: bytes, size: int, index: int, digest: bytes, name: str) -> bytes:
    """Return the 32-byte leaf of chunk `index` of a file of `size` bytes."""
    return hashlib.new(algorithm, b"\x00" + salt + u64(size) + u64(index) + digest + name.encode()).digest()


class Tree:
    """The tree of RFC 6962 §2.1 over SHA-256 or SM3, of which only the right edge is kept."""

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        self.size = 0
        self._peaks: list[bytes] = []

    def _node(self, left: bytes, right: bytes) -> bytes:
        return hashlib.new(self.algorithm, b"\x01" + left + right).digest()

    def append(self, value: bytes) -> None:
        """Append a 32-byte leaf."""
        index = self.size
        while index & 1:
            value, index = self._node(self._peaks.pop(), value), index >> 1
        self._peaks.append(value)
        self.size += 1

    def top(self) -> bytes:
        """Return the hash of the whole tree; that of nothing while it is empty."""
        if not self._peaks:
            return hashlib.new(self.algorithm).digest()
        value = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            value = self._node(peak, value)
        return value

    def root(self, salt: bytes, chunk_size: int, files: int, total: int) -> bytes:
        """Return the salted root that is deposited; it binds the number of files and their bytes too."""
        head = salt + u64(chunk_size) + u64(self.size) + u64(files) + u64(total)
        return hashlib.new(self.algorithm, b"\x02" + head + self.top()).digest()

"""The manifest: names, salts and digests of a deposit, one JSON object a line; it stays with the registrant.

First line: `format`, `tool`, `chunk_size`, `algorithms`, `root_salt`, `sources` (name, and path seen from the
manifest), `links` (left out), `deposits`: for each algorithm what is deposited, under the field names of the record.
Then a line for each file: `path`, `size`, `chunks` of `salt` and a digest for each algorithm, in hexadecimal.
"""

from __future__ import annotations

import os
import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from dengji.core.errors import N_

from .construction import ALGORITHMS, FORMAT, SIZE, Tree, chunks, leaf
from .errors import NO, WRONG_USE, EvidenceError, refuse
from .hashing import Digests, Plan
from .walk import Found, Walk

_HEX = re.compile(r"[0-9a-f]{64}")
_MOST_CHUNK = 2**40


@dataclass(frozen=True, slots=True)
class Line:
    """One file of a manifest: the digests of a chunk stand one after the other, in the order of `algorithms`."""

    name: str
    size: int
    digests: tuple[bytes, ...]
    salts: tuple[bytes, ...]

    def as_json(self, algorithms: tuple[str, ...]) -> bytes:
        """Return the line of the file."""
        parts = [
            {"salt": salt.hex()} | {a: d[SIZE * i : SIZE * (i + 1)].hex() for i, a in enumerate(algorithms)}
            for salt, d in zip(self.salts, self.digests, strict=True)
        ]
        return orjson.dumps({"path": self.name, "size": self.size, "chunks": parts}) + b"\n"


class Roots:
    """Computes the salted roots of a manifest while its lines pass by."""

    def __init__(self, algorithms: tuple[str, ...], chunk_size: int) -> None:
        self.chunk_size, self.files, self.size = chunk_size, 0, 0
        self._trees = [Tree(name) for name in algorithms]

    def add(self, line: Line) -> None:
        """Add the next file."""
        self.files, self.size = self.files + 1, self.size + line.size
        for index, (salt, digests) in enumerate(zip(line.salts, line.digests, strict=True)):
            for at, tree in enumerate(self._trees):
                digest = digests[SIZE * at : SIZE * (at + 1)]
                tree.append(leaf(tree.algorithm, salt, line.size, index, digest, line.name))

    def deposits(self, salt: bytes, time: str) -> list[dict[str, Any]]:
        """Return for each algorithm what is deposited (R61): the fields `evidence_*` of a record, nothing else."""
        return [
            {
                "evidence_method": "hash",
                "evidence_algorithm": tree.algorithm,
                "evidence_digest": tree.root(salt, self.chunk_size, self.files, self.size).hex(),
                "evidence_size": self.size,
                "evidence_count": self.files,
                "evidence_time": time,
            }
            for tree in self._trees
        ]


def lines_of(files: Iterable[Found], known: Digests, plan: Plan) -> Iterator[Line]:
    """Yield the lines of files whose digests are known, with fresh salts."""
    for one in files:
        digests = tuple(known.of(one, plan))
        yield Line(one.name, one.size, digests, tuple(secrets.token_bytes(SIZE) for _ in digests))


def write(out: Path, head: Mapping[str, Any], walked: Walk, known: Digests, plan: Plan, time: str) -> dict[str, Any]:
    """Write the manifest of hashed files, whole or not at all, readable by its owner only; return its first line."""
    body, whole = out.with_name(out.name + ".body"), out.with_name(out.name + ".part")
    roots, salt = Roots(plan.algorithms, plan.chunk_size), secrets.token_bytes(SIZE)
    try:
        with _fresh(body) as stream:
            for line in lines_of(walked.files, known, plan):
                roots.add(line)
                stream.write(line.as_json(plan.algorithms))
        first = {**head, "root_salt": salt.hex(), "links": walked.links, "deposits": roots.deposits(salt, time)}
        with _fresh(whole) as stream, body.open("rb") as rest:
            stream.write(orjson.dumps(first) + b"\n")
            while part := rest.read(1024 * 1024):
                stream.write(part)
            stream.flush()
            os.fsync(stream.fileno())
        whole.rename(out)
    finally:
        body.unlink(missing_ok=True)
        whole.unlink(missing_ok=True)
    return first


def _fresh(path: Path) -> Any:
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def _malformed(path: Path, number: int) -> EvidenceError:
    text = N_("{path} 第 {line} 行不是存证清单的内容：清单已被改动或不完整")
    return refuse("manifest_malformed", text, status=NO, path=str(path), line=number)


def _bytes(value: Any) -> bytes:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise ValueError(value)
    return bytes.fromhex(value)


def _head(line: bytes) -> dict[str, Any]:
    head = orjson.loads(line)
    algorithms = tuple(head["algorithms"])
    names = [one["name"] for one in head["sources"]]
    head["algorithms"] = algorithms
    fits = (
        head["format"] == FORMAT
        and algorithms in (("sha256",), ("sm3",), ALGORITHMS)
        and type(head["chunk_size"]) is int
        and 0 < head["chunk_size"] <= _MOST_CHUNK
        and _bytes(head["root_salt"])
        and all(isinstance(name, str) and name for name in names)
        and all(isinstance(one.get("path", ""), str) for one in head["sources"])
        and [one["evidence_algorithm"] for one in head["deposits"]] == list(algorithms)
        and all(isinstance(one["evidence_time"], str) for one in head["deposits"])
    )
    if not fits:
        raise ValueError(line)
    return dict(head)


def _line(line: bytes, algorithms: tuple[str, ...], chunk_size: int) -> Line:
    found = orjson.loads(line)
    name, size, parts = found["path"], found["size"], found["chunks"]
    if type(size) is not int or not 0 <= size < 2**63 or len(parts) != chunks(size, chunk_size):
        raise ValueError(size)
    if not isinstance(name, str) or unicodedata.normalize("NFC", name) != name:
        raise ValueError(name)
    digests = tuple(b"".join(_bytes(part[a]) for a in algorithms) for part in parts)
    return Line(name, size, digests, tuple(_bytes(part["salt"]) for part in parts))


_WRONG = (ValueError, KeyError, TypeError, AttributeError, orjson.JSONDecodeError)


@dataclass(frozen=True)
class Manifest:
    """A manifest whose roots have been computed again and found true."""

    path: Path
    head: dict[str, Any]
    lines: dict[str, Line]

    @property
    def plan(self) -> Plan:
        """How its files were hashed."""
        return Plan(self.head["algorithms"], self.head["chunk_size"])

    @property
    def deposits(self) -> list[dict[str, Any]]:
        """What was deposited, for each algorithm."""
        found: list[dict[str, Any]] = self.head["deposits"]
        return found


def _read(path: Path) -> tuple[dict[str, Any], Roots, dict[str, Line]]:
    lines: dict[str, Line] = {}
    number, before = 1, b""
    with path.open("rb") as stream:
        try:
            head = _head(stream.readline())
            roots = Roots(head["algorithms"], head["chunk_size"])
            for text in stream:
                number += 1
                line = _line(text, head["algorithms"], head["chunk_size"])
                if before >= line.name.encode():
                    raise ValueError(line.name)
                before = line.name.encode()
                roots.add(line)
                lines[line.name] = line
        except _WRONG as error:
            raise _malformed(path, number) from error
    return head, roots, lines


def load(path: Path) -> Manifest:
    """Return a manifest; raises EvidenceError where it cannot be read, or its lines do not give its own roots."""
    try:
        head, roots, lines = _read(path)
    except OSError as error:
        text = N_("无法读取存证清单 {path}：{reason}")
        reason = error.strerror or str(error)
        raise refuse("manifest_unreadable", text, status=WRONG_USE, path=str(path), reason=reason) from error
    wanted = roots.deposits(bytes.fromhex(head["root_salt"]), head["deposits"][0]["evidence_time"])
    if head["deposits"] != wanted:
        text = N_("{path} 的各行算不出它自己的存证摘要：清单已被改动")
        raise refuse("manifest_altered", text, status=NO, path=str(path))
    return Manifest(path, head, lines)

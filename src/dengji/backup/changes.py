"""What the server tells of committed changes: PostgreSQL's logical replication messages (`pgoutput`, version 1), read.

The server decodes its write-ahead log into whole transactions, in the order of their commits; an update carries the new
row alone, so a text that was emptied is not told again by the act that empties it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
#: A value that the update did not touch and the server therefore does not tell.
UNTOLD = object()
Value = str | object | None


@dataclass(frozen=True)
class Relation:
    """A table as the server tells it: its name, its columns, and which of them are the key."""

    name: str
    columns: tuple[str, ...]
    key: frozenset[str]


@dataclass(frozen=True)
class Change:
    """One row that was inserted (I), updated (U) or deleted (D), or a table that was emptied (T); values as text."""

    kind: str
    relation: Relation
    new: dict[str, Value]
    #: The key before the change, where the change altered it or removed the row.
    old: dict[str, Value]


@dataclass(frozen=True)
class Transaction:
    """One transaction: where and when it was committed, and its number."""

    lsn: int
    at: datetime
    xid: int


class MalformedError(ValueError):
    """What was read is no message of this protocol."""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 1

    def take(self, form: str) -> int:
        (value,) = struct.unpack_from(f">{form}", self.data, self.at)
        self.at += struct.calcsize(f">{form}")
        return int(value)

    def text(self) -> str:
        end = self.data.index(b"\0", self.at)
        value, self.at = self.data[self.at : end].decode(), end + 1
        return value

    def kind(self) -> str:
        self.at += 1
        return chr(self.data[self.at - 1])

    def row(self, relation: Relation) -> dict[str, Value]:
        if self.take("H") != len(relation.columns):
            raise MalformedError(relation.name)
        return {column: self._value() for column in relation.columns}

    def _value(self) -> Value:
        kind = self.kind()
        if kind in "nu":
            return None if kind == "n" else UNTOLD
        if kind != "t":
            raise MalformedError(kind)
        size = self.take("I")
        if self.at + size > len(self.data):
            raise MalformedError("size")
        value = self.data[self.at : self.at + size]
        self.at += size
        return value.decode()


class Decoder:
    """Reads the messages of one run of the server's decoding; a transaction is never whole in memory."""

    def __init__(self) -> None:
        self._relations: dict[int, Relation] = {}
        self._open: Transaction | None = None

    def read(self, messages: Iterable[bytes]) -> Iterator[tuple[Transaction, Change | None]]:
        """Yield each transaction with each of its changes, and with None at its end; raises MalformedError."""
        for message in messages:
            yield from self.read_one(message)
        if self._open is not None:
            raise MalformedError("no end")

    def changes(self, message: bytes) -> list[Change]:
        """Return what one message changes; raises MalformedError."""
        return [change for _, change in self.read_one(message) if change is not None]

    def read_one(self, message: bytes) -> list[tuple[Transaction, Change | None]]:
        """Return what one message says of the open transaction; raises MalformedError."""
        try:
            return self._read(message)
        except (struct.error, IndexError, ValueError, KeyError) as error:
            raise MalformedError(str(error)) from error

    def _read(self, message: bytes) -> list[tuple[Transaction, Change | None]]:
        kind, reader = chr(message[0]), _Reader(message)
        if kind == "B":
            lsn, at, xid = reader.take("Q"), reader.take("q"), reader.take("I")
            self._open = Transaction(lsn, _EPOCH + timedelta(microseconds=at), xid)
        elif kind == "R":
            self._relation(reader)
        elif kind in "CIUDT":
            if self._open is None:
                raise MalformedError("no beginning")
            now = self._open
            if kind == "C":
                self._open = None
                return [(now, None)]
            return [(now, change) for change in self._changes(kind, reader)]
        return []  # origins, types and messages say nothing about rows

    def _relation(self, reader: _Reader) -> None:
        number, _schema, name = reader.take("I"), reader.text(), reader.text()
        reader.take("b")
        columns, key = [], set()
        for _ in range(reader.take("H")):
            flags, column = reader.take("b"), reader.text()
            reader.take("I")
            reader.take("i")
            columns.append(column)
            if flags & 1:
                key.add(column)
        self._relations[number] = Relation(name, tuple(columns), frozenset(key))

    def _changes(self, kind: str, reader: _Reader) -> list[Change]:
        if kind == "T":
            count = reader.take("I")
            reader.take("b")
            return [Change("T", self._relations[reader.take("I")], {}, {}) for _ in range(count)]
        relation = self._relations[reader.take("I")]
        old: dict[str, Value] = {}
        what = reader.kind()
        if what in "KO":
            old = {name: value for name, value in reader.row(relation).items() if name in relation.key}
            if kind == "D":
                return [Change("D", relation, {}, old)]
            what = reader.kind()
        if what != "N":
            raise MalformedError(what)
        return [Change(kind, relation, reader.row(relation), old)]


@dataclass(frozen=True)
class Snapshot:
    """Which transactions a reader saw (`pg_current_snapshot`), for numbers as the log tells them, modulo 2³²."""

    xmin: int
    xmax: int
    running: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> Snapshot:
        """Read `xmin:xmax:running,…`; raises ValueError."""
        low, high, running = text.split(":")
        return cls(int(low), int(high), frozenset(int(one) for one in running.split(",") if one))

    def sees(self, xid: int) -> bool:
        """Return whether the reader saw this committed transaction."""
        full = (self.xmax & ~0xFFFFFFFF) | xid
        if full - self.xmax > 1 << 31:
            full -= 1 << 32
        elif self.xmax - full > 1 << 31:
            full += 1 << 32
        return full < self.xmax and full not in self.running


def lsn(text: str) -> int:
    """Return a place in the write-ahead log, `X/Y` in hex, as a number; raises ValueError."""
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)

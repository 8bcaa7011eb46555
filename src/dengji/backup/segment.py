"""One segment of the archive as it is written: what the server told, the stored files it names, the keys."""

from __future__ import annotations

import io
import struct
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection

from dengji.core.canonical import canonical, timestamp
from dengji.core.clock import real_now
from dengji.core.node import identity
from dengji.ledger import keyring

from . import container, make, tables
from .changes import Change, Decoder
from .places import CHANGES, SEGMENT_KIND

_PIECE = 8 << 20
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True)
class State:
    """How far the archive has come: the chain, its last segment, the place in the server's log, the moment."""

    chain: str
    number: int
    to: str
    at: str
    digest: str
    migrations: str
    #: The number that the newest nightly backup stands for: segments after it belong to it.
    base: int = 0


class Segment:
    """Writes one segment's payload from the server's messages."""

    def __init__(self, known: State, messages: Iterable[bytes]) -> None:
        self.known, self.messages = known, messages
        self.to, self.changes, self.transactions = known.to, 0, 0
        self.seen = 0
        self.at = timestamp(real_now())
        self.stored: set[str] = set()

    def write(self, stream: BinaryIO) -> dict[str, Any]:
        """Write keys, rows, files; return the facts for the manifest."""
        known = self.known
        number = known.number + 1
        with tarfile.open(fileobj=stream, mode="w|", format=tarfile.GNU_FORMAT) as self.tar:
            about = {"chain": known.chain, "number": number, "vkeys": [str(key) for key in keyring.history()]}
            self._add(container.ABOUT, canonical(about))
            for name, data in make.key_files().items():
                self._add(f"{container.KEYS}{name}", data)
            for piece, data in enumerate(self._pieces()):
                self._add(f"{CHANGES}{piece:06d}.z", data)
            missing = self._files()
            with connection.cursor() as cursor:
                cursor.execute(tables.SEQUENCES)
                sequences = dict(cursor.fetchall())
            counts = {"changes": self.changes, "transactions": self.transactions, "files": len(self.stored)}
            self._add(container.END, canonical({**counts, "sequences": sequences, "missing": missing}))
        origin, demonstration = identity()
        connection.close()
        return {
            "kind": SEGMENT_KIND,
            "origin": origin,
            "demonstration": demonstration,
            "gm": bool(settings.DENGJI_GM),
            "made_at": self.at,
            "chain": known.chain,
            "number": number,
            "previous": known.digest,
            "to": self.to,
            **counts,
        }

    def _add(self, name: str, data: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), 0o600
        self.tar.addfile(info, io.BytesIO(data))

    def _pieces(self) -> Iterator[bytes]:
        packer, packed, size = zlib.compressobj(3), bytearray(), 0
        for message in self._watched():
            packed += packer.compress(_LENGTH.pack(len(message)) + message)
            size += len(message)
            if size >= _PIECE:
                yield bytes(packed) + packer.flush()
                packer, packed, size = zlib.compressobj(3), bytearray(), 0
        if size:
            yield bytes(packed) + packer.flush()

    def _watched(self) -> Iterator[bytes]:
        """The messages as they are, while their end and the stored files they name are noted."""
        decoder = Decoder()
        for message in self.messages:
            self.seen += 1
            if message[:1] == b"C":
                # flags, place of the commit, place behind it
                _flags, _at, end = struct.unpack_from(">BQQ", message, 1)
                self.to = f"{end >> 32:X}/{end & 0xFFFFFFFF:X}"
                self.transactions += 1
            for change in decoder.changes(message):
                self.changes += 1
                self._note(change)
            yield message

    def _note(self, change: Change) -> None:
        key = change.new.get("storage_key")
        if isinstance(key, str) and key:
            self.stored.add(key)

    def _files(self) -> list[str]:
        missing = []
        for key in sorted(self.stored):
            try:
                with default_storage.open(key, "rb") as file:
                    self._add(f"{container.FILES}{key}", file.read())
            except FileNotFoundError:  # removed since, and a later segment says so
                missing.append(key)
        self.stored -= set(missing)
        return missing

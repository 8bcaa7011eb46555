"""What has been hashed so far, beside the manifest to be: a run that was killed goes on where it stopped."""

from __future__ import annotations

import fcntl
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from dengji.core.errors import N_

from .errors import WRONG_USE, refuse
from .hashing import Digests
from .walk import Found


def _line(value: Mapping[str, Any]) -> bytes:
    text = orjson.dumps(value)
    return b"%08x " % zlib.crc32(text) + text + b"\n"


def _read(line: bytes) -> Any:
    """A torn or damaged line counts for nothing; its chunk is then hashed again."""
    check, _, text = line.partition(b" ")
    if check != b"%08x" % zlib.crc32(text):
        return None
    return orjson.loads(text)


class Journal:
    """A file of one line for each finished chunk, held by one run at a time. It holds no salt."""

    def __init__(self, path: Path, head: Mapping[str, Any], *, resume: bool) -> None:
        """Begin a journal, or take one up; raises EvidenceError where one is there unasked, in use, or of other files.

        `head` says what the run is about: an unfinished journal of anything else is refused.
        """
        self._kept = False
        self.path, self.head, self.known = path, orjson.loads(orjson.dumps(head)), Digests()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            self._take(resume)
        except BaseException:
            os.close(self._file)
            raise

    def _take(self, resume: bool) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            text = N_("另一个存证正在写入同一清单：{path}")
            raise refuse("evidence_running", text, status=WRONG_USE, path=str(self.path)) from None
        lines = self.path.read_bytes().splitlines()
        if not lines:
            os.write(self._file, _line(self.head))
            return
        if not resume:
            text = N_("有一次未完成的存证 {path}：加 --resume 继续，或删除该文件后重新开始")
            raise refuse("evidence_unfinished", text, status=WRONG_USE, path=str(self.path))
        if _read(lines[0]) != self.head:
            text = N_("未完成的存证 {path} 针对的是其他文件或算法：请按原样重新运行，或删除该文件")
            raise refuse("evidence_other_journal", text, status=WRONG_USE, path=str(self.path))
        for line in lines[1:]:
            if found := _read(line):
                self._kept = True
                name, index, mark, digest = found["c"]
                self.known.put(name, index, bytes.fromhex(mark), bytes.fromhex(digest))
        os.write(self._file, b"\n")  # what follows a torn line must not be lost with it

    def keep(self, one: Found, index: int, digest: bytes) -> None:
        """Remember a finished chunk."""
        self._kept = True
        os.write(self._file, _line({"c": [one.name, index, one.stamp.hex(), digest.hex()]}))

    def give_up(self) -> None:
        """Leave the journal for a later run, unless it holds nothing."""
        if not self._kept:
            self.remove()

    def remove(self) -> None:
        """Delete the journal: the manifest stands."""
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        os.close(self._file)

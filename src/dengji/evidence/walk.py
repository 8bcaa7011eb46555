"""Which files a deposit covers: found in one stable order, links not followed, nothing but regular files."""

from __future__ import annotations

import itertools
import os
import stat
import struct
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dengji.core.errors import N_

from .errors import WRONG_USE, EvidenceError, refuse


@dataclass(frozen=True, slots=True)
class Source:
    """What was named on the command line: the name its files go by, and where it lies."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Found:
    """One file: its name in the manifest (NFC, with /), where it lies, its bytes, and what would betray a change."""

    name: str
    path: str
    size: int
    stamp: bytes


@dataclass(slots=True)
class Walk:
    """All files in the order of their names' UTF-8 bytes, and the names of links left out."""

    files: list[Found] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(one.size for one in self.files)


def stamp(status: os.stat_result) -> bytes:
    """Return 40 bytes that change with every write to a file: device, inode, size, times of content and of inode."""
    device = status.st_dev & 0xFFFFFFFFFFFFFFFF
    return struct.pack(">QQQqq", device, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def nfc(name: str) -> str:
    """Return a file name in NFC; raises EvidenceError for a name that is no UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        shown = name.encode("utf-8", "backslashreplace").decode()
        raise refuse("evidence_name", N_("文件名不是有效的 UTF-8，请改名后重试：{name}"), name=shown) from None
    return unicodedata.normalize("NFC", name)


def unreadable(path: str | os.PathLike[str], error: OSError) -> EvidenceError:
    """Return the error for a file or folder that cannot be read."""
    shown = os.fspath(path).encode("utf-8", "backslashreplace").decode()
    return refuse("evidence_unreadable", N_("无法读取 {path}：{reason}"), path=shown, reason=error.strerror or error)


def _special(path: str | os.PathLike[str]) -> EvidenceError:
    text = N_("{path} 不是普通文件或文件夹（链接、管道、设备等不能存证）")
    return refuse("evidence_special", text, status=WRONG_USE, path=os.fspath(path))


def sources(paths: Iterable[Path]) -> list[Source]:
    """Return the sources named by paths; raises EvidenceError where two would go by one name, or one has none."""
    found = [Source(nfc(Path(os.path.abspath(path)).name), path) for path in paths]  # noqa: PTH100 - keeps links
    if nameless := next((one.path for one in found if not one.name), None):
        raise _special(nameless)
    _distinct(sorted(one.name for one in found))
    return found


def _distinct(names: Sequence[str]) -> None:
    for before, name in itertools.pairwise(names):
        if before == name:
            text = N_("有两个文件或文件夹的名称相同（Unicode 规范化后）：{name}")
            raise refuse("evidence_same_name", text, status=WRONG_USE, name=name)


def _look(path: Path) -> os.stat_result:
    try:
        return path.lstat()
    except OSError as error:
        raise unreadable(path, error) from error


def _inside(name: str, folder: str, links: list[str]) -> Iterator[Found]:
    waiting = [(name, folder)]
    while waiting:
        prefix, where = waiting.pop()
        try:
            with os.scandir(where) as entries:
                for entry in entries:
                    child = f"{prefix}/{nfc(entry.name)}"
                    if entry.is_symlink():
                        links.append(child)
                    elif entry.is_dir(follow_symlinks=False):
                        waiting.append((child, entry.path))
                    elif entry.is_file(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        yield Found(child, entry.path, status.st_size, stamp(status))
                    else:
                        raise _special(entry.path)
        except FileNotFoundError:
            continue  # gone since its folder was read: the next walk sees the truth
        except OSError as error:
            raise unreadable(error.filename or where, error) from error


def walk(given: Sequence[Source], *, absent: bool = False) -> Walk:
    """Return every regular file of the sources; with `absent` a source that is gone has none.

    Raises EvidenceError for what cannot be read, for pipes, devices and sockets, for a source that is a link, and for
    two names that are equal in NFC.
    """
    result = Walk()
    for one in given:
        if absent and not os.path.lexists(one.path):
            continue
        status = _look(one.path)
        if stat.S_ISDIR(status.st_mode):
            result.files.extend(_inside(one.name, str(one.path), result.links))
        elif stat.S_ISREG(status.st_mode):
            result.files.append(Found(one.name, str(one.path), status.st_size, stamp(status)))
        else:
            raise _special(one.path)
    result.files.sort(key=lambda one: one.name.encode())
    result.links.sort()
    _distinct([one.name for one in result.files])
    return result

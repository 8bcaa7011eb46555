"""The form of a backup file: a plain tar of the encrypted payload and a signed manifest.

    payload.age       the payload, a tar encrypted in the age format to the node's recovery recipients
    manifest.note     what it is, its size and digests, signed by the log's keys (C2SP signed-note)

`tar` and `age` open it without this program. It is written to a temporary file beside its place, synced, read back and
only then renamed, so a file under its final name is always whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import orjson
import pyrage
from pyrage import x25519

from dengji.core.canonical import canonical
from dengji.core.errors import N_, DomainError
from dengji.ledger.pure.errors import LedgerError
from dengji.ledger.pure.keys import Algorithm
from dengji.ledger.pure.notes import NoteSigner, VerifierKey, open_note, sign_note, split_note

PAYLOAD, MANIFEST = "payload.age", "manifest.note"
FORMAT = 1
#: The parts of the payload, in this order: what is small and needed first comes first.
ABOUT, KEYS, CONFIG, DATABASE, FILES, END = "about.json", "keys/", "config/", "database/", "files/", "end.json"
_TITLE = b"dengji backup\n"
_BLOCK = tarfile.BLOCKSIZE
_READ = 1 << 20
_MOST_MANIFEST = 1 << 20
DIGESTS = ("sha256", "sm3")

Progress = Callable[[str, int, int], None]


def quiet(what: str, done: int, total: int) -> None:
    """Tell nobody how far the work is."""


def broken() -> DomainError:
    """Return the error for a file that is cut short, altered, or no backup at all."""
    return DomainError("backup_damaged", N_("备份文件残缺、被改动过，或不是备份文件：没有恢复任何内容"), status=422)


def _hashes() -> list[Any]:
    return [hashlib.new(name) for name in DIGESTS if name in hashlib.algorithms_available]


class _Tee:
    """Writes to a file and digests what passes."""

    def __init__(self, raw: BinaryIO) -> None:
        self.raw, self.size, self.hashes = raw, 0, _hashes()

    def write(self, data: bytes) -> int:
        self.raw.write(data)
        self.size += len(data)
        for one in self.hashes:
            one.update(data)
        return len(data)

    def flush(self) -> None:
        self.raw.flush()

    def facts(self) -> dict[str, Any]:
        """Size in bytes and digests, hex."""
        return {"size": self.size, **{one.name.lower(): one.hexdigest() for one in self.hashes}}


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return b"\0" * (-size % _BLOCK)


# Writing


@contextlib.contextmanager
def _encrypting(out: _Tee, recipients: list[x25519.Recipient]) -> Iterator[BinaryIO]:
    """What is written to the stream reaches `out` encrypted; the encryption runs in a thread of its own."""
    source, sink = os.pipe()
    failures: list[BaseException] = []

    def work() -> None:
        with os.fdopen(source, "rb") as stream:
            try:
                pyrage.encrypt_io(stream, out, recipients)
            except BaseException as error:
                failures.append(error)

    thread = threading.Thread(target=work, name="dengji-encrypt")
    thread.start()
    try:
        with os.fdopen(sink, "wb", buffering=_READ) as stream:
            yield stream
    except BrokenPipeError:
        thread.join()
        raise (failures or [broken()])[0] from None
    finally:
        thread.join()
    if failures:
        raise failures[0]


def write(
    path: Path,
    produce: Callable[[BinaryIO], dict[str, Any]],
    *,
    recipients: list[x25519.Recipient],
    signers: Callable[[], list[NoteSigner]],
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Write a backup: `produce` writes the plain payload and returns the facts of its manifest; return the manifest.

    Until the new file is whole, synced and read back, one that bears the name stays as it was. Raises what `produce`
    raises, OSError, DomainError backup_damaged where the disk gives back something else than was written.
    """
    sweep(path)
    temporary = path.with_name(f".{path.name}.part-{os.getpid()}")
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w+b", buffering=_READ) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(b"\0" * _BLOCK)
            tee = _Tee(file)
            with _encrypting(tee, recipients) as stream:
                facts = produce(stream)
            manifest = {"format": FORMAT, **facts, "payload": tee.facts()}
            note = sign_note(_TITLE + canonical(manifest) + b"\n", *signers())
            file.write(_padding(tee.size) + _header(MANIFEST, len(note)) + note + _padding(len(note)))
            file.write(b"\0" * (2 * _BLOCK))
            file.seek(0)
            file.write(_header(PAYLOAD, tee.size))
            file.flush()
            os.fsync(file.fileno())
            with contextlib.suppress(OSError, AttributeError):
                # So that reading back asks the disk, not the cache.
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            require_whole(temporary, read_manifest(temporary), progress)
            temporary.replace(path)
        _sync_directory(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return manifest


def sweep(path: Path) -> None:
    """Remove what killed backups left beside this one; one that is still being written is locked and stays."""
    for left in path.parent.glob(f".{path.name}.part-*"):
        with contextlib.suppress(OSError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# Reading


@dataclass(frozen=True)
class Manifest:
    """What the file says of itself, and the note that says so."""

    facts: dict[str, Any]
    note: bytes
    #: Where the payload begins, in bytes.
    start: int

    @property
    def size(self) -> int:
        return int(self.facts["payload"]["size"])

    def verify(self, keys: Iterable[VerifierKey], *, gm: bool = False) -> list[VerifierKey]:
        """Return which of these keys signed; with `gm`, and for backups of a node in that mode, SM2 must be there.

        Raises DomainError backup_unsigned, sm2_missing; LedgerError signature_invalid.
        """
        try:
            signed = [key for key, _ in open_note(self.note, keys).verified]
        except LedgerError as error:
            if error.code != "note_unsigned":
                raise
            raise DomainError("backup_unsigned", N_("备份文件没有可信密钥的签名"), status=422) from None
        if (gm or self.facts.get("gm")) and not any(key.algorithm is Algorithm.SM2 for key in signed):
            raise DomainError("sm2_missing", N_("国密模式要求备份带有 SM2 签名，此备份没有"), status=422)
        return signed


def read_manifest(path: Path) -> Manifest:
    """Return the manifest of a file, unverified; raises DomainError backup_damaged, backup_newer; OSError."""
    try:
        with path.open("rb") as file:
            first = tarfile.TarInfo.frombuf(file.read(_BLOCK), "utf-8", "strict")
            if first.name != PAYLOAD or first.size < 1:
                raise broken()
            file.seek(_BLOCK + first.size + len(_padding(first.size)))
            second = tarfile.TarInfo.frombuf(file.read(_BLOCK), "utf-8", "strict")
            if second.name != MANIFEST or not 0 < second.size <= _MOST_MANIFEST:
                raise broken()
            note = file.read(second.size)
            rest = file.read(_BLOCK * 4)
        text, _ = split_note(note)
        facts = orjson.loads(text.removeprefix(_TITLE))
        known = facts["format"]
        if not text.startswith(_TITLE) or facts["payload"]["size"] != first.size or rest.strip(b"\0"):
            raise broken()
    except (tarfile.TarError, LedgerError, ValueError, KeyError, TypeError, AttributeError):
        raise broken() from None
    if known != FORMAT:
        raise newer()
    return Manifest(facts, note, _BLOCK)


def newer() -> DomainError:
    """Return the error for a backup made by a later version of this program."""
    return DomainError("backup_newer", N_("此备份出自更新版本的程序：请用该版本恢复"), status=422)


class _Part:
    """A part of a file, read from its beginning to its end."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        self._left -= len(data)
        return data


def require_whole(path: Path, manifest: Manifest, progress: Progress = quiet) -> None:
    """Read the payload and compare it with its digests; raises DomainError backup_damaged for any difference."""
    said, hashes, done = manifest.facts["payload"], _hashes(), 0
    with path.open("rb") as file:
        file.seek(manifest.start)
        part = _Part(file, manifest.size)
        while data := part.read(_READ):
            for one in hashes:
                one.update(data)
            done += len(data)
            progress("verify", done, manifest.size)
    found = {one.name.lower(): one.hexdigest() for one in hashes}
    compared = [name for name in DIGESTS if name in said and name in found]
    if done != manifest.size or "sha256" not in compared or any(said[name] != found[name] for name in compared):
        raise broken()


@contextlib.contextmanager
def opened(path: Path, manifest: Manifest, code: x25519.Identity) -> Iterator[tarfile.TarFile]:
    """The decrypted payload as a tar that is read once, in order; nothing of it is held in memory or on disk.

    Raises DomainError recovery_code_wrong, backup_damaged.
    """
    source, sink = os.pipe()
    failures: list[BaseException] = []

    def work() -> None:
        try:  # closing the pipe writes too, and fails where the reader has gone
            with path.open("rb") as file, os.fdopen(sink, "wb", buffering=_READ) as stream:
                file.seek(manifest.start)
                pyrage.decrypt_io(_Part(file, manifest.size), stream, [code])
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work, name="dengji-decrypt")
    thread.start()
    stream = os.fdopen(source, "rb", buffering=_READ)
    try:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            yield tar
            while stream.read(_READ):  # a reader that stops early would look like a fault to the writer
                pass
    except (tarfile.TarError, EOFError) as error:
        stream.close()
        thread.join()
        raise _cause(failures) from error
    finally:
        stream.close()
        thread.join()
    if failures:
        raise _cause(failures)


def _cause(failures: list[BaseException]) -> BaseException:
    if failures and isinstance(failures[0], pyrage.DecryptError):
        return DomainError(
            "recovery_code_wrong", N_("恢复码不属于此备份：没有恢复任何内容"), "recovery_code", status=422
        )
    return broken()


def content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> BinaryIO:
    """Return the stream of one member; raises DomainError backup_damaged for anything but a file."""
    found = tar.extractfile(member) if member.isreg() else None
    if found is None:
        raise broken()
    return cast(BinaryIO, found)

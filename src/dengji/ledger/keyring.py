"""The node's signing keys: made at first start, kept in files, the environment or a device, and rotated in the open.

Each slot offers one key, and a second while it is being rotated. Which of them sign is read from the log itself: a
successor signs once `key_rotated` announces it, the old key stops once `key_retired` says so; so a node killed at any
moment between the two goes on from what was committed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid5

import orjson
from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from dengji.core.errors import N_, DomainError
from dengji.core.node import identity, is_epoch_of

from .models import Cosignature, SignedCheckpoint
from .pure.cosignatures import Cosigner
from .pure.errors import LedgerError
from .pure.keys import Algorithm, Ed25519Key, Signer
from .pure.notes import NoteSigner, VerifierKey, format_private, parse_private
from .pure.sm2 import Sm2Key
from .stored import fault

#: The register that entries about the node itself name; registers proper are named by a UUID.
NODE = "node"
OBJECT_KIND = "log_key"
_NAMESPACE = UUID("6b3a5f0e-2c55-5d0b-9c83-0d6a4b1f7e21")
_NEXT = ".next"
_HISTORY = "vkeys"


@dataclass(frozen=True)
class Slot:
    """One duty that a key has: where its key comes from and what its signatures are verified as."""

    name: str
    generate: Callable[[], Ed25519Key | Sm2Key]
    algorithm: Algorithm

    @property
    def path(self) -> Path:
        """The file of the private key."""
        return directory() / f"{self.name}.key"

    @property
    def next_path(self) -> Path:
        """The file of the successor while it is being rotated."""
        return self.path.with_name(self.path.name + _NEXT)

    def setting(self, what: str) -> str:
        """Return the setting DENGJI_<SLOT>_KEY or DENGJI_<SLOT>_SIGNER."""
        return str(getattr(settings, f"DENGJI_{self.name.upper()}_{what}", "") or "")

    def vkey(self, signer: Signer) -> VerifierKey:
        """Return the key with which others verify what this slot signs."""
        return VerifierKey(identity()[0], self.algorithm, signer.public)


SLOTS: dict[str, Slot] = {
    "log": Slot("log", Ed25519Key.generate, Algorithm.ED25519),
    "cosigner": Slot("cosigner", Ed25519Key.generate, Algorithm.COSIGNATURE),
    "sm2": Slot("sm2", Sm2Key.generate, Algorithm.SM2),
}


def directory() -> Path:
    """Return where key files lie; a backup takes all of it, encrypted."""
    return Path(settings.DENGJI_DATA_DIR) / "keys"


def slots() -> list[Slot]:
    """Return the slots that sign on this node; in `gm` mode a signature with SM2 and SM3 joins the others."""
    return [slot for slot in SLOTS.values() if slot.name != "sm2" or settings.DENGJI_GM]


# Where keys come from


def _write_new(path: Path, text: str) -> None:
    """Write a file for the owner alone, whole or not at all; one that exists stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
        _sync_directory(path.parent)
    finally:
        Path(temporary).unlink(missing_ok=True)


def write_over(path: Path, data: bytes) -> None:
    """Put a file for the owner alone in the place of another, whole and on the disk when this returns; OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        _sync_directory(path.parent)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> Signer:
    with path.open() as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise DomainError(
                "key_exposed",
                N_("签名密钥文件 {name} 可被他人读取：请将权限改为仅所有者可读（600）"),
                status=503,
                params={"name": path.name},
            )
        return _of_this_log(parse_private(file.read().strip()))


def _of_this_log(found: NoteSigner) -> Signer:
    origin = identity()[0]
    # After a loss a node goes on as origin/2 with the keys it has (design §5).
    if not is_epoch_of(found.name, origin):
        raise DomainError(
            "key_of_another_log",
            N_("签名密钥属于日志 {name}，而本节点是 {origin}"),
            status=503,
            params={"name": found.name, "origin": origin},
        )
    return found.signer


def make(slot: Slot, path: Path) -> None:
    """Make a key for a slot in a file of its own; one that is there stays. Raises OSError."""
    key = slot.generate()
    _remember(slot.vkey(key))
    _write_new(path, format_private(identity()[0], key) + "\n")


def _remember(key: VerifierKey) -> None:
    """Keep every key this node ever had beside the private ones, for when the database is lost."""
    path = directory() / _HISTORY
    known = path.read_text() if path.exists() else ""
    if str(key) in known.split():
        return
    fresh = path.with_name(f".{_HISTORY}.{key.key_id.hex()}")
    fresh.unlink(missing_ok=True)
    _write_new(fresh, f"{known}{key}\n")
    fresh.replace(path)


def candidates(slot: Slot) -> list[Signer]:
    """Return the keys a slot is offered, the one in use first, its successor second.

    From the device named by DENGJI_<SLOT>_SIGNER (a callable that returns one Signer or two), from DENGJI_<SLOT>_KEY
    (one private key in the text form of signed notes, or two), or from files, made where the node is new. Raises
    DomainError key_missing, key_exposed, key_of_another_log; LedgerError key_malformed, sm2_unavailable.
    """
    if plug := slot.setting("SIGNER"):
        made = import_string(plug)()
        return list(made) if isinstance(made, Sequence) else [made]
    if text := slot.setting("KEY"):
        return [_of_this_log(parse_private(one)) for one in text.split()[:2]]
    if not slot.path.exists():
        if _was_used(slot):
            raise DomainError(
                "key_missing",
                N_("找不到日志签名密钥 {name}：请从备份恢复密钥文件"),
                status=503,
                params={"name": slot.path.name},
            )
        make(slot, slot.path)
    return [_read(path) for path in (slot.path, slot.next_path) if path.exists()]


def _was_used(slot: Slot) -> bool:
    """A node that has signed before never starts over with another key by itself; `gm` may be switched on later."""
    if slot.name == "cosigner":
        return Cosignature.objects.filter(name=identity()[0]).exists()
    return slot.name == "log" and SignedCheckpoint.objects.exists()


# Which of them sign


@dataclass(frozen=True)
class Rotation:
    """One entry about a key: `key_rotated` announces `new`, `key_retired` ends `old`."""

    act: str
    slot: str
    old: VerifierKey
    new: VerifierKey
    entry_id: int = field(default=0, compare=False)


def object_id() -> UUID:
    """Return the id under which the log tells of this node's keys."""
    return uuid5(_NAMESPACE, identity()[0])


def rotations() -> list[Rotation]:
    """Return what the log says about its own keys, in order; raises LedgerFault key_entries where that is no sense."""
    found = []
    # Asked for with every signature and more than once: by the model it takes three times as long.
    with connection.cursor() as cursor:
        cursor.execute("SELECT act, body, id FROM ledger_entry WHERE object_id = %s ORDER BY n", [object_id()])
        rows = cursor.fetchall()
    for act, body, pk in rows:
        if act in ("key_rotated", "key_retired"):
            try:
                public = orjson.loads(bytes(body))["public"]
                old, new = (VerifierKey.parse(public[name]) for name in ("old_key", "new_key"))
                found.append(Rotation(act, public["slot"], old, new, pk))
            except (LedgerError, ValueError, KeyError, TypeError, AttributeError):
                raise fault("key_entries", N_("日志关于自身密钥的记录已损坏：数据库被改动过")) from None
    return found


def _in_force(slot: Slot) -> list[Signer]:
    said = rotations()
    announced = {one.new for one in said if one.act == "key_rotated"}
    retired = {one.old for one in said if one.act == "key_retired"}
    offered = candidates(slot)
    chosen = [
        signer
        for place, signer in enumerate(offered)
        if slot.vkey(signer) not in retired and (place == 0 or slot.vkey(signer) in announced)
    ]
    if not chosen:
        raise DomainError(
            "key_missing", N_("日志签名密钥 {name} 已停用，且没有继任密钥"), status=503, params={"name": slot.name}
        )
    return chosen


def signers() -> list[NoteSigner]:
    """Return who signs a checkpoint: the log's key, its announced successor beside it, and in `gm` mode SM2.

    Raises what `candidates` raises.
    """
    origin = identity()[0]
    return [NoteSigner(origin, one) for slot in slots() if slot.name != "cosigner" for one in _in_force(slot)]


def cosigners(at: int) -> list[NoteSigner]:
    """Return who cosigns a checkpoint for this node at `at`, seconds since the epoch; raises what `candidates` does."""
    return [NoteSigner(identity()[0], Cosigner(one, at)) for one in _in_force(SLOTS["cosigner"])]


def vkeys() -> list[VerifierKey]:
    """Return the keys that sign now, the log's first: what /log/vkey shows and what a verifier pins."""
    return [slot.vkey(one) for slot in slots() for one in _in_force(slot)]


def history() -> list[VerifierKey]:
    """Return every key this log ever had, so that old checkpoints and receipts still verify."""
    return list(dict.fromkeys(_ever()))


def _ever() -> Iterator[VerifierKey]:
    for slot in slots():
        yield from (slot.vkey(one) for one in candidates(slot))
    for one in rotations():
        yield from (one.old, one.new)
    path = directory() / _HISTORY
    if path.exists():
        yield from (VerifierKey.parse(line) for line in path.read_text().split())


def witnesses() -> list[VerifierKey]:
    """Return the witnesses whose cosignatures are accepted: verifier keys in DENGJI_WITNESSES, one a word."""
    return [VerifierKey.parse(text) for text in str(getattr(settings, "DENGJI_WITNESSES", "") or "").split()]


def settle(slot: Slot) -> None:
    """Put the successor in the place of a key that the log says is retired; its private half is gone then."""
    if not slot.next_path.exists() or not slot.path.exists():
        return
    retired = {one.old for one in rotations() if one.act == "key_retired"}
    if slot.vkey(_read(slot.path)) in retired:
        slot.next_path.replace(slot.path)
        _sync_directory(slot.path.parent)


def ensure_keys() -> None:
    """Make the keys of a new node outside any act; raises what `candidates` raises."""
    for slot in slots():
        for signer in candidates(slot):
            _remember(slot.vkey(signer))

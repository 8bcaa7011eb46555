"""Checkpoints of C2SP tlog-checkpoint: what a log signs about itself, and the rule that it only ever grows."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dengji.core.errors import N_

from .cosignatures import HEADER
from .errors import LedgerError, refuse, unbase64
from .merkle import EMPTY_ROOT, HASH_SIZE, MAX_SIZE, verify_consistency
from .notes import Note, NoteSigner, VerifierKey, open_note, sign_note

_CONTROL = re.compile(r"[\x00-\x1f]")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Checkpoint:
    """Origin of a log, its size, its 32-byte root, and extension lines; raises LedgerError checkpoint_malformed."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lines = (self.origin, *self.extensions)
        if (
            not all(lines)
            or any(_CONTROL.search(line) for line in lines)
            # A text that begins like a cosigned message would let one signature pass for the other kind.
            or self.origin == HEADER
            or not 0 <= self.size <= MAX_SIZE
            or len(self.root) != HASH_SIZE
            or (self.size == 0 and self.root != EMPTY_ROOT)
        ):
            raise _malformed()

    @property
    def text(self) -> bytes:
        """The text that is signed."""
        root = base64.b64encode(self.root).decode()
        try:
            return "".join(f"{line}\n" for line in (self.origin, self.size, root, *self.extensions)).encode()
        except UnicodeEncodeError:
            raise _malformed() from None

    @classmethod
    def parse(cls, text: bytes) -> Checkpoint:
        """Return the checkpoint of a note's text; raises LedgerError unless `text` would write it so."""
        try:
            lines = text.decode().split("\n")
        except UnicodeDecodeError:
            raise _malformed() from None
        if len(lines) < 4 or lines[-1] or not _SIZE.fullmatch(lines[1]):
            raise _malformed()
        return cls(lines[0], int(lines[1]), unbase64(lines[2], "checkpoint_malformed"), tuple(lines[3:-1]))


def _malformed() -> LedgerError:
    return refuse("checkpoint_malformed", N_("不是规范的日志检查点"))


def sign_checkpoint(checkpoint: Checkpoint, *signers: NoteSigner) -> bytes:
    """Return the signed note of a checkpoint; call `require_extension` first: a log never forks."""
    return sign_note(checkpoint.text, *signers)


def open_checkpoint(message: bytes, keys: Iterable[VerifierKey]) -> tuple[Checkpoint, Note]:
    """Verify a signed checkpoint with the keys one trusts; raises LedgerError as open_note and parse do."""
    note = open_note(message, keys)
    return Checkpoint.parse(note.text), note


def require_extension(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """Raise LedgerError unless `new` is shown to extend `old`: same origin, consistent (RFC 6962 §2.1.2)."""
    if old.origin != new.origin:
        raise refuse("wrong_log", N_("检查点属于日志 {found}，应为 {origin}"), found=new.origin, origin=old.origin)
    if not verify_consistency(old.size, new.size, proof, old.root, new.root):
        raise refuse(
            "not_an_extension", N_("{new} 条的日志没有延续 {old} 条时的日志：历史已被改写"), new=new.size, old=old.size
        )

"""Timestamped Ed25519 cosignatures, cosignature/v1 of C2SP tlog-cosignature: "then, I saw no larger tree"."""

from __future__ import annotations

from dataclasses import dataclass

from dengji.core.errors import N_

from .errors import refuse
from .keys import Algorithm, Signer, verify_ed25519

HEADER = "cosignature/v1"
# 9999-12-31T23:59:59Z; the specification lets a verifier refuse times in the future, and nobody can print later ones.
MAX_TIME = 253402300799
_SIZE = 8 + 64


def _message(text: bytes, at: int) -> bytes:
    return f"{HEADER}\ntime {at}\n".encode() + text


@dataclass(frozen=True)
class Cosigner:
    """A Signer that makes cosignatures dated `at` (seconds since the epoch) with an Ed25519 signer.

    Use a key of its own: one public key must not serve two cosigners. Raises LedgerError for another kind of key.
    """

    signer: Signer
    at: int
    algorithm: Algorithm = Algorithm.COSIGNATURE

    def __post_init__(self) -> None:
        if self.signer.algorithm is not Algorithm.ED25519 or not 0 <= self.at <= MAX_TIME:
            raise refuse("cosigner_malformed", N_("联署须用 Ed25519 密钥，时间须为公元 9999 年以前的秒数"))

    @property
    def public(self) -> bytes:
        """The 32-byte public key."""
        return self.signer.public

    def sign(self, message: bytes) -> bytes:
        """Return the timestamped signature of a checkpoint's text: 8 bytes of time, 64 of signature."""
        return self.at.to_bytes(8, "big") + self.signer.sign(_message(message, self.at))


def cosigned_at(signature: bytes) -> int | None:
    """Return the seconds since the epoch that a cosignature states, or None for bytes that are none."""
    at = int.from_bytes(signature[:8], "big")
    return at if len(signature) == _SIZE and at <= MAX_TIME else None


def verify_cosignature(public: bytes, text: bytes, signature: bytes) -> bool:
    """Return whether a cosignature of a checkpoint's text is valid; False also for wrong forms."""
    at = cosigned_at(signature)
    return at is not None and verify_ed25519(public, _message(text, at), signature[8:])

"""Signing keys: the kinds a signature line may have, Ed25519, and the protocol by which other signers plug in."""

from __future__ import annotations

import os
from enum import Enum
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from dengji.core.errors import N_

from .errors import refuse

SEED_SIZE = 32


class Algorithm(Enum):
    """The signature types of C2SP signed-note that are in use; the value is the type identifier before the public key.

    SM2 has no assigned byte, so it takes 0xff and a longer name, as the specification recommends for such types.
    """

    ED25519 = b"\x01"
    COSIGNATURE = b"\x04"
    SM2 = b"\xffgm.sm2-with-sm3/v1\n"

    @property
    def public_size(self) -> int:
        """Bytes of the public key: 32 for Ed25519 (RFC 8032), 65 for an uncompressed SM2 point (GB/T 32918.1)."""
        return 65 if self is Algorithm.SM2 else 32


class Signer(Protocol):
    """Whatever signs: a key in memory, an HSM, an SDF device (GM/T 0018); the private key may never leave it."""

    @property
    def algorithm(self) -> Algorithm:
        """The kind of signature that `sign` makes."""
        ...

    @property
    def public(self) -> bytes:
        """The public key, `algorithm.public_size` bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message as it stands in a signature line after the key id."""
        ...


class Ed25519Key:
    """An Ed25519 key in memory (RFC 8032), from its 32-byte seed; raises LedgerError for any other length."""

    algorithm = Algorithm.ED25519

    def __init__(self, private: bytes) -> None:
        if len(private) != SEED_SIZE:
            raise refuse("key_malformed", N_("私钥长度应为 {size} 字节"), size=SEED_SIZE)
        self.private = private
        self._key = Ed25519PrivateKey.from_private_bytes(private)
        self.public = self._key.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> Ed25519Key:
        """Return a fresh key from the system's random source."""
        return cls(os.urandom(SEED_SIZE))

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of a message."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        return f"Ed25519Key(public={self.public.hex()})"


def verify_ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether a signature is valid (RFC 8032); False also for keys and signatures of a wrong form."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True

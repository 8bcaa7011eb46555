"""Envelope encryption of personal fields and stored materials, and blind indexes for equality.

Data keys lie in the database wrapped by a key-encryption key of the provider: a file of 32 bytes by default, or any
class named in settings (KMS, SDF). AES-256-GCM, or SM4-GCM in `gm` mode.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.utils.module_loading import import_string

from .errors import N_, DomainError
from .models import DataKey

_NONCE = 12
_TAG = 16
_KEY_BYTES = {"aes-256-gcm": 32, "sm4-gcm": 16}


class KeyProvider(Protocol):
    """Wraps and unwraps data keys; the wrapping key never leaves it."""

    def wrap(self, key: bytes) -> bytes:
        """Return the key, encrypted and authenticated."""

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the key in clear; raises DomainError where the wrapping key is another."""


class FileKeyProvider:
    """A key-encryption key in a file that only its owner may read, made at first use."""

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = Path(path or settings.DENGJI_KEY_FILE)

    def _key(self) -> bytes:
        if not self.path.exists():
            if DataKey.objects.exists():
                raise DomainError(
                    "key_missing", N_("找不到加密密钥文件，已有数据无法解密：请从备份恢复密钥文件"), status=503
                )
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(os.urandom(32))
                file.flush()
                os.fsync(file.fileno())
        if self.path.stat().st_mode & 0o077:
            raise DomainError(
                "key_exposed", N_("加密密钥文件可被他人读取：请将权限改为仅所有者可读（600）"), status=503
            )
        return self.path.read_bytes()

    def wrap(self, key: bytes) -> bytes:
        """Return nonce ‖ AES-256-GCM(key)."""
        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(self._key()).encrypt(nonce, key, b"dengji data key")

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the data key; raises DomainError key_mismatch where the file holds another key."""
        try:
            return AESGCM(self._key()).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], b"dengji data key")
        except InvalidTag:
            raise DomainError("key_mismatch", N_("加密密钥文件与数据库不匹配"), status=503) from None


@lru_cache(maxsize=1)
def _provider() -> KeyProvider:
    provider: KeyProvider = import_string(settings.DENGJI_KEY_PROVIDER)()
    return provider


@lru_cache(maxsize=64)
def _data_key(key_id: int) -> tuple[bytes, str]:
    row = DataKey.objects.get(pk=key_id)
    return _provider().unwrap(bytes(row.wrapped)), row.algorithm


@lru_cache(maxsize=8)
def _current(purpose: str) -> int:
    algorithm = "sm4-gcm" if settings.DENGJI_GM else "aes-256-gcm"
    row = DataKey.objects.filter(purpose=purpose, algorithm=algorithm).order_by("-pk").first()
    if row is None:
        row = DataKey.objects.create(
            purpose=purpose, algorithm=algorithm, wrapped=_provider().wrap(os.urandom(_KEY_BYTES[algorithm]))
        )
    return row.pk


def forget_keys() -> None:
    """Drop keys cached by this process, as after a change of database or provider."""
    for cached in (_provider, _data_key, _current):
        cached.cache_clear()


def open_key(key_id: int) -> None:
    """Make sure that a stored data key can be opened; raises DomainError key_missing, key_exposed, key_mismatch."""
    _data_key(key_id)


def ensure_keys() -> None:
    """Make the node's data keys outside any act, so that no act is the first to need them."""
    for purpose in ("content", "index"):
        _current(purpose)


def seal(plain: bytes, context: bytes = b"") -> bytes:
    """Return key id ‖ nonce ‖ ciphertext ‖ tag; `context` must be given again to open it."""
    key_id = _current("content")
    key, algorithm = _data_key(key_id)
    nonce = os.urandom(_NONCE)
    if algorithm == "sm4-gcm":
        encryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(context)
        body = encryptor.update(plain) + encryptor.finalize() + encryptor.tag
    else:
        body = AESGCM(key).encrypt(nonce, plain, context)
    return key_id.to_bytes(4, "big") + nonce + body


def unseal(sealed: bytes, context: bytes = b"") -> bytes:
    """Return the plain bytes; raises DomainError content_unreadable for altered content or another context."""
    nonce, body = sealed[4 : 4 + _NONCE], sealed[4 + _NONCE :]
    try:
        key, algorithm = _data_key(int.from_bytes(sealed[:4], "big"))
        if algorithm == "sm4-gcm":
            decryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce, body[-_TAG:])).decryptor()
            decryptor.authenticate_additional_data(context)
            return decryptor.update(body[:-_TAG]) + decryptor.finalize()
        return AESGCM(key).decrypt(nonce, body, context)
    except (InvalidTag, ValueError, DataKey.DoesNotExist):  # altered, cut short, or under a key that never was
        raise DomainError("content_unreadable", N_("加密内容已损坏或不属于此处"), status=500) from None


def seal_json(value: Any, context: bytes = b"") -> bytes | None:
    """Return the sealed JSON of a value, None for an empty one."""
    return seal(orjson.dumps(value), context) if value else None


def unseal_json(sealed: bytes | memoryview | None, context: bytes = b"") -> Any:
    """Return what `seal_json` sealed, an empty object for None."""
    return orjson.loads(unseal(bytes(sealed), context)) if sealed is not None else {}


def blind_index(text: str) -> bytes:
    """Return the 16-byte keyed index by which an encrypted field can be found for equality."""
    key, _ = _data_key(_current("index"))
    normal = "".join(text.split()).casefold()
    return hmac.new(key, normal.encode(), hashlib.sha256).digest()[:16]


def keyed_digest(data: bytes) -> bytes:
    """Return a 32-byte digest that nobody can compute, and so nobody can confirm a guess by, without the node's key."""
    key, _ = _data_key(_current("index"))
    return hmac.new(key, b"digest" + data, hashlib.sha256).digest()


def follow_key(object_id: UUID) -> str:
    """Return the key by which somebody without an account follows an object of theirs; derived, never stored."""
    key, _ = _data_key(_current("index"))
    return hmac.new(key, b"follow" + object_id.bytes, hashlib.sha256).hexdigest()[:32]

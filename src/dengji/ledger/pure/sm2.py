"""SM2 signatures with SM3 (GB/T 32918.2, GB/T 32905) through the system's OpenSSL ≥ 3; optional, loaded at first use.

The user id is the default of GM/T 0009, "1234567812345678"; a signature is r ‖ s, 64 bytes.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import secrets
import weakref
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from dengji.core.errors import N_

from .errors import LedgerError, refuse
from .keys import Algorithm

_USER = b"1234567812345678"
_ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
# SubjectPublicKeyInfo and PKCS#8 of a key on curve sm2p256v1 (OID 1.2.156.10197.1.301) up to the key itself.
_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
_PKCS8 = bytes.fromhex("3041020100301306072a8648ce3d020106082a811ccf5501822d042730250201010420")

_POINTER, _SIZE, _INT, _BYTES = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_char_p
_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "d2i_PUBKEY": (_POINTER, _POINTER, ctypes.POINTER(_POINTER), ctypes.c_long),
    "d2i_AutoPrivateKey": (_POINTER, _POINTER, ctypes.POINTER(_POINTER), ctypes.c_long),
    "EVP_PKEY_free": (None, _POINTER),
    "EVP_PKEY_get_octet_string_param": (_INT, _POINTER, _BYTES, _POINTER, _SIZE, ctypes.POINTER(_SIZE)),
    "EVP_PKEY_CTX_new": (_POINTER, _POINTER, _POINTER),
    "EVP_PKEY_CTX_free": (None, _POINTER),
    "EVP_PKEY_CTX_set1_id": (_INT, _POINTER, _BYTES, _INT),
    "EVP_MD_CTX_new": (_POINTER,),
    "EVP_MD_CTX_free": (None, _POINTER),
    "EVP_MD_CTX_set_pkey_ctx": (None, _POINTER, _POINTER),
    "EVP_sm3": (_POINTER,),
    "EVP_DigestSignInit": (_INT, _POINTER, _POINTER, _POINTER, _POINTER, _POINTER),
    "EVP_DigestSign": (_INT, _POINTER, _POINTER, ctypes.POINTER(_SIZE), _BYTES, _SIZE),
    "EVP_DigestVerifyInit": (_INT, _POINTER, _POINTER, _POINTER, _POINTER, _POINTER),
    "EVP_DigestVerify": (_INT, _POINTER, _BYTES, _SIZE, _BYTES, _SIZE),
    "ERR_clear_error": (None,),
}


def _unavailable() -> LedgerError:
    return refuse("sm2_unavailable", N_("本机没有支持 SM2/SM3 的 OpenSSL 3 动态库（libcrypto）"))


@functools.cache
def _libcrypto() -> Any:
    name = ctypes.util.find_library("crypto")
    try:
        library = ctypes.CDLL(name) if name else None
        for function, (result, *arguments) in _FUNCTIONS.items():
            found = getattr(library, function)
            found.restype, found.argtypes = result, arguments
    except (OSError, AttributeError):
        raise _unavailable() from None
    if not library or not library.EVP_sm3():
        raise _unavailable()
    return library


def _load(function: str, der: bytes) -> int:
    library = _libcrypto()
    buffer = ctypes.create_string_buffer(der, len(der))
    key = getattr(library, function)(None, ctypes.byref(_POINTER(ctypes.addressof(buffer))), len(der))
    if not key:
        library.ERR_clear_error()
        raise refuse("key_malformed", N_("不是 SM2 密钥"))
    return int(key)


class _Operation:
    """One digest context bound to a key and the default user id; freed on exit."""

    def __init__(self, key: int) -> None:
        self.library = _libcrypto()
        self.key = key
        self.keyed = self.library.EVP_PKEY_CTX_new(key, None)
        self.digest = self.library.EVP_MD_CTX_new()

    def __enter__(self) -> _Operation:
        if not self.digest or self.library.EVP_PKEY_CTX_set1_id(self.keyed, _USER, len(_USER)) != 1:
            self.__exit__()
            raise _unavailable()
        self.library.EVP_MD_CTX_set_pkey_ctx(self.digest, self.keyed)
        return self

    def __exit__(self, *_: object) -> None:
        self.library.EVP_MD_CTX_free(self.digest)
        self.library.EVP_PKEY_CTX_free(self.keyed)
        self.library.ERR_clear_error()

    def begin(self, function: str) -> bool:
        return bool(getattr(self.library, function)(self.digest, None, self.library.EVP_sm3(), None, self.key) == 1)


@functools.cache
def available() -> bool:
    """Return whether this machine's libcrypto can sign and verify SM2 with SM3."""
    try:
        key = Sm2Key.generate()
        return verify_sm2(key.public, b"", key.sign(b""))
    except LedgerError:
        return False


class Sm2Key:
    """An SM2 key in memory, from its 32-byte scalar; raises LedgerError sm2_unavailable or key_malformed."""

    algorithm = Algorithm.SM2

    def __init__(self, private: bytes) -> None:
        if len(private) != 32 or not 0 < int.from_bytes(private, "big") < _ORDER - 1:
            raise refuse("key_malformed", N_("不是 SM2 密钥"))
        self.private = private
        self.handle = _load("d2i_AutoPrivateKey", _PKCS8 + private)
        weakref.finalize(self, _libcrypto().EVP_PKEY_free, self.handle)
        buffer, size = ctypes.create_string_buffer(65), _SIZE(0)
        _libcrypto().EVP_PKEY_get_octet_string_param(self.handle, b"pub", buffer, 65, ctypes.byref(size))
        self.public = buffer.raw[: size.value]

    @classmethod
    def generate(cls) -> Sm2Key:
        """Return a fresh key from the system's random source."""
        return cls((secrets.randbelow(_ORDER - 2) + 1).to_bytes(32, "big"))

    def sign(self, message: bytes) -> bytes:
        """Return the signature r ‖ s of a message."""
        buffer, size = ctypes.create_string_buffer(96), _SIZE(96)
        with _Operation(self.handle) as operation:
            if not operation.begin("EVP_DigestSignInit") or (
                operation.library.EVP_DigestSign(operation.digest, buffer, ctypes.byref(size), message, len(message))
                != 1
            ):
                raise _unavailable()
        r, s = decode_dss_signature(buffer.raw[: size.value])
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def __repr__(self) -> str:
        return f"Sm2Key(public={self.public.hex()})"


def verify_sm2(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether r ‖ s is a valid signature; False for wrong forms, LedgerError sm2_unavailable without OpenSSL."""
    _libcrypto()
    if len(signature) != 64 or len(public) != 65 or public[0] != 4:
        return False
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        key = _load("d2i_PUBKEY", _SPKI + public)
    except LedgerError:
        return False
    try:
        with _Operation(key) as operation:
            if not operation.begin("EVP_DigestVerifyInit"):
                raise _unavailable()
            result = operation.library.EVP_DigestVerify(operation.digest, der, len(der), message, len(message))
            return bool(result == 1)
    finally:
        _libcrypto().EVP_PKEY_free(key)

"""Signed notes of C2SP signed-note: verifier keys, signing, and opening with the keys one trusts."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from dengji.core.errors import N_

from .cosignatures import cosigned_at, verify_cosignature
from .errors import LedgerError, refuse, unbase64
from .keys import Algorithm, Ed25519Key, Signer, verify_ed25519
from .sm2 import Sm2Key, verify_sm2

MAX_SIGNATURES = 100
MAX_BYTES = 1_000_000
_DASH = "— "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_VERIFY: dict[Algorithm, Callable[[bytes, bytes, bytes], bool]] = {
    Algorithm.ED25519: verify_ed25519,
    Algorithm.COSIGNATURE: verify_cosignature,
    Algorithm.SM2: verify_sm2,
}
_PRIVATE: dict[Algorithm, Callable[[bytes], Signer]] = {Algorithm.ED25519: Ed25519Key, Algorithm.SM2: Sm2Key}


def _valid_name(name: str) -> bool:
    return bool(name) and "+" not in name and not _CONTROL.search(name) and not any(c.isspace() for c in name)


def _split_type(data: bytes) -> tuple[Algorithm, bytes]:
    for algorithm in Algorithm:
        if data.startswith(algorithm.value):
            return algorithm, data[len(algorithm.value) :]
    raise refuse("key_unknown", N_("不认识的签名算法"))


@dataclass(frozen=True)
class VerifierKey:
    """A key one may trust: its name, kind and public bytes; raises LedgerError key_malformed for impossible ones."""

    name: str
    algorithm: Algorithm
    public: bytes

    def __post_init__(self) -> None:
        if not _valid_name(self.name) or len(self.public) != self.algorithm.public_size:
            raise refuse("key_malformed", N_("密钥名称或公钥长度不合规范"))

    @cached_property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + self.algorithm.value + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_base64(self.algorithm.value + self.public)}"

    @classmethod
    def parse(cls, vkey: str) -> VerifierKey:
        """Return the key of its text form name+id+base64; raises LedgerError unless `str` would write it so."""
        name, _, rest = vkey.partition("+")
        key_id, _, data = rest.partition("+")
        key = cls(name, *_split_type(unbase64(data, "key_malformed")))
        if key.key_id.hex() != key_id:
            raise refuse("key_malformed", N_("密钥编号与密钥不符"))
        return key

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Return whether `signature` (without key id) is this key's over `text`; LedgerError sm2_unavailable."""
        return _VERIFY[self.algorithm](self.public, text, signature)


@dataclass(frozen=True)
class NoteSigner:
    """A signer under the name it signs notes with."""

    name: str
    signer: Signer

    @property
    def key(self) -> VerifierKey:
        """The key with which others verify it."""
        return VerifierKey(self.name, self.signer.algorithm, self.signer.public)

    def sign(self, text: bytes) -> Signature:
        """Return the signature of a note's text."""
        return Signature(self.name, self.key.key_id, self.signer.sign(text))


def format_private(name: str, key: Ed25519Key | Sm2Key) -> str:
    """Return the text form of a private key, PRIVATE+KEY+name+id+base64, as Go's sumdb/note writes it."""
    key_id = VerifierKey(name, key.algorithm, key.public).key_id.hex()
    return f"PRIVATE+KEY+{name}+{key_id}+{_base64(key.algorithm.value + key.private)}"


def parse_private(text: str) -> NoteSigner:
    """Return the signer of `format_private`'s text; raises LedgerError without repeating any of it."""
    name, _, rest = text.removeprefix("PRIVATE+KEY+").partition("+")
    key_id, _, data = rest.partition("+")
    if not text.startswith("PRIVATE+KEY+"):
        raise refuse("key_malformed", N_("不是私钥的文本形式"))
    algorithm, private = _split_type(unbase64(data, "key_malformed"))
    if algorithm not in _PRIVATE:
        raise refuse("key_unknown", N_("不认识的签名算法"))
    signer = NoteSigner(name, _PRIVATE[algorithm](private))
    if signer.key.key_id.hex() != key_id:
        raise refuse("key_malformed", N_("密钥编号与密钥不符"))
    return signer


@dataclass(frozen=True)
class Signature:
    """One signature line: key name, 4-byte key id, the bytes after it."""

    name: str
    key_id: bytes
    value: bytes

    @property
    def line(self) -> str:
        """The line as it stands in a note, with its newline."""
        return f"{_DASH}{self.name} {_base64(self.key_id + self.value)}\n"

    @classmethod
    def parse(cls, line: str) -> Signature:
        """Return the signature of a line without its newline; raises LedgerError note_malformed."""
        name, _, data = line.removeprefix(_DASH).partition(" ")
        raw = unbase64(data, "note_malformed")
        if not line.startswith(_DASH) or not _valid_name(name) or len(raw) < 5:
            raise _malformed()
        return cls(name, raw[:4], raw[4:])


@dataclass(frozen=True)
class Note:
    """An opened note: its text, the signatures that are valid with the key of each, and those of unknown keys."""

    text: bytes
    verified: tuple[tuple[VerifierKey, Signature], ...]
    unknown: tuple[Signature, ...]

    def cosigned_at(self, key: VerifierKey) -> int | None:
        """Return the newest time, in seconds since the epoch, at which a cosigner's key vouched for the note."""
        times = [cosigned_at(signature.value) for known, signature in self.verified if known == key]
        return max((at for at in times if at is not None), default=None)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _malformed() -> LedgerError:
    return refuse("note_malformed", N_("不是规范的签名文本（signed note）"))


def _check_text(text: str) -> None:
    if not text.endswith("\n") or _CONTROL.search(text):
        raise _malformed()


def split_note(message: bytes) -> tuple[bytes, tuple[Signature, ...]]:
    """Return text and signatures of a note, none of them verified; raises LedgerError note_malformed."""
    if len(message) > MAX_BYTES:
        raise _malformed()
    try:
        decoded = message.decode()
    except UnicodeDecodeError:
        raise _malformed() from None
    _check_text(decoded)
    body, gap, tail = decoded.rpartition("\n\n")
    lines = tail.split("\n")[:-1]
    if not gap or not 0 < len(lines) <= MAX_SIGNATURES:
        raise _malformed()
    return (body + "\n").encode(), tuple(Signature.parse(line) for line in lines)


def _index(keys: Iterable[VerifierKey]) -> dict[tuple[str, bytes], VerifierKey]:
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        if known.setdefault((key.name, key.key_id), key) != key:
            raise refuse("key_ambiguous", N_("两个可信密钥的名称与编号相同：{name}"), name=key.name)
    return known


def open_note(message: bytes, keys: Iterable[VerifierKey]) -> Note:
    """Verify a note with the keys one trusts; signatures of other keys are kept as unknown, repeated ones dropped.

    Raises LedgerError note_malformed; signature_invalid where a trusted key's signature fails; note_unsigned where no
    trusted key signed; key_ambiguous; sm2_unavailable.
    """
    text, signatures = split_note(message)
    known = _index(keys)
    verified: list[tuple[VerifierKey, Signature]] = []
    unknown: list[Signature] = []
    for signature in dict.fromkeys(signatures):
        key = known.get((signature.name, signature.key_id))
        if key is None:
            unknown.append(signature)
        elif key.verify(text, signature.value):
            verified.append((key, signature))
        else:
            raise refuse("signature_invalid", N_("密钥 {name} 的签名无效，文本已被改动"), name=key.name)
    if not verified:
        raise refuse("note_unsigned", N_("没有任何可信密钥的签名"))
    return Note(text, tuple(verified), tuple(unknown))


def write_note(text: bytes, signatures: Iterable[Signature]) -> bytes:
    """Return a note of a text and signatures, repeated ones once; raises LedgerError note_malformed."""
    message = text + b"\n" + "".join(dict.fromkeys(signature.line for signature in signatures)).encode()
    if split_note(message)[0] != text:
        raise _malformed()
    return message


def sign_note(text: bytes, *signers: NoteSigner) -> bytes:
    """Return a text signed by each signer in turn; raises LedgerError for a text that cannot be a note."""
    return write_note(text, [signer.sign(text) for signer in signers])


def add_signatures(message: bytes, *added: Signature | NoteSigner) -> bytes:
    """Return a note with further signatures at its end, none verified; raises LedgerError note_malformed."""
    text, signatures = split_note(message)
    more = [one.sign(text) if isinstance(one, NoteSigner) else one for one in added]
    return write_note(text, [*signatures, *more])

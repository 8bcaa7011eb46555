"""What a checkpoint carries beside its signatures: time stamps of RFC 3161 authorities, and a sum over all of it.

Both are signature lines of types without an assigned byte and without a public key: other tools see signatures by keys
they do not know, and leave them alone. A stamp's value is SHA-256 of the reply, and the reply of the authority
(TimeStampResp, DER) over SHA-256 of the checkpoint's text. The sum, last, is SHA-256 of the note before it: a note may
hold signatures of witnesses that its reader does not know, and a byte changed in one of those shows as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from cryptography import x509

from dengji.core.errors import N_

from .errors import LedgerError, refuse
from .notes import Signature, split_note, write_note
from .receipts import Stamp

TYPE = b"\xffrfc3161/v1\n"
SUM_TYPE = b"\xffsum/v1\n"
SUM_NAME = "note.sum"
MAX_REPLY = 65_536
_DIGEST = 32
_SHA256 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")
_GRANTED = 0


@dataclass(frozen=True)
class Claimed:
    """A time stamp as it says itself, verified by nobody: authority's name in the note, time, 32-byte digest, reply."""

    authority: str
    at: int
    sha256: bytes
    reply: bytes


def _client() -> Any:
    try:
        import rfc3161_client
    except ImportError:  # machines without a wheel (docs/adr/0010)
        raise refuse("time_stamps_unavailable", N_("本机没有核验时间戳（RFC 3161）的组件")) from None
    return rfc3161_client


def available() -> bool:
    """Return whether this machine can read and verify time stamps."""
    try:
        return bool(_client())
    except LedgerError:
        return False


def make_request(text: bytes) -> tuple[bytes, int]:
    """Return (DER of a request over SHA-256 of `text`, its nonce); raises LedgerError time_stamps_unavailable."""
    client = _client()
    builder = client.TimestampRequestBuilder().data(text).hash_algorithm(client.HashAlgorithm.SHA256)
    request = builder.nonce(nonce=True).cert_request(cert_request=True).build()
    return request.as_bytes(), request.nonce


def text_digest(text: bytes) -> bytes:
    """Return what a time stamp on a checkpoint's text is over."""
    return hashlib.sha256(text).digest()


def _malformed() -> LedgerError:
    return refuse("time_stamp_malformed", N_("不是可用的时间戳应答（RFC 3161），或其字节被改动过"))


def _decode(reply: bytes) -> Any:
    client = _client()
    try:
        if len(reply) > MAX_REPLY:
            raise _malformed()
        decoded = client.decode_timestamp_response(reply)
        imprint = decoded.tst_info.message_imprint
        if decoded.status != _GRANTED or imprint.hash_algorithm != _SHA256 or len(imprint.message) != _DIGEST:
            raise _malformed()
    except ValueError:
        raise _malformed() from None
    return decoded


def read_stamp(authority: str, reply: bytes, *, nonce: int | None = None) -> Claimed:
    """Return what a reply says; raises LedgerError time_stamp_malformed, also where the nonce is another one."""
    info = _decode(reply).tst_info
    if nonce is not None and info.nonce != nonce:
        raise _malformed()
    at = int(info.gen_time.astimezone(UTC).timestamp())
    return Claimed(authority, at, bytes(info.message_imprint.message), reply)


def read_roots(pem: bytes) -> list[x509.Certificate]:
    """Return the certificates of a PEM file; raises LedgerError certificate_malformed."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise refuse("certificate_malformed", N_("不是 PEM 格式的证书")) from None


def verify_stamp(claimed: Claimed, roots: Sequence[x509.Certificate]) -> Stamp:
    """Return the stamp if an authority under one of these certificates issued it; else LedgerError time_stamp_invalid.

    Certificates must have been valid at the time stamped (RFC 3161 §2.3), not now.
    """
    client = _client()
    decoded = _decode(claimed.reply)
    try:
        client.VerifierBuilder(roots=list(roots)).build().verify(decoded, claimed.sha256)
    except (client.VerificationError, ValueError):
        raise refuse(
            "time_stamp_invalid", N_("时间戳机构 {name} 的签名无效，或其证书不在您所信任之列"), name=claimed.authority
        ) from None
    return Stamp(claimed.authority, claimed.at, claimed.sha256)


# Lines of a note


def _key_id(name: str, kind: bytes = TYPE) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + kind).digest()[:4]


def stamp_line(authority: str, reply: bytes) -> str:
    """Return the signature line that carries a reply, with its newline; raises LedgerError for an impossible name."""
    value = hashlib.sha256(reply).digest() + reply
    line = Signature(authority, _key_id(authority), value).line
    Signature.parse(line.rstrip("\n"))
    return line


def _is_stamp(signature: Signature) -> bool:
    """Whether a line carries a time stamp, by either of two marks: a changed byte spoils one of them only."""
    checksum, reply = signature.value[:_DIGEST], signature.value[_DIGEST:]
    return signature.key_id == _key_id(signature.name) or hashlib.sha256(reply).digest() == checksum


def _sum(text: bytes, signatures: Sequence[Signature]) -> Signature:
    before = write_note(text, signatures)
    return Signature(SUM_NAME, _key_id(SUM_NAME, SUM_TYPE), hashlib.sha256(before).digest())


def _without_sum(text: bytes, signatures: Sequence[Signature]) -> Sequence[Signature]:
    *before, last = signatures
    if not before:
        return signatures
    wanted = _sum(text, before)
    # Either mark tells the sum, as with stamps.
    marked = last.value == wanted.value or (last.key_id == wanted.key_id or last.name == wanted.name)
    if marked and last != wanted:
        raise refuse("note_altered", N_("检查点的字节被改动过：与其校验和不符"))
    return before if marked else signatures


def split_stamps(message: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Return a note without sum and time stamps, and the latter as (authority, reply), none of them verified.

    Raises LedgerError note_malformed, note_altered, time_stamp_malformed.
    """
    text, found = split_note(message)
    if write_note(text, found) != message:
        raise refuse("note_altered", N_("检查点的字节被改动过：与其校验和不符"))
    signatures = _without_sum(text, found)
    stamps = [one for one in signatures if _is_stamp(one)]
    for one in stamps:
        if stamp_line(one.name, one.value[_DIGEST:]) != one.line:
            raise _malformed()
    kept = write_note(text, [one for one in signatures if one not in stamps])
    return kept, [(one.name, one.value[_DIGEST:]) for one in stamps]


def complete_note(message: bytes, stamp_lines: Iterable[str] = ()) -> bytes:
    """Return a note with lines of `stamp_line` and the sum at its end; raises LedgerError note_malformed."""
    text, signatures = split_note(message)
    stamps = (Signature.parse(line.rstrip("\n")) for line in stamp_lines)
    every = tuple(dict.fromkeys((*signatures, *stamps)))
    return write_note(text, [*every, _sum(text, every)])

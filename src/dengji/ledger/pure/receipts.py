"""Receipts (回执): an entry, its place under a signed checkpoint, and what it opens; verified offline.

The form is `{v, entry, index, proof, checkpoint, content?, opening?}` in canonical JSON (RFC 8785) and one newline.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from dengji.core.canonical import canonical, digest, salted_digest
from dengji.core.errors import N_

from . import sm2
from .checkpoints import Checkpoint, open_checkpoint, require_extension
from .errors import LedgerError, refuse, unbase64
from .keys import Algorithm
from .merkle import leaf_hash, verify_inclusion
from .notes import Note, VerifierKey
from .tiles import MAX_ENTRY

VERSION = 1
MAX_BYTES = 8_000_000
SALT_SIZE = 32
_REQUIRED = {"v": int, "entry": dict, "index": int, "proof": list, "checkpoint": str}
_OPTIONAL = {"content": ("salt", "fields"), "opening": ("salt", "statement")}


@dataclass(frozen=True)
class Receipt:
    """A receipt as read, nothing of it verified; `proof` are 32-byte hashes, salts lower-case hex."""

    entry: Mapping[str, Any]
    index: int
    proof: tuple[bytes, ...]
    checkpoint: bytes
    content: Mapping[str, Any] | None = None
    opening: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Trust:
    """Whom a verifier believes: the log's origin and keys, witnesses, and the kinds of log signature there must be.

    In 国密 mode `required` also holds Algorithm.SM2.
    """

    origin: str
    keys: tuple[VerifierKey, ...]
    witnesses: tuple[VerifierKey, ...] = ()
    required: frozenset[Algorithm] = frozenset({Algorithm.ED25519})


@dataclass(frozen=True)
class Held:
    """A checkpoint from elsewhere (daily mail, print, another node), and the proof between it and the receipt's."""

    source: str
    checkpoint: Checkpoint
    proof: tuple[bytes, ...] = ()
    at: int | None = None


@dataclass(frozen=True)
class Stamp:
    """A time stamp (RFC 3161) that the caller has verified, over SHA-256 of a checkpoint's text."""

    authority: str
    at: int
    sha256: bytes


@dataclass(frozen=True)
class Anchor:
    """Something outside the node that vouches for the checkpoint: kind `witness`, `time_stamp` or `held_checkpoint`."""

    kind: str
    name: str
    at: int | None


@dataclass(frozen=True)
class Statement:
    """One sentence of a result: a stable code, a Chinese message id and its parameters."""

    code: str
    message: str
    params: Mapping[str, Any]

    def __str__(self) -> str:
        return self.message.format(**self.params)


@dataclass(frozen=True)
class Report:
    """What a receipt proves: its entry, the checkpoint, the anchors that were present, and all of it in sentences."""

    entry: Mapping[str, Any]
    index: int
    checkpoint: Checkpoint
    anchors: tuple[Anchor, ...]
    statements: tuple[Statement, ...]


def make_receipt(
    entry: bytes,
    index: int,
    proof: Sequence[bytes],
    checkpoint: bytes,
    *,
    content: bytes | None = None,
    opening: tuple[bytes, Mapping[str, Any]] | None = None,
) -> bytes:
    """Return the file of a receipt: entry and content object as stored, opening as (salt, statement).

    Raises LedgerError receipt_malformed where it would not read back as the same bytes; it verifies nothing.
    """
    value: dict[str, Any] = {
        "v": VERSION,
        "index": index,
        "proof": [base64.b64encode(one).decode() for one in proof],
    }
    try:
        value |= {"entry": orjson.loads(entry), "checkpoint": checkpoint.decode()}
        if content is not None:
            value["content"] = orjson.loads(content)
        if opening is not None:
            value["opening"] = {"salt": opening[0].hex(), "statement": dict(opening[1])}
        data = canonical(value) + b"\n"
    except (ValueError, RecursionError):
        raise _malformed() from None
    made = parse_receipt(data)
    same_content = content is None or (made.content is not None and canonical(made.content) == content)
    if canonical(made.entry) != entry or made.checkpoint != checkpoint or not same_content:
        raise _malformed()
    return data


def _malformed() -> LedgerError:
    return refuse("receipt_malformed", N_("不是规范的回执文件，或文件的字节（包括格式）被改动过"))


def _well_formed(value: Any) -> bool:
    if type(value) is not dict or not _REQUIRED.keys() <= value.keys() <= {*_REQUIRED, *_OPTIONAL}:
        return False
    if any(type(value[name]) is not kind for name, kind in _REQUIRED.items()) or value["v"] != VERSION:
        return False
    if value["index"] < 0 or len(value["proof"]) > 64 or not all(type(one) is str for one in value["proof"]):
        return False
    parts = [(value[name], keys) for name, keys in _OPTIONAL.items() if name in value]
    return all(
        type(part) is dict and part.keys() == set(keys) and type(part["salt"]) is str and type(part[keys[1]]) is dict
        for part, keys in parts
    )


def parse_receipt(data: bytes) -> Receipt:
    """Return a receipt from its file; raises LedgerError unless `make_receipt` would write it so."""
    if len(data) > MAX_BYTES:
        raise _malformed()
    try:
        value = orjson.loads(data)
        if not _well_formed(value) or canonical(value) + b"\n" != data:
            raise _malformed()
    except (ValueError, RecursionError):
        raise _malformed() from None
    return Receipt(
        value["entry"],
        value["index"],
        tuple(unbase64(one, "receipt_malformed") for one in value["proof"]),
        value["checkpoint"].encode(),
        value.get("content"),
        value.get("opening"),
    )


def verify_receipt(
    receipt: Receipt, trust: Trust, *, held: Iterable[Held] = (), stamps: Iterable[Stamp] = ()
) -> Report:
    """Verify a receipt against those one trusts and say in words what is proven and who vouches for it.

    Raises LedgerError: codes of `open_checkpoint`, required_signature_missing, wrong_log, entry_not_included,
    content_mismatch, opening_mismatch, not_an_extension (a held checkpoint contradicts: rewritten or forked).
    """
    checkpoint, note, skipped = _open(receipt, trust)
    entry = canonical(receipt.entry)
    if receipt.entry.get("log") != checkpoint.origin or checkpoint.origin != trust.origin:
        raise refuse(
            "wrong_log", N_("检查点属于日志 {found}，应为 {origin}"), found=checkpoint.origin, origin=trust.origin
        )
    if len(entry) > MAX_ENTRY or not verify_inclusion(
        leaf_hash(entry), receipt.index, checkpoint.size, receipt.proof, checkpoint.root
    ):
        raise refuse("entry_not_included", N_("记录与检查点不符：记录、位置或证明被改动过"))
    statements = [_included(receipt, checkpoint), *_signatures(note, trust, skipped), *_opened(receipt)]
    anchors = [*_witnesses(note, trust), *_held(receipt.index, checkpoint, held), *_stamps(note, stamps)]
    statements += [_anchored(anchor) for anchor in anchors]
    if not anchors:
        statements.append(Statement("time_by_node_alone", N_("没有外部见证：时间仅由节点自己主张"), {}))
    statements.append(Statement("not_truth", N_("以上证明记录未被改动，不等于内容真实"), {}))
    return Report(receipt.entry, receipt.index, checkpoint, tuple(anchors), tuple(statements))


def _open(receipt: Receipt, trust: Trust) -> tuple[Checkpoint, Note, bool]:
    keys = trust.keys + trust.witnesses
    # Where SM2 is not demanded and cannot be computed here, its signature is left unread and the report says so.
    skip = (
        Algorithm.SM2 not in trust.required and any(k.algorithm is Algorithm.SM2 for k in keys) and not sm2.available()
    )
    checkpoint, note = open_checkpoint(
        receipt.checkpoint, [key for key in keys if not (skip and key.algorithm is Algorithm.SM2)]
    )
    present = {key.algorithm for key, _ in note.verified if key in trust.keys}
    missing = sorted(algorithm.name for algorithm in (trust.required or {Algorithm.ED25519}) - present)
    if missing:
        raise refuse("required_signature_missing", N_("缺少日志的必需签名：{missing}"), missing="、".join(missing))
    return checkpoint, note, skip


def _included(receipt: Receipt, checkpoint: Checkpoint) -> Statement:
    message = N_("该记录是日志 {origin} 的第 {index} 号记录（自 0 起），其后未被改动；日志当时共 {size} 条")
    return Statement(
        "included", message, {"origin": checkpoint.origin, "index": receipt.index, "size": checkpoint.size}
    )


def _signatures(note: Note, trust: Trust, skipped: bool) -> list[Statement]:
    result = []
    for key in dict.fromkeys(key for key, _ in note.verified if key in trust.keys):
        at = note.cosigned_at(key)
        if at is None:
            signed = N_("日志以密钥 {name}（{algorithm}）签署了检查点")
            result.append(Statement("signed", signed, {"name": key.name, "algorithm": key.algorithm.name}))
        else:
            said = N_("节点自己主张：截至 {at} 此检查点为最新")
            result.append(Statement("node_time", said, {"at": _when(at)}))
    if skipped:
        result.append(Statement("sm2_not_checked", N_("本机不支持 SM2，国密签名未核验"), {}))
    if note.unknown:
        unread = N_("另有 {count} 个签名出自未知密钥，未予采信")
        result.append(Statement("unknown_signatures", unread, {"count": len(note.unknown)}))
    return result


def _opened(receipt: Receipt) -> list[Statement]:
    public = receipt.entry.get("public")
    address = public.get("content") if isinstance(public, dict) else None
    result = []
    if receipt.content is not None:
        if not _salted(receipt.content) or digest(canonical(receipt.content)) != address:
            raise refuse("content_mismatch", N_("所附内容不是该记录所指的内容"))
        result.append(Statement("content_matches", N_("所附内容就是该记录所指的内容"), {}))
    elif address is not None:
        result.append(Statement("content_absent", N_("回执未附内容，仅证明其摘要 {address}"), {"address": address}))
    if receipt.opening is not None:
        salt, statement = receipt.opening["salt"], receipt.opening["statement"]
        if not _salted(receipt.opening) or salted_digest(bytes.fromhex(salt), statement) != receipt.entry.get("sealed"):
            raise refuse("opening_mismatch", N_("所附陈述不是该记录所密封的陈述"))
        result.append(Statement("opening_matches", N_("所附陈述就是该记录所密封的陈述"), {}))
    elif "sealed" in receipt.entry:
        result.append(Statement("opening_absent", N_("记录是密封的，回执未附开启所需的盐值与陈述"), {}))
    return result


def _salted(part: Mapping[str, Any]) -> bool:
    try:
        salt = bytes.fromhex(part["salt"])
    except ValueError:
        return False
    return len(salt) == SALT_SIZE and salt.hex() == part["salt"]


def _witnesses(note: Note, trust: Trust) -> list[Anchor]:
    own = {key.public for key in trust.keys}
    found: dict[bytes, Anchor] = {}
    for key, _ in note.verified:
        # A cosigner's name is not part of what it signs: one public key counts once, and never the log's own.
        if key in trust.witnesses and key.public not in own:
            found.setdefault(key.public, Anchor("witness", key.name, note.cosigned_at(key)))
    return list(found.values())


def _held(index: int, checkpoint: Checkpoint, held: Iterable[Held]) -> list[Anchor]:
    anchors = []
    for one in held:
        old, new = sorted((one.checkpoint, checkpoint), key=lambda known: known.size)
        require_extension(old, new, one.proof)
        # One taken before the entry was placed shows that history is intact, but vouches for nothing about the entry.
        if one.checkpoint.size > index:
            anchors.append(Anchor("held_checkpoint", one.source, one.at))
    return anchors


def _stamps(note: Note, stamps: Iterable[Stamp]) -> list[Anchor]:
    covered = bytes.fromhex(digest(note.text).partition(":")[2])
    return [Anchor("time_stamp", stamp.authority, stamp.at) for stamp in stamps if stamp.sha256 == covered]


def _anchored(anchor: Anchor) -> Statement:
    messages = {
        "witness": N_("见证方 {name} 联署了此检查点，时间 {at}"),
        "time_stamp": N_("时间戳机构 {name} 证明此检查点在 {at} 已存在"),
        "held_checkpoint": N_("与另行保存的检查点（{name}）一致，历史未被改写"),
    }
    at = _when(anchor.at) if anchor.at is not None else N_("未注明")
    return Statement(anchor.kind, messages[anchor.kind], {"name": anchor.name, "at": at})


def _when(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"

"""`dengji verify`: does a receipt prove what it says? Offline: no network, no database, nothing of Django."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from dengji.core.canonical import salted_digest
from dengji.core.errors import N_, DomainError
from dengji.law.procedure import TABLE
from dengji.ledger.pure.checkpoints import Checkpoint, open_checkpoint
from dengji.ledger.pure.errors import LedgerError, refuse, unbase64
from dengji.ledger.pure.keys import Algorithm
from dengji.ledger.pure.notes import VerifierKey, split_note
from dengji.ledger.pure.receipts import Held, Receipt, Report, Stamp, Statement, Trust, parse_receipt, verify_receipt
from dengji.ledger.pure.stamps import read_roots, read_stamp, split_stamps, text_digest, verify_stamp

from .. import known
from ..failure import DONE, FAILED, NO, UsageError
from ..output import _, act_label, as_json, fields, mark, show

NAME = "verify"
HELP = N_("核验回执文件（离线，无需网络和数据库）；给出登记结果查询码时核验本节点的记录")
_DEMONSTRATION = N_("演示数据 非登记结果")
_CANNOT = frozenset({"sm2_unavailable", "time_stamps_unavailable", "known_logs_damaged"})


@dataclass(frozen=True)
class Keys:
    """The log's keys that a verifier goes by, and where they come from: `pinned`, `first_use` or `node`."""

    keys: tuple[VerifierKey, ...]
    source: str
    since: str = ""


_SOURCES = {
    "pinned": N_("核验所用公钥由您指定（--vkey）：结论的前提是它们确属该日志"),
    "first_use": N_("核验所用公钥是您在 {since} 首次使用时记下的，当时未经另行核对：结论的前提是当时拿到的公钥属实"),
    "node": N_("核验所用公钥取自本机节点自己：只证明本节点前后一致；要向他人证明，请导出回执并以其所持公钥核验"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the receipt or code, the keys one trusts, and what one holds from elsewhere."""
    parser.add_argument(
        "reference", metavar="FILE|CODE", help=_("回执文件或者确认单（- 为标准输入），或登记结果查询码")
    )
    parser.add_argument(
        "--vkey",
        action="append",
        default=[],
        metavar="FILE|KEY",
        help=_("日志的公钥：文件或文本，节点的 /log/vkey 提供"),
    )
    parser.add_argument("--remember", action="store_true", help=_("记下 --vkey 的公钥，以后核验该日志无需再给"))
    parser.add_argument(
        "--rotation", action="append", default=[], type=Path, metavar="FILE", help=_("密钥轮换公告的回执，按先后给出")
    )
    parser.add_argument("--witness", action="append", default=[], metavar="FILE|KEY", help=_("所信任见证方的公钥"))
    parser.add_argument(
        "--checkpoint",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help=_("另行保存的检查点，如每日邮件的附件"),
    )
    parser.add_argument(
        "--consistency", action="append", default=[], type=Path, metavar="FILE", help=_("两个检查点之间的一致性证明")
    )
    parser.add_argument("--tsa-ca", action="append", default=[], type=Path, metavar="PEM", help=_("时间戳机构的根证书"))
    parser.add_argument("--words", type=Path, metavar="FILE", help=_("该事项的理由及其盐值"))
    parser.add_argument("--gm", action="store_true", help=_("国密：还须有有效的 SM2/SM3 签名"))


def run(args: argparse.Namespace) -> int:
    """Say what is proven (0), or why it is not (1); 2 wrong use, 3 could not be checked on this machine."""
    try:
        data, keys = _receipt(args)
    except LedgerError as error:
        return _refused(args, error)
    try:
        data, about = _unpacked(data)
        receipt = parse_receipt(data)
        _mark(receipt)
        keys = keys or _keys(args, receipt)
        keys, announced = _rotated(keys, args, receipt)
        trust = _trust(keys, args, receipt)
        note, stamps, said = _stamps(receipt.checkpoint, args)
        plain = replace(receipt, checkpoint=note)
        report = verify_receipt(plain, trust, held=list(_held(args, plain, trust)), stamps=stamps)
        said = [*announced, *said, *about, *_words(args, receipt)]
        if args.remember:
            known.remember(trust.origin, keys.keys)
        _proven(args, report, keys, said)
        return DONE
    except LedgerError as error:
        return _refused(args, error)
    finally:
        mark("")


# What is to be verified, and by whose keys


def _receipt(args: argparse.Namespace) -> tuple[bytes, Keys | None]:
    if args.reference == "-":
        return sys.stdin.buffer.read(), None
    path = Path(args.reference)
    if path.is_file():
        return path.read_bytes(), None
    if os.sep in args.reference or path.suffix:
        raise UsageError(_("没有这个文件：{name}", name=args.reference), NAME)
    return _of_node(args)


def _unpacked(data: bytes) -> tuple[bytes, list[Statement]]:
    """The receipt itself, taken out of a confirmation sheet where it comes in one."""
    if data[:5] != b"%PDF-":
        return data, []
    from dengji.documents import carried

    message = N_("回执取自确认单；页面上的文字未予比对，请以回执所载为准：是否为原件，可在节点的核验页查验")
    return carried.receipt_in(data), [Statement("sheet_words_not_compared", message, {})]


def _of_node(args: argparse.Namespace) -> tuple[bytes, Keys]:
    from ..node import open_node

    with open_node(args):
        from dengji.ledger import keyring
        from dengji.registration import receipts

        made = receipts.of_registration(args.reference)
        return made.data, Keys(tuple(keyring.history()), "node")


def _keys(args: argparse.Namespace, receipt: Receipt) -> Keys:
    origin = str(receipt.entry.get("log", ""))
    before = known.look_up(origin)
    if not args.vkey:
        if before is None:
            raise UsageError(
                _("不认识日志 {origin}：请以 --vkey 给出其公钥（节点的 /log/vkey，请经另一途径核对）", origin=origin),
                NAME,
            )
        return Keys(before.keys, "first_use", before.since)
    given = tuple(_vkeys(args.vkey))
    if args.remember and before and not set(before.keys) & set(given):
        raise refuse(
            "keys_changed",
            N_("所给公钥与 {since} 记下的 {origin} 的公钥完全不同：请查明原因，确认后删去 {path} 中的旧记录"),
            since=before.since,
            origin=origin,
            path=str(known.path()),
        )
    return Keys(given, "pinned")


def _vkeys(words: Iterable[str]) -> Iterator[VerifierKey]:
    for word in words:
        lines = [word] if "+" in word and not Path(word).is_file() else Path(word).read_text("utf-8").splitlines()
        try:
            yield from (VerifierKey.parse(line.strip()) for line in lines if line.strip() and line[0] != "#")
        except LedgerError as error:
            raise UsageError(f"{word}: {_(error.message, **error.params)}", NAME) from None


def _required(args: argparse.Namespace) -> frozenset[Algorithm]:
    return frozenset({Algorithm.ED25519, Algorithm.SM2} if args.gm else {Algorithm.ED25519})


def _trust(keys: Keys, args: argparse.Namespace, receipt: Receipt) -> Trust:
    names = [key.name for key in keys.keys]
    log = receipt.entry.get("log")
    origin = str(log) if log in names else next(iter(names), "")
    mine = tuple(key for key in keys.keys if key.name == origin)
    return Trust(origin, mine, tuple(_vkeys(args.witness)), _required(args))


def _rotated(keys: Keys, args: argparse.Namespace, receipt: Receipt) -> tuple[Keys, list[Statement]]:
    """The keys after the announcements given: each proven by the keys known before it adds the one it names."""
    said = []
    for path in args.rotation:
        announced = parse_receipt(path.read_bytes())
        plain = replace(announced, checkpoint=split_stamps(announced.checkpoint)[0])
        verify_receipt(plain, _trust(keys, args, announced))
        public = announced.entry.get("public")
        if announced.entry.get("act") != "key_rotated" or not isinstance(public, Mapping):
            raise refuse("not_a_rotation", N_("{name} 不是密钥轮换公告的回执"), name=path.name)
        old, new = (VerifierKey.parse(str(public.get(name))) for name in ("old_key", "new_key"))
        if old not in keys.keys or new.name != old.name:
            raise refuse("not_a_rotation", N_("{name} 轮换的不是您所信任的公钥"), name=path.name)
        keys = replace(keys, keys=(*keys.keys, new))
        message = N_("公钥 {new} 由您所信任的公钥在日志中公告接任")
        said.append(Statement("rotated", message, {"new": str(new).split("+")[1]}))
    return keys, said


# What vouches for it


def _stamps(checkpoint: bytes, args: argparse.Namespace) -> tuple[bytes, list[Stamp], list[Statement]]:
    note, found = split_stamps(checkpoint)
    roots = [one for path in args.tsa_ca for one in read_roots(path.read_bytes())]
    good: list[Stamp] = []
    said: list[Statement] = []
    for name, reply in found:
        try:
            claimed = read_stamp(name, reply)
        except LedgerError as error:
            if error.code != "time_stamps_unavailable" or roots:
                raise
            said.append(Statement("time_stamp_not_checked", N_("附有时间戳，本机没有核验它的组件，未予采信"), {}))
            continue
        if claimed.sha256 != text_digest(split_note(note)[0]):
            raise refuse("time_stamp_mismatch", N_("时间戳机构 {name} 的时间戳不是对此检查点所作"), name=name)
        try:
            if roots:
                good.append(verify_stamp(claimed, roots))
                continue
            message = N_("附有 {name} 的时间戳，未给出其根证书（--tsa-ca），未予采信")
        except LedgerError:
            message = N_("附有 {name} 的时间戳，不能以所给根证书核实，未予采信")
        said.append(Statement("time_stamp_not_trusted", message, {"name": name}))
    if not found:
        said.append(Statement("without_time_stamp", N_("回执不带时间戳"), {}))
    return note, good, said


def _held(args: argparse.Namespace, receipt: Receipt, trust: Trust) -> Iterator[Held]:
    mine = Checkpoint.parse(split_note(receipt.checkpoint)[0])
    proofs = _proofs(args.consistency)
    for path in args.checkpoint:
        try:
            held, _note = open_checkpoint(split_stamps(path.read_bytes())[0], trust.keys)
        except LedgerError as error:
            raise refuse(
                "held_checkpoint_invalid",
                N_("另行保存的检查点 {name} 未经该日志有效签署：{why}"),
                name=path.name,
                why=_(error.message, **error.params),
            ) from None
        sizes = (min(held.size, mine.size), max(held.size, mine.size))
        if sizes[0] and sizes[0] != sizes[1] and sizes not in proofs:
            raise UsageError(
                _(
                    "{name} 有 {held} 条，回执的检查点有 {mine} 条：请以 --consistency 给出两者之间的证明"
                    "（节点的 /api/v1/consistency?old={old}&new={new}），或向节点索取 ?size={held} 的回执",
                    name=path.name,
                    held=held.size,
                    mine=mine.size,
                    old=sizes[0],
                    new=sizes[1],
                ),
                NAME,
            )
        yield Held(path.name, held, proofs.get(sizes, ()))


def _proofs(paths: Sequence[Path]) -> dict[tuple[int, int], tuple[bytes, ...]]:
    found = {}
    for path in paths:
        try:
            value = orjson.loads(path.read_bytes())
            proof = tuple(unbase64(one, "consistency_malformed") for one in value["proof"])
            found[int(value["old"]), int(value["new"])] = proof
        except (ValueError, TypeError, KeyError, LedgerError):
            raise refuse("consistency_malformed", N_("{name} 不是一致性证明"), name=path.name) from None
    return found


def _words(args: argparse.Namespace, receipt: Receipt) -> list[Statement]:
    """Whether the reasons given apart are those whose salted digest the opened statement holds."""
    if args.words is None:
        return []
    stated = (receipt.opening or {}).get("statement", {}).get("detail")
    try:
        value = orjson.loads(args.words.read_bytes())
        same = salted_digest(bytes.fromhex(value["salt"]), value["words"]) == stated
    except (ValueError, TypeError, KeyError):
        same = False
    if not same:
        raise refuse("words_mismatch", N_("{name} 中的理由不是该事项当时所写的理由"), name=args.words.name)
    return [Statement("words_match", N_("所附理由就是该事项当时所写的理由"), {})]


# What is said


def _mark(receipt: Receipt) -> None:
    if str(receipt.entry.get("log", "")).startswith("demo."):
        mark(_DEMONSTRATION)


def _proven(args: argparse.Namespace, report: Report, keys: Keys, more: Sequence[Statement]) -> None:
    source = Statement(f"keys_{keys.source}", _SOURCES[keys.source], {"since": keys.since})
    *first, last = report.statements
    said = [*first, *more, source, last]
    texts = [(one.code, _(one.message, **one.params)) for one in said]
    data = {
        "proven": True,
        "origin": report.checkpoint.origin,
        "index": report.index,
        "size": report.checkpoint.size,
        "entry": report.entry,
        "keys": keys.source,
        "anchors": [vars(one) for one in report.anchors],
        "statements": [{"code": code, "text": text} for code, text in texts],
    }
    lines = [
        _("已证实：日志中有此记录，且未被改动"),
        *_entry(report.entry),
        "",
        *(f"- {text}" for _code, text in texts),
    ]
    show(args, data, lines)


def _entry(entry: Mapping[str, Any]) -> list[str]:
    act = str(entry.get("act", ""))
    public = entry.get("public")
    shown = public if isinstance(public, Mapping) else {}
    return fields(
        (
            (_("事项"), f"{act_label(TABLE[act])} {act}" if act in TABLE else act),
            (_("节点所记时间"), str(entry.get("at", ""))),
            (_("对象"), str(entry.get("object", ""))),
            (_("登记结果查询码"), shown.get("code")),
            (_("公开内容"), " ".join(as_json(shown).split()) if shown else None),
        )
    )


def _refused(args: argparse.Namespace, error: DomainError) -> int:
    if error.code in _CANNOT:
        raise DomainError(error.code, error.message, status=503, params=error.params)
    message = _(error.message, **error.params)
    show(args, {"proven": False, "code": error.code, "message": message}, [_("未能证实"), f"[{error.code}] {message}"])
    return FAILED if error.status >= 500 else NO

"""`dengji ledger check`: everything the node holds about its log, recomputed from the entries and compared.

Read in one snapshot, so that a node that goes on working is not taken for one that was tampered with.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
import psycopg
from django.conf import settings
from django.db import connection, transaction

from dengji.core.canonical import timestamp
from dengji.core.clock import legal_now, real_now
from dengji.core.errors import N_
from dengji.core.node import identity, is_epoch_of

from . import apart, keyring, own_copy
from .models import Cosignature, SignedCheckpoint, Tree
from .pure.checkpoints import open_checkpoint
from .pure.errors import LedgerError
from .pure.keys import Algorithm
from .pure.merkle import Frontier, MemoryTree, leaf_hash, root
from .pure.notes import Signature, VerifierKey, open_note, split_note, write_note
from .pure.tiles import HEIGHT, Tile, tile_data

#: Findings of one kind that are named; the rest is counted. One altered entry makes every later root differ.
_NAMED = 20
_FETCH = 5000
#: Checkpoints whose signatures are verified without --full; their roots always are.
_SIGNATURES = 2000
_PENDING = timedelta(seconds=60)

Progress = Callable[[str, int, int], None]


def _quiet(what: str, done: int, total: int) -> None:
    """Tell nobody."""


_ENTRIES = """
SELECT l.index, l.hash, e.id, e.act, e.object_kind || '/' || e.object_id, e.n, e.at, e.public, e.body
FROM ledger_leaf l LEFT JOIN ledger_entry e ON e.id = l.entry_id ORDER BY l.index
"""
_GAPS = """
SELECT object_kind, object_id FROM ledger_entry GROUP BY object_kind, object_id
HAVING min(n) <> 1 OR max(n) <> count(*) ORDER BY 1, 2
"""
_LOST = """
SELECT e.id FROM ledger_entry e
WHERE NOT EXISTS (SELECT FROM ledger_leaf l WHERE l.entry_id = e.id)
  AND NOT EXISTS (SELECT FROM ledger_pending p WHERE p.entry_id = e.id) ORDER BY 1
"""
_WAITING = "SELECT e.id, e.at, e.body FROM ledger_pending p LEFT JOIN ledger_entry e ON e.id = p.entry_id ORDER BY 1"
_CONTENTS = "SELECT digest, body FROM ledger_content ORDER BY digest"


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be: a stable code, a Chinese message id, and where."""

    code: str
    what: str
    where: str


@dataclass
class Report:
    """What was examined, how much of it, and what was found; `more` counts findings beyond those named."""

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    more: Counter[str] = field(default_factory=Counter)

    def add(self, found: Iterable[Finding]) -> None:
        """Take findings in."""
        known = Counter(one.code for one in self.findings)
        for one in found:
            if known[one.code] < _NAMED:
                known[one.code] += 1
                self.findings.append(one)
            else:
                self.more[one.code] += 1

    def take(self, other: Report) -> None:
        """Take in what another run found, of other kinds."""
        self.counts.update(other.counts)
        self.findings += other.findings
        self.more.update(other.more)


@dataclass
class Examination:
    """One run: what is asked for, whom to tell how far it is, and what the entries turned out to be."""

    full: bool
    progress: Progress
    counts: Counter[str]
    tree: MemoryTree = field(default_factory=MemoryTree)
    #: Addresses that public entries refer to, and those that entries say are suppressed.
    referred: set[bytes] = field(default_factory=set)
    suppressed: set[bytes] = field(default_factory=set)
    #: The node's own copy of its last checkpoint, as it lay beside the keys before the snapshot was taken.
    own_copy: bytes | None = None
    #: Every key the log ever had.
    keys: list[VerifierKey] = field(default_factory=list)


Examiner = Callable[[Examination], Iterator[Finding]]
_EXAMINERS: list[Examiner] = []
#: Those that need nothing of what the others found out.
_ALONE: list[Examiner] = []


def add_examiner(examiner: Examiner, *, alone: bool = False) -> None:
    """Let a higher floor compare what it holds with the entries, in the same snapshot.

    One that is `alone` uses nothing that the entries turned out to be, and may run in a process of its own.
    """
    examiners = _ALONE if alone else _EXAMINERS
    if examiner not in examiners:
        examiners.append(examiner)


def check(*, full: bool = False, progress: Progress = _quiet, two_processes: bool = False) -> Report:
    """Examine the whole log; return counts and findings. `full` verifies every signature and every sealed word.

    `two_processes` is for a command of its own on a machine with more than one core: it forks. Never raises for what it
    finds; DomainError where keys cannot be read.
    """
    report = Report()
    run = Examination(full, progress, report.counts, own_copy=own_copy.read())
    with transaction.atomic():
        if not connection.savepoint_ids:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        other = apart.begin(lambda: _run(_ALONE, Report(), full)) if two_processes else None
        own = (_entries, _places, _tree, _tiles, _checkpoints, _own_copy, _cosignatures, _contents)
        for examiner in (*own, *_EXAMINERS):
            report.add(examiner(run))
        if other is None:
            return _run(_ALONE, report, full, progress)
        report.take(other())
    return report


def _run(examiners: Iterable[Examiner], report: Report, full: bool, progress: Progress = _quiet) -> Report:
    run = Examination(full, progress, report.counts)
    for examiner in examiners:
        report.add(examiner(run))
    return report


def rows(statement: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query from a cursor at the server, so that a large log needs no large memory."""
    connection.ensure_connection()
    with psycopg.ServerCursor(connection.connection, "dengji_audit") as cursor:
        cursor.execute(statement, binary=True)
        while found := cursor.fetchmany(_FETCH):
            yield from found


def count(table: str) -> int:
    """Return the number of rows of one of our tables."""
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT count(*) FROM "{table}"')  # noqa: S608 - names of our own
        return int(cursor.fetchone()[0])


# Entries and their places


def _entries(run: Examination) -> Iterator[Finding]:
    total, origin = count("ledger_leaf"), identity()[0]
    number, hashes = 0, bytearray()
    for number, (index, stored, pk, act, where, n, at, public, body) in enumerate(rows(_ENTRIES), 1):
        if index != number - 1:
            yield Finding("leaf_gap", N_("日志的位置不连续"), f"index {number - 1}")
            number -= 1
            break
        computed = bytes(stored) if pk is None else leaf_hash(body)
        hashes += computed
        if pk is None:
            yield Finding("entry_missing", N_("日志位置所指的记录不存在"), f"index {index}")
            continue
        if computed != stored:
            yield Finding("entry_altered", N_("记录与其哈希不符：记录或哈希被改动过"), f"index {index}, entry {pk}")
        value = said(body)
        if value is None or _columns(value) != (act, where, n, timestamp(at), public) or not _of(origin, value):
            yield Finding("entry_columns", N_("记录的正文与其各列不符"), f"index {index}, entry {pk}")
        else:
            _remember(run, value)
        if number % _FETCH == 0:
            run.tree.extend(hashes)
            hashes.clear()
            run.progress("entries", number, total)
    run.tree.extend(hashes)
    run.counts["entries"] = len(run.tree)
    run.progress("entries", total, total)


def _of(origin: str, value: dict[str, Any]) -> bool:
    log = value.get("log")
    return log == origin or is_epoch_of(log, origin)


def said(body: bytes) -> dict[str, Any] | None:
    """Return what an entry says, None where its bytes are no JSON object."""
    try:
        value = orjson.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _columns(value: dict[str, Any]) -> tuple[Any, ...]:
    where = str(value.get("object", "")).partition("/")[2]
    return value.get("act"), where, value.get("n"), value.get("at"), "public" in value


def _remember(run: Examination, value: dict[str, Any]) -> None:
    public = value.get("public")
    if not isinstance(public, dict):
        return
    if address := public.get("content"):
        run.referred.add(_digest(address))
    suppressed = public.get("contents")
    run.suppressed |= {_digest(one) for one in suppressed} if isinstance(suppressed, list) else set()


def _digest(address: object) -> bytes:
    try:
        return bytes.fromhex(str(address).partition(":")[2])
    except ValueError:
        return b""


def _places(run: Examination) -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(_GAPS)
        for kind, object_id in cursor.fetchall():
            yield Finding("object_gap", N_("该对象的记录序号不连续"), f"{kind} {object_id}")
        cursor.execute(_LOST)
        for (pk,) in cursor.fetchall():
            yield Finding("entry_lost", N_("记录没有位置，也不在等待编号"), f"entry {pk}")
        cursor.execute(_WAITING)
        waiting = cursor.fetchall()
    run.counts["pending"] = len(waiting)
    last = SignedCheckpoint.objects.order_by("-id").values_list("at", flat=True).first()
    # Entries carry legal time, which a demonstration may move, so real time must have passed too.
    idle = last is None or real_now() - last > _PENDING
    for pk, at, body in waiting:
        if at is None:
            yield Finding("pending_without_entry", N_("等待编号的记录不存在"), f"pending {pk}")
            continue
        if idle and legal_now() - at > _PENDING:
            yield Finding("pending_too_long", N_("记录等待编号超过 60 秒：后台任务是否在运行？"), f"entry {pk}")
        _remember(run, said(bytes(body)) or {})


# Tree, tiles, checkpoints


def _tree(run: Examination) -> Iterator[Finding]:
    stored = Tree.objects.first()
    size = len(run.tree)
    if stored is None:
        if size:
            yield Finding("tree_missing", N_("日志有记录而没有树"), "tree")
        return
    expected = Frontier.at(size, run.tree)
    if stored.size != size or bytes(stored.frontier) != expected.encode():
        yield Finding("tree_disagrees", N_("日志的树与其记录不符"), f"tree {stored.size}, entries {size}")


def _tiles(run: Examination) -> Iterator[Finding]:
    size, expected = len(run.tree), set()
    level = 0
    while full := size >> HEIGHT * (level + 1):
        expected |= {(level, n) for n in range(full)}
        level += 1
    run.counts["tiles"] = total = len(expected)
    for number, (level, n, data) in enumerate(rows("SELECT level, n, data FROM ledger_tile ORDER BY level, n")):
        if (level, n) not in expected:
            yield Finding("tile_extra", N_("多出的分块"), f"tile {level}/{n}")
        elif tile_data(Tile(level, n), run.tree) != bytes(data):
            yield Finding("tile_altered", N_("分块与其记录不符"), f"tile {level}/{n}")
        expected.discard((level, n))
        if number % 200 == 0:
            run.progress("tiles", number, total)
    for level, n in sorted(expected):
        yield Finding("tile_missing", N_("缺少分块"), f"tile {level}/{n}")


def _checkpoints(run: Examination) -> Iterator[Finding]:
    total = count("ledger_checkpoint")
    before = 0
    try:
        keys = keyring.history()
    except LedgerError as error:
        yield Finding(error.code, error.message, "keys")
        return
    run.keys = keys
    newest = b""
    stored = rows("SELECT id, size, root, note FROM ledger_checkpoint ORDER BY id")
    for number, (pk, size, top, note) in enumerate(stored):
        where = f"checkpoint {pk}, size {size}"
        if size < before:
            yield Finding("checkpoint_shrinks", N_("检查点的条数少于前一个"), where)
        before = max(before, size)
        if size > len(run.tree):
            yield Finding("checkpoint_beyond", N_("检查点的条数多于现存记录：记录被删除，或数据库被回退"), where)
        elif root(size, run.tree) != bytes(top):
            yield Finding("checkpoint_root", N_("检查点的根值与其记录不符：历史被改写过"), where)
        newest = bytes(note)
        if run.full or total - number <= _SIGNATURES:
            yield from _signature(size, bytes(top), newest, keys, where)
        if number % 500 == 0:
            run.progress("checkpoints", number, total)
    run.counts["checkpoints"] = total
    if newest and settings.DENGJI_GM:
        yield from _gm(newest, keys)


def _own_copy(run: Examination) -> Iterator[Finding]:
    if run.own_copy is None or not run.keys:
        return
    try:
        copy, _ = open_checkpoint(run.own_copy, run.keys)
    except LedgerError:
        yield Finding("own_copy_invalid", N_("密钥旁所存的检查点不是本日志所签"), own_copy.FILE)
        return
    if not own_copy.agrees(copy, len(run.tree), run.tree):
        yield Finding(
            "own_copy_contradicts",
            N_("日志没有延续密钥旁所存的最后签署的检查点：日志被改写、删减或换成了旧的"),
            f"{own_copy.FILE}, size {copy.size}",
        )


def _signature(size: int, top: bytes, note: bytes, keys: list[VerifierKey], where: str) -> Iterator[Finding]:
    try:
        found, _ = open_checkpoint(note, keys)
    except LedgerError:
        yield Finding("checkpoint_signature", N_("检查点的签名无效，或出自未知密钥"), where)
        return
    if (found.size, found.root) != (size, top) or not is_epoch_of(found.origin, identity()[0]):
        yield Finding("checkpoint_note", N_("检查点的签名文本与其各列不符"), where)


def _gm(note: bytes, keys: list[VerifierKey]) -> Iterator[Finding]:
    try:
        ids = {signature.key_id for signature in split_note(note)[1]}
    except LedgerError:
        ids = set()
    if not any(key.algorithm is Algorithm.SM2 and key.key_id in ids for key in keys):
        yield Finding("sm2_missing", N_("国密模式下最新检查点没有 SM2 签名"), "checkpoint")


def _cosignatures(run: Examination) -> Iterator[Finding]:
    origin, keys = identity()[0], [*run.keys, *keyring.witnesses()]
    known = {key.key_id for key in keys}
    texts: dict[int, bytes] = {}
    run.counts["cosignatures"] = total = Cosignature.objects.count()
    for number, row in enumerate(Cosignature.objects.order_by("size", "id").iterator(_FETCH)):
        if not run.full and total - number > _SIGNATURES:
            continue
        where = f"cosignature {row.pk}, size {row.size}"
        if row.size not in texts:
            note = SignedCheckpoint.objects.filter(size=row.size).values_list("note", flat=True).first()
            texts = {row.size: bytes(note).rpartition(b"\n\n")[0] + b"\n" if note is not None else b""}
        if bytes(row.key_id) not in known and row.name != origin:
            run.counts["cosignatures_of_unknown_witnesses"] += 1
            continue
        if not _cosigned(texts[row.size], row.line, keys):
            yield Finding("cosignature_invalid", N_("联署无效"), where)


def _cosigned(text: bytes, line: str, keys: list[VerifierKey]) -> bool:
    try:
        open_note(write_note(text, [Signature.parse(line)]), keys)
    except LedgerError:
        return False
    return True


# Contents


def _contents(run: Examination) -> Iterator[Finding]:
    total, missing = count("ledger_content"), set(run.referred)
    for number, (digest, body) in enumerate(rows(_CONTENTS)):
        address = bytes(digest)
        missing.discard(address)
        where = f"content {address.hex()}"
        if body is None:
            if address not in run.suppressed:
                yield Finding("tombstone_without_entry", N_("内容已被清空，而日志没有屏蔽记录"), where)
        elif hashlib.sha256(bytes(body)).digest() != address:
            yield Finding("content_altered", N_("内容与其摘要不符"), where)
        elif address in run.suppressed:
            yield Finding("content_not_suppressed", N_("日志记载已屏蔽的内容仍然存在"), where)
        if number % _FETCH == 0:
            run.progress("contents", number, total)
    run.counts["contents"] = total
    for address in sorted(missing):
        yield Finding("content_missing", N_("公开记录所指的内容不存在"), f"content {address.hex()}")

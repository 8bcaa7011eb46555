"""From recovering back into service: a restored log is compared with what others know of it (design §5).

The same → it goes on. Longer, and a copy of the missing entries is at hand → they are fetched, verified against the
signed root, appended as they were and done again where their public words suffice. Otherwise a new epoch begins,
`origin/2`, whose first entry names the old size and root: nobody can be shown two histories under one name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import orjson
from django.db import connection, transaction

from dengji.core.canonical import timestamp
from dengji.core.clock import advance_to, legal_now, real_now
from dengji.core.errors import N_, DomainError, conflict
from dengji.core.frame import lock_words
from dengji.core.models import Node
from dengji.core.node import identity, is_epoch_of, next_epoch
from dengji.law.calendar import shanghai_date
from dengji.ledger import keyring, own_copy, proofs, sequencer, services
from dengji.ledger.entries import content_address
from dengji.ledger.models import Content, Entry, SignedCheckpoint, Tree
from dengji.ledger.pure.checkpoints import Checkpoint, open_checkpoint
from dengji.ledger.pure.keys import Algorithm
from dengji.ledger.pure.merkle import Frontier, leaf_hash, root
from dengji.ledger.pure.notes import Note, VerifierKey, write_note
from dengji.parties.models import Register
from dengji.registration.audit import RECOVERY

from .known import Copy
from .reapply import Result, Told, at_of, reapply, seen_serials, told

#: Ranges of places in one entry; more go into further ones, as an entry has its limit.
_RANGES = 1200
_NAMESPACE = UUID("b3a9c2f4-61d7-5c0e-8f52-7d1e0a94c6b8")
#: Serials given between backup and loss may be known to nobody here; far above what one day brings.
_SERIAL_JUMP = 100_000
_MOST_DAYS = 3660
_BATCH = 1000

_JUMP = """
INSERT INTO registration_serialcounter (register_id, day, last) VALUES (%s, %s, %s + %s)
ON CONFLICT ON CONSTRAINT registration_serial_day DO UPDATE
SET last = greatest(registration_serialcounter.last, EXCLUDED.last - %s) + %s
"""


@dataclass(frozen=True)
class Seen:
    """A checkpoint that somebody holds: what it says, the note, until when the node itself vouched for it."""

    checkpoint: Checkpoint
    note: bytes
    vouched_at: datetime | None


@dataclass
class Outcome:
    """How a recovery ended; lists hold places in the log."""

    how: str
    origin: str
    restored_size: int
    size: int
    known_size: int | None = None
    vouched_until: datetime | None = None
    fetched: int = 0
    applied: list[int] = field(default_factory=list)
    not_applied: list[int] = field(default_factory=list)
    lost_sealed: list[int] = field(default_factory=list)
    contents_missing: list[str] = field(default_factory=list)
    #: First and last place of entries that are lost with all they said, where the log is known to have been longer.
    lost: tuple[int, int] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def recover(
    *,
    witnesses: Sequence[bytes] = (),
    copy: Copy | None = None,
    vkeys: Iterable[VerifierKey] = (),
    new_epoch: bool = False,
    dry_run: bool = False,
) -> Outcome:
    """Compare with what others know and put the node back into service, in one transaction; return how.

    `witnesses` are checkpoints as others hold them, `copy` a copy of the log with its entries; `vkeys` are keys that
    this log had after the backup. The node's own copy of its last checkpoint, where the keys' directory outlived the
    database, is asked like a witness. With `dry_run` nothing is kept. Raises DomainError not_recovering, recovery_fork,
    later_epoch_known, source_unreachable; LedgerError for a checkpoint that none of this log's keys signed.
    """
    own = own_copy.read()
    try:
        with transaction.atomic():
            outcome = _recover([*witnesses, *([own] if own else [])], copy, list(vkeys), new_epoch)
            if dry_run:
                transaction.set_rollback(True)
    finally:
        identity.cache_clear()
        proofs.forget()
    if not dry_run:
        if outcome.how == "new_epoch":
            own_copy.forget()
        keyring.ensure_keys()  # under the new name, so that old checkpoints verify for ever
    return outcome


def _recover(witnesses: Sequence[bytes], copy: Copy | None, vkeys: list[VerifierKey], new_epoch: bool) -> Outcome:
    lock_words("dengji", "sequencer")
    lock_words("dengji", "checkpoint")
    node = Node.objects.select_for_update().get()
    if node.restored_from is None:
        raise conflict("not_recovering", N_("节点正在正常服务，无须恢复"))
    restored_from, node.restored_from = node.restored_from, None
    node.save(update_fields=["restored_from"])

    keys = [*keyring.history(), *vkeys]
    seen = [_open(note, keys) for note in witnesses]
    copied = _open(copy.checkpoint(), keys) if copy else None
    frontier = _frontier()
    outcome = Outcome("", node.origin, frontier.size, frontier.size)
    newest = max([*seen, *([copied] if copied else [])], key=lambda one: one.checkpoint.size, default=None)
    fetched: list[Told] = []
    try:
        with transaction.atomic():
            for one in [*seen, *([copied] if copied else [])]:
                _require_same(one, frontier.size)
            fetched = _fetch(copy, copied, frontier, outcome) if copy and copied else []
            for one in seen:
                _require_same(one, outcome.size)
    except _ForkError:
        if not new_epoch:
            raise _fork() from None
        outcome = Outcome("", node.origin, outcome.restored_size, outcome.restored_size)
        fetched = []
    if newest is not None:
        outcome.known_size, outcome.vouched_until = newest.checkpoint.size, newest.vouched_at
    _catch_up_with_time(node, fetched)
    _jump_serials(restored_from + node.legal_offset, fetched)
    if newest is not None and newest.checkpoint.size == outcome.size and not new_epoch:
        outcome.how = "caught_up" if outcome.fetched else "continued"
        _adopt(newest)
    else:
        outcome.how = "new_epoch"
        _begin_epoch(node, newest, outcome, restored_from)
    _tell_losses(node, outcome, restored_from)
    return outcome


class _ForkError(Exception):
    """What somebody holds contradicts what was restored."""


def _fork() -> DomainError:
    return conflict(
        "recovery_fork",
        N_("恢复的日志与他人持有的检查点矛盾：备份或检查点被改动过，或不属于同一历史；请先查明原因"),
    )


def _frontier() -> Frontier:
    row = Tree.objects.first()
    return Frontier.decode(bytes(row.frontier)) if row else Frontier()


def _open(note: bytes, keys: list[VerifierKey]) -> Seen:
    checkpoint, opened = open_checkpoint(note, keys)
    if not is_epoch_of(checkpoint.origin, identity()[0]):
        raise conflict(
            "later_epoch_known",
            N_("已知检查点属于 {origin}：该日志在此备份之后已开始新的纪元，请恢复更新的备份"),
            params={"origin": checkpoint.origin},
        )
    times = [opened.cosigned_at(key) for key in keys if key.algorithm is Algorithm.COSIGNATURE]
    latest = max((at for at in times if at is not None), default=None)
    return Seen(checkpoint, _by_log(opened), datetime.fromtimestamp(latest, UTC) if latest is not None else None)


def _by_log(opened: Note) -> bytes:
    """The note with the log's own signatures alone, as the node keeps it."""
    own = [signature for key, signature in opened.verified if key.algorithm is not Algorithm.COSIGNATURE]
    return write_note(opened.text, own) if own else b""


def _require_same(one: Seen, size: int) -> None:
    """What somebody saw of the log, up to here, is what we hold."""
    known = one.checkpoint
    if known.size <= size and root(known.size, proofs.StoredNodes(size, cached=False)) != known.root:
        raise _ForkError


# Fetching what is missing


def _fetch(copy: Copy, copied: Seen, frontier: Frontier, outcome: Outcome) -> list[Told]:
    """Append the entries that the copy has beyond ours, once their root is the signed one; do them again."""
    wanted = copied.checkpoint
    if wanted.size <= frontier.size:
        return []
    bodies = list(copy.entries(frontier.size, wanted.size))
    for body in bodies:
        frontier.append(leaf_hash(body))
    if len(bodies) != wanted.size - outcome.size or frontier.root() != wanted.root:
        raise _ForkError
    fetched: list[Told] = []
    for start in range(0, len(bodies), _BATCH):
        entries = _entries(bodies[start : start + _BATCH])
        sequencer.append([(entry.pk, bytes(entry.body)) for entry in entries])
        first = outcome.size + start
        fetched += [told(first + place, entry) for place, entry in enumerate(entries)]
    outcome.contents_missing = _fetch_contents(copy, fetched)
    done: Result = reapply(fetched)
    outcome.fetched, outcome.size = len(bodies), wanted.size
    outcome.applied, outcome.not_applied, outcome.lost_sealed = done.applied, done.not_applied, done.sealed
    return fetched


def _entries(bodies: list[bytes]) -> list[Entry]:
    """Rows of these entries: those that the backup holds still waiting for a place, and new ones."""
    made = [_entry(body) for body in bodies]
    waiting = {
        (row.object_id, row.n): row
        for row in Entry.objects.filter(object_id__in=[one.object_id for one in made], leaf=None)
    }
    rows = [waiting.get((one.object_id, one.n), one) for one in made]
    if any(bytes(row.body) != body for row, body in zip(rows, bodies, strict=True)):
        raise _ForkError
    Entry.objects.bulk_create([row for row in rows if row.pk is None])
    return rows


def _entry(body: bytes) -> Entry:
    try:
        said = orjson.loads(body)
        _register, kind, object_id = str(said["object"]).split("/")
        return Entry(
            act=said["act"],
            object_kind=kind,
            object_id=UUID(object_id),
            n=said["n"],
            at=at_of(said),
            public="public" in said,
            body=body,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _ForkError from error


def _fetch_contents(copy: Copy, fetched: list[Told]) -> list[str]:
    """Fetch what public entries refer to; return the addresses that nobody has and no entry says are suppressed."""
    suppressed = {address for one in fetched for address in (one.public or {}).get("contents", ())}
    missing = []
    for one in fetched:
        address = (one.public or {}).get("content")
        digest = str(address or "").removeprefix("sha256:")
        if not address or address in suppressed or Content.objects.filter(digest=bytes.fromhex(digest)).exists():
            continue
        body = copy.content(digest)
        if body is None or content_address(body) != address:
            missing.append(address)
            continue
        # A registration's words belong to it, also where the entry is its application's.
        owner = (one.public or {}).get("registration")
        Content.objects.create(
            digest=bytes.fromhex(digest),
            object_kind="registration" if owner else one.entry.object_kind,
            object_id=UUID(owner) if owner else one.entry.object_id,
            body=body,
        )
    return missing


# Going on


def _catch_up_with_time(node: Node, fetched: list[Told]) -> None:
    """A demonstration's clock that was moved on after the backup never goes back behind what the log says."""
    latest = max((one.entry.at for one in fetched), default=None)
    if node.demonstration and latest is not None and latest > legal_now():
        advance_to(latest)


def _jump_serials(backup_at: datetime, fetched: list[Told]) -> None:
    """Let no serial of the lost days be given again (design §5)."""
    first, last = shanghai_date(backup_at), shanghai_date(legal_now())
    days = [first + timedelta(days=n) for n in range(min((last - first).days, _MOST_DAYS) + 1)]
    highest = seen_serials(fetched)
    rows: list[tuple[UUID, date, int]] = [
        (register, day, highest.get((register, day), 0))
        for register in Register.objects.values_list("pk", flat=True)
        for day in days
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            _JUMP,
            [(register, day, seen, _SERIAL_JUMP, _SERIAL_JUMP, _SERIAL_JUMP) for register, day, seen in rows],
        )


def _adopt(newest: Seen) -> None:
    """Keep the newest checkpoint that others hold, so that nothing is signed that does not extend it."""
    known = newest.checkpoint
    last = SignedCheckpoint.objects.order_by("-id").first()
    if newest.note and known.origin == identity()[0] and (last is None or last.size < known.size):
        SignedCheckpoint.objects.create(size=known.size, root=known.root, note=newest.note, at=real_now())


def _begin_epoch(node: Node, newest: Seen | None, outcome: Outcome, restored_from: datetime) -> None:
    """Go on under a new name; the first entry says from where, and what is known to be lost."""
    known = newest.checkpoint if newest is not None and newest.checkpoint.size >= outcome.size else None
    held = _frontier()
    old_origin = node.origin
    node.origin = next_epoch(old_origin)
    # The guard of the row lets the name change only together with leaving recovery.
    Node.objects.update(restored_from=restored_from)
    Node.objects.update(restored_from=None, origin=node.origin)
    identity.cache_clear()
    if known is not None and known.size > outcome.size:
        outcome.lost = (outcome.size, known.size - 1)
    entry_id = services.record(
        act=own_copy.EPOCH_BEGUN,
        at=legal_now(),
        register=keyring.NODE,
        object_kind=own_copy.EPOCH,
        object_id=uuid5(_NAMESPACE, node.origin),
        n=1,
        public={
            "old_origin": old_origin,
            "old_size": known.size if known else held.size,
            "old_root": f"sha256:{(known.root if known else held.root()).hex()}",
            "kept_size": held.size,
            "kept_root": f"sha256:{held.root().hex()}",
            "backup_at": timestamp(restored_from),
        },
    )
    sequencer.append([(entry_id, bytes(Entry.objects.get(pk=entry_id).body))])
    outcome.origin, outcome.size = node.origin, held.size + 1


def _tell_losses(node: Node, outcome: Outcome, restored_from: datetime) -> None:
    """Let the log itself say of which entries this node lost the decisions, and of which it wrote them anew."""
    if not outcome.fetched:
        return
    said = {
        "without_decision": _ranges(sorted([*outcome.lost_sealed, *outcome.not_applied])),
        "done_again": _ranges(outcome.applied),
    }
    longest = max(1, *(len(ranges) for ranges in said.values()))
    for number, start in enumerate(range(0, longest, _RANGES), 1):
        services.record(
            act="recovery_ended",
            at=legal_now(),
            register=keyring.NODE,
            object_kind=RECOVERY,
            object_id=uuid5(_NAMESPACE, f"{node.origin} {outcome.restored_size} {outcome.fetched}"),
            n=number,
            public={
                "backup_at": timestamp(restored_from),
                "kept_size": outcome.restored_size,
                "fetched_to": outcome.restored_size + outcome.fetched,
                **{name: ",".join(ranges[start : start + _RANGES]) for name, ranges in said.items()},
            },
        )


def _ranges(places: list[int]) -> list[str]:
    """Places as ranges: [3, 4, 5, 9] → 3-5, 9-9."""
    found: list[list[int]] = []
    for place in places:
        if found and place == found[-1][1] + 1:
            found[-1][1] = place
        else:
            found.append([place, place])
    return [f"{first}-{last}" for first, last in found]

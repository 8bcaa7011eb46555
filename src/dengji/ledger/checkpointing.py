"""Checkpoints: signed soon after the log grew, never one that does not extend the last; cosignatures kept fresh.

Signing reads what is committed and takes one advisory lock that no act asks for, so it never holds an act up.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from dengji.core.clock import real_now
from dengji.core.errors import N_, DomainError
from dengji.core.frame import lock_key
from dengji.core.node import identity, is_epoch_of, is_recovering

from . import keyring, own_copy
from .models import Cosignature, Leaf, SignedCheckpoint
from .proofs import StoredNodes
from .pure.checkpoints import Checkpoint, open_checkpoint, require_extension, sign_checkpoint
from .pure.cosignatures import cosigned_at
from .pure.errors import LedgerError, refuse
from .pure.merkle import Frontier, consistency_proof, root
from .pure.notes import Signature, VerifierKey, add_signatures, split_note
from .stored import LedgerFault, agreed, fault

logger = logging.getLogger(__name__)

#: Between two checkpoints of a log that keeps growing; a receipt waits no longer than this.
SIGN_EVERY = timedelta(milliseconds=800)
#: The node's own cosignature says until when its checkpoint was the newest (design §5).
RENEW_EVERY = timedelta(seconds=60)
_LOG_EVERY = 60.0
_told: dict[str, float] = {}

_STATE = """
SELECT t.size, t.frontier, n.leaves FROM (SELECT coalesce(max(index) + 1, 0) AS leaves FROM ledger_leaf) n
LEFT JOIN ledger_tree t ON t.id = 1
"""
_RENEW = """
INSERT INTO ledger_cosignature (size, name, key_id, line, at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (size, name, key_id) DO UPDATE SET line = EXCLUDED.line, at = EXCLUDED.at
WHERE ledger_cosignature.at < EXCLUDED.at
"""


def latest() -> SignedCheckpoint | None:
    """Return the newest checkpoint, None before the first."""
    return SignedCheckpoint.objects.order_by("-id").first()


def at_size(size: int) -> SignedCheckpoint | None:
    """Return the newest checkpoint of a size, None where none of that size was signed."""
    return SignedCheckpoint.objects.filter(size=size).order_by("-id").first()


def covering(entry_id: int) -> SignedCheckpoint | None:
    """Return the first checkpoint that covers an entry, None while there is none."""
    index = Leaf.objects.filter(entry_id=entry_id).values_list("index", flat=True).first()
    if index is None:
        return None
    return SignedCheckpoint.objects.filter(size__gt=index).order_by("size", "id").first()


def vouching(entry_id: int) -> set[bytes]:
    """Return the ids of the keys that signed or cosigned the newest checkpoint, if it covers the entry; else none."""
    last, first = latest(), covering(entry_id)
    if last is None or first is None:
        return set()
    return {signature.key_id for signature in split_note(published(last))[1]}


def published(row: SignedCheckpoint) -> bytes:
    """Return a checkpoint as it is served: signed by the log, cosigned by the node and by its witnesses."""
    lines = Cosignature.objects.filter(size=row.size).order_by("at", "id").values_list("line", flat=True)
    return add_signatures(bytes(row.note), *(Signature.parse(line) for line in lines))


# Examining


@dataclass(frozen=True)
class Examined:
    """What may be signed: the log as it stands, and the last checkpoint, which it extends."""

    now: Checkpoint
    last: SignedCheckpoint | None

    @property
    def grown(self) -> bool:
        """Whether there is something new to sign; the empty log is signed too."""
        return self.last is None or self.last.size < self.now.size


def examine() -> Examined:
    """Return the log as it stands; raises LedgerFault where it contradicts itself or does not extend the last.

    Compared are tree, frontier and number of leaves; the last checkpoint with its signature; the copy of it beside the
    keys; and the proofs between them, computed from the stored tiles, which nothing cached stands in for.
    """
    # Before the database is looked at: another process may sign meanwhile, and the copy must not be the newer.
    copy = own_copy.last()
    last = latest()
    with connection.cursor() as cursor:
        cursor.execute(_STATE)
        size, data, leaves = cursor.fetchone()
    if size is None and not leaves:
        size, data = 0, Frontier().encode()
    frontier = agreed(None if size is None else (size, data, leaves))
    now = Checkpoint(identity()[0], frontier.size, frontier.root())
    node = StoredNodes(now.size, cached=False)
    try:
        if last is None:
            if root(now.size, node) != now.root:
                raise refuse("not_an_extension", N_("日志前沿与已存的块不符"))
        else:
            old = _genuine(last)
            if is_epoch_of(old.origin, now.origin):
                old = replace(old, origin=now.origin)
            proof = consistency_proof(old.size, now.size, node) if old.size <= now.size else []
            require_extension(old, now, proof)
    except LedgerError as error:
        if isinstance(error, LedgerFault) or error.code == "sm2_unavailable":
            raise
        raise fault("not_an_extension", N_("日志没有延续上一个已签署的检查点，不予签署：数据库被改动过")) from error
    own_copy.require_extension(copy, now.size, node)
    return Examined(now, last)


def _genuine(row: SignedCheckpoint) -> Checkpoint:
    """The checkpoint of a row whose signature is one of ours; raises LedgerError for any other."""
    found, _ = open_checkpoint(bytes(row.note), keyring.history())
    if (found.size, found.root) != (row.size, bytes(row.root)):
        raise refuse("checkpoint_mismatch", N_("检查点与其登记的条数或根值不符"))
    return found


# Signing


def keep(*, at_once: bool = False) -> bool:
    """Sign what has grown, or renew the node's own cosignature, if either is due; return whether anything was signed.

    `at_once` signs growth also where the last checkpoint is younger than SIGN_EVERY.

    Never raises for a fault of the log: it is logged once a minute and `health` shows it. Other errors go on. A node
    that is recovering signs nothing.
    """
    if is_recovering():
        return False
    try:
        with transaction.atomic():
            return _locked() and _keep(at_once)
    except DomainError as error:
        _tell(error)
        return False


def _locked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock_key("dengji", "checkpoint")])
        return bool(cursor.fetchone()[0])


def _due(now: datetime, at_once: bool) -> bool:
    """A look that costs little: has anything grown, or gone stale?"""
    last = latest()
    if last is None:
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce((SELECT size FROM ledger_tree), 0) <> %s", [last.size])
        (grown,) = cursor.fetchone()
    if grown:
        return at_once or now - last.at >= SIGN_EVERY
    return now - _cosigned(last) >= RENEW_EVERY


def _keep(at_once: bool) -> bool:
    now = real_now()
    if not _due(now, at_once):
        return False
    found = examine()
    last = found.last
    if last is None or found.grown or not _signed_by_all(last):
        last = _sign(found.now, now)
    own_copy.keep(bytes(last.note))
    _cosign(last, now)
    return True


def _signed_by_all(row: SignedCheckpoint) -> bool:
    """Whether every key that signs now has signed a checkpoint: not so where `gm` was switched on after it."""
    signed = {signature.key_id for signature in split_note(bytes(row.note))[1]}
    return {signer.key.key_id for signer in keyring.signers()} <= signed


def _sign(checkpoint: Checkpoint, at: datetime) -> SignedCheckpoint:
    note = sign_checkpoint(checkpoint, *keyring.signers())
    own_copy.keep(note)
    return SignedCheckpoint.objects.create(size=checkpoint.size, root=checkpoint.root, note=note, at=at)


def _own() -> list[VerifierKey]:
    return [signer.key for signer in keyring.cosigners(0)]


def _cosigned(row: SignedCheckpoint) -> datetime:
    """When the node itself last vouched for a checkpoint."""
    ids = [key.key_id for key in _own()]
    times = Cosignature.objects.filter(size=row.size, key_id__in=ids).values_list("at", flat=True)
    return max(times, default=datetime.fromtimestamp(0, UTC))


def _cosign(row: SignedCheckpoint, now: datetime) -> None:
    seconds = int(now.timestamp())
    for signer in keyring.cosigners(seconds):
        _store(row.size, signer.sign(split_note(bytes(row.note))[0]), now)


def _store(size: int, signature: Signature, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, [size, signature.name, signature.key_id, signature.line.rstrip("\n"), at])


def _tell(error: DomainError) -> None:
    now = time.monotonic()
    if now - _told.get(error.code, -_LOG_EVERY) >= _LOG_EVERY:
        _told[error.code] = now
        logger.error("ledger: not signed, %s", error.code)


# Witnesses


def accept_cosignatures(note: bytes) -> int:
    """Store the cosignatures of known witnesses on one of this log's checkpoints; return how many are new or newer.

    Takes the checkpoint's text with signature lines. Raises LedgerError note_malformed, unknown_checkpoint (409) for a
    text this log did not sign, no_witness (403) where no line is a configured witness's, signature_invalid.
    """
    text, _ = split_note(note)
    checkpoint = Checkpoint.parse(text)
    row = at_size(checkpoint.size)
    if row is None or split_note(bytes(row.note))[0] != text:
        raise _refused("unknown_checkpoint", N_("本日志没有签署过这个检查点"), 409)
    try:
        _, opened = open_checkpoint(note, keyring.witnesses())
    except LedgerError as error:
        if error.code == "note_unsigned":
            raise _refused("no_witness", N_("没有本节点所设见证方的联署"), 403) from None
        raise
    return sum(_accept(row.size, signature) for _, signature in opened.verified)


def _refused(code: str, message: str, status: int) -> LedgerError:
    return LedgerError(code, message, status=status)


def _accept(size: int, signature: Signature) -> int:
    seconds = cosigned_at(signature.value)
    at = real_now() if seconds is None else datetime.fromtimestamp(seconds, UTC)
    known = Cosignature.objects.filter(size=size, name=signature.name, key_id=signature.key_id, at__gte=at)
    if at > real_now() + RENEW_EVERY or known.exists():
        return 0
    _store(size, signature, at)
    return 1


# Health


@dataclass(frozen=True)
class Health:
    """How the log does: `fault` is a code, empty where all is well; times are real ones."""

    size: int
    signed_size: int
    signed_at: datetime | None
    cosigned_at: datetime | None
    pending: int
    fault: str

    @property
    def stale(self) -> bool:
        """Whether nobody has signed or cosigned for two minutes: the worker is down, or signing refused."""
        return self.cosigned_at is None or real_now() - self.cosigned_at > 2 * RENEW_EVERY


def fault_code() -> str:
    """Return the code of what contradicts itself in the log, empty where all is well (`ledger_fault`)."""
    try:
        examine()
    except DomainError as error:
        return error.code
    return ""


def health() -> Health:
    """Return how the log does, from what is stored now: the same examination that every signing makes."""
    code = fault_code()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce((SELECT size FROM ledger_tree), 0), (SELECT count(*) FROM ledger_pending)",
        )
        size, pending = cursor.fetchone()
    last = latest()
    seen = _last_cosigned(last)
    return Health(size, last.size if last else 0, last.at if last else None, seen, pending, code)


def _last_cosigned(last: SignedCheckpoint | None) -> datetime | None:
    if last is None:
        return None
    own = {identity()[0]}
    return max(Cosignature.objects.filter(size=last.size, name__in=own).values_list("at", flat=True), default=None)

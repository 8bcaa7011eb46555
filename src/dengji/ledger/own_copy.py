"""The last checkpoint this node signed, kept beside its keys, where whoever holds only the database cannot reach it.

Written and synced before the checkpoint is served. Without it, somebody who rewrote the log and deleted all stored
checkpoints would find the node's own worker signing the new history.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson

from dengji.core.errors import N_, DomainError
from dengji.core.node import epoch, identity

from . import keyring
from .models import Entry
from .pure.checkpoints import Checkpoint, open_checkpoint
from .pure.errors import LedgerError
from .pure.merkle import NodeReader, root
from .stored import fault

FILE = "last-checkpoint"
#: The act and kind of object by which a recovery says that the log goes on under the next name.
EPOCH_BEGUN, EPOCH = "epoch_begun", "epoch"


def path() -> Path:
    """Return the file of the copy; a backup leaves it out, for it is newer than what is backed up."""
    return keyring.directory() / FILE


def keep(note: bytes) -> None:
    """Put a signed checkpoint in the place of the copy, on the disk when this returns; raises OSError."""
    if read() != note:
        keyring.write_over(path(), note)


def read() -> bytes | None:
    """Return the copy as it lies there, None where there is none; raises OSError."""
    try:
        return path().read_bytes()
    except FileNotFoundError:
        return None


def forget() -> None:
    """Remove the copy: a recovery has compared it, and told in the log from where it goes on."""
    path().unlink(missing_ok=True)


def last() -> Checkpoint | None:
    """Return the checkpoint of the copy, None where there is none.

    Raises LedgerFault own_copy_invalid where none of this log's keys signed it, DomainError as the keys do.
    """
    note = read()
    if note is None:
        return None
    try:
        return open_checkpoint(note, keyring.history())[0]
    except LedgerError as error:
        if error.code == "sm2_unavailable":
            raise
        raise fault(
            "own_copy_invalid", N_("密钥旁所存的检查点 {name} 不是本日志所签：请查明谁改动了密钥目录"), name=FILE
        ) from error


def require_extension(copy: Checkpoint | None, size: int, node: NodeReader) -> None:
    """Raise LedgerFault own_copy_contradicts unless the log of `size` entries extends the copy."""
    if copy is None or agrees(copy, size, node):
        return
    raise fault(
        "own_copy_contradicts",
        N_("日志没有延续本节点最后签署的检查点（{signed} 条，存于密钥目录）：数据库被改写、删减或换成了旧的，不予签署"),
        signed=copy.size,
    )


def agrees(copy: Checkpoint, size: int, node: NodeReader) -> bool:
    """Return whether the log of `size` entries, read by `node`, extends the copy.

    What a recovery gave up openly, under the next name, is not asked for (design §5).
    """
    if copy.origin != identity()[0]:
        kept = min(_kept(copy.origin), default=None)
        if kept is not None and kept < copy.size:
            return True
    try:
        return copy.size <= size and root(copy.size, node) == copy.root
    except LedgerError:
        return False


def _kept(origin: str) -> Iterator[int]:
    """How many entries each epoch after this one kept, as the log itself says."""
    told = Entry.objects.filter(act=EPOCH_BEGUN, object_kind=EPOCH, public=True, leaf__isnull=False)
    for body in told.values_list("body", flat=True):
        try:
            public = orjson.loads(bytes(body))["public"]
            if epoch(public["old_origin"])[1] >= epoch(origin)[1]:
                yield int(public["kept_size"])
        except (ValueError, KeyError, TypeError) as error:
            raise DomainError("ledger_fault", N_("日志关于其纪元的记录已损坏：数据库被改动过"), status=503) from error

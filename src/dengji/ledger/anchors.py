"""What ties a checkpoint to the world outside (design §5): time stamps, witnesses, the daily copy by mail and file.

Each job runs by itself, on a thread of its own; one that fails is logged by code, tried again later, and stops nobody.
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection, transaction

from dengji.core.clock import real_now
from dengji.core.errors import N_, DomainError
from dengji.core.frame import lock_key
from dengji.core.node import identity
from dengji.law.calendar import SHANGHAI

from . import checkpointing, outbound, witnesses
from .models import Anchor, SignedCheckpoint
from .pure import stamps
from .pure.notes import split_note

logger = logging.getLogger(__name__)

TIME_STAMP, MAIL, EXPORT = "time_stamp", "mail", "export"
#: After this long without an answer from the time-stamping authority, receipts say that they carry no time stamp.
STALE = timedelta(hours=4)
#: A log at rest is stamped anew this often, so that a stamp is never older than the trust in its authority.
AGAIN = timedelta(days=1)
#: Between two tries of a job that failed.
RETRY = timedelta(seconds=60)
_LOG_EVERY = 3600.0
_failed_at: dict[str, datetime] = {}
_told: dict[tuple[str, str], float] = {}


def keep() -> dict[str, int]:
    """Do what is due; return {job: how many anchors were made}. Never raises for a job that fails."""
    row = checkpointing.latest()
    done: dict[str, int] = {}
    if row is None:
        return done
    for name, work in _jobs(row):
        now = real_now()
        if name in _failed_at and now - _failed_at[name] < RETRY:
            continue
        try:
            done[name] = work()
            _failed_at.pop(name, None)
        except Exception as error:
            _failed_at[name] = now
            _tell(name, str(getattr(error, "code", "") or type(error).__name__))
    return done


def _jobs(row: SignedCheckpoint) -> Iterator[tuple[str, Callable[[], int]]]:
    if _setting("TSA_URL"):
        yield TIME_STAMP, lambda: _once(TIME_STAMP, lambda: _stamp(row))
    for url in witnesses.addresses():
        if witnesses.due(url, row):
            yield f"witness:{url}", lambda url=url: witnesses.ask(url, row)  # type: ignore[misc]
    if _setting("CHECKPOINT_MAIL"):
        yield MAIL, lambda: _once(MAIL, lambda: _daily(MAIL, row, _mail))
    if _setting("CHECKPOINT_DIR"):
        yield EXPORT, lambda: _once(EXPORT, lambda: _daily(EXPORT, row, _export))


def _tell(name: str, code: str) -> None:
    now = time.monotonic()
    if now - _told.get((name, code), -_LOG_EVERY) >= _LOG_EVERY:
        _told[name, code] = now
        # A witness is logged by its kind: an address may hold a key.
        logger.warning("anchor %s: %s, trying again", name.partition(":")[0], code)


def _setting(name: str) -> str:
    return str(getattr(settings, f"DENGJI_{name}", "") or "")


def _once(name: str, work: Callable[[], int]) -> int:
    """Run a job unless another process is at it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock_key("dengji", "anchor", name)])
        return work() if cursor.fetchone()[0] else 0


def _store(kind: str, row: SignedCheckpoint, data: bytes) -> int:
    Anchor.objects.create(kind=kind, size=row.size, data=data, at=real_now())
    return 1


# Time stamps


def authority() -> str:
    """Return the name under which the authority's time stamps stand in notes: DENGJI_TSA_NAME, else its host."""
    return _setting("TSA_NAME") or outbound.host_of(_setting("TSA_URL"))


def _stamp(row: SignedCheckpoint) -> int:
    every = timedelta(seconds=float(_setting("TSA_SECONDS") or 3600))
    last = Anchor.objects.filter(kind=TIME_STAMP).order_by("-at").first()
    if last is not None and real_now() - last.at < (max(every, AGAIN) if last.size == row.size else every):
        return 0
    return _store(TIME_STAMP, row, request_stamp(row))


def request_stamp(row: SignedCheckpoint) -> bytes:
    """Ask the authority for a time stamp on a checkpoint; return it as the line that notes carry.

    With DENGJI_TSA_CA (a PEM file) only what verifies under it is taken. Raises DomainError anchor_unreachable;
    LedgerError time_stamp_malformed, time_stamp_invalid, time_stamps_unavailable.
    """
    text = split_note(bytes(row.note))[0]
    query, nonce = stamps.make_request(text)
    reply = outbound.post(_setting("TSA_URL"), query, "application/timestamp-query")
    if reply.status != 200:
        raise outbound.unreachable()
    claimed = stamps.read_stamp(authority(), reply.body, nonce=nonce)
    if claimed.sha256 != stamps.text_digest(text):
        raise DomainError("time_stamp_malformed", N_("时间戳不是对此检查点所作"), status=503)
    if path := _setting("TSA_CA"):
        stamps.verify_stamp(claimed, stamps.read_roots(Path(path).read_bytes()))
    return stamps.stamp_line(claimed.authority, reply.body).encode()


def note_of(row: SignedCheckpoint) -> bytes:
    """Return a checkpoint with everything that vouches for it, cosignatures and time stamps, and a sum over all."""
    rows = Anchor.objects.filter(kind=TIME_STAMP, size=row.size).order_by("at", "id").values_list("data", flat=True)
    # The first says how old the log is, the last is the newest proof of it; a log at rest gathers one a day.
    ends = dict.fromkeys([*rows[:1], *rows.reverse()[:1]])
    return stamps.complete_note(checkpointing.published(row), [bytes(data).decode() for data in ends])


def stamped_sizes(index: int) -> Iterator[int]:
    """Yield the sizes of the time-stamped checkpoints that cover an entry, the earliest first."""
    rows = Anchor.objects.filter(kind=TIME_STAMP, size__gt=index).order_by("size", "id")
    return iter(dict.fromkeys(rows.values_list("size", flat=True)))


def is_stale() -> bool:
    """Whether an authority is set and has not answered for four hours, though there was something to stamp."""
    if not _setting("TSA_URL"):
        return False
    last = Anchor.objects.filter(kind=TIME_STAMP).order_by("-at").first()
    if last is None:
        waiting = SignedCheckpoint.objects.order_by("id").first()
    else:
        waiting = SignedCheckpoint.objects.filter(size__gt=last.size).order_by("id").first()
    if waiting is None:
        return False
    since = waiting.at if last is None else max(waiting.at, last.at)
    return real_now() - since > STALE


# The daily copy


def _daily(kind: str, row: SignedCheckpoint, send: Callable[[SignedCheckpoint, bytes, str], None]) -> int:
    today = real_now().astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    if Anchor.objects.filter(kind=kind, at__gte=today.astimezone(UTC)).exists():
        return 0
    note = note_of(row)
    send(row, note, f"{today:%Y-%m-%d}")
    return _store(kind, row, note)


_TEXT = N_(
    "日志 {origin} 在 {day} 的检查点，共 {size} 条记录。\n"
    "请保存此邮件：日后任何一份回执都可用附件核对，历史一旦被改写即可发现。\n"
    "核对：dengji verify 回执.json --vkey 公钥 --checkpoint {name}\n\n"
)
_TEXT_EN = (
    "Checkpoint of the log {origin} on {day}: {size} entries.\n"
    "Keep this message: any receipt can be held against the attachment, and a rewritten history will show.\n"
    "To check: dengji verify RECEIPT.json --vkey KEYS --checkpoint {name}\n\n"
)


def file_name(day: str) -> str:
    """Return the name of a day's copy of the checkpoint."""
    return f"checkpoint-{identity()[0].replace('/', '_')}-{day}.txt"


def _mail(row: SignedCheckpoint, note: bytes, day: str) -> None:
    if settings.EMAIL_BACKEND.endswith("dummy.EmailBackend"):
        raise DomainError("mail_not_set", N_("未设置邮件服务器：每日检查点无法寄出"), status=503)
    told = {"origin": identity()[0], "day": day, "size": row.size, "name": file_name(day)}
    message = EmailMessage(
        f"日志检查点 Log checkpoint {told['origin']} {day}",
        _TEXT.format(**told) + _TEXT_EN.format(**told) + note.decode(),
        to=_setting("CHECKPOINT_MAIL").replace(",", " ").split(),
    )
    message.attach(file_name(day), note.decode(), "text/plain")
    message.send()


def _export(row: SignedCheckpoint, note: bytes, day: str) -> None:
    directory = Path(_setting("CHECKPOINT_DIR"))
    directory.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=".checkpoint-", dir=directory)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(directory / file_name(day))
    finally:
        Path(temporary).unlink(missing_ok=True)


def overdue() -> dict[str, str]:
    """Return {job: Chinese message id} of what is set and has not come about for too long."""
    found = {TIME_STAMP: N_("时间戳机构已逾四小时没有应答：回执不带时间戳")} if is_stale() else {}
    if not SignedCheckpoint.objects.exists():
        return found
    copies = {MAIL: N_("每日检查点已逾两日没有寄出"), EXPORT: N_("每日检查点已逾两日没有写出")}
    for kind, setting in ((MAIL, "CHECKPOINT_MAIL"), (EXPORT, "CHECKPOINT_DIR")):
        first = SignedCheckpoint.objects.order_by("id").values_list("at", flat=True)[0]
        last = Anchor.objects.filter(kind=kind).order_by("-at").values_list("at", flat=True).first()
        if _setting(setting) and real_now() - (last or first) > timedelta(days=2):
            found[kind] = copies[kind]
    return found


def forget() -> None:
    """Drop what this process knows of failures and witnesses."""
    _failed_at.clear()
    _told.clear()
    witnesses.forget()

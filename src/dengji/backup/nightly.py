"""The backup of every night: when one is due, where it goes, how many are kept."""

from __future__ import annotations

import os
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from django.conf import settings

from dengji.core.clock import real_now
from dengji.core.errors import N_, DomainError
from dengji.core.models import Node
from dengji.database.lock import FileLock
from dengji.law.calendar import SHANGHAI

from .container import Progress, quiet, read_manifest
from .make import Made, make

SUFFIX = ".dengji-backup"
#: Hour and minute in Shanghai, when an office sleeps; and two weeks of nights, within which a fault is noticed.
_AT, _KEEP = "02:30", "14"
_DAY = timedelta(days=1)
#: A node that was down at the hour is given a day more before somebody is told.
LATE = timedelta(hours=50)


def enabled() -> bool:
    """Return whether nightly backups are wanted: unless DENGJI_BACKUP is 0."""
    return os.environ.get("DENGJI_BACKUP", "1") != "0"


def directory() -> Path:
    """Return where nightly backups go: DENGJI_BACKUP_DIR, else <data>/backups."""
    return Path(os.environ.get("DENGJI_BACKUP_DIR") or Path(settings.DENGJI_DATA_DIR) / "backups")


def kept() -> list[Path]:
    """Return the nightly backups that are there, the oldest first."""
    return sorted(directory().glob(f"*{SUFFIX}"))


def made_at(path: Path) -> datetime:
    """Return the moment that a backup shows; raises DomainError backup_damaged."""
    return datetime.fromisoformat(str(read_manifest(path).facts["made_at"]))


def newest() -> datetime | None:
    """Return the moment of the newest nightly backup, None where there is none that can be read."""
    for path in reversed(kept()):
        try:
            return made_at(path)
        except DomainError:
            continue
    return None


def _wanted() -> time:
    text = os.environ.get("DENGJI_BACKUP_AT", _AT)
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise DomainError(
            "backup_hour", N_("DENGJI_BACKUP_AT 应为时刻，如 02:30：{text}"), status=503, params={"text": text}
        ) from None


def due(now: datetime | None = None) -> bool:
    """Return whether the latest hour of backup has passed without one; a node founded since then waits for the next.

    So a node that was down at that hour makes it good as soon as it runs again.
    """
    node = Node.objects.first()
    if not enabled() or node is None or node.restored_from is not None:
        return False
    now = (now or real_now()).astimezone(SHANGHAI)
    hour = datetime.combine(now.date(), _wanted(), SHANGHAI)
    last = hour if hour <= now else hour - _DAY
    return max(node.created_at, newest() or datetime.fromtimestamp(0, UTC)) < last


def run(progress: Progress = quiet) -> Made | None:
    """Make the night's backup and remove those beyond the number kept; None where another process is at it.

    An old one goes only once the new one is whole. Raises what `make` raises.
    """
    place = directory()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FileLock(place / "lock")
    if not lock.take():
        return None
    try:
        made = make(place / f"{real_now():%Y%m%dT%H%M%SZ}{SUFFIX}", progress=progress)
        for old in kept()[: -max(1, int(os.environ.get("DENGJI_BACKUP_KEEP", _KEEP)))]:
            old.unlink(missing_ok=True)
    finally:
        lock.release()
    return made

"""The backup of every night: when one is due, where it goes, how many are kept."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import psycopg
from django.db import DatabaseError

from dengji.core.clock import real_now
from dengji.core.errors import N_, DomainError
from dengji.core.models import Node
from dengji.database.lock import FileLock
from dengji.law.calendar import SHANGHAI

from . import archive
from .container import Progress, quiet, read_manifest
from .make import Made, make
from .places import BACKUP_SUFFIX, directory, enabled

__all__ = ["directory", "due", "enabled", "kept", "newest", "run"]

logger = logging.getLogger(__name__)

SUFFIX = BACKUP_SUFFIX
#: Hour and minute in Shanghai, when an office sleeps; and two weeks of nights, within which a fault is noticed.
_AT, _KEEP = "02:30", "14"
_DAY = timedelta(days=1)
#: A node that was down at the hour is given a day more before somebody is told.
LATE = timedelta(hours=50)


def kept() -> list[Path]:
    """Return the nightly backups that are there, the oldest first."""
    return sorted(directory().glob(f"*{SUFFIX}"))


def newest() -> datetime | None:
    """Return the moment of the newest nightly backup, None where there is none that can be read."""
    facts = newest_manifest()
    return datetime.fromisoformat(str(facts["made_at"])) if facts else None


def newest_manifest() -> dict[str, Any] | None:
    """Return what the newest nightly backup says of itself, None where there is none that can be read."""
    for path in reversed(kept()):
        try:
            return read_manifest(path).facts
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

    So a node that was down at that hour makes it good as soon as it runs again. One is also due where the archive has
    none to go on from, and where a text was suppressed since.
    """
    node = Node.objects.first()
    if not enabled() or node is None or node.restored_from is not None:
        return False
    now = (now or real_now()).astimezone(SHANGHAI)
    hour = datetime.combine(now.date(), _wanted(), SHANGHAI)
    last = hour if hour <= now else hour - _DAY
    if max(node.created_at, newest() or datetime.fromtimestamp(0, UTC)) < last:
        return True
    return archive.renewal_due(newest_manifest())


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
        since = _point()
        made = make(place / f"{real_now():%Y%m%dT%H%M%SZ}{SUFFIX}", archive=since, progress=progress)
        for old in _surplus():
            old.unlink(missing_ok=True)
        if since is not None:
            archive.prune(since)
    finally:
        lock.release()
    return made


def _point() -> dict[str, Any] | None:
    """Where the archive stands; its fault is no reason to be without a backup."""
    try:
        return archive.point()
    except (DomainError, OSError, psycopg.Error, DatabaseError) as error:
        logger.warning("archive: %s", getattr(error, "code", type(error).__name__))
        return None


def _surplus() -> list[Path]:
    """All but the newest of each day, and the days beyond the number kept: one day's many never push out the others."""
    last_of_day = {path.name[:8]: path for path in kept()}
    stay = list(last_of_day.values())[-max(1, int(os.environ.get("DENGJI_BACKUP_KEEP", _KEEP))) :]
    return [path for path in kept() if path not in stay]

"""Where backups and the archive go, how their files are named, and whether they are wanted. Needs no database."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings

#: Nightly backups, and the segments of the archive that follow them.
BACKUP_SUFFIX, SEGMENT_SUFFIX = ".dengji-backup", ".dengji-tail"
#: What the manifest of a segment calls itself, and where its payload has the changes.
SEGMENT_KIND, CHANGES = "tail", "changes/"
_SECONDS = "60"


def enabled() -> bool:
    """Return whether nightly backups are wanted: unless DENGJI_BACKUP is 0."""
    return os.environ.get("DENGJI_BACKUP", "1") != "0"


def directory() -> Path:
    """Return where nightly backups go: DENGJI_BACKUP_DIR, else <data>/backups."""
    return Path(os.environ.get("DENGJI_BACKUP_DIR") or Path(settings.DENGJI_DATA_DIR) / "backups")


def archive() -> Path:
    """Return where segments go: below the nightly backups."""
    return directory() / "tail"


def archive_wanted() -> bool:
    """Return whether an archive is wanted: unless DENGJI_ARCHIVE or DENGJI_BACKUP is 0."""
    return enabled() and os.environ.get("DENGJI_ARCHIVE", "1") != "0"


def archive_seconds() -> float:
    """Return the seconds between two segments: DENGJI_ARCHIVE_SECONDS, else 60."""
    return max(0.2, float(os.environ.get("DENGJI_ARCHIVE_SECONDS") or _SECONDS))


def segment_name(chain: str, number: int) -> str:
    """Return the file name of one segment."""
    return f"{chain}-{number:08d}{SEGMENT_SUFFIX}"

"""Where backups and the archive go, and whether they are wanted."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings


def enabled() -> bool:
    """Return whether nightly backups are wanted: unless DENGJI_BACKUP is 0."""
    return os.environ.get("DENGJI_BACKUP", "1") != "0"


def directory() -> Path:
    """Return where nightly backups go: DENGJI_BACKUP_DIR, else <data>/backups."""
    return Path(os.environ.get("DENGJI_BACKUP_DIR") or Path(settings.DENGJI_DATA_DIR) / "backups")

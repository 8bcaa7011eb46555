"""Stored files that no row names: left behind where a server died in the middle of an upload, or of a suppression.

A file is stored before its transaction is over, so one is unnamed only when it is older than a day and older than every
transaction that runs.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import connection

from dengji.core import node
from dengji.core.clock import real_now

from ..models import Material

logger = logging.getLogger(__name__)

MINIMUM_AGE = timedelta(days=1)
#: Where materials lie, by `materials.store`; anything else in the storage belongs to somebody else.
_FOLDER = re.compile(r"[0-9a-f]{2}")
_FILE = re.compile(r"([0-9a-f]{32})(?:_\w+)?")
#: So many unnamed files, and more than named ones, are no accident: the storage belongs to another database.
_SUSPICIOUS = 1000


@dataclass(frozen=True)
class Unnamed:
    """What a look found: the keys of unnamed files, how many are named, and whether the storage looks like ours."""

    keys: list[str]
    named: int

    @property
    def foreign(self) -> bool:
        """Whether so much is unnamed that the storage must be another database's."""
        return len(self.keys) > max(_SUSPICIOUS, self.named)


def unnamed() -> Unnamed:
    """Return the stored files of materials that no row names and no transaction can still name."""
    before = _horizon()
    keys: list[str] = []
    named = 0
    for folder in _folders():
        owners = {f"{folder}/{name}": UUID(found[1]) for name in _files(folder) if (found := _FILE.fullmatch(name))}
        known = set(Material.objects.filter(pk__in=owners.values()).values_list("storage_key", flat=True))
        named += len(known & owners.keys())
        keys += sorted(key for key in owners.keys() - known if _older(key, before))
    return Unnamed(keys, named)


def sweep() -> int:
    """Remove what nobody names and return how many files that were; none while a restored node is recovering."""
    if node.is_recovering():
        return 0
    found = unnamed()
    if found.foreign:
        logger.error("sweep: %d of %d files unnamed, none removed", len(found.keys), len(found.keys) + found.named)
        return 0
    for key in found.keys:
        default_storage.delete(key)
    if found.keys:
        logger.info("sweep: %d unnamed files removed", len(found.keys))
    return len(found.keys)


def _horizon() -> datetime:
    """Files older than this were stored by transactions that are over."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(xact_start) FROM pg_stat_activity WHERE datname = current_database()")
        (oldest,) = cursor.fetchone()
    day_ago = real_now() - MINIMUM_AGE
    return min(day_ago, oldest) if oldest else day_ago


def _folders() -> Iterator[str]:
    try:
        folders, _ = default_storage.listdir("")
    except FileNotFoundError:
        return
    yield from sorted(one for one in folders if _FOLDER.fullmatch(one))


def _files(folder: str) -> list[str]:
    return [str(name) for name in default_storage.listdir(folder)[1]]


def _older(key: str, before: datetime) -> bool:
    try:
        return default_storage.get_modified_time(key) < before
    except FileNotFoundError:  # gone meanwhile
        return False

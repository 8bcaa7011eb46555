"""Stored files that nobody names are removed: not too early, nobody else's, and not where the storage is another's."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from dengji.core import node
from dengji.core.clock import real_now
from dengji.registration.models import Material
from dengji.registration.services import sweeping
from tests.factories import world as w

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _storage(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}},
    }


def left(name: str = "", hours: float = 25) -> str:
    """A stored file of some age; as an upload leaves it, where no name is given."""
    pk = uuid4().hex
    key = default_storage.save(name or f"{pk[-2:]}/{pk}", ContentFile(b"sealed"))
    then = time.time() - hours * 3600
    os.utime(default_storage.path(key), (then, then))
    return key


def aged(world: w.World) -> list[str]:
    """The files of a draft, all two days old."""
    pk = w.draft(world)
    keys = [m.storage_key for m in Material.objects.filter(owner_id=pk)]
    then = time.time() - 48 * 3600
    for key in keys:
        os.utime(default_storage.path(key), (then, then))
    return keys


def test_what_an_upload_left_behind_is_removed_after_a_day() -> None:
    named = aged(w.build())
    old, young = left(), left(hours=23)
    assert sweeping.unnamed() == sweeping.Unnamed([old], len(named))
    assert sweeping.sweep() == 1 and sweeping.sweep() == 0
    assert not default_storage.exists(old)
    assert all(default_storage.exists(key) for key in (*named, young))


def test_other_peoples_files_stay() -> None:
    keys = [left("imports/something"), left("backups/x"), left("ab/not-a-material"), left("top")]
    assert sweeping.sweep() == 0 and all(default_storage.exists(key) for key in keys)


def test_a_removed_material_keeps_its_file() -> None:
    """Versions that froze it still hold it (R5)."""
    named = aged(w.build())
    Material.objects.filter(storage_key=named[0]).update(removed_at=real_now())
    assert sweeping.sweep() == 0 and default_storage.exists(named[0])


def test_what_a_suppression_could_not_remove_is_found() -> None:
    named = aged(w.build())
    Material.objects.filter(storage_key=named[0]).update(storage_key="", suppressed_at=real_now())
    assert sweeping.sweep() == 1 and not default_storage.exists(named[0])


def test_no_file_of_a_transaction_that_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes: a file younger than the oldest transaction may yet be named."""
    old = left(hours=30)
    day_ago = sweeping._horizon()
    assert real_now() - day_ago >= sweeping.MINIMUM_AGE
    monkeypatch.setattr(sweeping, "real_now", lambda: real_now() + timedelta(days=3))
    started = sweeping._horizon()  # this test's own transaction, however late it is said to be
    assert started < real_now()
    monkeypatch.setattr(sweeping, "_horizon", lambda: real_now() - timedelta(hours=40))
    assert sweeping.sweep() == 0 and default_storage.exists(old)


def test_nothing_is_removed_while_a_node_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    old = left()
    monkeypatch.setattr(node, "is_recovering", lambda: True)
    assert sweeping.sweep() == 0 and default_storage.exists(old)


def test_a_storage_of_another_database_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "_SUSPICIOUS", 3)
    keys = [left() for _ in range(4)]
    assert sweeping.unnamed().foreign and sweeping.sweep() == 0
    assert all(default_storage.exists(key) for key in keys)


def test_an_empty_storage_is_no_fault(settings: Any, tmp_path: Path) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "nothing"},
        },
    }
    assert sweeping.sweep() == 0

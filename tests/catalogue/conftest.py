"""An index of its own for each test that wants one, and callers of API and pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from dengji.catalogue import index
from dengji.web.limits import BUCKETS
from tests.factories import world as w

from . import kit


@pytest.fixture
def place(tmp_path: Path, settings: Any) -> Iterator[Path]:
    """An empty place for the index."""
    settings.DENGJI_DATA_DIR = tmp_path
    settings.DENGJI_SEARCH = "auto"
    index.forget()
    yield tmp_path / "index"
    index.forget()


@pytest.fixture
def keeper(place: Path, monkeypatch: pytest.MonkeyPatch) -> index.Keeper:
    """A keeper whose making happens at once, within the test's transaction."""
    made = index.Keeper()
    monkeypatch.setattr(made, "_make", lambda: index.make())
    return made


@pytest.fixture
def world(db: None, place: Path, settings: Any) -> w.World:
    """A register; no limits on how often its API is asked."""
    settings.DENGJI_RATE_LIMITS = False
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    BUCKETS.clear()
    return w.build()


@pytest.fixture
def register(world: w.World, keeper: index.Keeper) -> w.World:
    """A register with some of everything, followed and indexed."""
    for _ in kit.mixed(world):
        pass
    kit.current(keeper)
    return world


@pytest.fixture
def client() -> Client:
    """Somebody from outside, who sees Chinese pages and no exceptions."""
    return Client(raise_request_exception=False, headers={"Accept-Language": "zh-CN"})

"""A folder to deposit, and short ways to make and check."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dengji.evidence.check import Report, check
from dengji.evidence.hashing import Plan
from dengji.evidence.make import Made, make
from tests.cli.harness import Command

NOW = datetime(2026, 11, 20, 1, 2, 3, tzinfo=UTC)


@dataclass
class Desk:
    """A registrant's folder `数据` with a manifest beside it; chunks of 1000 bytes, so that trees have branches."""

    home: Path
    data: Path
    out: Path
    steps: list[tuple[int, int]] = field(default_factory=list)

    def make(self, *paths: Path, algorithms: tuple[str, ...] = ("sha256",), **more: Any) -> Made:
        """Deposit the folder, or the paths given."""
        plan = Plan(algorithms, chunk_size=1000, workers=2)
        more.setdefault("progress", lambda done, total: self.steps.append((done, total)))
        return make(paths or (self.data,), more.pop("out", self.out), plan=plan, tool="test", now=lambda: NOW, **more)

    def check(self, *paths: Path, **more: Any) -> Report:
        """Compare with the manifest."""
        return check(self.out, paths, **more)

    def write(self, name: str, content: bytes) -> Path:
        """Write a file of the folder."""
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path, tmp_path / "数据", tmp_path / "m.jsonl")
    made.write("a.csv", os.urandom(2500))
    made.write("b.csv", b"id,name\n1,x\n")
    made.write("子/c.csv", os.urandom(1000))
    made.write("子/empty", b"")
    return made


@pytest.fixture
def dengji(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


@pytest.fixture
def once() -> Callable[[Callable[[], object]], Callable[[int, int], None]]:
    """Wrap an action as a progress callback that acts at its first call only."""

    def wrap(action: Callable[[], object]) -> Callable[[int, int], None]:
        left = [action]

        def told(done: int, total: int) -> None:
            if left:
                left.pop()()

        return told

    return wrap

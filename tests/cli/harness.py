"""How a test calls the command: in this process against the test's database, or as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dengji.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534


@dataclass
class Answer:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The result as JSON."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The error as JSON, after whatever progress was told."""
        found: dict[str, Any] = json.loads(self.err[self.err.index("{\n") :])["error"]
        return found


@dataclass
class Command:
    """`dengji` in this process."""

    capture: pytest.CaptureFixture[str]

    def __call__(self, *words: object) -> Answer:
        """Run one command; every word as a user would type it."""
        self.capture.readouterr()
        code = main([str(word) for word in words])
        said = self.capture.readouterr()
        return Answer(code, said.out, said.err)

    def data(self, *words: object) -> Any:
        """Run one command that must be done, and return its JSON."""
        answer = self(*words, "--json")
        assert answer.code == 0, answer.err
        return answer.data


def environment() -> dict[str, str]:
    """The environment of an operator's own shell: nothing of the test run's database."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DENGJI_", "DJANGO_", "PYTEST_", "COV_"))}
    return kept | {"PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}


def command_line(*words: object, user: int | None = None) -> list[str]:
    """The words that start `dengji` as a process, as another user where asked."""
    prefix = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user is not None else []
    return [*prefix, sys.executable, "-m", "dengji.cli", *map(str, words)]


def elsewhere(*words: object, user: int | None = None, timeout: float = 60) -> Answer:
    """Run one command as a process of its own."""
    done = subprocess.run(
        command_line(*words, user=user),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)

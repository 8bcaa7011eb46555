"""How a test calls the command: in this process against the test's database, or as a process of its own."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dengji.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
#: Where this Python's packages lie, for another interpreter of the same version.
_PACKAGES = (sysconfig.get_path("purelib"),)


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
    return kept | {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *_PACKAGES]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DENGJI_ORIGIN": "register.example",
        "LANG": "C.UTF-8",
    }


def become(user: int) -> list[str]:
    """The words that run a command as another user."""
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]


@functools.cache
def interpreter(user: int | None = None) -> str:
    """This Python, or one of the same version that another user may start too; empty where there is none."""
    if user is None:
        return sys.executable
    text = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import psycopg'], check=True)"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for found in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        done = subprocess.run(
            [*become(user), found, "-c", text], env=environment(), cwd="/", capture_output=True, check=False
        )
        if done.returncode == 0:
            return found
    return ""


def command_line(*words: object, user: int | None = None) -> list[str]:
    """The words that start `dengji` as a process, as another user where asked."""
    prefix = become(user) if user is not None else []
    return [*prefix, interpreter(user), "-m", "dengji.cli", *map(str, words)]


def elsewhere(
    *words: object, user: int | None = None, timeout: float = 120, more: dict[str, str] | None = None
) -> Answer:
    """Run one command as a process of its own, with `more` in its environment."""
    done = subprocess.run(
        command_line(*words, user=user),
        env=environment() | (more or {}),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)

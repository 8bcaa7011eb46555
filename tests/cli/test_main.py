"""The command itself: every command is found and told, options stand anywhere, errors name their way out."""

from __future__ import annotations

import gettext
import importlib
import json
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from dengji.cli import main as entry
from dengji.cli import output
from dengji.cli.failure import failure_of
from dengji.core.errors import DomainError
from dengji.database import DatabaseError
from dengji.law.codes import CodeError
from dengji.law.rulebook import RulebookError
from tests.cli.harness import Command, elsewhere


@pytest.fixture
def dengji(capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    yield Command(capsys)
    output.use_language("zh")


def test_help_lists_every_command_with_one_line(dengji: Command) -> None:
    answer = dengji("--help")
    assert answer.code == 0
    for name, module in entry.names().items():
        told = next(line for line in answer.out.splitlines() if line.startswith(f"  {name} "))
        assert importlib.import_module(f"dengji.cli.commands.{module}").HELP in told


@pytest.mark.parametrize("name", sorted(entry.names()))
def test_every_command_keeps_the_convention(name: str, dengji: Command) -> None:
    module = importlib.import_module(f"dengji.cli.commands.{entry.names()[name]}")
    assert name == module.NAME
    assert callable(module.run)
    assert callable(module.configure)
    answer = dengji(name, "--help")
    assert answer.code == 0
    assert "--json" in answer.out
    assert "--data-dir" in answer.out


def test_no_command_needs_a_database_to_explain_itself() -> None:
    modules = [f"dengji.cli.commands.{name}" for name in entry.names().values()]
    text = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "from django.apps import apps\n"
        "sys.exit(apps.ready)"
    )
    import subprocess

    from tests.cli.harness import environment

    done = subprocess.run([sys.executable, "-c", text], env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_a_command_the_overview_is_wrong_use(dengji: Command) -> None:
    answer = dengji()
    assert answer.code == 2
    assert "workdays" in answer.out


def test_an_unknown_command_names_the_nearest(dengji: Command) -> None:
    answer = dengji("workday", "--json")
    assert answer.code == 2
    assert "workdays" in answer.error["message"]
    assert "--help" in answer.error["way_out"]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_common_options_stand_anywhere(dengji: Command, place: int) -> None:
    words = ["workdays", "add", "2026-09-17", "10"]
    words.insert(place, "--json")
    assert dengji(*words).data["last_day"] == "2026-10-08"


def test_a_wrong_option_is_wrong_use_and_never_a_traceback(dengji: Command) -> None:
    answer = dengji("workdays", "add", "2026-09-17", "ten")
    assert answer.code == 2
    assert "[usage]" in answer.err
    assert "Traceback" not in answer.err


def test_an_abbreviated_option_is_not_taken_for_another(dengji: Command) -> None:
    assert dengji("workdays", "--data", "x", "add", "2026-09-17", "1").code == 2


ERRORS: list[tuple[BaseException, int, str]] = [
    (DomainError("forbidden", "不可", "field", status=403), 1, "forbidden"),
    (DomainError("transaction_id_invalid", "不可", status=400), 2, "transaction_id_invalid"),
    (DomainError("node_missing", "无", status=503), 3, "node_missing"),
    (DatabaseError("not_running", path="/x"), 3, "not_running"),
    (RulebookError("unknown_rulebook", {"id": "x"}), 2, "unknown_rulebook"),
    (RulebookError("missing_cite", {"file": "x", "key": "y"}), 3, "missing_cite"),
    (CodeError("region_unknown", "没有 {code}", {"code": "9"}), 2, "region_unknown"),
    (FileNotFoundError(2, "No such file or directory", "/x"), 3, "io_error"),
    (KeyboardInterrupt(), 3, "interrupted"),
    (RuntimeError("secret 110101199003070000"), 3, "internal"),
]


@pytest.mark.parametrize(("error", "code", "name"), ERRORS, ids=[row[2] for row in ERRORS])
def test_each_kind_of_error_has_its_code_and_exit(error: BaseException, code: int, name: str) -> None:
    found = failure_of(error)
    assert (found.exit, found.code) == (code, name)
    assert found.message


def _command(error: BaseException) -> ModuleType:
    module = ModuleType("broken")

    def run(args: object) -> int:
        raise error

    module.__dict__.update(NAME="broken", HELP="", configure=lambda parser: None, run=run)
    return module


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    error = RuntimeError("secret 110101199003070000")
    monkeypatch.setattr(entry, "names", lambda: {"broken": "broken"})
    monkeypatch.setitem(sys.modules, "dengji.cli.commands.broken", _command(error))
    yield


def test_an_unforeseen_error_tells_nothing_of_its_values(dengji: Command, broken: None) -> None:
    answer = dengji("broken")
    assert answer.code == 3
    assert "RuntimeError" in answer.err
    assert "secret" not in answer.err
    assert "Traceback" not in answer.err


def test_debug_shows_the_traceback(dengji: Command, broken: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DENGJI_DEBUG", "1")
    assert "Traceback" in dengji("broken").err


def test_the_language_is_chosen_by_option_and_environment(dengji: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    class Catalogue(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            return {"未规定": "not given", "错误": "Error"}.get(message, message)

    monkeypatch.setattr(gettext, "translation", lambda *words, **more: Catalogue())
    for name in ("DENGJI_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    assert "未规定" in dengji("rules", "show", "cn", "--key", "limits.coding_wd").out
    assert "not given" in dengji("rules", "show", "cn", "--key", "limits.coding_wd", "--lang", "en").out
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    assert "Error [" in dengji("rules", "show", "none").err


def test_a_closed_pipe_is_no_error() -> None:
    import subprocess

    from tests.cli.harness import command_line, environment

    words = " ".join(command_line("rules", "show", "cn"))
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{words} | head -1"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_a_terminal_that_knows_no_chinese_gets_escapes() -> None:
    import os
    import subprocess

    from tests.cli.harness import command_line, environment

    done = subprocess.run(
        command_line("workdays", "add", "2027-09-17", "10"),
        env=environment() | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert b"2027-" in done.stdout
    assert os.linesep.encode() in done.stdout


def test_a_command_on_a_directory_without_a_node_makes_nothing(tmp_path: object) -> None:
    from pathlib import Path

    place = Path(str(tmp_path)) / "none"
    answer = elsewhere("queue", "--as", "somebody", "--data-dir", place, "--json")
    assert answer.code == 3
    assert answer.error["code"] == "node_missing"
    assert "dengji up" in answer.error["message"]
    assert not place.exists()


def test_version_is_told(dengji: Command) -> None:
    answer = dengji("--version")
    assert answer.code == 0
    assert answer.out.startswith("dengji ")
    assert json.dumps(answer.out)

"""The `dengji` command: finds the modules of `commands`, opens the node for those that need it, tells errors.

A command is a module with NAME, HELP (a Chinese message id), `configure(parser)` and `run(args) -> exit code`. With
NEEDS_DATABASE it runs inside `open_node`; with MIGRATES too, the database is made and brought up to date first. The top
of a command module imports nothing of Django's models: they exist only inside `run`.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import importlib.util
import io
import os
import pkgutil
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from . import commands, output
from .failure import DONE, WRONG_USE, UsageError, report, unknown_command
from .output import _


class Parser(argparse.ArgumentParser):
    """An argument parser that raises UsageError where argparse would end the process."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Abbreviations would let --data swallow what is meant for --data-dir.
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})

    def error(self, message: str) -> NoReturn:
        """Raise UsageError with argparse's message."""
        raise UsageError(message, self.prog.removeprefix("dengji").strip())


def _add_common(parser: argparse.ArgumentParser, *, default: Any) -> None:
    parser.add_argument("--json", action="store_true", default=default, help=_("以 JSON 输出结果和错误"))
    parser.add_argument("--data-dir", type=Path, default=default, metavar="DIR", help=_("数据目录"))
    parser.add_argument("--lang", choices=output.LANGUAGES, default=default, help=_("显示语言：zh 中文，en 英文"))


def _common(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Take the options that every command has out of the words, wherever they stand."""
    parser = Parser(prog="dengji", add_help=False)
    _add_common(parser, default=None)
    before = list(argv[: argv.index("--")]) if "--" in argv else list(argv)
    found, rest = parser.parse_known_args(before)
    found.json = bool(found.json)
    return found, [*rest, *argv[len(before) :]]


def names() -> dict[str, str]:
    """Return {command: module name}; `import_` is the module of `import`."""
    found = (info.name for info in pkgutil.iter_modules(commands.__path__) if not info.name.startswith("_"))
    return {name.rstrip("_").replace("_", "-"): name for name in sorted(found)}


def _help_of(module: str) -> str:
    """Read HELP from the source, so that the overview imports none of the commands."""
    spec = importlib.util.find_spec(f"{commands.__name__}.{module}")
    if spec is None or spec.origin is None:
        return ""
    for node in ast.parse(Path(spec.origin).read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and any(getattr(t, "id", "") == "HELP" for t in node.targets):
            texts = (n.value for n in ast.walk(node.value) if isinstance(n, ast.Constant) and isinstance(n.value, str))
            return next(texts, "")
    return ""


def overview() -> list[str]:
    """Return the lines of `dengji --help`: every command with one line."""
    known = names()
    room = max(len(name) for name in known) + 2
    return [
        _("公共数据资源登记平台"),
        "",
        _("用法：dengji <命令> [选项]"),
        "",
        *(f"  {name:{room}}{_(_help_of(module))}" for name, module in known.items()),
        "",
        _("每个命令都可加 --json、--data-dir DIR、--lang zh|en；dengji <命令> --help 说明用法。"),
        _("退出码：0 完成，1 回答为“否”，2 用法错误，3 失败。"),
    ]


def _parse(name: str, module: ModuleType, words: list[str], common: argparse.Namespace) -> argparse.Namespace:
    parser = Parser(prog=f"dengji {name}", description=_(module.HELP))
    module.configure(parser)
    _add_common(parser, default=argparse.SUPPRESS)
    return parser.parse_args(words, namespace=argparse.Namespace(**vars(common)))


def _run(common: argparse.Namespace, words: list[str]) -> int:
    if words and words[0] == "--version":
        print(f"dengji {version('dengji')}")
        return DONE
    if not words or words[0] in ("-h", "--help", "help"):
        print("\n".join(overview()))
        return DONE if words else WRONG_USE
    known = names()
    if words[0] not in known:
        raise unknown_command(words[0], list(known))
    module = importlib.import_module(f"{commands.__name__}.{known[words[0]]}")
    args = _parse(words[0], module, words[1:], common)
    if not getattr(module, "NEEDS_DATABASE", False):
        return int(module.run(args))
    from .node import open_node

    with open_node(args, migrate=getattr(module, "MIGRATES", False)):
        return int(module.run(args))


def _speak_any_text() -> None:
    """A terminal that cannot show Chinese gets escapes, never an exception."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 the answer is no, 2 wrong use, 3 failed (design §8)."""
    words = list(sys.argv[1:] if argv is None else argv)
    _speak_any_text()
    output.use_language(None)
    as_json = "--json" in words
    try:
        common, rest = _common(words)
        output.use_language(common.lang)
        return _run(common, rest)
    except SystemExit as ended:  # argparse, after --help
        return int(ended.code or 0)
    except BrokenPipeError:  # `dengji rules show cn | head`
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (Exception, KeyboardInterrupt) as error:
        return report(error, json=as_json)


if __name__ == "__main__":
    sys.exit(main())

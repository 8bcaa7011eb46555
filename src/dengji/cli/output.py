"""What the command line prints: Chinese or English, for people or as JSON, results on stdout, the rest on stderr."""

from __future__ import annotations

import argparse
import gettext
import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from dengji.law.calendar import SHANGHAI
from dengji.law.procedure import Act

LOCALE = Path(__file__).resolve().parent.parent / "locale"
LANGUAGES = ("zh", "en")
_catalogue: gettext.NullTranslations = gettext.NullTranslations()
_language = "zh"
_mark = ""


def use_language(language: str | None) -> str:
    """Choose the language of everything printed: as asked, else DENGJI_LANG, else English where the locale is English.

    Returns `zh` or `en`. Chinese is the language of the message ids, so it needs no catalogue.
    """
    global _catalogue, _language
    names = ("DENGJI_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    wanted = language or next((os.environ[name] for name in names if os.environ.get(name)), "")
    _language = "en" if wanted.lower().startswith("en") else "zh"
    _catalogue = gettext.NullTranslations()
    if _language == "en":
        _catalogue = gettext.translation("django", LOCALE, ["en"], fallback=True)
    return _language


def language() -> str:
    """Return the language in use, `zh` or `en`."""
    return _language


def _(message: str, /, **params: Any) -> str:
    """Return a message id in the language in use, its `{params}` filled in."""
    text = _catalogue.gettext(message) if message else ""
    if params and _language == "en":
        from dengji.law.wording import in_english

        params = in_english(params, _catalogue.gettext)
    return text.format(**params) if params else text


def act_label(act: Act) -> str:
    """Return what an act is called; where a state bears the same Chinese words, English tells them apart."""
    text = _catalogue.pgettext("act", act.label)
    return text if text != act.label else _catalogue.gettext(act.label)


def show_rows(args: argparse.Namespace, data: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """Print rows: all of each as JSON, for people a table of these columns (name → heading)."""
    show(args, data, table([*columns.values()], ([row[name] for name in columns] for row in data)))


def two(zh: str, en: str) -> str:
    """Return the one of two given texts that is in the language in use, for texts that carry both."""
    return en if _language == "en" else zh


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return str(value)


def as_json(value: Any) -> str:
    """Return readable JSON: dates in ISO 8601, identifiers as text, Chinese unescaped."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()


def mark(text: str) -> None:
    """Say on every result from now on that it is a demonstration; an empty text ends that (design §3)."""
    global _mark
    _mark = text


def show(args: argparse.Namespace, data: Any, lines: Iterable[str]) -> None:
    """Print a result on stdout: `data` as JSON with --json, else the lines meant for people."""
    if args.json:
        print(as_json({"demonstration": _(_mark), **data} if _mark and isinstance(data, dict) else data))
        return
    for line in lines:
        print(line)
    if _mark:
        print(f"【{_(_mark)}】")


def say(text: str) -> None:
    """Print a line of progress on stderr, where it never mixes with a result."""
    print(text, file=sys.stderr, flush=True)


def both(zh: str, en: str) -> None:
    """Print a line of progress in both languages, for what an operator sees before any language is agreed on."""
    say(f"{zh} / {en}")


def width(text: str) -> int:
    """Return how many columns a terminal needs for a text; a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Return the lines of a table, its columns aligned also where Chinese and Latin text mix."""
    cells = [list(headings), *([("" if v is None else str(v)) for v in row] for row in rows)]
    widths = [max(width(row[i]) for row in cells) for i in range(len(headings))]
    return [
        "  ".join(text + " " * (w - width(text)) for text, w in zip(row, widths, strict=True)).rstrip() for row in cells
    ]


def when(instant: datetime) -> str:
    """Return an instant as people read it: Shanghai time to the second."""
    return f"{instant.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


def _readable(value: Any) -> str:
    if isinstance(value, bool):
        return _("是") if value else _("否")
    return when(value) if isinstance(value, datetime) else str(value)


def fields(pairs: Iterable[tuple[str, Any]]) -> list[str]:
    """Return one line for each (label, value) that has a value."""
    return [f"{label}{two('：', ': ')}{_readable(value)}" for label, value in pairs if value not in (None, "")]


class Progress:
    """A counter on stderr for long work: one line rewritten on a terminal, a line now and then elsewhere."""

    def __init__(self, label: str, total: int, *, step: int = 1000) -> None:
        self.label, self.total, self.step = label, total, step
        self._live = sys.stderr.isatty()

    def at(self, done: int) -> None:
        """Tell how many are done."""
        if done % self.step and done != self.total:
            return
        end = "\n" if not self._live or done == self.total else ""
        print(
            f"\r{self.label} {done}/{self.total}" if self._live else f"{self.label} {done}/{self.total}",
            end=end,
            file=sys.stderr,
            flush=True,
        )

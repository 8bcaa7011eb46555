"""The logs whose keys somebody chose to remember at first use, in their own configuration directory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import orjson

from dengji.core.errors import N_
from dengji.ledger.pure.errors import refuse
from dengji.ledger.pure.notes import VerifierKey


@dataclass(frozen=True)
class Known:
    """The keys of one log, and the day on which they were first used."""

    keys: tuple[VerifierKey, ...]
    since: str


def path() -> Path:
    """Return the file: known-logs.json in $XDG_CONFIG_HOME/dengji, else in ~/.config/dengji."""
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "dengji" / "known-logs.json"


def _all() -> dict[str, dict[str, object]]:
    file = path()
    if not file.exists():
        return {}
    try:
        found = orjson.loads(file.read_bytes())
        if not isinstance(found, dict):
            raise ValueError
    except ValueError:
        raise refuse("known_logs_damaged", N_("记有已知日志公钥的文件 {path} 已损坏"), path=str(file)) from None
    return found


def look_up(origin: str) -> Known | None:
    """Return what is remembered of a log, None where nothing is; raises LedgerError known_logs_damaged."""
    found = _all().get(origin, {})
    keys = found.get("keys")
    if not isinstance(keys, list):
        return None
    return Known(tuple(VerifierKey.parse(str(text)) for text in keys), str(found.get("since", "")))


def remember(origin: str, keys: Iterable[VerifierKey]) -> None:
    """Remember the keys of a log; more keys of a known log are added to it. The file is written whole or not at all."""
    everything = _all()
    before = look_up(origin)
    wanted = dict.fromkeys((*(before.keys if before else ()), *keys))
    everything[origin] = {
        "since": before.since if before else date.today().isoformat(),  # noqa: DTZ011 - a note to the user
        "keys": [str(key) for key in wanted],
    }
    file = path()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, temporary = tempfile.mkstemp(prefix=".known-", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(orjson.dumps(everything, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
        Path(temporary).replace(file)
    finally:
        Path(temporary).unlink(missing_ok=True)

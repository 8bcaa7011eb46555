"""Making a deposit: hash the files, write the manifest, tell what to deposit (存证, Measures Art. 7, R61)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dengji.core.canonical import timestamp
from dengji.core.errors import N_

from . import construction, manifest
from .errors import WRONG_USE, refuse
from .hashing import Plan, Progress, settle
from .journal import Journal
from .walk import Source, sources, walk


@dataclass(frozen=True)
class Made:
    """A deposit that has been made: where its manifest lies, and the manifest's first line."""

    manifest: Path
    head: dict[str, Any]


def _apart(out: Path, given: Sequence[Source]) -> None:
    """Inside, the manifest would be a file of the deposit that it cannot contain."""
    home = out.parent.resolve()
    for one in given:
        there = one.path.resolve()
        if there == home or there in home.parents or there == out.resolve():
            text = N_("清单 {path} 不能放在所存证的文件夹之内")
            raise refuse("evidence_out_inside", text, status=WRONG_USE, path=str(out))


def _fresh(out: Path) -> None:
    if os.path.lexists(out):
        text = N_("{path} 已存在：清单中的盐值不可再得，不会覆盖；请换一个文件名")
        raise refuse("evidence_out_exists", text, status=WRONG_USE, path=str(out))


def _relative(path: Path, home: Path) -> str:
    """The way from the manifest to a source; empty where it cannot stand in a text file."""
    shown = os.path.relpath(path, home)
    try:
        shown.encode()
    except UnicodeEncodeError:
        return ""
    return shown


def _described(given: Iterable[Source], home: Path) -> list[dict[str, str]]:
    pairs = ((one.name, _relative(one.path.absolute(), home)) for one in given)
    return [{"name": name, "path": path} if path else {"name": name} for name, path in pairs]


def make(
    paths: Sequence[Path],
    out: Path,
    *,
    plan: Plan,
    tool: str,
    now: Callable[[], datetime],
    resume: bool = False,
    progress: Progress | None = None,
) -> Made:
    """Hash files and folders and write their manifest to `out`; returns what to deposit.

    `tool` names program and version, `now()` is asked when all is hashed. A journal beside `out` lets a later call with
    `resume` go on after an interruption. Raises EvidenceError for files that cannot be read or never stand still, for
    names that clash, for nothing to deposit, and where `out` or an unfinished journal is in the way.
    """
    given = sources(paths)
    _apart(out, given)
    _fresh(out)
    about = {
        "format": construction.FORMAT,
        "chunk_size": plan.chunk_size,
        "algorithms": plan.algorithms,
        "of": [[one.name, str(one.path.absolute())] for one in given],
    }
    with Journal(out.with_name(out.name + ".journal"), about, resume=resume) as journal:
        _fresh(out)
        try:
            walked = settle(
                lambda: walk(given), lambda w: w.files, plan, journal.known, keep=journal.keep, progress=progress
            )
        except BaseException:
            journal.give_up()
            raise
        if not walked.size:
            journal.remove()
            text = N_("没有可以存证的内容：所给的文件夹为空，或文件都是空文件")
            raise refuse("evidence_nothing", text, status=WRONG_USE)
        head = {"format": construction.FORMAT, "tool": tool, "chunk_size": plan.chunk_size}
        head |= {"algorithms": plan.algorithms, "sources": _described(given, out.absolute().parent)}
        first = manifest.write(out, head, walked, journal.known, plan, timestamp(now()))
        journal.remove()
    return Made(out, first)

"""`dengji doctor`: is this node well? Every line says ok, warn or fail, and the way out."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from dengji import database
from dengji.core.errors import N_

from .. import health
from ..failure import DONE, NO
from ..node import open_node
from ..output import _, show

NAME = "doctor"
HELP = N_("体检：数据库、权限、只增不改、日历、时钟、存储、投影，每项附办法")

_MARKS = {health.OK: N_("正常"), health.WARN: N_("注意"), health.FAIL: N_("故障")}


def configure(parser: argparse.ArgumentParser) -> None:
    """Doctor needs no options of its own."""


def _inside(args: argparse.Namespace) -> Iterator[health.Line]:
    with open_node(args) as node:
        yield from health.inside(node)


def run(args: argparse.Namespace) -> int:
    """Print every finding; 1 where one failed."""
    data_dir = database.data_dir(args.data_dir)
    lines = list(health.guarded("machine", lambda: health.machine(data_dir)))
    lines += health.guarded("rulebooks", health.law)
    lines += health.guarded("node", lambda: _inside(args))
    well = all(line.status != health.FAIL for line in lines)
    texts = [
        f"[{_(_MARKS[line.status])}] {line.name}  {line.detail}".rstrip()
        + (f"  → {line.way_out}" if line.way_out else "")
        for line in lines
    ]
    texts.append(_("一切正常") if well else _("有故障，请按箭头后的办法处理"))
    show(args, {"well": well, "lines": [vars(line) for line in lines]}, texts)
    return DONE if well else NO

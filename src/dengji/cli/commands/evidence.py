"""`dengji evidence`: deposit digests of data that stay where they are, and tell later what has changed."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dengji.core.errors import N_
from dengji.evidence.check import Report, check
from dengji.evidence.construction import ALGORITHMS
from dengji.evidence.hashing import Plan
from dengji.evidence.make import make
from dengji.law.record import FIELDS

from ..failure import DONE, NO, UsageError
from ..output import _, fields, say, show, two

NAME = "evidence"
HELP = N_("存证：数据留在本地，只存摘要；核对存证之后的变化")

_LISTED = 20
_MB = 1024 * 1024
#: Seconds between two signs of life, on a terminal and elsewhere.
_LIVE, _QUIET = 0.5, 10.0
_CHOICES = {"sha256": ("sha256",), "sm3": ("sm3",), "both": ALGORITHMS}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add `make` and `check`."""
    actions = parser.add_subparsers(dest="action", required=True)
    made = actions.add_parser("make", help=_("计算文件和文件夹的存证摘要，写出清单"))
    made.add_argument("paths", type=Path, nargs="+", metavar="PATH")
    made.add_argument(
        "--out", type=Path, required=True, metavar="MANIFEST", help=_("清单写入此文件，由登记主体自行保存")
    )
    made.add_argument("--algorithm", choices=tuple(_CHOICES), default="sha256", help=_("摘要算法"))
    made.add_argument("--resume", action="store_true", help=_("继续上次未完成的存证"))
    made.set_defaults(handler=_make)
    checked = actions.add_parser("check", help=_("核对文件与清单：新增、删除、修改、改名"))
    checked.add_argument("manifest", type=Path, metavar="MANIFEST")
    checked.add_argument("paths", type=Path, nargs="*", metavar="PATH", help=_("文件现在的位置，顺序与存证时相同"))
    checked.add_argument("--in", dest="inside", type=Path, metavar="DIR", help=_("文件现在所在的文件夹"))
    checked.add_argument("--digest", default="", metavar="HEX", help=_("登记的存证摘要，用以核对清单本身"))
    checked.set_defaults(handler=_check)
    for one in (made, checked):
        one.add_argument("--workers", type=int, metavar="N", help=_("同时计算的线程数，默认等于处理器数"))


def run(args: argparse.Namespace) -> int:
    """Make or check a deposit; the answer of a check is "no" (1) where anything differs."""
    if args.workers is not None and args.workers < 1:
        raise UsageError(_("线程数至少为 1"), NAME)
    return int(args.handler(args))


class _Meter:
    """Tells on stderr how far hashing has come: one line rewritten on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self.began = self.told = time.monotonic()
        self.first: int | None = None

    def __call__(self, done: int, total: int) -> None:
        """Tell the bytes done, the speed and the time left."""
        now = time.monotonic()
        if self.first is None:
            self.first = done
        last = done == total
        if now - self.told < (_LIVE if self.live else _QUIET) and not (last and self.live):
            return
        self.told = now
        speed = max(done - self.first, 1) / max(now - self.began, 0.001)
        text = _(
            "已计算 {done} / {total} MB，{speed} MB/s，约余 {left} 秒",
            done=done // _MB,
            total=total // _MB,
            speed=round(speed / _MB),
            left=round((total - done) / speed),
        )
        if self.live:
            print(f"\r\x1b[K{text}", end="\n" if last else "", file=sys.stderr, flush=True)
        else:
            say(text)


def _plan(args: argparse.Namespace) -> Plan:
    plan = Plan(_CHOICES[args.algorithm])
    return dataclasses.replace(plan, workers=args.workers) if args.workers else plan


def _record(deposit: dict[str, Any]) -> list[str]:
    """The figures under the headings of the application form."""
    pairs = []
    for name, value in deposit.items():
        known = FIELDS[name]
        label = known.labels.get(value) if isinstance(value, str) else None
        pairs.append((two(known.label, known.label_en), two(label["zh"], label["en"]) if label else value))
    return fields(pairs)


def _make(args: argparse.Namespace) -> int:
    done = make(
        args.paths,
        args.out,
        plan=_plan(args),
        tool=f"dengji {version('dengji')}",
        now=lambda: datetime.now(UTC),
        resume=args.resume,
        progress=_Meter(),
    )
    links, deposits = done.head["links"], done.head["deposits"]
    if links:
        say(
            _("未存证的链接 {count} 个（不跟随链接）：{names}", count=len(links), names=two("、", ", ").join(links[:5]))
        )
    lines = [line for deposit in deposits for line in [*_record(deposit), ""]]
    lines.append(_("清单：{path}（含文件名和盐值，请妥善保存，不要提交）", path=args.out))
    data = {"manifest": args.out, "tool": done.head["tool"], "deposits": deposits, "links": links}
    show(args, data, lines)
    return DONE


def _some(label: str, names: Iterable[str], count: int) -> list[str]:
    shown = [f"{label}  {name}" for name, _i in zip(names, range(_LISTED), strict=False)]
    return [*shown, _("{label}  …… 共 {count} 个", label=label, count=count)] if count > _LISTED else shown


def _told(found: Report) -> list[str]:
    arrows = [f"{before} → {after}" for before, after in found.renamed]
    kinds = (
        (_("新增"), found.added),
        (_("删除"), found.removed),
        (_("修改"), found.changed),
        (_("改名"), arrows),
    )
    lines = [line for label, names in kinds for line in _some(label, names, len(names))]
    counts = two("，", ", ").join(f"{label} {len(names)}" for label, names in kinds)
    lines.append(_("未变 {count} 个文件；{others}", count=found.unchanged, others=counts))
    lines.append(
        _("清单自身完整，可以算出它的存证摘要：{digest}", digest=found.manifest.deposits[0]["evidence_digest"])
    )
    return lines


def _check(args: argparse.Namespace) -> int:
    found = check(
        args.manifest,
        args.paths,
        inside=args.inside,
        digest=args.digest,
        workers=args.workers,
        progress=_Meter(),
    )
    names = ("added", "removed", "changed", "renamed", "links", "unchanged", "same")
    data = {name: getattr(found, name) for name in names} | {"deposits": found.manifest.deposits}
    show(args, data, _told(found))
    return DONE if found.same else NO

"""What `import` and `adopt` share: options, progress, report and result."""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dengji.core.errors import N_

from .failure import DONE, NO
from .output import _, fields, say, show
from .who import acting, register_of

if TYPE_CHECKING:
    from dengji.imports.report import Result
    from dengji.parties.models import Organisation

_SECONDS = 2.0
_LABELS = {
    "rows": N_("行数"),
    "created": N_("已导入"),
    "known": N_("此前已导入"),
    "passes": N_("可以导入"),
    "refused": N_("未导入"),
    "skipped": N_("略过的示例行"),
    "warned": N_("有待核对的问题"),
}


def add_file_options(parser: argparse.ArgumentParser) -> None:
    """Add FILE, --type, --dry-run, --report and --template."""
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help=_(".xlsx、.csv 或 .jsonl 文件"))
    parser.add_argument("--type", choices=("resource", "product", "open"), default="resource", help=_("登记类型"))
    parser.add_argument("--dry-run", action="store_true", help=_("只检查，不写入任何内容"))
    parser.add_argument("--report", type=Path, metavar="OUT.csv", help=_("逐行报告写入此文件"))
    parser.add_argument("--template", type=Path, metavar="FILE.xlsx", help=_("只生成填报模板"))


class _Meter:
    """Tells on stderr every other second how many rows are done."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def __call__(self, counts: Mapping[str, int]) -> None:
        """Tell the counts, not too often."""
        if time.monotonic() - self.last >= _SECONDS:
            self.last = time.monotonic()
            say(_("已处理 {rows} 行，未导入 {refused} 行", rows=counts["rows"], refused=counts["refused"]))


def import_file(args: argparse.Namespace, kind: str, organisation: Organisation | None, allow_duplicates: bool) -> int:
    """Carry out or check one file, write its report, show the counts; return 1 where a row was refused."""
    from dengji.imports import selectors, services
    from dengji.imports.report import lines
    from dengji.parties.actor import importer

    register = register_of(args.register)
    actor = acting(args.username) if args.username else importer(register.pk)
    order = services.Order(register.pk, kind, organisation.pk if organisation else None, args.type, allow_duplicates)
    with ExitStack() as stack:
        report = stack.enter_context(args.report.open("w", encoding="utf-8", newline="")) if args.report else None
        if args.dry_run:
            head = [True]

            def sink(results: Iterable[Result]) -> None:
                if report:
                    text = lines(results)
                    first = next(text)
                    report.writelines([first] if head[0] else [])
                    report.writelines(text)
                    head[0] = False

            found = services.dry_run(actor=actor, order=order, source=args.file, sink=sink, progress=_Meter())
        else:
            with args.file.open("rb") as stream:
                digest = services.digest_of(stream)
            job = services.open_job(actor=actor, order=order, digest=digest)
            gc.disable()  # rows are trees: counting references frees them
            try:
                job = services.run(actor=actor, job=job, source=args.file, progress=_Meter())
            finally:
                gc.enable()
            found = selectors.describe(job)
            if report:
                report.writelines(lines(selectors.results(job)))
    return _tell(args, found)


def _tell(args: argparse.Namespace, found: dict[str, Any]) -> int:
    counts = found["counts"]
    told = list(fields((_(label), counts[name] or None) for name, label in _LABELS.items()))
    if unknown := found.get("unknown_headings") or found.get("unknown"):
        told.append(_("未识别的表头（其内容未导入）：{headings}", headings="、".join(unknown)))
    if args.report:
        told.append(_("逐行报告：{path}", path=args.report))
    show(args, found, told or [_("文件中没有数据行")])
    return NO if counts["refused"] else DONE

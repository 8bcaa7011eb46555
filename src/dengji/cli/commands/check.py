"""`dengji check`: the formal-review checks, on a file without any database, or on an application of the register."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from dengji.core.errors import N_
from dengji.law import calendar as calendars
from dengji.law import checks
from dengji.law import rulebook as rulebooks
from dengji.law.calendar import shanghai_date
from dengji.law.checks import Context, Finding

from ..failure import DONE, NO
from ..output import _, show
from ..who import acting, data_from

NAME = "check"
HELP = N_("形式检查：检查一个 JSON 记录，或登记簿中的一件申请")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add what is checked and by which rules."""
    parser.add_argument("record", metavar="@FILE|-|ID|SERIAL", help=_("记录文件；与 --as 同用时为申请的编号或流水号"))
    parser.add_argument("--as", dest="username", metavar="USERNAME", help=_("检查登记簿中的申请：以哪个用户查看"))
    parser.add_argument("--rulebook", default="cn", metavar="ID", help=_("规则册，默认 cn"))
    parser.add_argument("--kind", choices=checks.KINDS, default="first", help=_("申请类型，默认首次登记"))
    parser.add_argument(
        "--material", action="append", metavar="KIND", help=_("已备材料，可多次；不写则不检查材料是否齐全")
    )


def run(args: argparse.Namespace) -> int:
    """Print the findings; 1 where one would stop a submission. Raises RulebookError, UsageError, DomainError."""
    found = _of_register(args) if args.username else _of_file(args)
    data: list[dict[str, Any]] = [
        {
            "code": one.code,
            "field": one.field,
            "severity": one.severity,
            "article": one.article,
            "message": _(one.message, **one.params),
            "fix": _(one.fix, **one.params),
            "clearable": one.clearable,
        }
        for one in found
    ]
    lines = [f"[{_(SEVERITY[d['severity']])}] {d['field'] or ''} {d['message']} → {d['fix']}" for d in data]
    passed = not any(one.severity == "error" for one in found)
    lines.append(_("可以提交") if passed else _("有必须改正的问题，不能提交"))
    show(args, {"passed": passed, "findings": data}, lines)
    return DONE if passed else NO


SEVERITY = {"error": N_("必须改正"), "warning": N_("请注意"), "info": N_("提示")}


def _of_file(args: argparse.Namespace) -> Sequence[Finding]:
    record = args.record if args.record[:1] in "@-{" else f"@{args.record}"
    context = Context(
        rulebook=rulebooks.load(args.rulebook),
        kind=args.kind,
        today=shanghai_date(datetime.now(UTC)),
        receipt=None,
        materials=frozenset(args.material or ()),
        similar=(),
        calendar=calendars.load(),
    )
    found = checks.run(data_from(record), context)
    return found if args.material else [one for one in found if not one.code.startswith("material_")]


def _of_register(args: argparse.Namespace) -> Sequence[Finding]:
    from ..node import open_node

    with open_node(args):
        from dengji.registration import lookup, queries

        actor = acting(args.username)
        return queries.findings(actor, lookup.find(args.record, actor, kinds={"application"}).pk)

"""`dengji queue`: what waits for a person, the nearest deadline first."""

from __future__ import annotations

import argparse
from typing import Any

from dengji.core.errors import N_
from dengji.law.procedure import STATES, TABLE

from ..failure import DONE
from ..output import _, act_label, show, table, two
from ..who import acting, add_as

NAME = "queue"
HELP = N_("待办：等待某用户办理的事项，期限近的在前")
NEEDS_DATABASE = True


def configure(parser: argparse.ArgumentParser) -> None:
    """Add --as, --cursor and --limit."""
    add_as(parser)
    parser.add_argument("--cursor", default="", metavar="TEXT", help=_("上一页给出的翻页标记"))
    parser.add_argument("--limit", type=int, default=50, metavar="N")


def _due(item: dict[str, Any]) -> str:
    if item["deadline_day"] is None:
        return ""
    marks = [_("逾期")] if item["overdue"] else []
    marks += [_("暂定")] if item["deadline_provisional"] else []
    return " ".join([str(item["deadline_day"]), *marks])


def run(args: argparse.Namespace) -> int:
    """Print one page of the person's desk; raises DomainError not_found, cursor_invalid."""
    from dengji.registration import queries

    page = queries.queue(acting(args.username), cursor=args.cursor, limit=max(1, args.limit))
    rows = (
        (
            item["serial"] or item["number"] or item["id"],
            _(STATES[item["object"]][item["state"]]),
            _due(item),
            item["name"],
            two("、", ", ").join(f"{act} {act_label(TABLE[act])}" for act in item["acts"]),
        )
        for item in page["items"]
    )
    lines = table([_("编号"), _("状态"), _("期限"), _("名称"), _("可以办理")], rows)
    if page["next"]:
        lines.append(_("下一页：--cursor {cursor}", cursor=page["next"]))
    show(args, page, lines if page["items"] else [_("没有待办事项")])
    return DONE

"""`dengji workdays`: working-day arithmetic of the Measures, without a database."""

from __future__ import annotations

import argparse
from datetime import date

from dengji.core.errors import N_
from dengji.law import calendar as calendars
from dengji.law.calendar import Calendar

from ..failure import DONE, UsageError
from ..output import _, show

NAME = "workdays"
HELP = N_("推算工作日：当日不计入，调休上班日计入")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add `add` and `between`."""
    actions = parser.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help=_("某日之后第 N 个工作日"))
    add.add_argument("start", metavar="DATE")
    add.add_argument("days", type=int, metavar="N")
    between = actions.add_parser("between", help=_("两日之间的工作日数，首日不计"))
    between.add_argument("start", metavar="DATE")
    between.add_argument("end", metavar="DATE")
    for one in (add, between):
        one.add_argument("--node", action="store_true", help=_("使用本节点的日历，包括管理员的调整"))


def run(args: argparse.Namespace) -> int:
    """Print the day or the number; raises UsageError for what is no date or lies outside the calendar."""
    if args.node:
        from ..node import open_node

        with open_node(args):
            from dengji.registration import rules

            return _answer(args, rules.calendar())
    return _answer(args, calendars.load())


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(_("日期应为 YYYY-MM-DD：{text}", text=text), NAME) from None


def _answer(args: argparse.Namespace, calendar: Calendar) -> int:
    start = _date(args.start)
    try:
        if args.action == "between":
            return _between(args, calendar, start, _date(args.end))
        if args.days < 0:
            raise UsageError(_("工作日数不能为负"), NAME)
        found = calendar.add(start, args.days)
    except ValueError as error:
        raise UsageError(
            _("超出日历范围：{first} 至 {last}", first=calendar.first_day, last=calendar.last_day), NAME
        ) from error
    provisional = f"  {_('暂定：该年度放假安排尚未公布')}" if found.provisional else ""
    show(
        args,
        {
            "start": start,
            "working_days": args.days,
            "last_day": found.last_day,
            "ends": found.ends,
            "provisional": found.provisional,
            "calendar": calendar.version,
        },
        [f"{found.last_day}{provisional}"],
    )
    return DONE


def _between(args: argparse.Namespace, calendar: Calendar, start: date, end: date) -> int:
    count = calendar.between(start, end)
    unsettled = calendar.is_provisional(end) or calendar.is_provisional(start)
    provisional = f"  {_('暂定：该年度放假安排尚未公布')}" if unsettled else ""
    show(
        args,
        {"start": start, "end": end, "working_days": count, "provisional": unsettled, "calendar": calendar.version},
        [f"{count}{provisional}"],
    )
    return DONE

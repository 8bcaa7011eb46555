"""`dengji demo`: the example jurisdiction, with real public notices taken through the whole procedure."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from dengji.cli.output import _, say, show, table
from dengji.cli.story.facts import LEGAL_START, MARK
from dengji.core.errors import N_

__all__ = ["HELP", "LEGAL_START", "MIGRATES", "NAME", "NEEDS_DATABASE", "configure", "lines", "load", "run"]
NAME = "demo"
HELP = N_("载入示例：真实公示记录和示例事项走完登记全程（仅演示节点）")
NEEDS_DATABASE = True
MIGRATES = True
#: How each thing an event may hold is told.
_TOLD = {
    "refused": "✗ 被拒 / refused: {}",
    "reason": "{}",
    "findings": "{}",
    "cleared": "人工放行 / cleared by hand: {}",
    "marks": "{}",
    "state": "→ {}",
    "application_state": "⇒ {}",
    "registration_state": "⇒ {}",
    "last_day": "至 / until {}",
    "code": "{}",
    "valid_to": "有效至 / valid to {}",
}
_SHANGHAI = ZoneInfo("Asia/Shanghai")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `dengji demo`."""
    parser.add_argument("--tokens", action="store_true", help=_("为每个示例账号新发一个接口令牌并显示"))


def run(args: argparse.Namespace) -> int:
    """Load the example and print what happened; 0 when every notice ends on its published day, else 1."""
    from dengji.cli import story
    from dengji.cli.story import world

    live = sys.stderr.isatty() and not args.json
    found = story.load(_report if live else None)
    if args.tokens:
        found["tokens"] = world.tokens()
    show(args, found, lines(found))
    return 0 if found["all_as_published"] else 1


def load(report: Callable[[str, str], None]) -> dict[str, Any]:
    """Load the example as `dengji up --demo` does; `report` gets each milestone in Chinese and in English."""
    from dengji.cli import story

    def tell(event: Mapping[str, Any]) -> None:
        if event["act"] == "assign_code":
            report(f"{_when(event['at'])} {event['name']} 已赋码 {event['code']}", f"coded {event['code']}")

    found = story.load(tell)
    mark, mark_en, day = found["demonstration"], found["demonstration_en"], found["legal_date"]
    report(f"【{mark}】示例已载入，法定日期 {day}", f"{mark_en}; example loaded, legal date {day}")
    return found


def _report(event: Mapping[str, Any]) -> None:
    say(f"{_when(event['at'])}  {event['story']}: {event['act']}")


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Return what the example holds, in Chinese and English, for people."""
    yield f"【{MARK}】"
    if found["already_loaded"]:
        yield "示例已经载入，未作任何改动 / The example is loaded already; nothing was changed"
    yield ""
    yield "甘肃张掖 2026 年 9 月的 12 条真实公示 / Twelve real notices of Zhangye, Gansu"
    yield from _records(found["records"])
    for one in found["stories"]:
        if one["told"]:
            yield ""
            yield f"{one['title']['zh']} / {one['title']['en']}"
            yield from (f"  {_line(event)}" for event in one["events"])
    yield ""
    yield "另有所知不全、未办理登记的 / Known only in part, not taken through the procedure:"
    yield from (f"  {row.get('name', '—')} · {row['registrant']} · {row['known']}" for row in found["known_in_part"])
    yield ""
    yield from _end(found)


def _records(records: list[Mapping[str, Any]]) -> list[str]:
    heads = ("登记数据名称 / Name", "公示起 / From", "应止 / Due", "实止 / Ends", "", "查询码 / Code")
    rows = [
        (
            r["name"],
            _when(r["notice_opened"]),
            r["expected_last_day"],
            r["last_day"],
            "✓" if r["as_published"] else "✗",
            r["code"],
        )
        for r in records
        if "code" in r
    ]
    return table(heads, rows)


def _line(event: Mapping[str, Any]) -> str:
    told = (form.format(_text(event[name])) for name, form in _TOLD.items() if name in event)
    return "  ".join((_when(event["at"]), f"{_(event['label'])} {event['act']}", *told))


def _text(value: Any) -> str:
    return "、".join(map(str, value)) if isinstance(value, list) else str(value)


def _end(found: Mapping[str, Any]) -> Iterator[str]:
    for kind, states in found["counts"].items():
        yield f"{kind}: " + ", ".join(f"{state} {count}" for state, count in states.items())
    yield f"法定日期 / Legal date: {found['legal_date']}    {found['seconds']} s"
    yield "账号 / Accounts: " + ", ".join(a["username"] for a in found["accounts"])
    for username, token in found.get("tokens", {}).items():
        yield f"  {username}  {token}"
    yield f"【{MARK}】"


def _when(instant: Any) -> str:
    return f"{instant.astimezone(_SHANGHAI):%Y-%m-%d %H:%M}"

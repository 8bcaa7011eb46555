"""`dengji calendar`: the working-day calendar of this node; a new version recalculates every running deadline."""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path
from typing import Any

import orjson

from dengji.core.errors import N_

from ..failure import DONE, UsageError
from ..output import _, show, table
from ..who import acting, add_as, transaction_id

NAME = "calendar"
HELP = N_("工作日历：查看，按国务院办公厅放假通知设置调整日")
NEEDS_DATABASE = True


def configure(parser: argparse.ArgumentParser) -> None:
    """Add `show` and `set`."""
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("show", help=_("现行日历的版本和调整日")).set_defaults(handler=_show)
    put = actions.add_parser("set", help=_("启用新版本；正在计算的期限随之重算，只延长不缩短"))
    put.add_argument(
        "file", type=Path, metavar="FILE", help=_("TOML 或 JSON：version，overrides = [{day, working, source}]")
    )
    put.add_argument("--transaction-id", metavar="ID")
    add_as(put)
    put.set_defaults(handler=_set)


def run(args: argparse.Namespace) -> int:
    """Do what was asked for; raises DomainError forbidden, version_taken, day_invalid, source_required."""
    code: int = args.handler(args)
    return code


def _show(args: argparse.Namespace) -> int:
    from dengji.registration import queries

    data = queries.calendar_in_force()
    rows = ((o["day"], _("上班") if o["working"] else _("放假"), o["source"]) for o in data["overrides"])
    lines = [_("版本 {version}", version=data["version"]), *table([_("日期"), _("安排"), _("依据")], rows)]
    show(args, data, lines)
    return DONE


def _read(path: Path) -> dict[str, Any]:
    raw = path.read_bytes()
    try:
        value = orjson.loads(raw) if path.suffix == ".json" else tomllib.loads(raw.decode())
    except (orjson.JSONDecodeError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(_("{file} 不是有效的 TOML 或 JSON：{reason}", file=path, reason=str(error)), NAME) from error
    rows = value.get("overrides") if isinstance(value, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError(_("{file} 缺少 overrides 列表", file=path), NAME)
    return value


def _set(args: argparse.Namespace) -> int:
    from dengji.registration import services

    value = _read(args.file)
    overrides = [{**row, "day": str(row.get("day", ""))} for row in value["overrides"]]
    data = services.set_calendar(
        actor=acting(args.username),
        transaction_id=transaction_id(args.transaction_id),
        version=str(value.get("version", "")),
        overrides=overrides,
    )
    show(args, data, [_("日历 {version} 已启用，重算期限 {recalculated} 个", **data)])
    return DONE

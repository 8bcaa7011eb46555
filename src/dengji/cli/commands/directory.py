"""`dengji directory`: the directory of government data (政务数据目录), held against the register (Art. 14)."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from dengji.core.errors import N_

from ..failure import DONE, NO, UsageError
from ..output import _, show, show_rows, table
from ..who import acting, add_as, add_register, register_of, transaction_id

NAME = "directory"
HELP = N_("政务数据目录：导入，查找对应的登记，确认或否定，统计各单位已编目、已登记、已开放的数量和缺口")
NEEDS_DATABASE = True

_GAPS = ("unregistered", "unopened", "uncatalogued")
_DECISIONS = {"confirm": N_("确认匹配"), "reject": N_("否定匹配"), "undo": N_("撤回已作的确认或否定")}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    take = verbs.add_parser("import", help=_("导入 .xlsx、.csv、.jsonl 目录文件"))
    take.add_argument("file", type=Path)
    text = _("某列对应的栏目，可多次：identifier、name、unit_name、unit_code、region、abstract、sharing、openness")
    take.add_argument("--map", action="append", default=[], metavar="HEADING=FIELD", help=text)
    verbs.add_parser("match", help=_("为尚无对应登记的条目查找登记，提出匹配建议"))
    listed = verbs.add_parser("proposals", help=_("待办理的匹配建议"))
    listed.add_argument("--state", choices=("open", "confirmed", "rejected"), default="open")
    for verb, told in _DECISIONS.items():
        one = verbs.add_parser(verb, help=_(told))
        one.add_argument("proposals", nargs="+", type=UUID, metavar="ID")
        one.add_argument("--reason", default="", metavar="TEXT")
    verbs.add_parser("counts", help=_("各单位已编目、已登记、已开放的数量"))
    gaps = verbs.add_parser("gaps", help=_("缺口清单：未登记、应开放未开放、未编目"))
    gaps.add_argument("kind", choices=_GAPS, nargs="?", default="unregistered")
    gaps.add_argument("--unit", default="", metavar="TEXT", help=_("单位名称或统一社会信用代码"))
    for one in verbs.choices.values():
        add_as(one)
        add_register(one)


def run(args: argparse.Namespace) -> int:
    """Do one verb; 1 where rows of a file were refused."""
    return {"import": _import, "match": _match, "proposals": _proposals, "counts": _counts, "gaps": _list}.get(
        args.verb, _decide
    )(args)


def _import(args: argparse.Namespace) -> int:
    from dengji.catalogue.directory import services

    pairs = [text.partition("=") for text in args.map]
    if any(not sign for _heading, sign, _field in pairs):
        raise UsageError(_("--map 应为 列名=栏目"), NAME)
    made = services.import_file(
        actor=acting(args.username),
        transaction_id=transaction_id(),
        register_id=register_of(args.register).pk,
        data=args.file.read_bytes(),
        source=args.file.name,
        mapping={heading: field for heading, _sign, field in pairs},
    )
    numbers = {name: made[name] for name in ("added", "updated", "refused")}
    lines = [_("新增 {added} 条，更新 {updated} 条，未导入 {refused} 行", **numbers)]
    for one in made["refusals"]:
        told = {name: _(value) if name == "label" else value for name, value in one["params"].items()}
        lines.append(_("第 {row} 行：{reason}", row=one["row"], reason=_(one["message"], **told)))
    show(args, made, lines)
    return NO if made["refused"] else DONE


def _match(args: argparse.Namespace) -> int:
    from dengji.catalogue.directory import services

    actor, register = acting(args.username), register_of(args.register)
    total = {"looked": 0, "identifier": 0, "name": 0}
    after: UUID | None = None
    while True:
        made = services.propose(actor=actor, transaction_id=transaction_id(), register_id=register.pk, after=after)
        for name in total:
            total[name] += made[name]
        if "next" not in made:
            break
        after = UUID(made["next"])
    text = _("查看 {looked} 条，按标识符提出 {identifier} 条建议，按名称提出 {name} 条；请逐条确认或否定", **total)
    show(args, total, [text])
    return DONE


def _proposals(args: argparse.Namespace) -> int:
    from dengji.catalogue.directory import selectors

    actor, register = acting(args.username), register_of(args.register)

    def page(after: Any) -> dict[str, Any]:
        return selectors.proposals(actor, state=args.state, register_id=register.pk, after=after, limit=500)

    items = list(_all(page))
    rows = [
        (one["id"], f"{one['percent']}%", one["entry"]["name"], one["entry"]["unit_name"],
         (one["registration"] or {}).get("code"), (one["registration"] or {}).get("name"))
        for one in items
    ]  # fmt: skip
    heads = [_("编号"), _("相近"), _("目录条目"), _("提供单位"), _("登记结果查询码"), _("登记数据名称")]
    show(args, {"items": items}, table(heads, rows))
    return DONE


def _all(page: Any) -> Iterator[dict[str, Any]]:
    after: Any = None
    while True:
        found = page(after)
        yield from found["items"]
        if not (after := found["next"]):
            return


def _decide(args: argparse.Namespace) -> int:
    from dengji.catalogue.directory import services

    made = services.decide(
        actor=acting(args.username),
        transaction_id=transaction_id(),
        act=args.verb,
        proposals=args.proposals,
        reason=args.reason,
    )
    show(args, made, [_("已办理 {decided} 条", decided=made["decided"])])
    return DONE


def _counts(args: argparse.Namespace) -> int:
    from dengji.catalogue.directory import selectors

    found = selectors.counts(acting(args.username), register_id=register_of(args.register).pk)
    names = ("unit_name", "catalogued", "registered", "proposed", "to_open", "open")
    rows = [*found["units"], {"unit_name": _("合计"), **found["total"]}]
    heads = [_("提供单位"), _("已编目"), _("已登记"), _("待确认"), _("应开放"), _("已开放")]
    lines = table(heads, ([row[name] for name in names] for row in rows))
    lines.append(_("已登记而未编目：{count}", count=found["uncatalogued"]))
    show(args, found, lines)
    return DONE


def _list(args: argparse.Namespace) -> int:
    from dengji.catalogue.directory import selectors

    actor, register = acting(args.username), register_of(args.register)

    def page(after: Any) -> dict[str, Any]:
        return selectors.gaps(
            actor, kind=args.kind, unit=args.unit, register_id=register.pk, after=after or "", limit=500
        )

    first = {"code": _("登记结果查询码")} if args.kind == "uncatalogued" else {"identifier": _("标识符")}
    show_rows(args, list(_all(page)), {**first, "name": _("名称"), "unit_name": _("提供单位")})
    return DONE

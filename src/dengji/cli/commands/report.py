"""`dengji report`: make the signed report of a period, list reports, show one, write one to a file, check one."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from uuid import UUID

from dengji.core.errors import N_, DomainError

from ..failure import DONE, NO
from ..output import _, language, show, table, when
from ..who import acting, add_as, register_of, transaction_id

NAME = "report"
HELP = N_("登记情况报告：制作、列出、查看、取出、核对")
NEEDS_DATABASE = True


def configure(parser: argparse.ArgumentParser) -> None:
    """Add make, list, show, get and check."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="make|list|show|get|check")
    making = verbs.add_parser("make", help=_("制作并签名一个期间的报告"))
    making.add_argument("--from", dest="first", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
    making.add_argument("--to", dest="last", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
    about = making.add_mutually_exclusive_group()
    about.add_argument("--register", metavar="SLUG", help=_("登记簿代号；节点只有一个登记簿时可省略"))
    about.add_argument("--jurisdiction", default="", metavar="CODE", help=_("辖区代号：其下全部登记簿"))
    listing = verbs.add_parser("list", help=_("列出某用户可见的报告，新的在前"))
    listing.add_argument("--limit", type=int, default=50, metavar="N")
    showing = verbs.add_parser("show", help=_("查看一份报告"))
    getting = verbs.add_parser("get", help=_("取出一份报告"))
    getting.add_argument("--form", choices=("pdf", "docx", "xlsx", "json"), default="pdf")
    getting.add_argument("--output", metavar="FILE", help=_("写入的文件；默认为当前目录下的报告名"))
    checking = verbs.add_parser("check", help=_("核对报告的摘要和签名"))
    for one in (showing, getting, checking):
        one.add_argument("id", type=UUID)
    for one in (making, listing, showing, getting, checking):
        add_as(one)


def run(args: argparse.Namespace) -> int:
    """Do what the verb says; raises DomainError forbidden, not_found, dates_reversed, period_in_future."""
    return {"make": _make, "list": _list, "show": _show, "get": _get, "check": _check}[args.verb](args)


def _make(args: argparse.Namespace) -> int:
    from dengji.documents.reports import services

    made = services.make_report(
        actor=acting(args.username),
        transaction_id=transaction_id(),
        first_day=args.first,
        last_day=args.last,
        register_id=None if args.jurisdiction else register_of(args.register).pk,
        jurisdiction=args.jurisdiction,
    )
    show(args, made, [f"{made['id']}  {made['digest']}"])
    return DONE


def _list(args: argparse.Namespace) -> int:
    from dengji.documents.reports import selectors, tables

    rows = list(selectors.reports(acting(args.username), limit=max(1, args.limit)))
    told = [
        {"id": row.pk, "first_day": row.first_day, "last_day": row.last_day, "kind": row.kind, "digest": row.digest}
        | {"title": tables.title(row.snapshot, language()), "at": row.at}
        for row in rows
    ]
    lines = table(
        [_("编号"), _("起始日期"), _("截止日期"), _("名称"), _("时间")],
        (
            (one["id"], one["first_day"], one["last_day"], one["title"], when(row.at))
            for one, row in zip(told, rows, strict=True)
        ),
    )
    show(args, {"items": told}, lines if told else [_("还没有报告")])
    return DONE


def _show(args: argparse.Namespace) -> int:
    from dengji.documents.reports import files, selectors, tables

    row = selectors.get(args.id, acting(args.username))
    lines = [tables.title(row.snapshot, language()), tables.days(row.snapshot, language())]
    for one in tables.tables(row.snapshot, language()):
        lines += ["", one.title, *([one.note] if one.note else []), *table(one.heads, one.rows)]
    show(args, files.signed_json(row), lines)
    return DONE


def _get(args: argparse.Namespace) -> int:
    from dengji.documents.reports import files, selectors

    name, _type, data = files.file_of(selectors.get(args.id, acting(args.username)), args.form, language())
    path = Path(args.output or name).expanduser()
    path.write_bytes(data)
    show(args, {"file": str(path), "size": len(data)}, [_("已写入 {file}", file=str(path))])
    return DONE


def _check(args: argparse.Namespace) -> int:
    from dengji.documents.reports import selectors

    row = selectors.get(args.id, acting(args.username))
    try:
        keys = selectors.check(row)
    except DomainError as error:
        if error.code != "report_altered":
            raise
        show(args, {"genuine": False, "code": error.code}, [_(error.message)])
        return NO
    show(args, {"genuine": True, "digest": row.digest, "keys": keys}, [_("报告与签名相符"), *keys])
    return DONE

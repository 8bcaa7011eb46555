"""`dengji organisation`: the units that register, hold agencies or supervise."""

from __future__ import annotations

import argparse

from dengji.core.errors import N_

from ..failure import DONE
from ..output import _, show, show_rows

NAME = "organisation"
HELP = N_("单位：新增、列出")
NEEDS_DATABASE = True


def configure(parser: argparse.ArgumentParser) -> None:
    """Add `add` and `list`."""
    actions = parser.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help=_("新增单位"))
    add.add_argument("credit_code", metavar="CREDIT_CODE", help=_("统一社会信用代码"))
    add.add_argument("name", metavar="NAME")
    add.add_argument("--kind", default="", metavar="KIND", help=_("主体类型，见 record.schema.json 的 registrant_type"))
    add.add_argument("--region", default="", metavar="REGION", help=_("六位行政区划代码"))
    add.add_argument("--address", default="", metavar="TEXT")
    add.add_argument("--central", action="store_true", help=_("中央和国家机关及其直属单位、中央企业"))
    add.add_argument("--example", action="store_true", help=_("示例单位，并非真实单位"))
    add.set_defaults(handler=_add)
    listed = actions.add_parser("list", help=_("列出单位"))
    listed.add_argument("text", nargs="?", default="", metavar="TEXT", help=_("名称或代码含此文字"))
    listed.add_argument("--after", default="", metavar="CREDIT_CODE", help=_("从此代码之后列起"))
    listed.add_argument("--limit", type=int, default=100, metavar="N")
    listed.set_defaults(handler=_list)


def run(args: argparse.Namespace) -> int:
    """Do what was asked for; raises DomainError credit_code, name_required, exists."""
    code: int = args.handler(args)
    return code


def _add(args: argparse.Namespace) -> int:
    from dengji.parties import services

    row = services.add_organisation(
        actor=services.OPERATOR,
        credit_code=args.credit_code,
        name=args.name,
        kind=args.kind,
        region_code=args.region,
        address=args.address,
        central=args.central,
        example=args.example,
    )
    data = {"id": row.pk, "credit_code": row.credit_code, "name": row.name}
    show(args, data, [f"{row.credit_code}  {row.name}  {row.pk}"])
    return DONE


def _list(args: argparse.Namespace) -> int:
    from dengji.parties import selectors

    rows = selectors.organisations(args.text, after=args.after, limit=max(1, args.limit))
    names = ("id", "credit_code", "name", "kind", "region_code", "central", "example")
    data = [{name: getattr(row, name) for name in names} for row in rows]
    columns = {"credit_code": _("统一社会信用代码"), "name": _("名称"), "kind": _("类型")}
    show_rows(args, data, columns | {"region_code": _("行政区划")})
    return DONE

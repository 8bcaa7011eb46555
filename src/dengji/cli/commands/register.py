"""`dengji register`: the registers of this node and the jurisdictions they belong to."""

from __future__ import annotations

import argparse

from dengji.core.errors import N_

from ..failure import DONE
from ..output import _, show, show_rows

NAME = "register"
HELP = N_("登记簿与辖区：新增、列出")
NEEDS_DATABASE = True


def configure(parser: argparse.ArgumentParser) -> None:
    """Add `add`, `list`, `add-jurisdiction` and `jurisdictions`."""
    actions = parser.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help=_("新增登记簿"))
    add.add_argument("slug", metavar="SLUG", help=_("代号，如 gs-zhangye"))
    add.add_argument("name", metavar="NAME")
    add.add_argument("--jurisdiction", required=True, metavar="CODE")
    add.add_argument("--agency", required=True, metavar="CREDIT_CODE", help=_("登记机构的统一社会信用代码"))
    add.add_argument("--level", required=True, choices=("national", "province", "city", "county"))
    add.add_argument("--platform-code", default="", metavar="CODE")
    add.add_argument("--issuer", default="upstream", metavar="ISSUER", help=_("赋码方式，默认由上级平台赋码"))
    add.add_argument("--on-behalf", action="store_true", help=_("代为受理"))
    add.set_defaults(handler=_add)
    actions.add_parser("list", help=_("列出登记簿")).set_defaults(handler=_list)
    place = actions.add_parser("add-jurisdiction", help=_("新增辖区"))
    place.add_argument("code", metavar="CODE")
    place.add_argument("name", metavar="NAME")
    place.add_argument("--region", required=True, metavar="REGION", help=_("六位行政区划代码"))
    place.add_argument("--rulebook", required=True, metavar="ID", help=_("规则册，见 dengji rules list"))
    place.add_argument("--parent", metavar="CODE", help=_("上级辖区"))
    place.set_defaults(handler=_add_jurisdiction)
    actions.add_parser("jurisdictions", help=_("列出辖区")).set_defaults(handler=_jurisdictions)


def run(args: argparse.Namespace) -> int:
    """Do what was asked for; raises DomainError of `parties.services`."""
    code: int = args.handler(args)
    return code


def _add(args: argparse.Namespace) -> int:
    from dengji.parties import selectors, services

    row = services.add_register(
        actor=services.OPERATOR,
        slug=args.slug,
        name=args.name,
        jurisdiction=selectors.jurisdiction_by_code(args.jurisdiction),
        agency=selectors.organisation_by_code(args.agency),
        agency_level=args.level,
        platform_code=args.platform_code,
        issuer=args.issuer,
        on_behalf=args.on_behalf,
    )
    show(args, {"id": row.pk, "slug": row.slug, "name": row.name}, [f"{row.slug}  {row.name}  {row.pk}"])
    return DONE


def _list(args: argparse.Namespace) -> int:
    from dengji.parties import selectors

    rows = selectors.registers()
    data = [
        {
            "id": r.pk,
            "slug": r.slug,
            "name": r.name,
            "jurisdiction": r.jurisdiction.code,
            "rulebook": r.jurisdiction.rulebook,
            "agency": r.agency.name,
            "agency_level": r.agency_level,
            "platform_code": r.platform_code,
            "issuer": r.issuer,
            "on_behalf": r.on_behalf,
        }
        for r in rows
    ]
    columns = {"slug": _("代号"), "name": _("名称"), "jurisdiction": _("辖区"), "rulebook": _("规则册")}
    columns |= {"agency": _("登记机构"), "agency_level": _("层级"), "issuer": _("赋码方式")}
    show_rows(args, data, columns)
    return DONE


def _add_jurisdiction(args: argparse.Namespace) -> int:
    from dengji.parties import selectors, services

    row = services.add_jurisdiction(
        actor=services.OPERATOR,
        code=args.code,
        name=args.name,
        region_code=args.region,
        rulebook=args.rulebook,
        parent=selectors.jurisdiction_by_code(args.parent) if args.parent else None,
    )
    show(args, {"code": row.code, "name": row.name, "rulebook": row.rulebook}, [f"{row.code}  {row.name}"])
    return DONE


def _jurisdictions(args: argparse.Namespace) -> int:
    from dengji.parties import selectors

    rows = selectors.jurisdictions()
    data = [
        {
            "code": r.code,
            "name": r.name,
            "region_code": r.region_code,
            "rulebook": r.rulebook,
            "parent": r.parent.code if r.parent else None,
        }
        for r in rows
    ]
    columns = {"code": _("代号"), "name": _("名称"), "region_code": _("行政区划")}
    show_rows(args, data, columns | {"rulebook": _("规则册"), "parent": _("上级")})
    return DONE

"""`dengji archive`: put finished cases into the archive, list and take packages, hand them over (归档、移交)."""

from __future__ import annotations

import argparse
from pathlib import Path
from uuid import UUID

from dengji.core.errors import N_

from ..failure import DONE, NO, UsageError
from ..output import _, show, table
from ..who import acting, add_as, register_of, transaction_id

NAME = "archive"
HELP = N_("归档：制作、列出、取出、移交归档包")
NEEDS_DATABASE = True


def configure(parser: argparse.ArgumentParser) -> None:
    """Add make, list, get and transfer."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="make|list|get|transfer")
    making = verbs.add_parser("make", help=_("把办结的案卷归档"))
    making.add_argument("case", type=UUID, nargs="?", help=_("登记申请的编号"))
    making.add_argument("--due", action="store_true", help=_("全部应当归档的案卷"))
    listing = verbs.add_parser("list", help=_("列出归档包，新的在前；或者应当归档的案卷"))
    listing.add_argument("--due", action="store_true", help=_("列出应当归档的案卷，早的在前"))
    listing.add_argument("--limit", type=int, default=50, metavar="N")
    getting = verbs.add_parser("get", help=_("取出一个归档包"))
    getting.add_argument("id", type=UUID)
    getting.add_argument("--output", metavar="FILE", help=_("写入的文件；默认为当前目录下的归档包名"))
    moving = verbs.add_parser("transfer", help=_("把归档包移交档案馆"))
    moving.add_argument("packages", type=UUID, nargs="+", metavar="ID")
    moving.add_argument("--receiver", required=True, metavar="NAME", help=_("接收单位"))
    moving.add_argument("--register", metavar="SLUG", help=_("登记簿代号；节点只有一个登记簿时可省略"))
    for one in (making, listing, getting, moving):
        add_as(one)


def run(args: argparse.Namespace) -> int:
    """Do what the verb says; raises DomainError forbidden, not_found, archive_not_due, archive_handed_over."""
    return {"make": _make, "list": _list, "get": _get, "transfer": _transfer}[args.verb](args)


def _make(args: argparse.Namespace) -> int:
    from dengji.documents import filing

    if (args.case is None) == (not args.due):
        raise UsageError(_("请给出一个案卷编号，或者用 --due"))
    actor = acting(args.username)
    if args.case is not None:
        made = filing.make_package(actor=actor, transaction_id=transaction_id(), application_id=args.case)
        show(args, made, [f"{made['id']}  {made['number']}  {made['sha256']}"])
        return DONE
    total, left = 0, 1
    failed: dict[str, str] = {}
    while left > len(failed):
        step = filing.make_due(actor=actor, limit=len(failed) + filing.MOST)
        failed, left = {one["case"]: one["code"] for one in step["failed"]}, step["left"]
        total += step["made"]
        if not step["made"]:
            break
    words = [_("已归档 {made} 件，{failed} 件未成", made=total, failed=len(failed))]
    show(args, {"made": total, "failed": failed}, words + [f"{case}  {code}" for case, code in failed.items()])
    return NO if failed else DONE


def _list(args: argparse.Namespace) -> int:
    from dengji.documents import archived

    actor, limit = acting(args.username), max(1, args.limit)
    if args.due:
        cases = [{"case": str(row.pk), "serial": row.serial, "state": row.state} for row in archived.due(actor)[:limit]]
        lines = table([_("编号"), _("流水号"), _("状态")], ((o["case"], o["serial"], o["state"]) for o in cases))
        show(args, {"items": cases}, lines if cases else [_("没有应当归档的案卷")])
        return DONE
    told = [archived.described(row) for row in archived.packages(actor)[:limit]]
    lines = table([_("编号"), _("档号"), "SHA-256"], ((one["id"], one["number"], one["sha256"]) for one in told))
    show(args, {"items": told}, lines if told else [_("没有归档包")])
    return DONE


def _get(args: argparse.Namespace) -> int:
    from dengji.documents import filing

    name, data = filing.read(actor=acting(args.username), package_id=args.id)
    path = Path(args.output or name).expanduser()
    path.write_bytes(data)
    show(args, {"file": str(path), "size": len(data)}, [_("已写入 {file}", file=str(path))])
    return DONE


def _transfer(args: argparse.Namespace) -> int:
    from dengji.documents import filing

    made = filing.transfer(
        actor=acting(args.username),
        transaction_id=transaction_id(),
        register_id=register_of(args.register).pk,
        package_ids=args.packages,
        receiver=args.receiver,
    )
    show(args, made, [_("移交批次 {number}：{count} 件，清单摘要 {digest}", **made)])
    return DONE

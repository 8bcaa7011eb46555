"""`dengji documents`: list documents, make what waits, write one to a file, seal it, enter how it was served."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from dengji.core.errors import N_

from ..failure import DONE, NO
from ..output import _, show, table
from ..who import acting, add_as, transaction_id

if TYPE_CHECKING:
    from dengji.registration.services import Upload

NAME = "documents"
HELP = N_("文书：列出、制作、取出、用印、登记送达")
NEEDS_DATABASE = True


def configure(parser: argparse.ArgumentParser) -> None:
    """Add list, make, get, seal and serve."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|make|get|seal|serve")
    listing = verbs.add_parser("list", help=_("列出某用户可见的文书，新的在前"))
    add_as(listing)
    listing.add_argument("--object", type=UUID, metavar="ID", help=_("只列此申请、登记或者异议的文书"))
    listing.add_argument("--kind", default="", metavar="KIND")
    listing.add_argument("--limit", type=int, default=50, metavar="N")
    making = verbs.add_parser("make", help=_("制作等待制作的文书；失败多次的也再试"))
    making.add_argument("--limit", type=int, default=500, metavar="N")
    getting = verbs.add_parser("get", help=_("取出一份文书"))
    add_as(getting)
    getting.add_argument("id", type=UUID)
    getting.add_argument("--form", choices=("pdf", "docx"), default="pdf")
    getting.add_argument("--output", metavar="FILE", help=_("写入的文件；默认为当前目录下的文书名"))
    sealing = verbs.add_parser("seal", help=_("用印；或者收存打印盖章后的扫描件"))
    sealing.add_argument("--scan", metavar="FILE", help=_("盖章后的扫描件；不给则加盖电子印章"))
    serving = verbs.add_parser("serve", help=_("登记送达情况"))
    serving.add_argument("--channel", choices=("telephone", "paper"), required=True)
    serving.add_argument("--event", choices=("sent", "delivered", "served", "failed"), required=True)
    serving.add_argument("--proof", metavar="FILE", help=_("送达回证扫描件"))
    for one in (sealing, serving):
        add_as(one)
        one.add_argument("id", type=UUID)
        one.add_argument("--note", default="", metavar="TEXT")


def run(args: argparse.Namespace) -> int:
    """Do what the verb says; raises DomainError not_found, document_pending, content_gone, document_not_sealable."""
    return {"list": _list, "make": _make, "get": _get, "seal": _seal, "serve": _serve}[args.verb](args)


def _file(name: str) -> Upload:
    from dengji.registration.services import Upload

    path = Path(name).expanduser()
    return Upload(path.name, path.read_bytes())


def _seal(args: argparse.Namespace) -> int:
    from dengji.documents import sealing

    common: dict[str, Any] = {
        "actor": acting(args.username),
        "transaction_id": transaction_id(),
        "document_id": args.id,
    }
    if args.scan:
        made = sealing.seal_on_paper(**common, upload=_file(args.scan), note=args.note)
    else:
        made = sealing.seal(**common)
    show(args, made, [f"{made['id']}  {made['seal']}  {made['sha256']}"])
    return DONE


def _serve(args: argparse.Namespace) -> int:
    from dengji.documents import serving

    made = serving.serve(
        actor=acting(args.username),
        transaction_id=transaction_id(),
        document_id=args.id,
        channel=args.channel,
        event=args.event,
        note=args.note,
        proof=_file(args.proof) if args.proof else None,
    )
    words = _("已送达：{at}", at=made["served_at"]) if made["served_at"] else _("已登记，尚未送达")
    show(args, made, [words])
    return DONE


def _list(args: argparse.Namespace) -> int:
    from dengji.documents import selectors

    rows = selectors.documents(acting(args.username), object_id=args.object, kind=args.kind, limit=max(1, args.limit))
    told = [dict(selectors.described(row)) for row in rows]
    lines = table(
        [_("编号"), _("文号"), _("文书"), _("状态")],
        ((one["id"], one["number"], _(one["label"]), one["state"]) for one in told),
    )
    show(args, {"items": told}, lines if told else [_("没有文书")])
    return DONE


def _make(args: argparse.Namespace) -> int:
    from dengji.documents import making, rendering, selectors

    if (gap := rendering.missing()) is not None:
        raise gap
    made = making.make_due(max(1, args.limit), again=True)
    left = selectors.counts()
    show(
        args,
        {"made": made, **left},
        [_("已制作 {made} 份，尚待制作 {waiting} 份，其中失败过 {failing} 份", made=made, **left)],
    )
    return DONE if not left["failing"] else NO


def _get(args: argparse.Namespace) -> int:
    from dengji.documents import services

    name, _type, data = services.read(actor=acting(args.username), document_id=args.id, form=args.form)
    path = Path(args.output or name).expanduser()
    path.write_bytes(data)
    show(args, {"file": str(path), "size": len(data)}, [_("已写入 {file}", file=str(path))])
    return DONE

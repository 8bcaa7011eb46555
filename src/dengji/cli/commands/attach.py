"""`dengji attach`: put a file to an application, a registration or an objection."""

from __future__ import annotations

import argparse
from pathlib import Path

from dengji.core.errors import N_
from dengji.law.rulebook import vocabulary

from ..failure import DONE
from ..output import _, fields, show
from ..who import acting, add_as, transaction_id

NAME = "attach"
HELP = N_("为申请、登记或异议上传一个材料文件")
NEEDS_DATABASE = True


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the object, the kind of material and the file."""
    parser.add_argument("reference", metavar="OBJECT", help=_("对象的编号、流水号或登记结果查询码"))
    parser.add_argument("kind", metavar="KIND", help=_("材料种类：{kinds}", kinds=" ".join(vocabulary("material"))))
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--transaction-id", metavar="ID", help=_("事务号；同一事务号重试不会重复上传"))
    add_as(parser)


def run(args: argparse.Namespace) -> int:
    """Print the stored file's id and digest; raises DomainError file_size, file_type, material_kind, forbidden."""
    from dengji.registration import lookup, services

    actor = acting(args.username)
    owner = lookup.find(args.reference, actor, kinds={"application", "registration", "objection"})
    answer = services.add_material(
        actor=actor,
        transaction_id=transaction_id(args.transaction_id),
        owner_kind=owner.OBJECT,
        owner_id=owner.pk,
        kind=args.kind,
        upload=services.Upload(args.file.name, args.file.read_bytes()),
    )
    show(args, answer, fields(answer.items()))
    return DONE

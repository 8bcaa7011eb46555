"""`dengji apply`: open a draft application, or save what is in one."""

from __future__ import annotations

import argparse

from dengji.core.errors import N_
from dengji.law.procedure import KINDS

from ..failure import DONE, UsageError
from ..output import _, fields, show
from ..who import acting, add_as, add_register, data_from, register_of, transaction_id

NAME = "apply"
HELP = N_("新建登记申请草稿，或用 --draft 修改已有草稿")
NEEDS_DATABASE = True


def configure(parser: argparse.ArgumentParser) -> None:
    """Add whose application it is, what kind, and its content."""
    add_as(parser)
    add_register(parser)
    parser.add_argument("--organisation", metavar="CREDIT_CODE", help=_("登记主体；新建时必填"))
    parser.add_argument("--kind", choices=KINDS, default="first", help=_("申请类型，默认首次登记"))
    parser.add_argument(
        "--type", dest="data_type", default="resource", metavar="TYPE", help=_("登记类型，默认公共数据资源")
    )
    parser.add_argument("--registration", metavar="CODE", help=_("变更、更正、注销、续展所针对的登记"))
    parser.add_argument("--agent", metavar="CREDIT_CODE", help=_("委托代理机构"))
    parser.add_argument("--copied-from", metavar="SERIAL", help=_("由本单位未获登记的申请复制"))
    parser.add_argument("--interested-party", action="store_true", help=_("利害关系人申请更正"))
    parser.add_argument("--data", metavar="JSON|@FILE|-", help=_("登记内容，字段见 record.schema.json"))
    parser.add_argument("--request", metavar="JSON|@FILE", help=_("变更类别、注销理由、续展月数等"))
    parser.add_argument("--draft", metavar="ID", help=_("修改此草稿：给出的字段替换原值，null 清除"))
    parser.add_argument("--transaction-id", metavar="ID", help=_("事务号；同一事务号重试不会重复新建"))


def run(args: argparse.Namespace) -> int:
    """Print the draft's id, state and revision; raises DomainError of `create_application` and `save_draft`."""
    answer = _save(args) if args.draft else _create(args)
    labels = {"id": _("编号"), "state": _("状态"), "revision": _("修订号")}
    show(args, answer, fields((label, answer.get(name)) for name, label in labels.items()))
    return DONE


def _save(args: argparse.Namespace) -> dict[str, object]:
    from dengji.registration import lookup, services

    actor = acting(args.username)
    return services.save_draft(
        actor=actor,
        transaction_id=transaction_id(args.transaction_id),
        application_id=lookup.find(args.draft, actor, kinds={"application"}).pk,
        content=data_from(args.data),
        request=data_from(args.request) or None,
    )


def _create(args: argparse.Namespace) -> dict[str, object]:
    from dengji.parties import selectors as parties
    from dengji.registration import lookup, services

    if not args.organisation:
        raise UsageError(_("请用 --organisation 指明登记主体"), NAME)
    actor = acting(args.username)
    return services.create_application(
        actor=actor,
        transaction_id=transaction_id(args.transaction_id),
        register_id=register_of(args.register).pk,
        organisation_id=parties.organisation_by_code(args.organisation).pk,
        kind=args.kind,
        data_type=args.data_type,
        registration_id=lookup.registration_id(args.registration) if args.registration else None,
        agent_id=parties.organisation_by_code(args.agent).pk if args.agent else None,
        copied_from=lookup.find(args.copied_from, actor, kinds={"application"}).pk if args.copied_from else None,
        content=data_from(args.data),
        request=data_from(args.request) or None,
        interested_party=args.interested_party,
    )

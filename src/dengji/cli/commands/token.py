"""`dengji token`: a person's API tokens; the secret is shown once."""

from __future__ import annotations

import argparse

from dengji.core.errors import N_

from ..failure import DONE
from ..output import _, say, show, table
from ..who import acting

NAME = "token"
HELP = N_("接口令牌：生成、吊销、列出")
NEEDS_DATABASE = True


def configure(parser: argparse.ArgumentParser) -> None:
    """Add `create`, `revoke` and `list`."""
    actions = parser.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create", help=_("生成令牌，只显示一次"))
    create.add_argument("username", metavar="USERNAME")
    create.add_argument("--label", default="cli", metavar="TEXT", help=_("用途说明"))
    create.add_argument("--days", type=int, default=90, metavar="N", help=_("有效天数，1 至 366"))
    create.set_defaults(handler=_create)
    revoke = actions.add_parser("revoke", help=_("吊销令牌，立即生效"))
    revoke.add_argument("token", type=int, metavar="NUMBER", help=_("编号，见 dengji token list"))
    revoke.set_defaults(handler=_revoke)
    listed = actions.add_parser("list", help=_("列出一人的令牌"))
    listed.add_argument("username", metavar="USERNAME")
    listed.set_defaults(handler=_list)


def run(args: argparse.Namespace) -> int:
    """Do what was asked for; raises DomainError days_invalid, not_found."""
    code: int = args.handler(args)
    return code


def _create(args: argparse.Namespace) -> int:
    from dengji.parties import selectors, services

    person = selectors.person_by_username(args.username)
    secret = services.create_token(actor=services.OPERATOR, person=person, label=args.label, days=args.days)
    if not args.json:
        say(_("请妥善保存，令牌不会再次显示："))
    show(args, {"username": person.username, "token": secret, "days": args.days}, [secret])
    return DONE


def _revoke(args: argparse.Namespace) -> int:
    from dengji.parties import services

    services.revoke_token(actor=services.OPERATOR, token_id=args.token)
    show(args, {"id": args.token, "revoked": True}, [_("令牌 {number} 已吊销", number=args.token)])
    return DONE


def _list(args: argparse.Namespace) -> int:
    from dengji.registration import queries

    rows = queries.tokens(acting(args.username))
    headings = [_("编号"), _("用途"), _("到期"), _("吊销")]
    show(
        args,
        rows,
        table(headings, ((r["id"], r["label"], f"{r['expires_at']:%Y-%m-%d}", r["revoked_at"] or "") for r in rows)),
    )
    return DONE

"""`dengji person`: accounts of natural persons; a password is read from stdin or the terminal, never from the words."""

from __future__ import annotations

import argparse
import getpass
import sys

from dengji.core.errors import N_

from ..failure import DONE
from ..output import _, show, table

NAME = "person"
HELP = N_("用户：新增、列出、发出密码设置链接")
NEEDS_DATABASE = True


def configure(parser: argparse.ArgumentParser) -> None:
    """Add `add`, `list` and `open`."""
    actions = parser.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help=_("新增用户；姓名、电话、邮箱加密保存"))
    add.add_argument("username", metavar="USERNAME", help=_("登录名"))
    add.add_argument("name", metavar="NAME", help=_("姓名"))
    add.add_argument("--phone", default="", metavar="PHONE")
    add.add_argument("--email", default="", metavar="EMAIL")
    add.add_argument("--language", choices=("zh-hans", "en"), default="zh-hans")
    add.add_argument("--password", action="store_true", help=_("设置密码：从终端询问，或从标准输入读取一行"))
    add.set_defaults(handler=_add)
    listed = actions.add_parser("list", help=_("列出用户的登录名"))
    listed.add_argument("--after", default="", metavar="USERNAME", help=_("从此登录名之后列起"))
    listed.add_argument("--limit", type=int, default=100, metavar="N")
    listed.set_defaults(handler=_list)
    opened = actions.add_parser("open", help=_("发出只能使用一次的密码设置链接；也用于重置管理员的密码"))
    opened.add_argument("username", metavar="USERNAME", help=_("登录名"))
    opened.add_argument("--factor", action="store_true", help=_("同时清除第二重验证"))
    opened.set_defaults(handler=_open)


def run(args: argparse.Namespace) -> int:
    """Do what was asked for; raises DomainError username_required, password_weak, exists."""
    code: int = args.handler(args)
    return code


def _password() -> str:
    if sys.stdin.isatty():
        return getpass.getpass(_("密码："))
    return sys.stdin.readline().rstrip("\r\n")


def _add(args: argparse.Namespace) -> int:
    from dengji.parties import services

    row = services.add_person(
        actor=services.OPERATOR,
        username=args.username,
        name=args.name,
        password=_password() if args.password else "",
        phone=args.phone,
        email=args.email,
        language=args.language,
    )
    show(args, {"id": row.pk, "username": row.username}, [f"{row.username}  {row.pk}"])
    return DONE


def _list(args: argparse.Namespace) -> int:
    from dengji.parties import selectors

    rows = selectors.people(after=args.after, limit=max(1, args.limit))
    data = [{"id": r.pk, "username": r.username, "active": r.is_active, "created_at": r.created_at} for r in rows]
    show(
        args,
        data,
        table(
            [_("登录名"), _("编号"), _("状态")], ((r.username, r.pk, "" if r.is_active else _("停用")) for r in rows)
        ),
    )
    return DONE


def _open(args: argparse.Namespace) -> int:
    from django.conf import settings
    from django.urls import reverse

    from dengji.parties import selectors
    from dengji.parties.accounts import services
    from dengji.parties.services import OPERATOR
    from dengji.web.accounts import factor

    person = selectors.person_by_username(args.username)
    if args.factor:
        factor.forget(person)
    key = services.opening_key(actor=OPERATOR, person=person)
    link = settings.DENGJI_PUBLIC_URL.rstrip("/") + reverse("accounts-open", args=(person.pk, key))
    show(args, {"id": person.pk, "username": person.username, "link": link}, [f"{person.username}  {link}"])
    return DONE

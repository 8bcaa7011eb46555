"""`dengji node`: the identity and the legal clock of this node; the roles of a database server of one's own."""

from __future__ import annotations

import argparse
import os
import secrets
from datetime import datetime
from urllib.parse import urlencode

from dengji.core.errors import N_
from dengji.database import ensure_roles, roles
from dengji.law.calendar import SHANGHAI

from .. import recover
from ..failure import DONE, UsageError
from ..node import open_node
from ..output import _, fields, show

NAME = "node"
HELP = N_("节点：查看身份与时钟，恢复后与见证方核对，移动演示节点的法定时钟，为外部数据库建立角色")

_ADMIN_URL = "DENGJI_DATABASE_ADMIN_URL"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add `show`, `clock`, `roles` and `recover`."""
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("show", help=_("节点身份与时钟")).set_defaults(handler=_show)
    clock = actions.add_parser("clock", help=_("把演示节点的法定时钟向前移动"))
    clock.add_argument("--to", required=True, metavar="TIME", help=_("ISO 8601 时间，未写时区即北京时间"))
    clock.set_defaults(handler=_clock)
    made = actions.add_parser("roles", help=_("在外部数据库上建立迁移、应用、审计三个角色和数据库"))
    made.add_argument("--database", default=roles.DATABASE, metavar="NAME")
    made.set_defaults(handler=_roles)
    recover.configure(actions)


def run(args: argparse.Namespace) -> int:
    """Do what was asked for; raises DomainError clock_fixed, clock_backwards, node_missing; DatabaseError."""
    code: int = args.handler(args)
    return code


def _state() -> dict[str, object]:
    from dengji.core.clock import legal_now, real_now
    from dengji.core.node import identity, is_recovering

    origin, demonstration = identity()
    return {
        "origin": origin,
        "demonstration": demonstration,
        "legal_time": legal_now(),
        "real_time": real_now(),
        "recovering": is_recovering(),
    }


def _show(args: argparse.Namespace) -> int:
    with open_node(args):
        data = _state()
    labels = {
        "origin": _("日志名称"),
        "demonstration": _("演示节点"),
        "legal_time": _("法定时间"),
        "real_time": _("实际时间"),
        "recovering": _("恢复中，只读"),
    }
    show(args, data, fields((labels[name], value) for name, value in data.items()))
    return DONE


def _clock(args: argparse.Namespace) -> int:
    try:
        instant = datetime.fromisoformat(args.to)
    except ValueError:
        raise UsageError(_("不是 ISO 8601 时间：{text}", text=args.to), NAME) from None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=SHANGHAI)
    with open_node(args):
        from django.db import transaction

        from dengji.core.clock import advance_to

        with transaction.atomic():
            advance_to(instant)
        data = _state()
    show(args, data, [_("法定时间 {legal_time}", **data)])
    return DONE


def _roles(args: argparse.Namespace) -> int:
    """The administrator's address comes by the environment, where other users of the machine cannot read it."""
    admin = os.environ.get(_ADMIN_URL, "").strip()
    if not admin:
        raise UsageError(_("请在环境变量 {name} 中给出管理员地址", name=_ADMIN_URL), NAME)
    from psycopg.conninfo import conninfo_to_dict

    passwords = {role: secrets.token_urlsafe(32) for role in roles.ROLES}
    ensure_roles(admin, args.database, passwords)
    # Host, port and what else the administrator's address says of the way (TLS), not who they are.
    way = {k: v for k, v in conninfo_to_dict(admin).items() if k not in ("user", "password", "dbname") and v}
    names = {
        "app": "DENGJI_DATABASE_URL",
        "migrator": "DENGJI_DATABASE_MIGRATOR_URL",
        "auditor": "DENGJI_DATABASE_AUDITOR_URL",
    }
    data = {
        name: f"postgresql://{roles.ROLES[role]}:{passwords[role]}@/{args.database}?{urlencode(way)}"
        for role, name in names.items()
    }
    show(args, data, [f"export {name}='{url}'" for name, url in data.items()])
    return DONE

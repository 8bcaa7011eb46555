"""`dengji role`: who may do what, given and ended by the node's operator."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dengji.core.errors import N_

from ..failure import DONE
from ..output import _, show, table

if TYPE_CHECKING:
    from dengji.parties.models import Role

NAME = "role"
HELP = N_("角色：授予、终止、列出")
NEEDS_DATABASE = True


def configure(parser: argparse.ArgumentParser) -> None:
    """Add `grant`, `end`, `list` and `kinds`."""
    actions = parser.add_subparsers(dest="action", required=True)
    grant = actions.add_parser("grant", help=_("授予角色"))
    grant.add_argument("username", metavar="USERNAME")
    grant.add_argument("kind", metavar="KIND", help=_("角色代号，见 dengji role kinds"))
    grant.add_argument("--organisation", metavar="CREDIT_CODE")
    grant.add_argument("--register", metavar="SLUG")
    grant.add_argument("--jurisdiction", metavar="CODE")
    grant.set_defaults(handler=_grant)
    end = actions.add_parser("end", help=_("终止角色，立即生效，记录保留"))
    end.add_argument("role", type=int, metavar="NUMBER", help=_("编号，见 dengji role list"))
    end.set_defaults(handler=_end)
    listed = actions.add_parser("list", help=_("列出现任角色"))
    listed.add_argument("username", nargs="?", metavar="USERNAME")
    listed.set_defaults(handler=_list)
    actions.add_parser("kinds", help=_("列出全部角色代号")).set_defaults(handler=_kinds)


def run(args: argparse.Namespace) -> int:
    """Do what was asked for; raises DomainError role_unknown, binding_required, roles_exclude, exists, not_found."""
    code: int = args.handler(args)
    return code


def _grant(args: argparse.Namespace) -> int:
    from dengji.parties import selectors, services

    row = services.grant_role(
        actor=services.OPERATOR,
        person=selectors.person_by_username(args.username),
        kind=args.kind,
        organisation=selectors.organisation_by_code(args.organisation) if args.organisation else None,
        register=selectors.register_by_slug(args.register) if args.register else None,
        jurisdiction=selectors.jurisdiction_by_code(args.jurisdiction) if args.jurisdiction else None,
    )
    show(args, {"id": row.pk, "username": args.username, "kind": row.kind}, [f"{row.pk}  {args.username}  {row.kind}"])
    return DONE


def _end(args: argparse.Namespace) -> int:
    from dengji.parties import selectors, services

    row = selectors.role_by_id(args.role)
    services.end_role(actor=services.OPERATOR, role=row)
    show(args, {"id": row.pk, "ended": True}, [_("角色 {number} 已终止", number=row.pk)])
    return DONE


def _bound_to(row: Role) -> str:
    if row.organisation:
        return f"{row.organisation.credit_code} {row.organisation.name}"
    if row.register:
        return f"{row.register.slug} {row.register.name}"
    return f"{row.jurisdiction.code} {row.jurisdiction.name}" if row.jurisdiction else ""


def _list(args: argparse.Namespace) -> int:
    from dengji.parties import selectors
    from dengji.parties.roles import KINDS

    person = selectors.person_by_username(args.username) if args.username else None
    rows = selectors.current_roles(person)
    data = [
        {
            "id": r.pk,
            "username": r.person.username,
            "kind": r.kind,
            "organisation": r.organisation.credit_code if r.organisation else None,
            "register": r.register.slug if r.register else None,
            "jurisdiction": r.jurisdiction.code if r.jurisdiction else None,
            "granted_at": r.granted_at,
        }
        for r in rows
    ]
    headings = [_("编号"), _("登录名"), _("角色"), _("名称"), _("所属")]
    show(
        args,
        data,
        table(headings, ((r.pk, r.person.username, r.kind, _(KINDS[r.kind].label), _bound_to(r)) for r in rows)),
    )
    return DONE


def _kinds(args: argparse.Namespace) -> int:
    from dengji.parties.roles import KINDS

    data = [{"kind": k.code, "label": _(k.label), "bound_to": k.bound_to} for k in KINDS.values()]
    show(args, data, table([_("角色"), _("名称"), _("所属")], ([*d.values()] for d in data)))
    return DONE

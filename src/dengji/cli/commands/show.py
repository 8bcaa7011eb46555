"""`dengji show`: one object by id, serial or code, as its reader may see it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from dengji.core.errors import N_
from dengji.law.procedure import STATES, TABLE
from dengji.law.record import FIELDS

from ..failure import DONE
from ..output import _, act_label, as_json, fields, language, show, table, two, when
from ..who import acting

if TYPE_CHECKING:
    from dengji.parties.actor import Actor
    from dengji.registration.models.cases import CaseBase

NAME = "show"
HELP = N_("查看一件申请、登记、异议或投诉：编号、流水号或登记结果查询码")
NEEDS_DATABASE = True

DISCLAIMER = N_("登记机构仅作形式审核；本结果不作为数据权属证明，不代表对数据质量、价值或合规性的实质认定")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the reference, --as and --personal."""
    parser.add_argument("reference", metavar="ID|SERIAL|CODE")
    parser.add_argument("--as", dest="username", metavar="USERNAME", help=_("以哪个用户查看；不写则只看公开内容"))
    parser.add_argument("--personal", action="store_true", help=_("同时查看经办人信息，查看会留下记录"))


def run(args: argparse.Namespace) -> int:
    """Print the object; without --as the public side of a registration. Raises DomainError not_found, forbidden."""
    from dengji.registration import queries

    if not args.username:
        data = queries.registration(args.reference) | {"notice": _(DISCLAIMER)}
        show(args, data, _lines("registration", data))
        return DONE
    kind, data = _private(args, acting(args.username))
    show(args, data, _lines(kind, data))
    return DONE


def _details() -> dict[str, Callable[[Actor, CaseBase, bool], dict[str, Any]]]:
    from dengji.registration import queries

    def registration(actor: Actor, row: Any, personal: bool) -> dict[str, Any]:
        return queries.registration(row.code) | {"id": row.pk, "notice": _(DISCLAIMER)}

    def recheck(actor: Actor, row: Any, personal: bool) -> dict[str, Any]:
        return {"id": row.pk, "state": row.state, "registration_id": row.registration_id, "period": row.period}

    return {
        "application": lambda actor, row, personal: queries.application_detail(actor, row.pk, personal=personal),
        "registration": registration,
        "objection": lambda actor, row, personal: queries.objection_detail(actor, row.pk),
        "complaint": lambda actor, row, personal: queries.complaint_detail(actor, row.pk),
        "recheck": recheck,
    }


def _private(args: argparse.Namespace, actor: Actor) -> tuple[str, dict[str, Any]]:
    from dengji.registration import lookup, queries

    row = lookup.find(args.reference, actor)
    data = _details()[row.OBJECT](actor, row, args.personal)
    return row.OBJECT, data | {"object": row.OBJECT, "decisions": queries.decisions(actor, type(row), row.pk)}


def _label(name: str) -> str:
    known = FIELDS.get(name)
    return (known.label if language() == "zh" else known.label_en) if known else name


def _text(value: Any) -> Any:
    """A list of words joined, anything nested as JSON on one line, all else as it is."""
    if isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value):
        return two("、", ", ").join(value)
    return " ".join(as_json(value).split()) if isinstance(value, (list, tuple, dict)) else value


def _lines(kind: str, data: dict[str, Any]) -> list[str]:
    """The object's own columns, its content by the labels of the form, its findings and its history."""
    nested = ("content", "fields", "decisions", "findings", "notice", "acts", "object")
    lines = fields((name, _text(value)) for name, value in data.items() if name not in nested and value)
    state = str(data.get("state", ""))
    lines.insert(0, f"{_(TITLES[kind])}  {_(STATES[kind].get(state, state))}")
    content = data.get("content") or data.get("fields") or {}
    lines += ["", *fields((_label(name), _text(value)) for name, value in content.items())] if content else []
    lines += [f"- [{one.severity}] {_(one.message, **one.params)}" for one in data.get("findings") or ()]
    if acts := data.get("acts"):
        lines += ["", _("可以办理：") + two("、", ", ").join(f"{a} {act_label(TABLE[a])}" for a in acts)]
    lines += ["", *_history(kind, data["decisions"])] if data.get("decisions") else []
    if data.get("notice"):
        lines += ["", str(data["notice"])]
    return lines


TITLES = {
    "application": N_("登记申请"),
    "registration": N_("登记结果"),
    "objection": N_("异议"),
    "complaint": N_("投诉举报"),
    "recheck": N_("抽查"),
}


def _history(kind: str, decisions: Iterable[dict[str, Any]]) -> list[str]:
    rows = [
        (
            d["n"],
            when(d["at"]),
            act_label(TABLE[d["act"]]),
            _(STATES[kind].get(d["state"], d["state"])),
            d["deadline"],
            _text(d["words"] or ""),
        )
        for d in decisions
    ]
    return table(["", _("时间"), _("事项"), _("状态"), _("期限"), _("说明")], rows)

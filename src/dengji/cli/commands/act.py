"""`dengji act`: any act of the procedure that a person may do, through the same table and checks as the API."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dengji.core.errors import N_, DomainError
from dengji.law.procedure import STATES, TABLE

from ..failure import DONE, UsageError
from ..output import _, act_label, fields, show
from ..who import acting, data_from, register_of, transaction_id

if TYPE_CHECKING:
    from pydantic import BaseModel

    from dengji.parties.actor import Actor
    from dengji.registration.services import Upload

NAME = "act"
HELP = N_("办理一个环节：受理、补正、审核、公示、异议、赋码、变更、注销、撤销等")
NEEDS_DATABASE = True


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the reference, the act and what it needs."""
    parser.add_argument(
        "reference", metavar="OBJECT", help=_("对象的编号、流水号或登记结果查询码；投诉和抽查为登记簿代号")
    )
    parser.add_argument("act", metavar="ACT", help=_("环节代号，如 accept；dengji queue 列出可以办理的环节"))
    parser.add_argument("--as", dest="username", metavar="USERNAME", help=_("以哪个用户办理；异议和投诉可不写"))
    parser.add_argument("--data", metavar="JSON|@FILE|-", help=_("该环节所需内容：JSON、@文件或 - 标准输入"))
    parser.add_argument(
        "--file", type=Path, action="append", default=[], metavar="FILE", help=_("异议的证据文件，可多次")
    )
    parser.add_argument("--transaction-id", metavar="ID", help=_("事务号；同一事务号重试不会重复办理"))


def run(args: argparse.Namespace) -> int:
    """Do the act and print what it answered; raises DomainError of the procedure, UsageError for an unknown act."""
    data = data_from(args.data)
    if args.act in BEGINNINGS:
        answer = BEGINNINGS[args.act](args, data)
    else:
        answer = _on_object(args, data)
    show(args, answer, _lines(args.act, answer))
    return DONE


def _actor(args: argparse.Namespace) -> Actor:
    from dengji.parties.actor import NOBODY

    return acting(args.username) if args.username else NOBODY


def validated(body: type[BaseModel], data: dict[str, Any]) -> dict[str, Any]:
    """Return the words of an act by the API's own shape of it; raises DomainError invalid_input naming the member."""
    from pydantic import ValidationError

    try:
        return body.model_validate(data).model_dump(exclude_none=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "data"
        raise DomainError(
            "invalid_input",
            N_("{field} 不符合要求：{reason}"),
            place,
            status=400,
            params={"field": place, "reason": first["msg"]},
        ) from None


def _on_object(args: argparse.Namespace, data: dict[str, Any]) -> dict[str, Any]:
    from dengji.registration import lookup
    from dengji.registration.api.acts import ACTS

    rows = {row.object: row for row in ACTS if row.act == args.act}
    if not rows:
        raise UsageError(_("没有可由人办理的环节 {act}；可用：{known}", act=args.act, known=" ".join(_known())), NAME)
    actor = _actor(args)
    public = next((row for row in rows.values() if row.public), None)
    if args.username is None and public is None:
        raise UsageError(_("请用 --as 指明办理人"), NAME)
    if args.username is None and public is not None:
        kind, key = public.object, lookup.as_uuid(args.reference)
    else:
        found = lookup.find(args.reference, actor, kinds=rows)
        kind, key = found.OBJECT, found.pk
    row = rows[kind]
    return row.service(
        actor=actor,
        transaction_id=transaction_id(args.transaction_id),
        **{row.target or f"{row.object}_id": key},
        **validated(row.body, data),
    )


def _known() -> list[str]:
    from dengji.registration.api.acts import ACTS

    return sorted({row.act for row in ACTS} | BEGINNINGS.keys())


def upload(path: Path) -> Upload:
    """Return a file as it would arrive by the API; raises OSError."""
    from dengji.registration.services import Upload

    return Upload(path.name, path.read_bytes())


def _lodge(args: argparse.Namespace, data: dict[str, Any]) -> dict[str, Any]:
    from dengji.registration import lookup, services
    from dengji.registration.api.schemas_voices import NewObjection

    if "evidence" in data:
        raise UsageError(_("证据文件请用 --file 给出"), NAME)
    return services.lodge(
        actor=_actor(args),
        transaction_id=transaction_id(args.transaction_id),
        notice_id=lookup.running_notice(args.reference).pk,
        **validated(NewObjection, data) | {"evidence": [upload(path) for path in args.file]},
    )


def _complain(args: argparse.Namespace, data: dict[str, Any]) -> dict[str, Any]:
    from dengji.registration import services
    from dengji.registration.api.schemas_voices import NewComplaint

    words = validated(NewComplaint, data)
    words.pop("register_id", None)
    return services.file_complaint(
        actor=_actor(args),
        transaction_id=transaction_id(args.transaction_id),
        register_id=register_of(args.reference).pk,
        **words,
    )


def _draw(args: argparse.Namespace, data: dict[str, Any]) -> dict[str, Any]:
    from dengji.registration import services

    if not args.username or not str(data.get("period", "")):
        raise UsageError(_('请用 --as 指明办理人，用 --data 写明期间，如 {"period": "2026-H1"}'), NAME)
    return services.draw_rechecks(
        actor=acting(args.username),
        transaction_id=transaction_id(args.transaction_id),
        register_id=register_of(args.reference).pk,
        period=str(data["period"]),
    )


#: Acts that make an object: their reference is what it is about.
BEGINNINGS: dict[str, Callable[[argparse.Namespace, dict[str, Any]], dict[str, Any]]] = {
    "lodge": _lodge,
    "file_complaint": _complain,
    "draw_recheck": _draw,
}


def _lines(act: str, answer: dict[str, Any]) -> list[str]:
    state = str(answer.get("state", ""))
    said = STATES[TABLE[act].object].get(state, state) if TABLE[act].object in STATES else state
    rest = {k: v for k, v in answer.items() if k not in ("act", "state", "n", "at") and v not in (None, "", [])}
    return [f"{act_label(TABLE[act])}  {_(said)}", *fields(rest.items())]

"""What several commands ask for: the person who acts, the register, data from a file, a fresh transaction id."""

from __future__ import annotations

import argparse
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from dengji.core.errors import N_, DomainError

from .failure import UsageError
from .output import _

if TYPE_CHECKING:
    from dengji.parties.actor import Actor
    from dengji.parties.models import Register


def add_as(parser: argparse.ArgumentParser) -> None:
    """Add --as, the person in whose name something is done or read."""
    parser.add_argument("--as", dest="username", required=True, metavar="USERNAME", help=_("以哪个用户办理（登录名）"))


def add_register(parser: argparse.ArgumentParser) -> None:
    """Add --register, needed only where a node hosts several."""
    parser.add_argument("--register", metavar="SLUG", help=_("登记簿代号；节点只有一个登记簿时可省略"))


def acting(username: str) -> Actor:
    """Return the actor of a person by login name; raises DomainError not_found, person_inactive."""
    from dengji.parties.actor import for_person
    from dengji.parties.selectors import person_by_username

    person = person_by_username(username)
    if not person.is_active:
        raise DomainError("person_inactive", N_("该用户已停用"), "as", status=403)
    return for_person(person)


def register_of(slug: str | None) -> Register:
    """Return the named register, or the only one; raises DomainError not_found, register_required."""
    from dengji.parties.selectors import only_register, register_by_slug

    return register_by_slug(slug) if slug else only_register()


def data_from(text: str | None) -> dict[str, Any]:
    """Return the JSON object given as text, as `@file`, or on stdin by `-`; raises UsageError, OSError."""
    if not text:
        return {}
    if text == "-":
        raw = sys.stdin.buffer.read()
    elif text.startswith("@"):
        raw = Path(text[1:]).expanduser().read_bytes()
    else:
        raw = text.encode("utf-8", "surrogateescape")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise UsageError(_("不是有效的 JSON：{reason}", reason=str(error))) from error
    if not isinstance(value, dict):
        raise UsageError(_("应为一个 JSON 对象"))
    return value


def transaction_id(given: str | None = None) -> str:
    """Return the given transaction id, or a fresh one."""
    return given or uuid.uuid4().hex

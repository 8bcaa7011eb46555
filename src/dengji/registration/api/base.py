"""What every endpoint needs: who calls, under which transaction id, and the sentence that stands on every result."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils.translation import get_language, gettext, pgettext
from ninja.security import HttpBearer

from dengji.core.errors import N_, DomainError
from dengji.core.frame import MAX_TRANSACTION_ID
from dengji.law.checks import Finding
from dengji.law.procedure import STATES, TABLE
from dengji.law.wording import in_english
from dengji.parties.actor import NOBODY, Actor
from dengji.parties.selectors import actor_for_token

#: Stands on every result that shows a registration (design §10).
NOTICE = N_("登记机构仅作形式审核；本结果不作为数据权属证明，不代表对数据质量、价值或合规性的实质认定")
TOKEN_REJECTED = N_("访问令牌无效、已过期或已撤销")


class Bearer(HttpBearer):
    """A person's API token; an unknown, expired or revoked one is refused."""

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:
        """Return the actor behind the token, None where it is not valid."""
        return actor_for_token(token)


class Guest:
    """A token where one is sent, otherwise the public; a wrong token is refused, not ignored.

    `voice` marks the posts of people without an account, which are limited more tightly and may carry evidence.
    """

    def __init__(self, *, voice: bool = False) -> None:
        self.voice = voice

    def __call__(self, request: HttpRequest) -> Actor | None:
        """Return who calls; None for a token that is not valid."""
        request.dengji_voice = self.voice  # type: ignore[attr-defined]
        header = request.headers.get("Authorization", "")
        if not header:
            return NOBODY
        scheme, _, token = header.partition(" ")
        return actor_for_token(token) if scheme.lower() == "bearer" else None


PUBLIC = Guest()
VOICE = Guest(voice=True)


def actor_of(request: HttpRequest) -> Actor:
    """Return the actor whom authentication found."""
    actor: Actor = request.auth  # type: ignore[attr-defined]
    return actor


def transaction_id(request: HttpRequest) -> str:
    """Return the Idempotency-Key of a write; raises DomainError transaction_id_invalid (400)."""
    key = request.headers.get("Idempotency-Key", "")
    if not key or len(key) > MAX_TRANSACTION_ID or not key.isascii() or not key.isprintable():
        raise DomainError(
            "transaction_id_invalid",
            N_("事务号（Idempotency-Key）必填，且不超过64个字符"),
            "Idempotency-Key",
            status=400,
        )
    return key


def say(message: str, params: Mapping[str, Any] | None = None) -> str:
    """Return a Chinese message id in the caller's language, with its parameters filled in."""
    text = gettext(message) if message else ""
    if params and (get_language() or "").startswith("en"):
        params = in_english(params, gettext)
    try:
        return text.format(**params) if params else text
    except (KeyError, IndexError, ValueError):
        return text


def act_label(name: str) -> str:
    """Return what an act is called; where a state bears the same Chinese words, English tells them apart."""
    label = TABLE[name].label
    text = pgettext("act", label)
    return text if text != label else gettext(label)


def state_label(kind: str, state: str) -> str:
    """Return the name of a state in the caller's language."""
    return gettext(STATES.get(kind, {}).get(state, state))


def with_notice(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result that shows a registration, with the sentence on what registration means."""
    return {**result, "notice": gettext(NOTICE)}


def finding(found: Finding) -> dict[str, Any]:
    """Return one finding of the formal-review checks in the caller's language."""
    return {
        "code": found.code,
        "field": found.field,
        "severity": found.severity,
        "article": found.article,
        "message": say(found.message, found.params),
        "fix": say(found.fix, found.params),
        "clearable": found.clearable,
    }


def from_base64(data: str) -> bytes:
    """Return the bytes of a base64 text; raises DomainError invalid_input."""
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise DomainError("invalid_input", N_("文件内容应为 base64 文本"), "data") from None

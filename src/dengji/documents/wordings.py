"""The words of each kind of document: shipped as TOML, or an agency's own versions; plain text with {placeholders}.

Only the words may be changed, never the layout. A placeholder that is not on the list is an error when wording is
published, not when a document is made.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from dengji.core.errors import N_, DomainError, not_found

from .models import Wording
from .table import FORM_LABELS, KINDS

SHIPPED = Path(__file__).parent / "wording"
LANGUAGES = ("zh", "en")
#: What the agency says of itself on every document; a kind of wording of its own.
AGENCY = "agency"
#: Paragraphs that stand for something else than text: the table of facts, lists, room to write by hand.
BLOCKS = ("facts", "items", "pledges", "space")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_TEXTS = ("title", "addressee")
_LISTS = ("paragraphs", "facts", "closing", "signs", "pledges")
_MAX_TEXT, _MAX_LIST = 4000, 60

#: THE list of placeholders: name → (Chinese label, English label). The labels stand in the table of facts.
PLACEHOLDERS: dict[str, tuple[str, str]] = {
    "agency": ("登记机构", "Registration agency"),
    "agent_contact": ("代理经办人", "Contact of the agent"),
    "agent_credit_code": ("代理机构统一社会信用代码", "Credit code of the agent"),
    "agent_name": ("代理机构", "Agent"),
    "accept_date": ("受理日期", "Accepted on"),
    "access_mode": ("获取方式", "Access"),
    "application_kind": ("申请类型", "Kind of application"),
    "code": ("登记结果查询码", "Query code"),
    "collection_basis": ("数据收集依据", "Basis of collection"),
    "contact_name": ("经办人", "Clerk"),
    "contains_personal": ("是否含个人信息", "Holds personal information"),
    "credit_code": ("统一社会信用代码", "Credit code"),
    "data_type": ("登记类型", "Data type"),
    "deadline": ("期限", "Due by"),
    "decision_date": ("办理日期", "Decided on"),
    "duty_basis": ("履职或者服务事项", "Duty or service"),
    "evidence_digest": ("存证摘要", "Digest of the deposit"),
    "grade": ("数据分级", "Grade"),
    "ground": ("事由", "Ground"),
    "industries": ("行业分类", "Industry"),
    "intro": ("数据内容简介", "Brief of the content"),
    "lodged_date": ("异议提出日期", "Objection lodged on"),
    "name": ("登记数据名称", "Name of the data"),
    "notice_period": ("公示期", "Period of the notice"),
    "notice_wd": ("公示工作日", "Working days of the notice"),
    "objector": ("异议人", "Objector"),
    "opinion": ("审核意见", "Opinion"),
    "reason": ("理由", "Reasons"),
    "receipt_date": ("申请提交日期", "Application received on"),
    "regions": ("覆盖地区", "Territory"),
    "register": ("登记簿", "Register"),
    "registrant": ("登记主体", "Registrant"),
    "serial": ("登记申请流水号", "Serial"),
    "until": ("陈述申辩截止日期", "Statement due by"),
    "valid_from": ("有效期起", "Valid from"),
    "valid_to": ("有效期至", "Valid until"),
    "version": ("登记结果版本", "Version"),
}


@dataclass(frozen=True)
class Words:
    """The wording that counts: its version (0 as shipped) and the texts of both languages."""

    version: int
    texts: Mapping[str, Mapping[str, Any]]


@lru_cache(maxsize=64)
def shipped(kind: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the shipped texts of a kind; raises DomainError not_found for one that is not known."""
    if kind not in KINDS and kind not in FORM_LABELS and kind != AGENCY:
        raise not_found()
    with (SHIPPED / f"{kind}.toml").open("rb") as file:
        texts = tomllib.load(file)
    return {language: texts[language] for language in LANGUAGES}


def in_force(register_id: UUID, kind: str) -> Words:
    """Return an agency's own newest wording of a kind, else what is shipped."""
    row = Wording.objects.filter(register_id=register_id, kind=kind).order_by("-version").first()
    return Words(row.version, row.texts) if row else Words(0, shipped(kind))


def checked(kind: str, texts: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return texts of an agency's own in their plain form; raises DomainError wording_invalid naming what is wrong."""
    if set(texts) != set(LANGUAGES):
        raise _wrong(N_("文书用语应有中文（zh）和英文（en）两部分"), "texts")
    return {language: _part(kind, language, texts[language]) for language in LANGUAGES}


def _part(kind: str, language: str, part: Any) -> dict[str, Any]:
    example = shipped(kind)[language]
    if not isinstance(part, Mapping) or set(part) - set(example):
        raise _wrong(N_("文书用语只能包含：{names}"), language, names="、".join(example))
    plain = {**example, **part}
    for name, value in plain.items():
        field = f"{language}.{name}"
        if isinstance(example[name], list):
            good = isinstance(value, list) and len(value) <= _MAX_LIST and all(_is_text(one) for one in value)
        else:
            good = _is_text(value)
        if not good:
            raise _wrong(N_("{field} 的内容不是文本，或者过长"), field, field=field)
        _known(field, name, value if isinstance(value, list) else [value])
    if "title" in plain and not plain["title"].strip():
        raise _wrong(N_("{field} 不能为空"), f"{language}.title", field=f"{language}.title")
    return plain


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_TEXT and all(c.isprintable() or c == "\u3000" for c in value)


def _known(field: str, name: str, texts: list[str]) -> None:
    for text in texts:
        found = [text] if name == "facts" else _PLACEHOLDER.findall(text)
        for one in found:
            block = name == "paragraphs" and one in BLOCKS
            if one not in PLACEHOLDERS and not (block and text == f"{{{one}}}"):
                raise _wrong(N_("{field} 中没有可用的占位符“{name}”"), field, field=field, name=one)
        rest = _PLACEHOLDER.sub("", text)
        if name != "facts" and ("{" in rest or "}" in rest):
            raise _wrong(N_("{field} 中的花括号不成对"), field, field=field)


def _wrong(message: str, where: str, **params: str) -> DomainError:
    return DomainError("wording_invalid", message, where, params=params)


def fill(text: str, values: Mapping[str, str]) -> str | None:
    """Return a text with its placeholders filled in; None where one of them has no value: then it is not said.

    Values are put in once and never looked at again, so a value that looks like a placeholder stays text.
    """
    names = _PLACEHOLDER.findall(text)
    if any(not values.get(name) for name in names):
        return None
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)

"""The desk's words: roles, who acts next, grounds, and a side navigation that every page carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext, pgettext

from dengji.core.errors import N_
from dengji.law.rulebook import Rulebook, vocabulary
from dengji.parties.roles import KINDS

from ..workspace.words import english, kind_label, pick

OBJECTS = {
    "application": N_("登记申请"),
    "objection": N_("异议"),
    "complaint": N_("投诉举报"),
    "recheck": N_("抽查"),
    "registration": N_("登记结果"),
}
#: Where the page of each kind of object is.
PAGES = {
    "application": "desk:case",
    "objection": "desk:objection",
    "complaint": "desk:complaint",
    "recheck": "desk:recheck",
    "registration": "desk:registration",
}
_OTHERS = {
    "clock": N_("系统（到期自动办理）"),
    "issuer": N_("赋码平台"),
    "objector": N_("异议人"),
    "co_registrant": N_("共同登记主体"),
    "interested_party": N_("利害关系人"),
    "importer": N_("导入程序"),
    "follows": N_("系统（随主办事项）"),
    "anyone": N_("社会公众"),
}
_SIDE = (
    (N_("办理队列"), "desk:queue"),
    (N_("异议处理"), "desk:objections"),
    (N_("投诉举报"), "desk:complaints"),
    (N_("抽查"), "desk:rechecks"),
    (N_("登记结果"), "desk:registrations"),
    (N_("文书与送达"), "desk:documents"),
    (N_("归档与移交"), "desk:archive"),
    (N_("登记情况报告"), "oversight:reports"),
    (N_("常用语模板"), "desk:wordings"),
    (N_("代办安排（AB角）"), "desk:deputies"),
)


def role_label(role: str) -> str:
    """Return what a role is called."""
    if role in KINDS:
        return gettext(KINDS[role].label)
    return gettext(_OTHERS[role]) if role in _OTHERS else role


def who(roles: Iterable[str]) -> str:
    """Return who acts next in words: the first two roles of the table."""
    return pgettext("list", "、").join(role_label(role) for role in list(roles)[:2])


def object_label(kind: str) -> str:
    """Return what a kind of object is called."""
    return gettext(OBJECTS[kind])


def case_label(row: Mapping[str, Any]) -> str:
    """Return what kind of case a row of the queue is."""
    return kind_label(row["case_kind"]) if row["object"] == "application" else object_label(row["object"])


def grounds(rulebook: Rulebook, key: str) -> list[tuple[str, str]]:
    """Return the grounds of a table of the rulebook: [(code, name)]."""
    return [(row["code"], pick(row)) for row in rulebook.get(key)]


def terms(name: str, codes: Iterable[str]) -> list[tuple[str, str]]:
    """Return the names of codes of a vocabulary."""
    rows = vocabulary(name)
    return [(code, pick(rows[code]) if code in rows else code) for code in codes]


def page_of(kind: str, pk: UUID | str) -> str:
    """Return the address of an object's page at the desk."""
    return reverse(PAGES[kind], args=[pk])


def frame(request: HttpRequest, here: str, **more: Any) -> dict[str, Any]:
    """Return a page's context with the side navigation of the desk."""
    side = [{"title": gettext(title), "url": reverse(name), "active": name == here} for title, name in _SIDE]
    return {"side": side, "side_title": gettext("登记机构工作台"), "in_english": english(), **more}

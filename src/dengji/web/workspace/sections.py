"""The pages of the wizard in the national platform's order; a new field of the schema finds its page by its group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dengji.law.record import FIELDS
from dengji.law.visibility import visible_fields


@dataclass(frozen=True)
class Section:
    """One page: its key in the address, the step it belongs to, its title, and the groups of the schema it shows."""

    key: str
    step: int
    title: str | Promise
    groups: tuple[str, ...]
    #: The statutory group (Art. 9(1)) that may be declared not applicable on this page.
    excusable: str = ""


STEPS: dict[int, str | Promise] = {
    0: _("申请事项"),
    1: _("数据基本信息"),
    2: _("数据存储信息"),
    3: _("来源、存证、场景和安全"),
    4: _("说明文档与登记承诺书"),
    5: _("信息确认与业务审核"),
}
SECTIONS: dict[str, Section] = {
    section.key: section
    for section in (
        Section("basic", 1, _("数据基本信息"), ("resource", "record", "access")),
        Section("registrant", 1, _("登记主体信息"), ("registrant",)),
        Section("agent", 1, _("委托代理信息"), ()),
        Section("storage", 2, _("数据存储信息"), ()),
        Section("source", 3, _("数据合法合规性来源"), ("source",), "source"),
        Section("evidence", 3, _("存证情况"), ("evidence",), "evidence"),
        Section("product", 3, _("产品和服务信息"), ("product",), "product"),
        Section("scenario", 3, _("应用场景信息"), ("scenario",), "scenario"),
        Section("security", 3, _("数据安全风险评估"), ("security",), "security"),
    )
}
#: Fields whose page is not that of their group.
_PLACED = {
    "agent_name": "agent",
    "agent_credit_code": "agent",
    "agent_contact": "agent",
    "storage_mode": "storage",
    "storage_location": "storage",
}
#: Fixed when the file is opened, or shown as a part of another page.
_NOT_ASKED = frozenset({"data_type", "not_applicable"})
_BY_GROUP = {group: section.key for section in SECTIONS.values() for group in section.groups}
PLACE: dict[str, str] = {
    name: _PLACED.get(name) or _BY_GROUP[field.group] for name, field in FIELDS.items() if name not in _NOT_ASKED
}


def fields_of(section: Section, piece: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields a page asks for in a file: those of its data type, and for an outsider only public ones."""
    names = [n for n, key in PLACE.items() if key == section.key and piece["data_type"] in FIELDS[n].data_types]
    if piece["outsider"] and not (section.key == "agent" and "agent" in piece["roles"]):
        shown = visible_fields("page")
        names = [name for name in names if name in shown]
    return tuple(names)


def pages_of(piece: Mapping[str, Any]) -> list[Section]:
    """Return the pages a file has: all of the form for its content, none for a cancellation (Art. 9)."""
    kind = piece["kind"]
    if kind == "cancellation":
        return []
    if kind == "renewal":
        keys = ["source"] if piece["data_type"] == "product" else []
        return [SECTIONS[key] for key in keys]
    return [section for section in SECTIONS.values() if fields_of(section, piece)]


def required(name: str, piece: Mapping[str, Any]) -> bool:
    """Tell whether a field must be filled in a file of this kind and data type."""
    field = FIELDS[name]
    return "first" in field.required_for and piece["kind"] != "cancellation" and piece["data_type"] in field.data_types

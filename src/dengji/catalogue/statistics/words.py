"""What every figure means and what every value is called, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext

from dengji.core.errors import N_
from dengji.law.calendar import SHANGHAI

from .. import labels

#: Dimensions whose values the catalogue names; the others stand as they are.
_NAMED = frozenset({"state", "type", "access", "industry", "region"})
#: dimension → (heading, definition).
DIMENSIONS: dict[str, tuple[str, str]] = {
    "state": (N_("按状态"), N_("每项登记按其当前状态只计一次。")),
    "type": (N_("按登记类型"), N_("每项登记按其登记类型只计一次。")),
    "section": (
        N_("按行业门类"),
        N_("按国民经济行业分类（GB/T 4754）门类；一项登记涉及几个门类，在每个门类各计一次，所以各行之和可能大于合计。"),
    ),
    "industry": (
        N_("按行业大类"),
        N_("按国民经济行业分类（GB/T 4754）大类；一项登记涉及几个大类，在每个大类各计一次，所以各行之和可能大于合计。"),
    ),
    "region": (
        N_("按地区"),
        N_(
            "按登记的覆盖地区（GB/T 2260），下级地区计入其上级，同一登记在一个地区只计一次；"
            "覆盖全国的只计入合计，不计入任何一地。"
        ),
    ),
    "access": (N_("按使用方式"), N_("按登记载明的使用方式；未载明的只计入合计。")),
    "register": (N_("按登记机构"), N_("按办理登记的登记簿及其登记机构，每项登记只计一次。")),
    "month": (
        N_("按月"),
        N_("按登记簿记入日志之日（北京时间）所在的月份；由其他平台转入的登记，按转入之日计，不按原赋码日期。"),
    ),
}
#: column → (heading, definition).
COLUMNS: dict[str, tuple[str, str]] = {
    "VALID": (N_("有效"), N_("状态为有效的登记，包括有效期已过而尚未注销的。")),
    "CANCELLED": (N_("已注销"), N_("经注销登记或因期满而注销的登记。")),
    "REVOKED": (N_("已撤销"), N_("被登记机构撤销的登记。")),
    "count": (N_("历年累计登记"), N_("曾经赋码或转入的全部登记，不论现在的状态。")),
    "opening": (N_("期初有效"), N_("所选期间第一日之前有效的登记。")),
    "added": (
        N_("新增登记"),
        N_("期内赋码或转入的登记；按行业、地区和使用方式的，另加因变更转入、减去因变更转出的。"),
    ),
    "cancelled": (N_("注销"), N_("期内注销的登记。")),
    "revoked": (N_("撤销"), N_("期内撤销的登记。")),
    "closing": (N_("期末有效"), N_("所选期间最后一日结束时有效的登记；本期未完的，为统计时刻有效的登记。")),
}


def label(dimension: str, value: str) -> str:
    """Return what a value of a dimension is called in the caller's language; the value itself where it has no name."""
    facet = "industry" if dimension == "section" else dimension
    return labels.label(facet, value) if facet in _NAMED else value


def definitions(*columns: str) -> dict[str, dict[str, str]]:
    """Return heading and definition of columns in the caller's language."""
    return {name: dict(zip(("label", "definition"), map(gettext, COLUMNS[name]), strict=True)) for name in columns}


_BASIS = N_("截至 {day}；统计时刻 {time}，依据日志至第 {position} 条。")
_PERIOD = N_("{first} 至 {last}；统计时刻 {time}，依据日志至第 {position} 条。")
_BEHIND = N_("另有 {behind} 条新记录正在计入。")
_RUNNING = N_("本期尚未结束。")


def basis(found: Mapping[str, Any]) -> str:
    """Return the sentence that says what figures are as at, when they were counted, and what they follow."""
    more = gettext(_BEHIND).format(behind=found["behind"]) if found.get("behind") else ""
    more = gettext(_RUNNING) if found.get("ended") is False else more
    text = gettext(_PERIOD if "period" in found else _BASIS).format(
        day=found["last"],
        first=found["first"],
        last=found["last"],
        time=f"{found['as_of'].astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}",
        position=found["position"],
    )
    return f"{text} {more}".strip()

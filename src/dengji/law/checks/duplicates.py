"""Duplicates and near-duplicates among the candidates the register offers (R48)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..similarity import key_text
from .model import MEASURES, N_, Context, Finding, spec

_ARTICLE = f"{MEASURES}第十一条"

DUPLICATE = spec(
    "duplicate",
    "name",
    "error",
    _ARTICLE,
    N_("同一登记主体、同一地区已有同名登记：{name}"),
    N_("不要重复登记；内容有更新的，对原登记申请变更登记"),
)
SAME_NAME = spec(
    "same_name",
    "name",
    "warning",
    _ARTICLE,
    N_("已有同名登记：{name}（登记主体：{registrant}）"),
    N_("核对是否同一数据；多个主体共同持有的，可共同申请登记"),
)
NEAR_DUPLICATE = spec(
    "near_duplicate",
    "name",
    "warning",
    _ARTICLE,
    N_("名称与已有登记相近（{percent}%）：{name}（登记主体：{registrant}）"),
    N_("核对是否重复登记；确为不同数据的，在名称中写明区别"),
)


def duplicates(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Compare the name with similar ones in the register, given in the context (R48).

    Same name, registrant and region is an error for a first registration and a warning otherwise.
    """
    name = content.get("name", "")
    if not name or not context.similar:
        return
    key, least = key_text(name), context.rulebook.get("record.near_duplicate_percent")
    for other in context.similar:
        about = {"name": other.name, "registrant": other.registrant_name, "id": other.id}
        if key_text(other.name) == key:
            if other.same_registrant and other.same_region:
                yield DUPLICATE.at(None, "error" if context.kind == "first" else "warning", **about)
            else:
                yield SAME_NAME.at(**about)
        elif other.percent >= least:
            yield NEAR_DUPLICATE.at(percent=other.percent, **about)

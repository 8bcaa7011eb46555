"""Credit codes and regions of the registrant, its agent, co-registrants and coverage (R42, R43)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from ..codes import CodeError, validate_credit_code, validate_regions
from ..record import FIELDS
from .model import MEASURES, N_, Context, Finding, spec

_ARTICLE = f"{MEASURES}第九条第一项（一）"

CREDIT_CODE = spec(
    "credit_code",
    "registrant_credit_code",
    "error",
    f"{_ARTICLE}；GB 32100-2015",
    N_("“{label}”{place}不是有效的统一社会信用代码（校验位或字符不符）"),
    N_("对照证照逐位核对；代码为 18 位，不含字母 I、O、S、V、Z"),
)
CO_REGISTRANT_TWICE = spec(
    "co_registrant_twice",
    "co_registrants",
    "error",
    f"{MEASURES}第七条",
    N_("共同登记主体{place}与登记主体或前列主体重复"),
    N_("每个主体只列一次，登记主体本身不再列入"),
)
AGENT_INCOMPLETE = spec(
    "agent_incomplete",
    "agent_name",
    "warning",
    _ARTICLE,
    N_("填写了代理机构的其他信息，但没有“委托代理机构”名称"),
    N_("填写代理机构名称，或清空代理信息"),
)
REGION = spec(
    "region",
    "coverage_regions",
    "error",
    f"{MEASURES}第六条；GB/T 2260",
    N_("“{label}”无效：{codes}"),
    N_("从地区列表中选择；选择全国时不再选择其他地区"),
)


@lru_cache(maxsize=8192)
def valid_credit_code(code: str) -> bool:
    """Return whether a unified social credit code passes GB 32100 (R42)."""
    try:
        validate_credit_code(code)
    except CodeError:
        return False
    return True


@lru_cache(maxsize=8192)
def valid_regions(codes: tuple[str, ...]) -> bool:
    """Return whether the region codes exist and the whole nation stands alone (R43)."""
    try:
        validate_regions(list(codes))
    except CodeError:
        return False
    return True


def credit_codes(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Check the credit codes of registrant, agent and co-registrants (R42)."""
    for name in ("registrant_credit_code", "agent_credit_code"):
        code = content.get(name, "")
        if code and not valid_credit_code(code):
            yield CREDIT_CODE.at(name, label=FIELDS[name].label, place="")
    seen = {content.get("registrant_credit_code", "").upper()}
    for number, other in enumerate(content.get("co_registrants", ()), 1):
        code = other["credit_code"].upper()
        if not valid_credit_code(code):
            yield CREDIT_CODE.at("co_registrants", label=FIELDS["co_registrants"].label, place=f"（{number}）")
        elif code in seen:
            yield CO_REGISTRANT_TWICE.at(place=f"（{number}）")
        seen.add(code)
    if not content.get("agent_name") and (content.get("agent_credit_code") or content.get("agent_contact")):
        yield AGENT_INCOMPLETE.at()


def regions(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Check the regions of registrant and coverage against GB/T 2260 and its extensions (R43)."""
    for name in ("registrant_region", "coverage_regions"):
        value = content.get(name)
        if not value:
            continue
        codes = (value,) if isinstance(value, str) else tuple(value)
        if not valid_regions(codes):
            wrong = [code for code in codes if not valid_regions((code,))] or codes
            yield REGION.at(name, label=FIELDS[name].label, codes="、".join(wrong[:5]))

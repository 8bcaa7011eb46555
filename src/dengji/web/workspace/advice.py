"""What the form proposes and never sets by itself: name, sentence of the introduction, industries (R45, R46, R49)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dengji.law.checks.industry import suggest_industries
from dengji.law.checks.words import INDUSTRY_SCORE
from dengji.law.codes import DIVISIONS, CodeError, division, region
from dengji.law.similarity import split_name

from . import words
from .widgets import NATION

_MOST = 3


def name(content: Mapping[str, Any], rulebook: Any) -> str:
    """Return region–division–title assembled from the chosen values, empty where they do not yet give one."""
    if content.get("data_type") == "product" or rulebook.get("record.name_pattern", None) != "region-division-title":
        return ""
    written = str(content.get("name") or "")
    head, _middle, title = split_name(written)
    title = title or (written if "-" not in written else head)
    regions = content.get("coverage_regions") or [content.get("registrant_region") or ""]
    industries = content.get("industries") or []
    try:
        place, work = region(regions[0]).full_name, division(industries[0]).name
    except (CodeError, IndexError):
        return ""
    made = f"{place}-{work}-{title}" if title else ""
    return "" if made == written else made


def sentence(content: Mapping[str, Any], rulebook: Any) -> str:
    """Return the recurring sentence of real notices filled from the record, gaps in 〈 〉 (facts §3.2)."""
    items = "、".join(str(item.get("name", "")) for item in (content.get("data_items") or [])[:6])
    gaps = {"registrant": "〈登记主体〉", "duty": "〈职责或服务事项〉", "items": "〈信息项〉", "uses": "〈用途〉"}
    known = {
        "registrant": content.get("registrant_name"),
        "duty": content.get("duty_basis"),
        "items": items,
        "uses": str(content.get("scenarios") or "").rstrip("。"),
    }
    filled = {key: str(known[key] or gaps[key]) for key in gaps}
    return str(rulebook.get("record.intro_template", None) or "").format(**filled)


def industries(content: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return divisions that name and introduction speak of and that are not chosen."""
    scores = suggest_industries(str(content.get("name") or ""), str(content.get("intro") or ""))
    chosen = {str(code)[:2] for code in content.get("industries") or ()}
    found = [code for code, score in scores if score >= INDUSTRY_SCORE and code in DIVISIONS and code not in chosen]
    return [{"code": code, "label": words.industry_label(code)} for code in found[:_MOST]]


def nearest(content: Mapping[str, Any]) -> str:
    """Return where the tree of regions opens: beside what is chosen, else where the registrant is."""
    for code in [*(content.get("coverage_regions") or ()), content.get("registrant_region") or ""]:
        try:
            found = region(code)
        except CodeError:
            continue
        if found.level == "county" and found.parent:
            return found.parent
        return found.code
    return NATION


def about(content: Mapping[str, Any], rulebook: Any) -> dict[str, Any]:
    """Return all of the page's proposals."""
    return {
        "name": name(content, rulebook),
        "sentence": sentence(content, rulebook),
        "industries": industries(content),
        "has_intro": bool(content.get("intro")),
    }

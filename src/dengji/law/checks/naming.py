"""The registered name 地区-行业大类-名称 and the brief that will be published (R45, R46)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from ..codes import CodeError, division_by_name, is_within, match_region_prefix
from ..similarity import key_text, percent, repeated_region, split_name, tidy
from .industry import known_division
from .model import MEASURES, N_, Context, Finding, spec
from .words import PLACEHOLDERS, SENTENCE_ENDS

_NAME = f"{MEASURES}第十一条、第十二条"
_OBJECT = f"{MEASURES}第三条"
_INTRO = f"{MEASURES}第九条第一项（三）、第十二条"

NAME_PATTERN = spec(
    "name_pattern",
    "name",
    "warning",
    _NAME,
    N_("名称不符合“地区-行业大类-名称”的格式"),
    N_("依次填写地区全称、行业大类名称和数据名称，以“-”相连，如：甘肃省张掖市-道路运输业-城市客运信息"),
)
NAME_REGION_UNKNOWN = spec(
    "name_region_unknown",
    "name",
    "warning",
    _NAME,
    N_("名称开头的“{region}”不是行政区划全称"),
    N_("用行政区划全称，如：甘肃省张掖市山丹县"),
)
NAME_REGION_MISMATCH = spec(
    "name_region_mismatch",
    "name",
    "warning",
    f"{MEASURES}第六条",
    N_("名称中的地区“{region}”与所填覆盖地区、登记主体所在地区都不一致"),
    N_("核对名称、覆盖地区和登记主体所在地区"),
)
NAME_REGION_REPEATED = spec(
    "name_region_repeated",
    "name",
    "warning",
    _NAME,
    N_("名称中重复出现地区“{region}”"),
    N_("建议改为：{suggestion}"),
)
NAME_DIVISION_UNKNOWN = spec(
    "name_division_unknown",
    "name",
    "warning",
    f"{_NAME}；GB/T 4754-2017",
    N_("名称中的“{division}”不是 GB/T 4754-2017 行业大类名称"),
    N_("名称第二段使用行业大类的规范名称"),
)
NAME_DIVISION_MISMATCH = spec(
    "name_division_mismatch",
    "name",
    "warning",
    f"{_NAME}；GB/T 4754-2017",
    N_("名称中的行业“{division}”不在所选行业分类之中"),
    N_("使名称第二段与所选行业分类一致"),
)
NAME_NOT_TIDY = spec(
    "name_not_tidy",
    "name",
    "info",
    _NAME,
    N_("名称含多余空格、全角字母数字或不统一的连接号"),
    N_("建议改为：{suggestion}"),
)
NAME_TOO_LONG = spec(
    "name_too_long",
    "name",
    "error",
    _NAME,
    N_("名称有 {length} 个字，超过 {limit} 个字"),
    N_("缩短名称，把细节写入简介"),
)
SYSTEM_AS_RESOURCE = spec(
    "system_as_resource",
    "name",
    "warning",
    _OBJECT,
    N_("名称以“{word}”结尾，登记对象似为信息系统而不是数据"),
    N_("登记对象是数据资源：写明其中的数据，如“……信息”“……记录”；系统本身不登记"),
)
INTRO_TOO_LONG = spec(
    "intro_too_long",
    "intro",
    "error",
    _INTRO,
    N_("简介有 {length} 个字，超过 {limit} 个字"),
    N_("压缩到 {limit} 个字以内，保留数据内容和用途"),
)
INTRO_TOO_SHORT = spec(
    "intro_too_short",
    "intro",
    "warning",
    _INTRO,
    N_("简介只有 {length} 个字，不足以说明数据内容"),
    N_("可按此句填写：{sentence}"),
)
INTRO_UNFINISHED = spec(
    "intro_unfinished",
    "intro",
    "warning",
    _INTRO,
    N_("简介末尾没有句末标点，可能未写完或被截断"),
    N_("补全最后一句并加句号；写不下时删减前文"),
)
INTRO_NOT_DESCRIPTION = spec(
    "intro_not_description",
    "intro",
    "warning",
    _INTRO,
    N_("简介重复名称或为占位文字，没有说明数据内容"),
    N_("可按此句填写：{sentence}"),
)

_WORD = re.compile(r"\w")
_TAIL = re.compile(r"[(（][^()（）]*[)）]$")


@lru_cache(maxsize=4096)
def named_region(text: str) -> str | None:
    """Return the code of the region that the first part of a name names in full (肃南自治县 counts), or None."""
    found = match_region_prefix(text)
    return found[0].code if found and found[1] == len(text) else None


@lru_cache(maxsize=1024)
def named_division(text: str) -> str | None:
    """Return the code of the GB/T 4754 division a name's second part names, or None."""
    found = division_by_name(text)
    return found.code if found else None


def name(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Check width, whitespace, length and object of the name, whatever its data type (R45)."""
    text = content.get("name", "")
    if not text:
        return
    suggestion = tidy(text)
    if suggestion != text:
        yield NAME_NOT_TIDY.at(suggestion=suggestion)
    limit = context.rulebook.get("record.name_max", None)
    if limit and len(suggestion) > limit:
        yield NAME_TOO_LONG.at(length=len(suggestion), limit=limit)
    title = _TAIL.sub("", split_name(text)[2])
    for word in context.rulebook.get("record.system_words", ()):
        if title.endswith(word):
            yield SYSTEM_AS_RESOURCE.at(word=word)
            break


def name_pattern(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Check that the name is region–division–title and agrees with the chosen values (R45)."""
    text = content.get("name", "")
    if not text or context.rulebook.get("record.name_pattern", None) != "region-division-title":
        return
    region, division, title = split_name(text)
    if not (region and division and title):
        yield NAME_PATTERN.at()
        return
    code = named_region(region)
    if code is None:
        yield NAME_REGION_UNKNOWN.at(region=region)
    elif not _agrees(code, content):
        yield NAME_REGION_MISMATCH.at(region=region)
    repeated = repeated_region(region, title)
    if repeated:
        rest = title[len(repeated) :]
        yield NAME_REGION_REPEATED.at(region=repeated, suggestion=f"{region}-{division}-{rest}")
    industry = named_division(division)
    if industry is None:
        yield NAME_DIVISION_UNKNOWN.at(division=division)
    elif content.get("industries") and industry not in map(known_division, content["industries"]):
        yield NAME_DIVISION_MISMATCH.at(division=division)


def _agrees(code: str, content: Mapping[str, Any]) -> bool:
    chosen = [*content.get("coverage_regions", ())]
    if content.get("registrant_region"):
        chosen.append(content["registrant_region"])
    return not chosen or any(_related(code, other) for other in chosen)


@lru_cache(maxsize=8192)
def _related(code: str, other: str) -> bool:
    try:
        return code == other or is_within(code, other) or is_within(other, code)
    except CodeError:
        return True


def template_sentence(content: Mapping[str, Any], context: Context) -> str:
    """Return the recurring sentence of real notices, filled from the record as far as it goes (R46)."""
    items = "、".join(item["name"] for item in content.get("data_items", ())[:6])
    return str(context.rulebook.get("record.intro_template", "")).format(
        registrant=content.get("registrant_name") or "〈登记主体〉",
        duty=content.get("duty_basis") or "〈职责或服务事项〉",
        items=items or "〈信息项〉",
        uses=(content.get("scenarios") or "〈用途〉").rstrip("。"),
    )


def _says_nothing(text: str, name: str) -> bool:
    if text.rstrip("。.") in PLACEHOLDERS or not _WORD.search(text):
        return True
    if len(text) > 2 * len(name):  # too long to be the name over again
        return False
    return key_text(text) in key_text(name) or percent(text, name) >= 90


def intro(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Check length, ending and substance of the brief (R46)."""
    text = content.get("intro", "").strip()
    if not text:
        return
    if _says_nothing(text, content.get("name", "")):
        yield INTRO_NOT_DESCRIPTION.at(sentence=template_sentence(content, context))
        return
    limit = context.rulebook.get("record.intro_max", None)
    least = context.rulebook.get("record.intro_min", None)
    if limit and len(text) > limit:
        yield INTRO_TOO_LONG.at(length=len(text), limit=limit)
    elif least and len(text) < least:
        yield INTRO_TOO_SHORT.at(length=len(text), sentence=template_sentence(content, context))
    if not text.endswith(SENTENCE_ENDS):
        yield INTRO_UNFINISHED.at()

"""Regions (行政区划), GB/T 2260 from python-stdnum with the values of regions.toml laid over it; R43."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from stdnum import numdb

from .errors import N_, CodeError
from .text import normalise, read_table

NATION: Final = "000000"
_LEVELS: Final = ("province", "prefecture", "county")
_CODE: Final = re.compile(r"[0-9A-Z]{6}")
# One name in the table: [first year – last year] name; a name without last year is in use.
_NAME: Final = re.compile(r"(?:\[[0-9]*-([0-9]*)\])?([^,\[\]]+)")


@dataclass(frozen=True, slots=True)
class Region:
    """A region: code, own and full name, level (nation, province, prefecture, county), code of its parent.

    `until` is the last year in which a retired code was used; `group` marks headings of the table such as 市辖区.
    """

    code: str
    name: str
    full_name: str
    level: str
    parent: str | None
    until: int | None = None
    group: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    code: str
    name: str
    level: str
    parent: str | None
    until: int | None
    group: bool


def region(code: str) -> Region:
    """Return the region of a six-character code, retired ones included; CodeError when there is none."""
    found = _regions().get(normalise(code))
    if found is None:
        raise CodeError("region_unknown", N_("不是行政区划（GB/T 2260）代码：{text}"), {"text": code})
    return found


def regions() -> Iterator[Region]:
    """Iterate in order of code over the regions in use, without the headings of the table."""
    return (row for row in _regions().values() if row.until is None and not row.group)


def validate_regions(codes: Iterable[str], *, retired: bool = False) -> list[str]:
    """Return the codes in normal form, or raise CodeError: unknown, retired, repeated, or the nation beside others.

    `retired=True` admits codes no longer in use, for records that were registered while they were.
    """
    found = [region(code) for code in codes]
    result = [row.code for row in found]
    for row in found:
        if row.until is not None and not retired:
            raise CodeError(
                "region_retired", N_("{name}（{code}）的代码已停用"), {"name": row.full_name, "code": row.code}
            )
        if result.count(row.code) > 1:
            raise CodeError("region_repeated", N_("{name}重复选择"), {"name": row.full_name})
    if NATION in result and len(result) > 1:
        raise CodeError("region_nation_exclusive", N_("选择全国（000000）后不得再选其他地区"))
    return result


def is_within(code: str, ancestor: str) -> bool:
    """Tell whether a region lies in another's territory or is the same; CodeError for an unknown code.

    It follows parents, so an extension such as 兵团 belongs where its row says and not where its digits would put it.
    """
    goal = region(ancestor).code
    here: str | None = region(code).code
    while here is not None and here != goal:
        here = _regions()[here].parent
    return here == goal


def find_region_prefix(text: str) -> Region | None:
    """Return the region whose full name, or short autonomous form of it, is the longest beginning of a name."""
    match = match_region_prefix(text)
    return match[0] if match else None


def match_region_prefix(text: str) -> tuple[Region, int] | None:
    """Return the region with which a name begins and how many characters say so; None when it begins with none."""
    names, longest = _names()
    for length in range(min(longest, len(text)), 1, -1):
        code = names.get(text[:length])
        if code:
            return _regions()[code], length
    return None


@cache
def _table() -> dict[str, Any]:
    return read_table("regions.toml")


def _read_standard() -> Iterator[_Row]:
    names: Mapping[str, str] = _table()["names"]
    retired: Mapping[str, int] = _table()["retired"]
    groups = frozenset(_table()["groups"])
    for _, province, _, _, children in numdb.get("cn/loc").prefixes:
        for _, rest, _, properties, _ in children:
            code = province + rest
            until, name = _NAME.findall(properties["county"])[-1]
            level = _LEVELS[0] if rest == "0000" else _LEVELS[1] if rest.endswith("00") else _LEVELS[2]
            last_year = int(until) if until else retired.get(code)
            name = names.get(code, name)
            yield _Row(code, name, level, _parent(code, level), last_year, name in groups and level != "province")


def _parent(code: str, level: str) -> str:
    return {"province": NATION, "prefecture": code[:2] + "0000", "county": code[:4] + "00"}[level]


@cache
def _regions() -> Mapping[str, Region]:
    rows = {row.code: row for row in _read_standard()}
    for row in _table()["extensions"]:
        rows[row["code"]] = _Row(row["code"], row["name"], row["level"], row.get("parent"), None, False)
    result: dict[str, Region] = {}
    for row in sorted(rows.values(), key=lambda row: (row.level != "nation", row.level == "county", row.code)):
        parent = result.get(row.parent) if row.parent else None
        if parent and parent.group:
            parent = result.get(parent.parent or NATION)
        prefix = parent.full_name if parent and parent.level != "nation" else ""
        code = parent.code if parent else None
        result[row.code] = Region(row.code, row.name, prefix + row.name, row.level, code, row.until, row.group)
    return dict(sorted(result.items()))


@cache
def _short_form() -> re.Pattern[str]:
    peoples = "|".join(sorted(_table()["peoples"], key=len, reverse=True))
    endings = "|".join(_table()["endings"])
    return re.compile(f"(.{{2,}}?)(?:(?:{peoples})族?)+({endings})")


def _forms(row: Region, extra: Mapping[str, list[str]]) -> list[str]:
    """List a region's own name and the shorter ones in use, the official one first."""
    match = _short_form().fullmatch(row.name)
    short = [match[1] + ending for ending in _table()["endings"][match[2]]] if match else []
    return [row.name, *extra.get(row.code, ()), *short]


@cache
def _names() -> tuple[Mapping[str, str], int]:
    """Map every full name and every unambiguous shorter form of it to a code; the length of the longest."""
    extra = dict(_table()["aliases"]) | {row["code"]: row.get("aliases", []) for row in _table()["extensions"]}
    everything = _regions()
    written: dict[str, list[str]] = {}
    for row in sorted(regions(), key=lambda row: (row.level == "county", row.level == "prefecture", row.code)):
        parent = everything[row.parent] if row.parent else None
        heads = written[parent.code] if parent and parent.level != "nation" else [""]
        written[row.code] = [head + form for head in heads for form in _forms(row, extra)]
    names: dict[str, str] = {forms[0]: code for code, forms in written.items()}
    shorter: dict[str, set[str]] = {}
    for code, forms in written.items():
        for form in forms[1:]:
            shorter.setdefault(form, set()).add(code)
    for form, codes in shorter.items():
        if len(codes) == 1:
            names.setdefault(form, *codes)
    return names, max(map(len, names))

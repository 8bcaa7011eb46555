"""A snapshot as tables in one language: page, .docx, .xlsx and PDF all show these, so that they cannot disagree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from dengji.core.errors import N_
from dengji.law.codes import DIVISIONS
from dengji.registration.api.base import NOTICE

from ..composing import english
from .periods import KINDS
from .wording import FIGURES, STAGES

Cell = str | int


@dataclass(frozen=True)
class Table:
    """One table: title, a sentence on how it is counted, headings, rows; numbers are integers, all else is text."""

    name: str
    title: str
    note: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


_WORDS = {
    "figures": N_("一、办理情况"),
    "on_time": N_("二、按期情况"),
    "registers": N_("三、各登记簿"),
    "industries": N_("四、行业覆盖"),
    "missing": N_("五、尚无登记的行业"),
    "regions": N_("六、尚无登记的地区"),
    "units": N_("七、尚无登记的单位"),
    "definitions": N_("八、指标解释"),
    "figure": N_("指标"),
    "now": N_("本期"),
    "previous": N_("上期"),
    "year_before": N_("上年同期"),
    "change": N_("比上期增减"),
    "stage": N_("环节"),
    "register": N_("登记簿"),
    "agency": N_("登记机构"),
    "code": N_("代码"),
    "industry": N_("行业大类"),
    "region": N_("地区"),
    "number": N_("有效登记"),
    "unit": N_("单位"),
    "credit_code": N_("统一社会信用代码"),
    "how": N_("计算方法"),
    "none": N_("无"),
    "covered": N_("已覆盖 {covered} 个大类，共 {total} 个；行业不明的登记 {unknown} 项。"),
    "regions_note": N_("有登记的下一级地区 {some} 个，没有的 {none} 个；不属于任何下一级地区的登记 {other} 项。"),
    "units_note": N_("已知单位 {known} 个，其中有有效登记的 {some} 个，没有的 {none} 个；列出前 {named} 个。"),
    "partial": N_("期间尚未结束：数字截至制作之时。"),
    "compared": N_("上期：{previous}；上年同期：{year_before}。"),
}
_ORDER_OF_REGISTERS = ("submitted", "in_notice", "valid", "coded", "cancelled", "revoked", "objections")


def word(name: str, language: str, **values: Any) -> str:
    """Return one of the fixed words of a report."""
    text = _WORDS[name] if language == "zh" else english(_WORDS[name])
    return text.format(**values) if values else text


def title(snapshot: Mapping[str, Any], language: str) -> str:
    """Return the title: kind of report and whose."""
    kind = KINDS[snapshot["kind"]]
    name = snapshot["subject"]["name"]
    return f"{name}{kind}" if language == "zh" else f"{english(kind)}: {name}"


def days(part: Mapping[str, Any], language: str) -> str:
    """Return the days of a period as people read them."""
    first, last = date.fromisoformat(part["first_day"]), date.fromisoformat(part["last_day"])
    if language == "zh":
        return f"{first.year}年{first.month}月{first.day}日—{last.year}年{last.month}月{last.day}日"
    return f"{first.isoformat()} – {last.isoformat()}"


def notice(language: str) -> str:
    """Return the sentence that every result prints."""
    return NOTICE if language == "zh" else english(NOTICE)


def rate(pair: list[int]) -> str:
    """Return done and in time as a share; a dash where nothing was done. Rounded down: 100 % is all of them."""
    done, in_time = pair
    if not done:
        return "—"
    per_mille = in_time * 1000 // done
    return f"{per_mille // 10}.{per_mille % 10}% ({in_time}/{done})"


def tables(snapshot: Mapping[str, Any], language: str) -> list[Table]:
    """Return all tables of a snapshot in `zh` or `en`, from nothing but the snapshot."""
    return [
        _figures(snapshot, language),
        _on_time(snapshot, language),
        _registers(snapshot, language),
        *_industries(snapshot, language),
        _regions(snapshot, language),
        _units(snapshot, language),
        _definitions(snapshot, language),
    ]


def _label(snapshot: Mapping[str, Any], group: str, name: str, language: str) -> str:
    return str(snapshot["glossary"][group][name][language])


def _note(snapshot: Mapping[str, Any], name: str, language: str) -> str:
    return str(snapshot["glossary"]["notes"][name][language])


def _ordered(kept: Mapping[str, Any], order: Iterable[str]) -> list[str]:
    """The names in a snapshot in the order people expect: the database keeps none."""
    known = [name for name in order if name in kept]
    return known + sorted(kept.keys() - set(known))


def _gap(language: str) -> str:
    return "" if language == "zh" else " "


def _figures(s: Mapping[str, Any], language: str) -> Table:
    was, year = s["compared"]["previous"], s["compared"]["year_before"]
    rows = tuple(
        (
            _label(s, "figures", name, language),
            s["figures"][name],
            was["figures"][name],
            s["figures"][name] - was["figures"][name],
            year["figures"][name],
        )
        for name in _ordered(s["glossary"]["figures"], FIGURES)
    )
    note = word("compared", language, previous=days(was, language), year_before=days(year, language))
    if not s["complete"]:
        note = word("partial", language) + _gap(language) + note
    heads = tuple(word(one, language) for one in ("figure", "now", "previous", "change", "year_before"))
    return Table("figures", word("figures", language), note, heads, rows)


def _on_time(s: Mapping[str, Any], language: str) -> Table:
    parts = (s, s["compared"]["previous"], s["compared"]["year_before"])
    rows = tuple(
        (_label(s, "stages", name, language), *(rate(part["on_time"].get(name, [0, 0])) for part in parts))
        for name in _ordered(s["glossary"]["stages"], STAGES)
    )
    heads = tuple(word(one, language) for one in ("stage", "now", "previous", "year_before"))
    note = str(s["glossary"]["stages"]["acceptance"]["how"][language])
    return Table("on_time", word("on_time", language), note, heads, rows)


def _registers(s: Mapping[str, Any], language: str) -> Table:
    rows = tuple(
        (row["name"], row["agency"], *(row["figures"][name] for name in _ORDER_OF_REGISTERS)) for row in s["registers"]
    )
    heads = (
        word("register", language),
        word("agency", language),
        *(_label(s, "figures", name, language) for name in _ORDER_OF_REGISTERS),
    )
    return Table("registers", word("registers", language), "", heads, rows)


def _industry(code: str, language: str) -> str:
    row = DIVISIONS[code]
    return row.name if language == "zh" else row.name_en


def _industries(s: Mapping[str, Any], language: str) -> list[Table]:
    found = s["industries"]
    note = (
        word("covered", language, covered=len(found["covered"]), total=found["total"], unknown=found["unknown"])
        + _gap(language)
        + _note(s, "industries", language)
    )
    heads = (word("code", language), word("industry", language))
    covered = tuple((code, _industry(code, language), number) for code, number in found["covered"])
    missing = tuple((code, _industry(code, language)) for code in found["missing"])
    return [
        Table("industries", word("industries", language), note, (*heads, word("number", language)), covered),
        Table("missing", word("missing", language), "", heads, missing),
    ]


def _regions(s: Mapping[str, Any], language: str) -> Table:
    found = s["regions"]
    note = (
        word("regions_note", language, some=len(found["with"]), none=len(found["without"]), other=found["other"])
        + _gap(language)
        + _note(s, "regions", language)
    )
    heads = (word("code", language), word("region", language))
    return Table("regions", word("regions", language), note, heads, tuple(map(tuple, found["without"])))


def _units(s: Mapping[str, Any], language: str) -> Table:
    found = s["units"]
    note = (
        word(
            "units_note",
            language,
            known=found["known"],
            some=found["with"],
            none=found["without"],
            named=len(found["named"]),
        )
        + _gap(language)
        + _note(s, "units", language)
    )
    heads = (word("credit_code", language), word("unit", language))
    return Table("units", word("units", language), note, heads, tuple(map(tuple, found["named"])))


def _definitions(s: Mapping[str, Any], language: str) -> Table:
    known = s["glossary"]["figures"]
    rows = tuple((known[name][language], known[name]["how"][language]) for name in _ordered(known, FIGURES))
    heads = (word("figure", language), word("how", language))
    return Table("definitions", word("definitions", language), _note(s, "period", language), heads, rows)

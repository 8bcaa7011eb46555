"""The words of the form in the reader's language; labels come from the schema and the rulebook, never from here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django.utils import formats, timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import get_language, gettext, pgettext

from dengji.law.codes import DIVISIONS, SECTIONS, CodeError, division, region
from dengji.law.procedure import KIND_LABELS
from dengji.law.record import FIELDS, SCHEMA, Field
from dengji.law.rulebook import vocabulary


def english() -> bool:
    """Tell whether the reader's language is English."""
    return (get_language() or "").startswith("en")


def listed(texts: Iterable[str]) -> str:
    """Return texts as one list."""
    return (", " if english() else "、").join(texts)


def pick(row: Mapping[str, Any]) -> str:
    """Return the zh or en of a row of a table."""
    return str(row["en"] if english() and row.get("en") else row["zh"])


def label(name: str) -> str:
    """Return what a field of the record is called."""
    field = FIELDS[name]
    return field.label_en if english() else field.label


def note(name: str) -> str:
    """Return the filling note of a field."""
    field = FIELDS[name]
    return field.note_en if english() else field.note


def choices(field: Field) -> list[tuple[str, str]]:
    """Return the allowed values of a field with their names."""
    return [(code, pick(row)) for code, row in field.labels.items()]


def kind_label(kind: str) -> str:
    """Return what a kind of application is called."""
    return gettext(KIND_LABELS[kind])


def type_label(data_type: str) -> str:
    """Return what a data type is called."""
    return pick(FIELDS["data_type"].labels[data_type])


def material_label(kind: str) -> str:
    """Return what a kind of material is called."""
    return pick(vocabulary("material")[kind]) if kind in vocabulary("material") else kind


def region_label(code: str) -> str:
    """Return the full name of a region with its code; the bare code where there is none."""
    try:
        return f"{region(code).full_name}（{code}）"
    except CodeError:
        return code


def industry_label(code: str) -> str:
    """Return code and name of an industry."""
    try:
        found = division(code)
    except CodeError:
        return code
    return f"{code} {found.name_en if english() else found.name}"


def industries() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the 97 divisions by section: [(section, [(code, division)])]."""
    groups: dict[str, list[tuple[str, str]]] = {letter: [] for letter in SECTIONS}
    for row in DIVISIONS.values():
        groups[row.section].append((row.code, industry_label(row.code)))
    return [
        (f"{letter} {SECTIONS[letter].name_en if english() else SECTIONS[letter].name}", rows)
        for letter, rows in groups.items()
    ]


def _rows(name: str, values: Iterable[Mapping[str, Any]]) -> str:
    if name == "co_registrants":
        return listed(f"{one.get('name', '')}（{one.get('credit_code', '')}）" for one in values)
    return "；".join("，".join(str(part) for part in one.values() if part not in ("", False)) for one in values)


def _many(name: str, value: list[Any]) -> str:
    if name == "industries":
        return listed(map(industry_label, value))
    if name == "coverage_regions":
        return listed(map(region_label, value))
    if value and isinstance(value[0], Mapping):
        return _rows(name, value)
    return listed(pick(FIELDS[name].labels[one]) if one in FIELDS[name].labels else str(one) for one in value)


def _moment(name: str, value: str) -> str:
    if FIELDS[name].kind == "date" and (day := parse_date(value)):
        return formats.date_format(day, "DATE_FORMAT")
    if FIELDS[name].kind == "date-time" and (at := parse_datetime(value)):
        return formats.date_format(timezone.localtime(at), "DATETIME_FORMAT")
    return value


def show(name: str, value: Any) -> str:
    """Return a value of the record as people read it, empty for none."""
    if isinstance(value, bool):
        return gettext("是") if value else gettext("否")
    if isinstance(value, list):
        return _many(name, value)
    if isinstance(value, Mapping):
        groups = SCHEMA["x-groups"]
        return "；".join(f"{pick(groups[key])}：{text}" for key, text in value.items() if key in groups)
    return "" if value is None else _one(name, value)


def _one(name: str, value: Any) -> str:
    if name.endswith("_region"):
        return region_label(str(value))
    if value in FIELDS[name].labels:
        return pick(FIELDS[name].labels[value])
    try:
        return _moment(name, str(value))
    except ValueError:
        return str(value)


def day(value: date | datetime | None) -> str:
    """Return a day as people read it."""
    return formats.date_format(value, "DATE_FORMAT") if value else ""


def who_next(state: str) -> str:
    """Return who acts next in a state, empty once the file is closed."""
    return {
        "DRAFT": pgettext("who", "经办人"),
        "BUSINESS_REVIEW": pgettext("who", "本单位业务审核人"),
        "SUBMITTED": pgettext("who", "登记机构受理人员"),
        "SUPPLEMENT": pgettext("who", "经办人"),
        "ACCEPTED": pgettext("who", "登记机构审核人员"),
        "UNDER_REVIEW": pgettext("who", "登记机构审核人员"),
        "REVIEW_PASSED": pgettext("who", "登记机构"),
        "NOTICE": pgettext("who", "公众（公示期内可提异议）"),
        "NOTICE_SUSPENDED": pgettext("who", "登记机构"),
        "CODING": pgettext("who", "赋码平台"),
        "CODING_REFUSED": pgettext("who", "登记机构"),
    }.get(state, "")

"""From a file's headings and cells to entries; a row that says too little is refused, with its number and why."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from dengji.core.errors import N_, DomainError
from dengji.core.tables import file_error, read
from dengji.law.codes import CodeError, region, validate_credit_code
from dengji.law.codes.region import find_region_prefix
from dengji.law.similarity import key_text

FIELDS = ("identifier", "name", "unit_name", "unit_code", "region", "abstract", "sharing", "openness")
_REQUIRED = ("identifier", "name", "unit_name")
_LONGEST = {"identifier": 100, "name": 300, "unit_name": 200, "abstract": 4000}
#: Guards the machine: one upload is read in one transaction.
MAX_ENTRIES = 200_000

MISSING = N_("缺少“{label}”")
TOO_LONG = N_("“{label}”超过 {limit} 个字符")
NOT_A_CODE = N_("“{label}”的值不正确：{value}")
TWICE = N_("标识符与第 {row} 行重复")
NOT_OBJECT = N_("此行不是 JSON 对象")
#: Field → what people call it.
LABELS = {
    "identifier": N_("信息资源标识符"),
    "name": N_("信息资源名称"),
    "unit_name": N_("提供单位"),
    "unit_code": N_("统一社会信用代码"),
    "region": N_("行政区划代码"),
    "abstract": N_("摘要"),
    "sharing": N_("共享类型"),
    "openness": N_("开放类型"),
}


@dataclass(frozen=True)
class Refusal:
    """A row that was not taken."""

    row: int
    message: str
    params: dict[str, Any] = field(default_factory=dict)


class _RefusedError(Exception):
    def __init__(self, message: str, **params: Any) -> None:
        super().__init__(message)
        self.message, self.params = message, params


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "columns.toml").read_text("utf-8"))


@cache
def _headings() -> Mapping[str, str]:
    return {key_text(text): name for name, texts in _table()["fields"].items() for text in texts}


@cache
def _values(name: str) -> Mapping[str, str]:
    return {key_text(text): value for value, texts in _table()["values"][name].items() for text in texts}


def columns(headings: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """Return {heading: field} of those known; what is given counts before what a heading says.

    Raises DomainError directory_mapping, heading_twice.
    """
    if bad := next((name for name in given.values() if name not in FIELDS), None):
        raise DomainError("directory_mapping", N_("没有“{name}”这一栏目"), "mapping", params={"name": bad[:40]})
    found = {heading: name for heading, name in given.items() if heading in headings}
    for heading in headings:
        name = _headings().get(key_text(heading))
        if heading in given or name is None or name in given.values():
            continue
        if name in found.values():
            raise file_error("heading_twice", N_("表头“{heading}”重复出现"), heading=heading[:100])
        found[heading] = name
    return found


def _of_table(headings: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """The columns of a table, among which must be all that an entry cannot do without."""
    if absent := next((heading for heading in given if heading not in headings), None):
        raise DomainError("directory_mapping", N_("文件中没有“{name}”这一列"), "mapping", params={"name": absent[:40]})
    found = columns(headings, given)
    if lacking := [name for name in _REQUIRED if name not in found.values()]:
        message = N_("文件中没有“{label}”一列：请更正表头，或指明哪一列是它")
        raise file_error("headings_missing", message, label=LABELS[lacking[0]])
    return found


def rows(data: bytes, given: Mapping[str, str]) -> Iterator[tuple[int, dict[str, str]] | Refusal]:
    """Yield (row, entry) or the refusal of each row; raises DomainError directory_mapping, headings_missing and as
    `columns` and `tables.read` do."""
    file = read(BytesIO(data))
    known = _of_table(file.headings, given) if file.headings else {}
    places = [(at, known[heading]) for at, heading in enumerate(file.headings) if heading in known]
    seen: dict[str, int] = {}
    for number, row in file.rows:
        if row is None:
            yield Refusal(number, NOT_OBJECT)
            continue
        if isinstance(row, dict):
            mapped = columns(list(row), given)
            cells = {mapped[key]: value for key, value in row.items() if key in mapped}
        else:
            cells = {name: row[at] for at, name in places if at < len(row)}
        if not any(str(value or "").strip() for value in cells.values()):
            continue
        try:
            entry = _entry(cells)
            first = seen.setdefault(entry["identifier"], number)
            if first != number:
                raise _RefusedError(TWICE, row=first)
        except _RefusedError as refused:
            yield Refusal(number, refused.message, refused.params)
            continue
        if len(seen) > MAX_ENTRIES:
            raise file_error("file_too_large", N_("一次至多导入 {rows} 条目录"), 413, rows=MAX_ENTRIES)
        yield number, entry


def _entry(cells: Mapping[str, Any]) -> dict[str, str]:
    texts = {name: _text(cells.get(name)) for name in FIELDS}
    for name in _REQUIRED:
        if not texts[name]:
            raise _RefusedError(MISSING, label=LABELS[name])
    for name, limit in _LONGEST.items():
        if len(texts[name]) > limit:
            raise _RefusedError(TOO_LONG, label=LABELS[name], limit=limit)
    for name in ("sharing", "openness"):
        if texts[name] and key_text(texts[name]) not in _values(name):
            raise _bad(name, texts[name])
        texts[name] = _values(name)[key_text(texts[name])] if texts[name] else ""
    try:
        texts["unit_code"] = validate_credit_code(texts["unit_code"]) if texts["unit_code"] else ""
    except CodeError:
        raise _bad("unit_code", texts["unit_code"]) from None
    texts["region"] = _region(texts["region"], texts["unit_name"])
    return texts


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(str(value if value is not None else "").replace("\0", "").split())


def _region(text: str, unit: str) -> str:
    """The six digits of a code or name; where none is given, of the place that the unit's name begins with."""
    if not text:
        found = find_region_prefix(unit)
        return found.code if found else ""
    try:
        return region(text.ljust(6, "0") if text.isdigit() else text).code
    except CodeError:
        named = find_region_prefix(text)
        if named is None:
            raise _bad("region", text) from None
        return named.code


def _bad(name: str, value: str) -> _RefusedError:
    return _RefusedError(NOT_A_CODE, label=LABELS[name], value=value[:60])

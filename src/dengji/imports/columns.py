"""From headings and cells to a record: which column is which field, and what a cell means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from functools import lru_cache
from typing import Any

from dengji.core.errors import N_
from dengji.core.tables import file_error
from dengji.law.checks.model import Finding
from dengji.law.record import FIELDS

from .cells import ADOPTION, CellError, fold, readers

#: Marks a row that only shows how to fill in the others; such rows are passed over.
MARKER = "_marker"
EXAMPLE = "示例"
_NOTHING: tuple[Any, ...] = (None, "", [], {})
_ALIASES = {
    "流水号": "serial",
    "申请流水号": "serial",
    "登记流水号": "serial",
    "查询码": "code",
    "到期日期": "valid_to",
}


@dataclass(frozen=True)
class Columns:
    """How the columns of one file are read: (position, field) of those known, headings of those that are not."""

    taken: tuple[tuple[int, str], ...]
    unknown: tuple[str, ...]


@dataclass
class Reading:
    """What one row says: content by field name, what is wrong with single cells, unknown names, and what to skip."""

    content: dict[str, Any] = default(default_factory=dict)
    findings: list[Finding] = default(default_factory=list)
    unknown: tuple[str, ...] = ()
    example: bool = False


@lru_cache(maxsize=2)
def _names(adoption: bool) -> dict[str, str]:
    names = {fold(MARKER): MARKER, fold("行标记"): MARKER, fold("row mark"): MARKER}
    for name, field in FIELDS.items():
        names |= dict.fromkeys((name, *map(fold, (name, field.label, field.label_en))), name)
    if adoption:
        for name, (zh, en, _kind, _required) in ADOPTION.items():
            names |= dict.fromkeys((name, *map(fold, (name, zh, en))), name)
        names |= {fold(alias): name for alias, name in _ALIASES.items()}
    return names


def map_headings(headings: Sequence[str], *, adoption: bool = False) -> Columns:
    """Find the field of each heading by Chinese label, English label or field name, whatever width, space and case.

    Raises DomainError heading_twice, headings_missing (no column is known).
    """
    names = _names(adoption)
    taken: dict[str, int] = {}
    unknown: list[str] = []
    for position, heading in enumerate(headings):
        name = names.get(fold(heading)) if heading else None
        if name is None:
            unknown += [heading] if heading else []
        elif name in taken:
            raise file_error("heading_twice", N_("表头“{heading}”重复出现"), heading=heading)
        else:
            taken[name] = position
    if not set(taken) - {MARKER}:
        raise file_error("headings_missing", N_("第一行没有可识别的表头：请下载模板，保留表头一行"))
    return Columns(tuple((position, name) for name, position in taken.items()), tuple(unknown))


def read_cells(columns: Columns, row: Sequence[Any]) -> Reading:
    """Return what a row of a table says; a cell that cannot be taken becomes a finding, the others are kept."""
    length = len(row)
    return _read((name, row[position]) for position, name in columns.taken if position < length)


@lru_cache(maxsize=64)
def _placed(keys: tuple[str, ...], adoption: bool) -> tuple[str, ...] | None:
    """Return the fields that an object's keys name, None where one is unknown or named twice; few sets fill a file."""
    names = _names(adoption)
    found = [name for key in keys if (name := names.get(key) or names.get(fold(key)))]
    return tuple(found) if len(found) == len(keys) == len(set(found)) else None


def read_object(row: Mapping[str, Any], *, adoption: bool = False) -> Reading:
    """Return what a JSON object says; keys are mapped like headings, structured values kept as they are."""
    if placed := _placed(tuple(row), adoption):
        return _read(zip(placed, row.values(), strict=True))
    names = _names(adoption)
    known: dict[str, Any] = {}
    unknown: list[str] = []
    for key, value in row.items():
        name = names.get(key) or names.get(fold(key))
        if name is None:
            unknown.append(key[:100])
        elif name in known:
            raise file_error("heading_twice", N_("表头“{heading}”重复出现"), heading=key[:100])
        else:
            known[name] = value
    reading = _read(known.items())
    reading.unknown = tuple(unknown)
    return reading


def _read(cells: Iterable[tuple[str, Any]]) -> Reading:
    reading, taking = Reading(), readers()
    content = reading.content
    for name, cell in cells:
        if cell is None or cell == "":
            continue
        if name == MARKER:
            reading.example = str(cell).strip() == EXAMPLE
            continue
        try:
            value = taking[name](cell)
        except CellError as error:
            reading.findings.append(error.finding)
            continue
        if value or value not in _NOTHING:
            content[name] = value
    return reading

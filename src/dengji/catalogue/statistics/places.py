"""The rows a table has: all values that a dimension can take under its parent, those that count nothing included."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from dengji.core.errors import N_, DomainError
from dengji.law.codes import DIVISIONS, SECTIONS, region, regions
from dengji.law.procedure import STATES
from dengji.law.record import FIELDS

_DIGITS = {"province": 2, "prefecture": 4, "county": 6}


def values(dimension: str, parent: str) -> list[str]:
    """Return the values of a dimension in order, under a section or region where one is given.

    Raises DomainError statistics_value for a parent that is none.
    """
    if dimension == "region":
        return list(_below(parent))
    if dimension == "industry" and (not parent or parent in SECTIONS):
        return [code for code, row in DIVISIONS.items() if parent in ("", row.section)]
    if parent:
        raise _unknown()
    fixed = {
        "section": SECTIONS,
        "state": STATES["registration"],
        "type": FIELDS["data_type"].labels,
        "access": FIELDS["access_mode"].labels,
    }
    return list(fixed.get(dimension, ()))


def parent_of(code: str) -> str:
    """Return the region under whose rows a region stands, empty for a province."""
    return next((above for above, rows in _tree().items() if code in rows), "")


def has_parts(code: str) -> bool:
    """Tell whether there are regions below a region."""
    return bool(_tree().get(code))


def _below(parent: str) -> tuple[str, ...]:
    found = _tree().get(parent)
    if found is None:
        if parent_of(parent) or parent in _tree()[""]:
            return ()
        raise _unknown()
    return found


@cache
def _tree() -> Mapping[str, tuple[str, ...]]:
    """Region → the regions right below it, by the digits under which they are counted; headings are passed over."""
    below: dict[str, list[str]] = {"": []}
    for row in regions():
        if row.level in _DIGITS:
            above = row.parent
            while above is not None and region(above).group:
                above = region(above).parent
            over = region(above) if above else None
            key = over.code[: _DIGITS[over.level]] if over and over.level in _DIGITS else ""
            below.setdefault(key, []).append(row.code[: _DIGITS[row.level]])
    return {key: tuple(rows) for key, rows in below.items()}


def _unknown() -> DomainError:
    return DomainError("statistics_value", N_("没有这一行业门类或地区"), "value")

"""What the values of facets and fields are called, in the page's language; the names come from the law's tables."""

from __future__ import annotations

from functools import lru_cache

from django.utils.translation import get_language, gettext

from dengji.core.errors import N_
from dengji.law.codes import DIVISIONS, SECTIONS, CodeError, region
from dengji.law.procedure import STATES
from dengji.law.record import FIELDS
from dengji.law.rulebook import Rulebook

#: Facets in the order in which pages show them.
TITLES = {
    "industry": N_("行业"),
    "region": N_("地区"),
    "type": N_("登记类型"),
    "access": N_("获取方式"),
    "state": N_("登记状态"),
    "year": N_("赋码年份"),
    "registrant": N_("登记主体"),
    "register": N_("登记簿"),
}
_FIELD = {"type": "data_type", "access": "access_mode"}
_GROUNDS = (
    "cancellation.grounds",
    "cancellation.agency_grounds",
    "revocation.grounds",
    "suppression.grounds",
)


def english() -> bool:
    """True if the page's language is English."""
    return (get_language() or "").startswith("en")


def label(facet: str, value: str) -> str:
    """Return what a value of a facet is called; the value itself where no table names it."""
    return _label(facet, value, english())


@lru_cache(maxsize=16384)
def _label(facet: str, value: str, in_english: bool) -> str:
    if facet == "industry":
        row = SECTIONS.get(value) or DIVISIONS.get(value)
        return (row.name_en if in_english else row.name) if row else value
    if facet == "region":
        try:
            return region(value.ljust(6, "0")).name
        except CodeError:
            return value
    if facet == "state":
        return gettext(STATES["registration"].get(value, value))
    return option(_FIELD[facet], value) if facet in _FIELD else value


def option(field: str, value: str) -> str:
    """Return what one of a field's choices is called."""
    row = FIELDS[field].labels.get(value)
    return row["en" if english() else "zh"] if row else value


def field(name: str) -> str:
    """Return the heading of a field."""
    return FIELDS[name].label_en if english() else FIELDS[name].label


def region_name(code: str) -> str:
    """Return a region with all that it lies within: 甘肃省张掖市甘州区."""
    try:
        return region(code).full_name
    except CodeError:
        return code


def ground(rulebook: Rulebook, code: str) -> str:
    """Return what a ground of cancellation, revocation or suppression is called in a rulebook."""
    for key in _GROUNDS:
        for row in rulebook.get(key, ()):
            if row["code"] == code:
                return str(row["en" if english() else "zh"])
    return code


def known(facet: str, value: str) -> bool:
    """True if a value of a facet is one that the tables know; of years any of four digits."""
    if facet == "industry":
        return value in SECTIONS or value in DIVISIONS
    if facet == "region":
        return _is_region(value)
    if facet == "state":
        return value in STATES["registration"]
    if facet in _FIELD:
        return value in FIELDS[_FIELD[facet]].labels
    return True


@lru_cache(maxsize=8192)
def _is_region(value: str) -> bool:
    try:
        return len(value) in (2, 4, 6) and region(value.ljust(6, "0")) is not None
    except CodeError:
        return False

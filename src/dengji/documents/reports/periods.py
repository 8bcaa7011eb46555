"""The days a report is on: months, quarters, years or any other days; the period before, and the year before."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import date, timedelta

from dengji.core.errors import N_

ONE = timedelta(days=1)
MONTHS: Mapping[str, int] = {"month": 1, "quarter": 3, "year": 12}
KINDS = {
    "month": N_("登记情况月报"),
    "quarter": N_("登记情况季报"),
    "year": N_("登记情况年报"),
    "period": N_("登记情况通报"),
}
PRESETS = {
    "last_month": N_("上月"),
    "this_month": N_("本月"),
    "last_quarter": N_("上季度"),
    "this_quarter": N_("本季度"),
    "last_year": N_("上年"),
    "this_year": N_("本年"),
}


def _back(day: date, months: int) -> date:
    """The first of the month so many months before."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def _month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def kind_of(first: date, last: date) -> str:
    """Return what report covers these days: month, quarter or year where they are whole ones, else period."""
    if first.day != 1 or last != _month_end(last):
        return "period"
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    return next((k for k, n in MONTHS.items() if n == months and (first.month - 1) % n == 0), "period")


def previous(first: date, last: date) -> tuple[date, date]:
    """Return the period before: the month, quarter or year before, else as many days that end the day before."""
    months = MONTHS.get(kind_of(first, last))
    return (_back(first, months) if months else first - (last - first) - ONE), first - ONE


def year_before(first: date, last: date) -> tuple[date, date]:
    """Return the same period of the year before; a period that ends a month ends the month there too."""
    begin, end = _year_less(first), _year_less(last)
    return begin, _month_end(end) if last == _month_end(last) else end


def _year_less(day: date) -> date:
    return date(day.year - 1, day.month, min(day.day, monthrange(day.year - 1, day.month)[1]))


def preset(name: str, today: date) -> tuple[date, date]:
    """Return the days of a preset; one that runs still ends today. Raises KeyError for any other name."""
    which, _, kind = name.partition("_")
    months = MONTHS[kind]
    first = _back(today, (today.month - 1) % months)
    if which == "this":
        return first, today
    return {"last": (_back(first, months), first - ONE)}[which]

"""Working days and terms of N26 Arts. 9–12, 15; the day of the event is not counted, a period ends at 24:00."""

from __future__ import annotations

import tomllib
from array import array
from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from itertools import accumulate
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")

_ONE_DAY: Final = timedelta(days=1)
_MIDNIGHT: Final = time(0, tzinfo=SHANGHAI)
# Since the last summer time, of 1991, every Shanghai day has ended at 16:00 UTC: a shortcut four times as fast.
_STANDARD_TIME_SINCE: Final = date(1992, 1, 1)
_DAY_ENDS: Final = time(16, tzinfo=UTC)
_WEEK: Final = bytes((1, 1, 1, 1, 1, 0, 0))


def shanghai_date(instant: datetime) -> date:
    """Return the Shanghai date of an aware instant; a naive one raises ValueError."""
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise ValueError("an instant must carry its time zone")
    return instant.astimezone(SHANGHAI).date()


def end_of(day: date) -> datetime:
    """Return the exclusive end of a Shanghai day, as an instant in UTC: the next midnight in Shanghai."""
    if _plain(day) >= _STANDARD_TIME_SINCE:
        return datetime.combine(day, _DAY_ENDS)
    return datetime.combine(day + _ONE_DAY, _MIDNIGHT).astimezone(UTC)


def _plain(day: date) -> date:
    """Refuse a datetime, whose date depends on a zone that the caller has to name with shanghai_date()."""
    if isinstance(day, datetime):
        raise TypeError("a date is needed, not a datetime: use shanghai_date()")
    return day


@dataclass(frozen=True, slots=True)
class Deadline:
    """The end of a period: its last Shanghai day, the exclusive UTC instant, and whether the calendar may move."""

    last_day: date
    ends: datetime
    provisional: bool


@dataclass(frozen=True, slots=True)
class Override:
    """One exception from the weekday rule: a holiday (working=False) or a make-up working day, and who set it."""

    day: date
    working: bool
    source: str


@dataclass(frozen=True, slots=True)
class Change:
    """One day on which two calendars differ; `source` is what the newer rests on, None for the plain weekday rule."""

    day: date
    before: bool
    after: bool
    source: str | None


@dataclass(frozen=True, slots=True)
class _Table:
    """Prefix sums over the span, so that every question is one or two look-ups."""

    counts: array[int]  # working days from the first day of the span up to and including each day
    days: array[int]  # ordinal of the k-th working day of the span


@dataclass(frozen=True, eq=False)
class Calendar:
    """A version of the working-day table: exceptions by day, published years, the span in which it can count."""

    version: str
    exceptions: Mapping[date, Override]
    published: frozenset[int]
    first_day: date
    last_day: date
    unsettled_tail_days: int
    _first: int = field(init=False, repr=False)
    _length: int = field(init=False, repr=False)
    _table: _Table = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_first", self.first_day.toordinal())
        object.__setattr__(self, "_length", self.last_day.toordinal() - self._first + 1)
        object.__setattr__(self, "_table", _build(self))

    def is_working(self, day: date) -> bool:
        """Tell whether a day is a working day, make-up days (调休上班) included; outside the span ValueError."""
        index = self._index(day)
        counts = self._table.counts
        return counts[index] > (counts[index - 1] if index else 0)

    def is_provisional(self, day: date) -> bool:
        """Tell whether a notice not yet in the table may still change this day (R37)."""
        _plain(day)
        if day.year not in self.published:
            return True
        tail = day.month == 12 and day.day > 31 - self.unsettled_tail_days
        return tail and day.year + 1 not in self.published

    def add(self, start: date, working_days: int) -> Deadline:
        """Return the end of a period of n working days after `start`, the day of the event not counted (R36–R38).

        n = 0 gives `start` itself, working or not; n < 0 or a day outside the span raises ValueError.
        """
        if working_days < 0:
            raise ValueError("a period has no negative length")
        index = self._index(start)
        if working_days:
            position = self._table.counts[index] + working_days - 1
            last_day = date.fromordinal(self._working_ordinal(position))
        else:
            last_day = start
        return Deadline(last_day, end_of(last_day), self._unsettled(start, last_day))

    def between(self, start: date, end: date) -> int:
        """Count the working days after `start` up to and including `end`; negative when `end` is earlier."""
        counts = self._table.counts
        return counts[self._index(end)] - counts[self._index(start)]

    def previous_working(self, day: date, n: int) -> date:
        """Return the n-th working day before `day`, itself not counted; n = 0 gives `day`, n < 0 ValueError."""
        if n < 0:
            raise ValueError("a period has no negative length")
        index = self._index(day)
        if n == 0:
            return day
        before = self._table.counts[index - 1] if index else 0
        return date.fromordinal(self._working_ordinal(before - n))

    def with_overrides(self, rows: Iterable[Override], version: str, published: Iterable[int] = ()) -> Calendar:
        """Return a new version with an administrator's rows laid over this one (R37, R41).

        `published` names years whose notice these rows complete, so that they are no longer provisional. ValueError
        for a reused version name, a row without source, two rows that contradict each other, a day outside the span.
        """
        if not version or version == self.version:
            raise ValueError("changed rows need a new version name")
        added: dict[date, Override] = {}
        for row in rows:
            self._index(row.day)
            if not row.source.strip():
                raise ValueError(f"the row for {row.day} names no source")
            if row.day in added and added[row.day].working != row.working:
                raise ValueError(f"two rows contradict each other on {row.day}")
            added[row.day] = row
        exceptions = MappingProxyType({**self.exceptions, **added})
        return replace(self, version=version, exceptions=exceptions, published=self.published | set(published))

    def diff(self, other: Calendar) -> list[Change]:
        """List in order the days on which `other`, the newer calendar, decides otherwise than this one."""
        days = sorted(self.exceptions.keys() | other.exceptions.keys())
        pairs = ((day, self.is_working(day), other.is_working(day)) for day in days)
        return [Change(day, old, new, other.source(day)) for day, old, new in pairs if old != new]

    def source(self, day: date) -> str | None:
        """Return what an exceptional day rests on; None where the plain weekday rule applies."""
        row = self.exceptions.get(_plain(day))
        return row.source if row else None

    def _index(self, day: date) -> int:
        index = _plain(day).toordinal() - self._first
        if 0 <= index < self._length:
            return index
        raise ValueError(f"{day} lies outside {self.first_day} – {self.last_day}")

    def _working_ordinal(self, position: int) -> int:
        if not 0 <= position < len(self._table.days):
            raise ValueError(f"the period leaves {self.first_day} – {self.last_day}")
        return self._table.days[position]

    def _unsettled(self, start: date, last_day: date) -> bool:
        if self.is_provisional(last_day):
            return True
        return start.year != last_day.year and not self.published.issuperset(
            range((start + _ONE_DAY).year, last_day.year)
        )


def _build(calendar: Calendar) -> _Table:
    first, last = calendar.first_day, calendar.last_day
    length = last.toordinal() - first.toordinal() + 1
    turn = first.weekday()
    week = _WEEK[turn:] + _WEEK[:turn]
    working = bytearray((week * (length // 7 + 1))[:length])
    start = first.toordinal()
    for day, row in calendar.exceptions.items():
        working[day.toordinal() - start] = row.working
    days = array("l", (start + offset for offset, works in enumerate(working) if works))
    return _Table(array("l", accumulate(working)), days)


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("calendars", "cn.toml").read_text("utf-8"))


def versions() -> list[str]:
    """List the shipped calendar versions, oldest first."""
    return list(_data()["versions"])


@cache
def load(version: str | None = None) -> Calendar:
    """Return a shipped calendar, the newest without a name; an unknown name raises KeyError."""
    names = versions()
    if version is None:
        return load(names[-1])
    if version not in names:
        raise KeyError(version)
    data = _data()
    known = names[: names.index(version) + 1]
    years = {
        row["year"]: row
        for row in sorted(data["years"], key=lambda row: names.index(row["since"]))
        if row["since"] in known
    }
    exceptions = {
        day: Override(day, working, row["source"])
        for row in years.values()
        for name, working in (("off", False), ("work", True))
        for day in row[name]
    }
    return Calendar(
        version=version,
        exceptions=MappingProxyType(exceptions),
        published=frozenset(year for year, row in years.items() if row["published"]),
        first_day=data["first_day"],
        last_day=data["last_day"],
        unsettled_tail_days=data["unsettled_tail_days"],
    )


def _same_day_inclusive(anniversary: date, exact: bool) -> date:
    return anniversary


def _day_before(anniversary: date, exact: bool) -> date:
    return anniversary - _ONE_DAY if exact else anniversary


END_RULES: Final[Mapping[str, Callable[[date, bool], date]]] = MappingProxyType(
    {"same_day_inclusive": _same_day_inclusive, "day_before": _day_before}
)


def add_months(day: date, months: int, rule: str = "same_day_inclusive") -> date:
    """Return the last valid day of a term of calendar months from `day` (N26 Art. 15, R33).

    "same_day_inclusive" gives the same day number (2026-10-13 + 36 → 2029-10-13), "day_before" the day before it;
    a month without that day number ends on its own last day. An unknown rule or months < 0 raises ValueError.
    """
    if rule not in END_RULES or months < 0:
        raise ValueError(f"no such term: {months} months by rule {rule!r}")
    year, month = divmod(_plain(day).year * 12 + day.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return END_RULES[rule](date(year, month + 1, min(day.day, last)), day.day <= last)


def renewal_opens(end: date, days: int) -> date:
    """Return the first day of the renewal window, `days` calendar days before the last valid day (N26 Art. 15, R31)."""
    return _plain(end) - timedelta(days=days)

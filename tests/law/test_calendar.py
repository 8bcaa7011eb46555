"""Working-day arithmetic against the vectors of the rules, an independent calendar, and its own laws."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dengji.law import calendar as law_calendar
from dengji.law.calendar import Override, add_months, end_of, load, renewal_opens, shanghai_date

CN = load()
YEARS = (date(2020, 1, 1), date(2026, 12, 31))
SPAN = st.dates(date(2019, 6, 1), date(2031, 12, 31))


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(n) for n in range((last - first).days + 1)]


@pytest.mark.parametrize(
    ("start", "count", "last_day"),
    [
        # The notices really published in Zhangye, and the filing limit for operations that began before the Measures.
        ("2026-09-17", 10, "2026-10-08"),
        ("2026-09-18", 10, "2026-10-09"),
        ("2026-09-20", 10, "2026-10-10"),
        ("2026-09-21", 10, "2026-10-12"),
        ("2025-03-01", 30, "2025-04-14"),
        # Across make-up working days and holidays of three years.
        ("2024-02-02", 3, "2024-02-06"),
        ("2024-02-09", 1, "2024-02-18"),
        ("2024-04-03", 3, "2024-04-09"),
        ("2024-04-26", 5, "2024-05-07"),
        ("2024-05-10", 1, "2024-05-11"),
        ("2024-09-13", 2, "2024-09-18"),
        ("2024-09-27", 3, "2024-10-08"),
        ("2024-10-11", 20, "2024-11-07"),
        ("2025-01-24", 3, "2025-02-05"),
        ("2025-02-07", 2, "2025-02-10"),
        ("2025-04-25", 5, "2025-05-06"),
        ("2025-09-26", 10, "2025-10-16"),
        ("2026-01-01", 3, "2026-01-06"),
        ("2026-02-13", 10, "2026-03-05"),
        ("2026-05-08", 20, "2026-06-04"),
    ],
)
def test_vectors(start: str, count: int, last_day: str) -> None:
    deadline = CN.add(date.fromisoformat(start), count)
    assert deadline.last_day == date.fromisoformat(last_day)
    assert not deadline.provisional


def test_every_day_agrees_with_an_independent_calendar() -> None:
    wrong = [day for day in days(*YEARS) if CN.is_working(day) != chinese_calendar.is_workday(day)]
    assert wrong == []


def test_add_agrees_with_counting_by_hand() -> None:
    for start in days(date(2024, 1, 1), date(2026, 11, 20)):
        for count in (1, 3, 10, 20):
            day, left = start, count
            while left:
                day += timedelta(1)
                left -= chinese_calendar.is_workday(day)
            assert CN.add(start, count).last_day == day


def test_a_deadline_ends_at_midnight_in_shanghai_and_is_exclusive() -> None:
    deadline = CN.add(date(2026, 9, 17), 10)
    assert deadline.ends == datetime(2026, 10, 8, 16, tzinfo=UTC)
    assert deadline.ends.utcoffset() == timedelta(0)
    assert shanghai_date(deadline.ends) == date(2026, 10, 9)
    assert shanghai_date(deadline.ends - timedelta(microseconds=1)) == date(2026, 10, 8)


def test_end_of_follows_the_zone_also_through_summer_time() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    for day in days(date(1985, 1, 1), date(1995, 12, 31)):
        tomorrow = day + timedelta(1)
        assert end_of(day) == datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone).astimezone(UTC)


def test_the_shanghai_date_needs_a_zone() -> None:
    assert shanghai_date(datetime(2026, 9, 17, 15, 59, tzinfo=UTC)) == date(2026, 9, 17)
    assert shanghai_date(datetime(2026, 9, 17, 16, 0, tzinfo=UTC)) == date(2026, 9, 18)
    with pytest.raises(ValueError, match="zone"):
        shanghai_date(datetime(2026, 9, 17, 12, 0))  # noqa: DTZ001 - the naive instant is what is refused


def test_no_days_is_the_start_itself_even_on_a_holiday() -> None:
    assert CN.add(date(2026, 10, 1), 0).last_day == date(2026, 10, 1)
    assert CN.previous_working(date(2026, 10, 1), 0) == date(2026, 10, 1)


def test_wrong_use_is_refused() -> None:
    for call in (CN.add, CN.previous_working):
        with pytest.raises(ValueError, match="negative"):
            call(date(2026, 1, 5), -1)
    with pytest.raises(ValueError, match="outside"):
        CN.is_working(date(1999, 12, 31))
    with pytest.raises(ValueError, match="leaves"):
        CN.add(date(2099, 12, 1), 100)
    with pytest.raises(ValueError, match="leaves"):
        CN.previous_working(date(2000, 1, 10), 20)
    with pytest.raises(TypeError, match="shanghai_date"):
        CN.add(datetime(2026, 9, 17, 20, tzinfo=UTC), 10)
    with pytest.raises(KeyError):
        load("cn-1949.1")


def test_previous_working_reminds_before_a_limit() -> None:
    assert CN.previous_working(date(2026, 10, 8), 1) == date(2026, 9, 30)
    assert CN.previous_working(date(2026, 9, 21), 1) == date(2026, 9, 20)


def test_an_unpublished_year_counts_by_weekdays_and_says_so() -> None:
    far = CN.add(date(2026, 12, 25), 10)
    assert far.last_day == date(2027, 1, 8)
    assert far.provisional
    assert CN.is_working(date(2027, 10, 1))
    assert CN.is_provisional(date(2027, 10, 1))
    assert not CN.add(date(2026, 11, 23), 20).provisional


def test_the_last_days_of_a_year_wait_for_the_next_notice() -> None:
    # The notice for 2019 turned Saturday 2018-12-29 into a working day and Monday 2018-12-31 into a holiday.
    assert chinese_calendar.is_workday(date(2018, 12, 29))
    assert CN.is_provisional(date(2026, 12, 29))
    assert not CN.is_provisional(date(2026, 12, 28))
    assert not CN.is_provisional(date(2025, 12, 31))


def test_older_versions_stay_what_they_were() -> None:
    assert law_calendar.versions()[-1] == CN.version
    old = load("cn-2025.1")
    assert old.is_provisional(date(2026, 5, 4))
    assert old.is_working(date(2026, 10, 1))
    changes = old.diff(CN)
    assert {change.day for change in changes} == {day for day in CN.exceptions if day.year == 2026}
    first = changes[0]
    assert (first.day, first.before, first.after) == (date(2026, 1, 1), True, False)
    assert first.source is not None
    assert "国办发明电〔2025〕7号" in first.source
    assert CN.diff(CN) == []


def test_every_exception_differs_from_the_weekday_rule_and_names_its_notice() -> None:
    for day, row in CN.exceptions.items():
        assert row.working == (day.weekday() >= 5)
        assert f"{day.year}年" in row.source


def test_an_administrator_enters_the_next_notice() -> None:
    rows = [
        Override(date(2027, 1, 1), False, "2027年安排（样例）"),
        Override(date(2027, 1, 3), True, "2027年安排（样例）"),
    ]
    new = CN.with_overrides(rows, "cn-2027.1", published=[2027])
    assert new.version == "cn-2027.1"
    assert new.add(date(2026, 12, 31), 1).last_day == date(2027, 1, 3)
    assert not new.add(date(2026, 12, 31), 1).provisional
    assert not new.is_provisional(date(2026, 12, 31))
    assert CN.add(date(2026, 12, 31), 1).last_day == date(2027, 1, 1)
    assert [change.day for change in CN.diff(new)] == [date(2027, 1, 1), date(2027, 1, 3)]
    assert new.source(date(2027, 1, 3)) == "2027年安排（样例）"
    assert new.source(date(2027, 1, 4)) is None


def test_rows_that_prove_nothing_are_refused() -> None:
    day = date(2026, 8, 3)
    with pytest.raises(ValueError, match="version"):
        CN.with_overrides([], CN.version)
    with pytest.raises(ValueError, match="source"):
        CN.with_overrides([Override(day, False, " ")], "x")
    with pytest.raises(ValueError, match="contradict"):
        CN.with_overrides([Override(day, False, "a"), Override(day, True, "b")], "x")
    with pytest.raises(ValueError, match="outside"):
        CN.with_overrides([Override(date(1990, 1, 1), False, "a")], "x")


def test_a_calendar_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        CN.version = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        CN.exceptions[date(2026, 8, 3)] = Override(date(2026, 8, 3), False, "a")  # type: ignore[index]


@given(SPAN, st.integers(1, 300))
def test_add_and_between_undo_each_other(start: date, count: int) -> None:
    last_day = CN.add(start, count).last_day
    assert CN.is_working(last_day)
    assert last_day > start
    assert CN.between(start, last_day) == count
    assert CN.between(last_day, start) == -count
    assert CN.previous_working(last_day + timedelta(1), 1) == last_day


@given(SPAN, SPAN, st.integers(0, 60), st.integers(0, 60))
def test_more_days_or_a_later_start_never_end_earlier(one: date, two: date, few: int, more: int) -> None:
    (early, late), (low, high) = sorted((one, two)), sorted((few, more))
    assert CN.add(early, low).last_day <= CN.add(late, low).last_day
    assert CN.add(early, low).last_day <= CN.add(early, high).last_day


@given(SPAN, st.integers(1, 60), st.integers(0, 60))
def test_two_periods_in_a_row_are_one(start: date, first: int, second: int) -> None:
    assert CN.add(CN.add(start, first).last_day, second).last_day == CN.add(start, first + second).last_day


@given(SPAN, st.integers(1, 40))
def test_previous_working_is_the_mirror_of_add(day: date, count: int) -> None:
    earlier = CN.previous_working(day, count)
    assert CN.is_working(earlier)
    assert CN.between(earlier - timedelta(1), day - timedelta(1)) == count


@given(st.sets(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=12), SPAN, st.integers(1, 40))
def test_more_holidays_never_shorten_and_leave_the_first_calendar_alone(
    holidays: set[date], start: date, count: int
) -> None:
    before = CN.add(start, count)
    new = CN.with_overrides([Override(day, False, "样例") for day in holidays], "样例")
    assert new.add(start, count).last_day >= before.last_day
    assert CN.add(start, count) == before
    assert {change.day for change in CN.diff(new)} == {day for day in holidays if CN.is_working(day)}
    assert not any(new.is_working(day) for day in holidays)


@given(SPAN, st.integers(0, 60))
def test_a_period_through_an_unsettled_day_is_provisional(start: date, count: int) -> None:
    deadline = CN.add(start, count)
    passed = days(start + timedelta(1), deadline.last_day) or [start]
    assert deadline.provisional == any(CN.is_provisional(day) for day in passed)


@pytest.mark.parametrize(
    ("day", "months", "rule", "end"),
    [
        ("2026-10-13", 36, "same_day_inclusive", "2029-10-13"),
        ("2028-02-29", 36, "same_day_inclusive", "2031-02-28"),
        ("2028-02-29", 48, "same_day_inclusive", "2032-02-29"),
        ("2026-01-31", 1, "same_day_inclusive", "2026-02-28"),
        ("2026-12-31", 0, "same_day_inclusive", "2026-12-31"),
        ("2026-11-30", 13, "same_day_inclusive", "2027-12-30"),
        ("2026-10-13", 36, "day_before", "2029-10-12"),
        ("2026-03-01", 12, "day_before", "2027-02-28"),
        ("2028-02-29", 12, "day_before", "2029-02-28"),
    ],
)
def test_terms_in_months(day: str, months: int, rule: str, end: str) -> None:
    assert add_months(date.fromisoformat(day), months, rule) == date.fromisoformat(end)


def test_an_unknown_term_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="rule"):
        add_months(date(2026, 1, 1), 36, "roughly")
    with pytest.raises(ValueError, match="term"):
        add_months(date(2026, 1, 1), -1)


def test_the_renewal_window_counts_calendar_days() -> None:
    assert renewal_opens(date(2029, 10, 13), 60) == date(2029, 8, 14)

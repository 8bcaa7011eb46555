"""The twelve notices that 张掖 really published in September 2026: start and end as published, against the calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from dengji.cli.story.facts import RECORDS
from dengji.law import rulebook
from dengji.law.calendar import load, shanghai_date

#: (application serial, published start, published end), as the notices gave them, in UTC.
PUBLISHED = (
    ("20260917000128", "2026-09-17T02:47:59.218", "2026-10-08T02:47:59.218"),
    ("20260917000150", "2026-09-17T03:02:11.203", "2026-10-08T03:02:11.203"),
    ("20260917000139", "2026-09-17T06:49:09.963", "2026-10-08T06:49:09.963"),
    ("20260917000167", "2026-09-17T06:49:14.499", "2026-10-08T06:49:14.499"),
    ("20260917000193", "2026-09-17T08:28:31.731", "2026-10-08T08:28:31.731"),
    ("20260917000270", "2026-09-17T08:54:03.307", "2026-10-08T08:54:03.307"),
    ("20260918000168", "2026-09-18T09:32:56.055", "2026-10-09T09:32:56.055"),
    ("20260920000146", "2026-09-20T07:01:32.969", "2026-10-10T07:01:32.969"),
    ("20260920000214", "2026-09-20T09:33:51.573", "2026-10-10T09:33:51.573"),
    ("20260920000203", "2026-09-20T09:33:56.461", "2026-10-10T09:33:56.461"),
    ("20260920000122", "2026-09-21T01:18:31.955", "2026-10-12T01:18:31.955"),
    ("20260921000079", "2026-09-21T03:56:10.005", "2026-10-12T03:56:10.005"),
)
NOTICE = rulebook.load("cn-gs").get("limits.notice_wd")


@pytest.mark.parametrize(("serial", "start", "end"), PUBLISHED)
def test_the_real_end_comes_out(serial: str, start: str, end: str) -> None:
    opened, closed = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end))
    deadline = load().add(shanghai_date(opened), NOTICE)
    assert deadline.last_day == shanghai_date(closed)
    assert not deadline.provisional
    # The published notices stop at their hour of opening; ours run to the end of that day, never shorter.
    assert timedelta(0) < deadline.ends - closed < timedelta(days=1)


def test_the_four_vectors_of_the_rules_are_among_them() -> None:
    pairs = {(shanghai_date(datetime.fromisoformat(s + "+00:00")), date.fromisoformat(e[:10])) for _, s, e in PUBLISHED}
    assert pairs == {
        (date(2026, 9, 17), date(2026, 10, 8)),
        (date(2026, 9, 18), date(2026, 10, 9)),
        (date(2026, 9, 20), date(2026, 10, 10)),
        (date(2026, 9, 21), date(2026, 10, 12)),
    }


def test_the_packaged_example_holds_these_notices_and_no_others() -> None:
    packaged = {(r.published_serial, r.notice_from, r.notice_to) for r in RECORDS}
    assert packaged == {
        (serial, *(datetime.fromisoformat(t).replace(tzinfo=UTC) for t in (start, end)))
        for serial, start, end in PUBLISHED
    }

"""The clock: what falls due by itself, once, in order, without one object stopping the others."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from psycopg.conninfo import make_conninfo

from dengji.core import clock
from dengji.law import calendar as calendars
from dengji.law.calendar import Override, end_of
from dengji.ledger.models import Entry, Leaf, Pending
from dengji.parties.access import log_refusal
from dengji.parties.models import AccessLogRoot
from dengji.registration import rules, services
from dengji.registration.models import Application, ClockMark, Decision, Registration
from dengji.registration.services import clockwork
from tests.factories import world as w


def noon(day: date) -> datetime:
    """Noon in Shanghai."""
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


def marks(pk: Any) -> list[tuple[str, date]]:
    return list(ClockMark.objects.filter(object_id=pk).order_by("pk").values_list("mark", "due"))


def in_notice(world: w.World) -> tuple[Any, datetime]:
    pk = w.draft(world)
    w.advance(world, pk, "open_notice")
    ends = Application.objects.get(pk=pk).notice_ends
    assert ends is not None
    return pk, ends


def objection(world: w.World, application: Any) -> dict[str, Any]:
    return services.lodge(
        actor=world.actor("citizen"),
        transaction_id=w.tid(),
        notice_id=Application.objects.get(pk=application).notices.get().pk,
        objector_kind="person",
        identity={"name": "示例甲", "document_type": "resident_id", "document_number": "11010119900101001X"},
        relation="利害关系人",
        grounds="示例理由",
        evidence=[services.Upload("证据.pdf", w.PDF)],
    )


@pytest.mark.django_db
def test_a_notice_is_closed_and_coded_only_after_its_grace() -> None:
    world = w.build()
    pk, ends = in_notice(world)
    w.move_clock(ends + timedelta(minutes=4))
    assert clockwork.tick()["close_notice"] == 0
    assert Application.objects.get(pk=pk).state == "NOTICE"
    w.move_clock(ends + timedelta(minutes=5))
    counts = clockwork.tick()
    assert (counts["close_notice"], counts["assign_code"], counts["failed"]) == (1, 1, 0)
    assert Application.objects.get(pk=pk).state == "REGISTERED"
    assert not Pending.objects.exists()
    done = list(Decision.objects.filter(object_id=pk, act__in=("close_notice", "assign_code")).order_by("n"))
    assert [(d.act, d.actor) for d in done] == [
        ("close_notice", "clock"),
        ("assign_code", f"issuer:{world.register.slug}"),
    ]


@pytest.mark.django_db
def test_a_second_tick_does_nothing() -> None:
    world = w.build()
    _, ends = in_notice(world)
    w.move_clock(ends + timedelta(minutes=6))
    clockwork.tick()
    before = Decision.objects.count(), ClockMark.objects.count(), Entry.objects.count()
    assert not any(clockwork.tick().values())
    assert (Decision.objects.count(), ClockMark.objects.count(), Entry.objects.count()) == before


@pytest.mark.django_db
def test_an_open_objection_holds_the_notice_until_it_is_settled() -> None:
    world = w.build()
    pk, ends = in_notice(world)
    lodged = objection(world, pk)
    w.move_clock(ends + timedelta(minutes=6))
    counts = clockwork.tick()
    assert counts["close_notice"] == counts["failed"] == 0
    more: dict[str, dict[str, Any]] = {"verify": {}, "dismiss": {"reason": "证据与该数据无关"}}
    for name, extra in more.items():
        getattr(services, name)(
            actor=world.actor("objection_officer"), transaction_id=w.tid(), objection_id=lodged["id"], **extra
        )
    assert clockwork.tick()["close_notice"] == 1
    assert Application.objects.get(pk=pk).state == "REGISTERED"


@pytest.mark.django_db
def test_a_register_that_asks_upstream_is_left_waiting_for_its_code() -> None:
    world = w.build(issuer="upstream")
    pk, ends = in_notice(world)
    w.move_clock(ends + timedelta(minutes=6))
    counts = clockwork.tick()
    assert (counts["close_notice"], counts["assign_code"], counts["failed"]) == (1, 0, 0)
    assert Application.objects.get(pk=pk).state == "CODING"


@pytest.mark.django_db
def test_the_notice_of_a_change_is_left_to_the_agency_and_marked() -> None:
    world = w.build()
    registration = w.registered(world)
    pk = w.draft(world, kind="change", registration_id=registration["registration"], fields={"scenarios": "线路规划"})
    w.advance(world, pk, "open_notice")
    row = Application.objects.get(pk=pk)
    assert row.notice_ends is not None
    w.move_clock(row.notice_ends + timedelta(minutes=6))
    counts = clockwork.tick()
    assert (counts["close_notice"], counts["notice_over"], counts["failed"]) == (0, 1, 0)
    assert ("notice_over", row.notice_last_day) in marks(pk)
    assert Application.objects.get(pk=pk).state == "NOTICE"
    assert clockwork.tick()["notice_over"] == 0


@pytest.mark.django_db
def test_a_limit_is_warned_of_one_working_day_before_and_marked_when_missed() -> None:
    world = w.build()
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    last = Application.objects.get(pk=pk).deadline_day
    assert last is not None
    eve = rules.calendar().previous_working(last, 1)
    w.move_clock(noon(rules.calendar().previous_working(last, 2)))
    clockwork.tick()
    assert marks(pk) == []
    w.move_clock(noon(eve))
    assert clockwork.tick()["warning"] == 1
    assert marks(pk) == [("warning", last)]
    w.move_clock(end_of(last) - timedelta(seconds=20))
    assert clockwork.tick()["overdue"] == 0
    w.move_clock(end_of(last))
    assert clockwork.tick()["overdue"] == 1
    assert marks(pk) == [("warning", last), ("overdue", last)]
    assert Application.objects.get(pk=pk).state == "SUBMITTED"


@pytest.mark.django_db
def test_a_make_up_working_day_moves_the_warning_to_a_sunday() -> None:
    world = w.build()
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    submitted = Application.objects.get(pk=pk).deadline_day
    assert submitted is not None
    monday = submitted + timedelta(days=(7 - submitted.weekday()) % 7 + 7)
    saturday, sunday = monday - timedelta(days=2), monday - timedelta(days=1)
    shipped = calendars.load()
    assert shipped.previous_working(monday, 1) == monday - timedelta(days=3)
    base = {"base": shipped.version, "by": "operator", "at": clock.legal_now()}
    from dengji.registration.models import CalendarVersion

    CalendarVersion.objects.create(
        version="make-up", overrides=[{"day": sunday.isoformat(), "working": True, "source": "示例通知"}], **base
    )
    rules.forget()
    Application.objects.filter(pk=pk).update(deadline_day=monday, deadline_ends=end_of(monday))
    w.move_clock(noon(saturday))
    assert clockwork.tick()["warning"] == 0
    w.move_clock(noon(sunday))
    assert clockwork.tick()["warning"] == 1
    assert marks(pk) == [("warning", monday)]
    assert Override(sunday, True, "示例通知") in rules.calendar().exceptions.values()


@pytest.mark.django_db
def test_reminders_fall_exactly_sixty_thirty_and_seven_days_before_the_end() -> None:
    world = w.build()
    made = w.registered(world)
    pk, end = made["registration"], Registration.objects.get(pk=made["registration"]).valid_to
    seen = []
    for days in (61, 60, 59, 31, 30, 29, 8, 7, 1, 0, -1):
        w.move_clock(noon(end - timedelta(days=days)))
        clockwork.tick()
        seen.append((days, [name for name, _ in marks(pk)]))
    first = ["renewal_open", "reminder_60"]
    second, third = [*first, "reminder_30"], [*first, "reminder_30", "reminder_7"]
    assert seen == [
        (61, []),
        (60, first),
        (59, first),
        (31, first),
        (30, second),
        (29, second),
        (8, second),
        (7, third),
        (1, third),
        (0, third),
        (-1, [*third, "expired"]),
    ]
    assert {due for _, due in marks(pk)} == {end}
    assert Registration.objects.get(pk=pk).state == "VALID"


@pytest.mark.django_db
def test_after_downtime_only_the_nearest_reminder_is_given_and_the_rest_is_caught_up() -> None:
    world = w.build()
    made = w.registered(world)
    pk, end = made["registration"], Registration.objects.get(pk=made["registration"]).valid_to
    w.move_clock(noon(end - timedelta(days=5)))
    clockwork.tick()
    assert [name for name, _ in marks(pk)] == ["renewal_open", "reminder_7"]
    notice, ends = in_notice(world)
    w.move_clock(ends + timedelta(days=40))
    counts = clockwork.tick()
    assert counts["failed"] == 0 and Application.objects.get(pk=notice).state == "REGISTERED"
    assert marks(pk)[-1] == ("expired", end)


@pytest.mark.django_db
def test_the_clock_cancels_only_where_the_rulebook_lets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = w.build()
    made = w.registered(world)
    row = Registration.objects.get(pk=made["registration"])
    w.move_clock(noon(row.valid_to + timedelta(days=1)))
    assert clockwork.tick()["cancel"] == 0
    book = rules.current("cn-gs")
    key = "validity.automatic_cancellation"
    automatic = replace(book, values={**book.values, key: replace(book.values[key], value=True)})
    monkeypatch.setattr(rules, "current", lambda name: automatic)
    counts = clockwork.tick()
    assert (counts["cancel"], counts["failed"]) == (1, 0)
    row.refresh_from_db()
    assert (row.state, row.ground) == ("CANCELLED", "expired")
    assert clockwork.tick()["cancel"] == 0


@pytest.mark.django_db
def test_one_failing_object_never_stops_the_others(caplog: pytest.LogCaptureFixture) -> None:
    world = w.build()
    broken, _ = in_notice(world)
    sound, ends = in_notice(world)
    Application.objects.filter(pk=broken).update(serial="")
    w.move_clock(ends + timedelta(minutes=6))
    original = clockwork.close_notice

    def close(**more: Any) -> dict[str, Any]:
        if more["application_id"] == broken:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT '张三丰'::int")
        return original(**more)

    clockwork.close_notice = close  # type: ignore[assignment]
    try:
        with caplog.at_level(logging.WARNING):
            counts = clockwork.tick()
    finally:
        clockwork.close_notice = original  # type: ignore[assignment]
    assert (counts["close_notice"], counts["failed"]) == (1, 1)
    assert Application.objects.get(pk=sound).state == "REGISTERED"
    assert str(broken) in caplog.text and "DataError" in caplog.text
    assert "张三丰" not in caplog.text


def test_a_mark_that_the_database_refuses_does_not_silence_the_others(
    committed: str, owner_connection: psycopg.Connection
) -> None:
    world = w.build()
    refused, sound = w.draft(world), w.draft(world)
    for pk in (refused, sound):
        w.advance(world, pk, "submit")
    owner_connection.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF NEW.object_id = %s THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$".replace(
            "%s", f"'{refused}'::uuid"
        )
    )
    owner_connection.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON registration_clockmark FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    last = Application.objects.get(pk=sound).deadline_day
    assert last is not None
    w.move_clock(end_of(last))
    counts = clockwork.tick()
    assert (counts["overdue"], counts["failed"]) == (1, 1)
    assert [name for name, _ in marks(sound)] == ["overdue"] and marks(refused) == []
    owner_connection.execute("DROP TRIGGER refuse ON registration_clockmark")
    assert clockwork.tick()["overdue"] == 1
    assert [name for name, _ in marks(refused)] == ["overdue"]


def test_two_ticks_at_once_do_everything_once(committed: str) -> None:
    world = w.build()
    pks = [in_notice(world) for _ in range(4)]
    waiting = w.draft(world)
    w.advance(world, waiting, "submit")
    w.move_clock(max(ends for _, ends in pks) + timedelta(minutes=6))
    results: list[dict[str, int]] = []
    start = threading.Barrier(2)

    def run() -> None:
        try:
            start.wait()
            results.append(clockwork.tick())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    clockwork.tick()
    for pk, _ in pks:
        acts = list(Decision.objects.filter(object_id=pk).order_by("n").values_list("act", flat=True))
        assert acts[-2:] == ["close_notice", "assign_code"] and len(acts) == 9
    assert Registration.objects.count() == 4
    assert [name for name, _ in marks(waiting)].count("overdue") == 1
    assert Leaf.objects.count() == Entry.objects.count()
    assert list(Leaf.objects.order_by("index").values_list("index", flat=True)) == list(range(Leaf.objects.count()))


@pytest.mark.django_db
def test_the_access_log_is_committed_every_hour() -> None:
    w.build()
    log_refusal(actor="public", act="accept", outcome="forbidden")
    at = clock.legal_now()
    assert clockwork.tick()["access_log_root"] == 1
    log_refusal(actor="public", act="accept", outcome="forbidden")
    w.move_clock(at + timedelta(minutes=50))
    assert clockwork.tick()["access_log_root"] == 0
    w.move_clock(at + timedelta(minutes=62))
    assert clockwork.tick()["access_log_root"] == 1
    w.move_clock(at + timedelta(minutes=130))
    assert clockwork.tick()["access_log_root"] == 0
    assert Entry.objects.filter(act="access_log_root").count() == AccessLogRoot.objects.count() == 2


@pytest.mark.django_db
def test_a_tick_takes_no_more_than_it_may_and_the_next_goes_on() -> None:
    world = w.build()
    pks = [in_notice(world)[0] for _ in range(3)]
    ends = Application.objects.get(pk=pks[-1]).notice_ends
    assert ends is not None
    w.move_clock(ends + timedelta(minutes=6))
    assert [clockwork.tick(limit=2)["close_notice"] for _ in range(3)] == [2, 1, 0]


def worker(database: str) -> subprocess.Popen[bytes]:
    code = "import django; django.setup(); from dengji.registration.tasks import run_worker; run_worker()"
    url = make_conninfo(os.environ["DENGJI_DATABASE_URL"], dbname=database)
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "DENGJI_DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "dengji.config.settings"},
        stderr=subprocess.PIPE,
    )


def until(holds: Any, seconds: float = 60.0) -> bool:
    for _ in range(int(seconds / 0.1)):
        if holds():
            return True
        time.sleep(0.1)
    return bool(holds())


def test_the_worker_places_entries_runs_jobs_as_the_app_role_and_stops_cleanly(committed: str) -> None:
    from dengji.registration import tasks

    world = w.build()
    pk, ends = in_notice(world)
    w.move_clock(ends + timedelta(minutes=6))
    tasks.tick.defer(timestamp=0)
    process = worker(committed)
    try:
        assert until(lambda: Application.objects.get(pk=pk).state == "REGISTERED")
        assert until(lambda: not Pending.objects.exists())
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            process.kill()
    assert process.returncode == 0, errors.decode()
    assert b"Traceback" not in errors
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'")
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db
def test_a_registration_that_comes_after_the_day_was_looked_at_is_not_overlooked() -> None:
    world = w.build()
    made = w.registered(world)
    end = Registration.objects.get(pk=made["registration"]).valid_to
    w.move_clock(noon(end - timedelta(days=20)))
    assert clockwork.tick()["validity"] == 2
    late = w.registered(world)
    Registration.objects.filter(pk=late["registration"]).update(valid_to=clock.legal_now().date() + timedelta(days=9))
    assert clockwork.tick()["validity"] > 0
    assert [name for name, _ in marks(late["registration"])] == ["renewal_open", "reminder_30"]


@pytest.mark.django_db
def test_the_command_ticks_until_nothing_is_due_and_tells_a_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dengji.cli.commands import tick

    world = w.build()
    rows = [in_notice(world) for _ in range(3)]
    w.move_clock(max(ends for _, ends in rows) + timedelta(minutes=6))
    args = argparse.Namespace(limit=1, json=True)
    assert tick.run(args) == 0
    counts = json.loads(capsys.readouterr().out)
    assert (counts["close_notice"], counts["assign_code"], counts["failed"]) == (3, 3, 0)
    assert Application.objects.filter(state="REGISTERED").count() == 3

    def fail(now: clockwork.Round) -> int:
        raise ValueError

    monkeypatch.setitem(clockwork.PHASES, "warning", fail)
    assert tick.run(args) == 3
    assert json.loads(capsys.readouterr().out)["failed"] == 1

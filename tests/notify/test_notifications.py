"""Who is told what, once, in which words; how it leaves the system; and that nothing personal is kept on the way."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core import mail
from django.db import connection
from django.utils import translation

from dengji.core import clock
from dengji.core.errors import DomainError
from dengji.law.procedure import TABLE
from dengji.notify import adapters, selectors
from dengji.notify import services as notify
from dengji.notify.consumer import follow
from dengji.notify.messages import MESSAGES, OBJECTS
from dengji.notify.models import Delivery, Notification
from dengji.notify.recipients import AUDIENCES
from dengji.notify.routes import ACTS, DESKS, MARKS
from dengji.parties import actor as actors
from dengji.parties import services as parties
from dengji.parties.models import Person
from dengji.parties.roles import AGENCY_ROLES
from dengji.parties.services import OPERATOR
from dengji.registration import services
from dengji.registration.models import Application, Registration
from dengji.registration.services import clockwork
from tests.factories import world as w

ADDRESS, NUMBER = "lisi.planted@example.org", "13912345678"


def reachable(world: w.World, kind: str = "clerk", language: str = "zh-hans") -> Person:
    """Give the registrant's clerk (or another) a mail address and a telephone: a second person of the same role."""
    bound = {"organisation": world.registrant} if kind == "clerk" else {"register": world.register}
    person = parties.add_person(
        actor=OPERATOR,
        username=f"mail-{uuid4().hex[:8]}",
        name="李四喜",
        email=ADDRESS,
        phone=NUMBER,
        language=language,
    )
    parties.grant_role(actor=OPERATOR, person=person, kind=kind, **bound)
    return person


def events(person: Person) -> list[str]:
    return list(Notification.objects.filter(person=person).order_by("id").values_list("event", flat=True))


def told(world: w.World, name: str) -> list[str]:
    return events(world.people[name])


@pytest.mark.django_db
def test_everybody_concerned_is_told_each_step_once_and_nobody_else() -> None:
    world = w.build()
    pk = w.draft(world)
    w.advance(world, pk, "open_notice")
    w.after_notice(pk)
    clockwork.tick()
    way = ["submitted", "accepted", "review_passed", "notice_opened", "notice_closed", "coded"]
    assert told(world, "clerk") == way
    assert told(world, "business_reviewer") == ["business_review_wanted", *way]
    assert told(world, "acceptor") == ["to_accept"]
    assert told(world, "reviewer") == ["to_review"]
    assert told(world, "notice_opener") == ["to_publish"]
    for stranger in ("stranger_clerk", "authority_supervisor", "system_admin", "citizen", "gateway"):
        assert told(world, stranger) == []
    before = Notification.objects.count()
    clockwork.tick()
    assert Notification.objects.count() == before


@pytest.mark.django_db
def test_a_register_without_an_issuer_tells_its_gateway() -> None:
    world = w.build(issuer="upstream")
    pk = w.draft(world)
    w.advance(world, pk, "open_notice")
    w.after_notice(pk)
    clockwork.tick()
    assert told(world, "gateway") == ["to_code"]


@pytest.mark.django_db
def test_what_was_told_cannot_be_told_again_even_if_the_cursor_is_lost(db: None) -> None:
    from dengji.ledger.models import Cursor

    world = w.build()
    w.advance(world, w.draft(world), "submit")
    clockwork.tick()
    before = Notification.objects.count(), Delivery.objects.count()
    Cursor.objects.filter(consumer="notify").update(next_index=0)
    clockwork.tick()
    assert (Notification.objects.count(), Delivery.objects.count()) == before


def test_two_consumers_at_once_tell_once(committed: str) -> None:
    world = w.build()
    person = reachable(world)
    w.advance(world, w.draft(world), "pass_review")
    clockwork.place_all()
    start = threading.Barrier(2)

    def run() -> None:
        try:
            start.wait()
            follow(clockwork.Round(clock.legal_now(), clock.legal_now().date(), 2000))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert events(person) == ["submitted", "accepted", "review_passed"]


@pytest.mark.django_db
def test_reasons_are_read_from_the_decision_and_kept_nowhere_else() -> None:
    world = w.build()
    person = reachable(world)
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    w.act(world, "decline", pk, "acceptor", reason="授权文件王五未签章")
    clockwork.tick()
    item = selectors.inbox(actors.for_person(person))["items"][0]
    serial = Application.objects.get(pk=pk).serial
    assert item["event"] == "declined" and item["object"] == {"kind": "application", "id": str(pk)}
    assert serial in item["body"] and "理由：授权文件王五未签章" in item["body"] and "请登录登记平台" in item["body"]
    assert "王五" not in json.dumps(list(Notification.objects.values_list("params", flat=True)), ensure_ascii=False)
    assert mail.outbox and all("王五" not in m.body for m in mail.outbox)


@pytest.mark.django_db
def test_the_reason_for_an_overdue_review_is_sent_as_the_law_asks() -> None:
    world = w.build()
    person = reachable(world)
    pk = w.draft(world)
    w.advance(world, pk, "begin_review")
    ends = Application.objects.get(pk=pk).deadline_ends
    assert ends is not None
    w.move_clock(ends)
    clockwork.tick()
    assert told(world, "reviewer")[-1] == "overdue" and told(world, "agency_supervisor") == ["overdue"]
    assert "overdue" not in events(person)
    mail.outbox.clear()
    w.act(world, "explain_overdue", pk, "reviewer", reason="系统升级停办两日")
    clockwork.tick()
    assert events(person)[-1] == "overdue_explained"
    assert [m.to for m in mail.outbox] == [[ADDRESS]] and "系统升级停办两日" in mail.outbox[0].body


@pytest.mark.django_db
def test_a_supplement_lists_what_is_wanted() -> None:
    world = w.build()
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    w.act(world, "request_supplement", pk, "acceptor", items=[{"field": "intro", "text": "请写明更新频率"}])
    clockwork.tick()
    assert "请写明更新频率" in selectors.inbox(world.actor("clerk"))["items"][0]["body"]


@pytest.mark.django_db
def test_a_warning_goes_to_the_desk_where_the_file_lies() -> None:
    world = w.build()
    pk = w.draft(world)
    w.advance(world, pk, "accept")
    row = Application.objects.get(pk=pk)
    assert row.deadline_ends is not None
    w.move_clock(row.deadline_ends - timedelta(hours=1))
    clockwork.tick()
    assert told(world, "reviewer")[-1] == "warning" and "warning" not in told(world, "acceptor")
    assert "warning" not in told(world, "agency_supervisor")
    assert f"办理期限：{row.deadline_day}" in selectors.inbox(world.actor("reviewer"))["items"][0]["body"]


@pytest.mark.django_db
def test_objection_and_termination_reach_objector_registrant_and_officer() -> None:
    world = w.build()
    pk = w.draft(world)
    w.advance(world, pk, "open_notice")
    lodged = services.lodge(
        actor=world.actor("citizen"),
        transaction_id=w.tid(),
        notice_id=Application.objects.get(pk=pk).notices.get().pk,
        objector_kind="person",
        identity={"name": "示例甲", "document_type": "resident_id", "document_number": "11010119900101001X"},
        relation="利害关系人",
        grounds="示例理由",
        evidence=[services.Upload("证据.pdf", w.PDF)],
    )
    officer = {"actor": world.actor("objection_officer"), "objection_id": UUID(lodged["id"])}
    services.verify(transaction_id=w.tid(), **officer)
    services.uphold(transaction_id=w.tid(), reason="确有权属争议", **officer)
    clockwork.tick()
    assert told(world, "citizen") == ["objection_received", "objection_upheld"]
    assert told(world, "objection_officer") == ["objection_to_agency", "objection_verified"]
    assert told(world, "clerk")[-3:] == ["objection_to_registrant", "objection_upheld_registrant", "terminated"]
    assert "示例甲" not in json.dumps(selectors.inbox(world.actor("clerk")), default=str, ensure_ascii=False)


@pytest.mark.django_db
def test_reminders_reach_the_holder_and_expiry_also_the_agency() -> None:
    world = w.build()
    made = w.registered(world)
    row = Registration.objects.get(pk=made["registration"])
    clockwork.tick()
    for days in (60, 30, 7, -1):
        w.move_clock(clock.to_milliseconds(_noon(row, days)))
        clockwork.tick()
    holder = [e for e in told(world, "clerk") if e in ("reminder", "expired")]
    assert holder == ["reminder", "reminder", "reminder", "expired"]
    assert told(world, "agency_supervisor") == ["to_cancel"]
    bodies = [i["body"] for i in selectors.inbox(world.actor("clerk"))["items"] if i["event"] == "reminder"]
    assert [f"还有{days}天" in body for days, body in zip((7, 30, 60), bodies, strict=True)] == [True] * 3
    assert all(row.code in body and str(row.valid_to) in body for body in bodies)


def _noon(row: Registration, days: int) -> Any:
    from datetime import UTC, datetime

    day = row.valid_to - timedelta(days=days)
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


@pytest.mark.django_db
def test_the_registrant_learns_at_once_that_somebody_else_asks_for_a_rectification() -> None:
    world = w.build()
    made = w.registered(world)
    application = Application.objects.get(registration_id=made["registration"])
    Application.objects.filter(pk=application.pk).update(
        kind="rectification", applicant_kind="interested_party", applicant=world.people["citizen"]
    )
    clockwork.tick()
    assert told(world, "clerk") == ["rectification_asked"]
    assert "submitted" in told(world, "citizen") and "coded" in told(world, "citizen")


@pytest.mark.django_db
def test_a_message_is_read_by_its_owner_only_and_once() -> None:
    world = w.build()
    w.advance(world, w.draft(world), "accept")
    clockwork.tick()
    clerk, stranger = world.actor("clerk"), world.actor("stranger_clerk")
    first = selectors.inbox(clerk, limit=1)
    assert first["unread"] == 2 and first["next"] == first["items"][0]["id"]
    second = selectors.inbox(clerk, limit=1, cursor=UUID(first["next"]))
    assert [i["event"] for i in first["items"] + second["items"]] == ["accepted", "submitted"]
    assert second["next"] is None
    with pytest.raises(DomainError) as refused:
        notify.mark_read(actor=stranger, notification_id=UUID(first["next"]))
    assert refused.value.status == 404
    read = notify.mark_read(actor=clerk, notification_id=UUID(first["next"]))
    assert notify.mark_read(actor=clerk, notification_id=UUID(first["next"])) == read
    assert selectors.unread_count(clerk) == 1
    assert [i["event"] for i in selectors.inbox(clerk, unread_only=True)["items"]] == ["submitted"]
    assert selectors.inbox(actors.NOBODY)["items"] == [] and selectors.unread_count(actors.NOBODY) == 0


@pytest.mark.django_db
def test_mail_is_sent_and_the_delivery_recorded(settings: Any) -> None:
    world = w.build()
    person = reachable(world)
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    clockwork.tick()
    assert len(mail.outbox) == 1 and mail.outbox[0].to == [ADDRESS]
    serial = Application.objects.get(pk=pk).serial
    assert serial in mail.outbox[0].body and "演示数据 非登记结果" in mail.outbox[0].subject
    rows = list(Delivery.objects.filter(notification__person=person).order_by("channel"))
    assert [(d.channel, d.state, d.attempts, d.error) for d in rows] == [
        ("email", "sent", 1, ""),
        ("sms", "not_configured", 0, ""),
    ]
    assert rows[0].at is not None
    clockwork.tick()
    assert len(mail.outbox) == 1


@pytest.mark.django_db
def test_a_node_without_a_mail_server_says_so(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    world = w.build()
    reachable(world)
    w.advance(world, w.draft(world), "submit")
    clockwork.tick()
    assert set(Delivery.objects.values_list("state", flat=True)) == {"not_configured"}


class Refusing(adapters.Email):
    """A mail server that takes nothing, and repeats the address in its error."""

    def send(self, address: str, subject: str, body: str) -> None:
        raise ConnectionRefusedError(f"mailbox {address} is full")


@pytest.mark.django_db
def test_a_failed_delivery_is_tried_again_later_and_gives_up_in_the_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = w.build()
    reachable(world)
    w.advance(world, w.draft(world), "submit")
    with monkeypatch.context() as broken:
        broken.setitem(adapters.ADAPTERS, "email", Refusing())
        clockwork.tick()
        row = Delivery.objects.get(channel="email")
        assert (row.state, row.attempts, row.error) == ("queued", 1, "ConnectionRefusedError")
        assert timedelta(seconds=50) < row.next_at - clock.real_now() <= timedelta(minutes=1)
        assert notify.send_due() == 0
        Delivery.objects.update(next_at=clock.real_now())
        assert notify.send_due() == 1
        row.refresh_from_db()
        assert row.attempts == 2 and row.next_at - clock.real_now() > timedelta(minutes=4)
    assert ADDRESS not in caplog.text
    Delivery.objects.update(next_at=clock.real_now())
    assert notify.send_due() == 1 and len(mail.outbox) == 1
    row.refresh_from_db()
    assert (row.state, row.attempts, row.error) == ("sent", 3, "")
    Delivery.objects.update(state="queued", attempts=len(notify.BACK_OFF), next_at=clock.real_now())
    monkeypatch.setitem(adapters.ADAPTERS, "email", Refusing())
    monkeypatch.setitem(adapters.ADAPTERS, "sms", Refusing())
    notify.send_due()
    assert set(Delivery.objects.values_list("state", flat=True)) == {"failed"}


@pytest.mark.django_db
def test_nobody_is_written_to_who_has_left() -> None:
    world = w.build()
    person = reachable(world)
    w.advance(world, w.draft(world), "submit")
    clockwork.place_all()
    follow(clockwork.Round(clock.legal_now(), clock.legal_now().date(), 2000))
    Person.objects.filter(pk=person.pk).update(is_active=False)
    notify.send_due()
    assert mail.outbox == []
    assert Delivery.objects.get(channel="email").state == "failed"


class Texts:
    """A gateway that keeps what it is given."""

    sent: ClassVar[list[tuple[str, str]]] = []

    def send(self, number: str, text: str) -> None:
        """Keep one text."""
        self.sent.append((number, text))


@pytest.mark.django_db
def test_a_text_message_leaves_by_the_gateway_the_operator_names(settings: Any) -> None:
    Texts.sent.clear()
    settings.DENGJI_SMS_GATEWAY = f"{__name__}.Texts"
    world = w.build()
    reachable(world)
    w.advance(world, w.draft(world), "submit")
    clockwork.tick()
    assert [number for number, _ in Texts.sent] == [NUMBER]
    assert Delivery.objects.get(channel="sms").state == "sent"


def test_nothing_personal_is_kept_in_messages_deliveries_and_jobs(
    committed: str, owner_connection: psycopg.Connection
) -> None:
    from dengji.notify import tasks

    world = w.build()
    reachable(world)
    pk = w.draft(world, title="示例植入名称")
    w.advance(world, pk, "submit")
    w.act(world, "decline", pk, "acceptor", reason="植入理由")
    clockwork.place_all()
    now = clockwork.Round(clock.legal_now(), clock.legal_now().date(), 2000)
    follow(now)
    assert tasks.ask_to_send(now) == 1 and tasks.ask_to_send(now) == 0
    tables = ["notify_notification", "notify_delivery", "procrastinate_jobs", "procrastinate_events"]
    dump = "".join(
        str(row) for table in tables for row in owner_connection.execute(f"SELECT to_jsonb(t)::text FROM {table} t")
    )
    assert "dengji.notify.send" in dump and "declined" in dump
    for planted in (ADDRESS, NUMBER, "李四喜", "植入", "示例经办人", "张掖市大数据中心"):
        assert planted not in dump


@pytest.mark.django_db
def test_one_bad_object_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    world = w.build()
    bad, good = w.draft(world), w.draft(world)
    w.advance(world, bad, "submit")
    w.advance(world, good, "submit")
    from dengji.notify.recipients import People

    original = People.of

    def of(self: People, audience: str, case: Any) -> Any:
        if case.row.pk == bad:
            raise KeyError(audience)
        return original(self, audience, case)

    monkeypatch.setattr(People, "of", of)
    clockwork.tick()
    assert set(Notification.objects.values_list("object_id", flat=True)) == {good}


def test_every_route_leads_to_a_message_and_to_people() -> None:
    routes = [row for rows in (*ACTS.values(), *MARKS.values()) for row in rows]
    assert {event for event, _ in routes} == set(MESSAGES)
    for _, audience in routes:
        assert audience in AUDIENCES or audience.removeprefix("agency:") in AGENCY_ROLES
    assert set(DESKS.values()) <= AGENCY_ROLES
    for kind, act in ACTS:
        assert TABLE[act].object in (kind, "any")


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_message_can_be_made_for_every_object(language: str) -> None:
    params = {
        "serial": "20260102000001",
        "code": "DEMO1",
        "valid_to": "2029-01-01",
        "deadline": "2026-01-09",
        "provisional": True,
        "days": 7,
        "version": 2,
    }
    with translation.override(language):
        for event, message in MESSAGES.items():
            for kind in OBJECTS:
                subject, body = selectors.text(event, kind, params, "示例理由")
                assert subject and "{" not in subject + body and "示例理由" in body, (event, kind)
                assert "20260102000001" not in subject and "DEMO1" not in subject
                assert message.reason in ("", "inside", "mail")

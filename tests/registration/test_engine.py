"""The one way of an act: once, remembered, whole or not at all, refusals noted (design §3)."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from dengji.core.frame import lock_key
from dengji.core.models import RememberedResult
from dengji.ledger.entries import Sealed
from dengji.ledger.models import Entry, Pending
from dengji.parties.actor import CLOCK, Actor, Grant
from dengji.parties.models import AccessLog
from dengji.registration import services
from dengji.registration.models import Application, Complaint, Decision, Objection, Registration
from dengji.registration.services import engine
from tests.factories import world as w

from .kit import application, at_coding, decide, lodge, noticed, on, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> w.World:
    """A register with its people."""
    return w.build()


def test_the_same_request_twice_is_one_act(world: w.World) -> None:
    more: dict[str, Any] = {
        "register_id": world.register.pk,
        "organisation_id": world.registrant.pk,
        "content": {"name": "甲"},
        "transaction_id": "same",
    }
    one, two = on(world, "create_application", "clerk", **more), on(world, "create_application", "clerk", **more)
    assert one == {**two, "at": one["at"]} and Application.objects.count() == 1
    assert Entry.objects.filter(act="create_application").count() == 1


def test_every_act_of_the_way_may_be_sent_twice(world: w.World) -> None:
    pk = w.draft(world)
    for name, role, more in w.WAY:
        key = w.tid()
        answers = [
            on(world, name, role, application_id=pk, transaction_id=key, **more),
            on(world, name, role, application_id=pk, transaction_id=key, **more),
        ]
        assert answers[0]["n"] == answers[1]["n"] and answers[0]["state"] == answers[1]["state"]
    w.after_notice(pk)
    for name, role in (("close_notice", "clock"), ("assign_code", "issuer")):
        key = w.tid()
        results = [on(world, name, role, application_id=pk, transaction_id=key) for _ in range(2)]
        assert results[0]["n"] == results[1]["n"]
    assert Registration.objects.count() == 1
    assert list(Decision.objects.filter(object_id=pk).values_list("n", flat=True).order_by("n")) == list(range(1, 10))


def test_an_id_used_for_something_else_is_refused(world: w.World) -> None:
    pk = w.draft(world)
    on(world, "save_draft", "clerk", application_id=pk, content={"intro": "甲"}, transaction_id="t")
    for name, more in (("save_draft", {"content": {"intro": "乙"}}), ("withdraw", {})):
        with refused("transaction_id_reused", 409):
            on(world, name, "clerk", application_id=pk, transaction_id="t", **more)
    with refused("transaction_id_reused", 409):
        on(world, "save_draft", "clerk", application_id=w.draft(world), content={"intro": "甲"}, transaction_id="t")
    assert application(pk).draft.fields["intro"] == "甲"


def test_two_people_may_choose_the_same_id(world: w.World) -> None:
    one, two = w.draft(world), w.draft(world)
    on(world, "withdraw", "clerk", application_id=one, transaction_id="t")
    assert on(world, "withdraw", "business_reviewer", application_id=two, transaction_id="t")["state"] == "WITHDRAWN"


def test_a_refused_act_may_be_tried_again_under_its_id(world: w.World) -> None:
    pk = w.draft(world)
    w.advance(world, pk, "submit_for_business_review")
    with refused("preview"):
        on(
            world,
            "submit",
            "business_reviewer",
            application_id=pk,
            transaction_id="t",
            **(w.SECRECY | {"preview_acknowledged": False}),
        )
    assert not RememberedResult.objects.filter(transaction_id="t").exists()
    done = on(world, "submit", "business_reviewer", application_id=pk, transaction_id="t", **w.SECRECY)
    assert done["state"] == "SUBMITTED" and done["serial"].endswith("000001")


@pytest.mark.parametrize("key", ["", "x" * 65, "a\nb"])
def test_an_id_is_short_and_printable(world: w.World, key: str) -> None:
    with refused("transaction_id_invalid", 400):
        on(world, "withdraw", "clerk", application_id=w.draft(world), transaction_id=key)


def test_a_refusal_changes_nothing_and_is_noted(world: w.World) -> None:
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    counts = [m.objects.count() for m in (Decision, Entry, Pending, RememberedResult)]
    for actor, name, code in (
        ("clerk", "accept", "forbidden"),
        ("stranger_clerk", "accept", "not_found"),
        ("acceptor", "begin_review", "forbidden"),
        ("reviewer", "begin_review", "wrong_state"),
    ):
        with refused(code):
            w.act(world, name, pk, actor)
        log = AccessLog.objects.latest("pk")
        assert (log.actor, log.act, log.outcome, log.object_id) == (world.actor(actor).key, name, code, pk)
    assert [m.objects.count() for m in (Decision, Entry, Pending, RememberedResult)] == counts


def test_a_faulty_form_is_not_an_offence(world: w.World) -> None:
    pk = w.draft(world, fields={"intro": ""})
    before = AccessLog.objects.count()
    with refused("findings"):
        w.act(world, "submit_for_business_review", pk, "clerk")
    assert AccessLog.objects.count() == before


def test_each_decision_has_its_entry_and_its_commitment_opens(world: w.World) -> None:
    pk = noticed(world)
    decide(world, "find_inadmissible", lodge(world, pk), reason="无关")
    for decision in Decision.objects.all():
        entry = Entry.objects.get(pk=decision.entry_id)
        assert (entry.act, entry.object_id, entry.n, entry.at) == (
            decision.act,
            decision.object_id,
            decision.n,
            decision.at,
        )
        commitment = Sealed(bytes(decision.salt), engine.statement(decision)).commitment
        assert commitment == decision.digest
        assert entry.public or commitment.encode() in bytes(entry.body)
        assert len(bytes(decision.salt)) == 32
    assert Pending.objects.count() == Entry.objects.count() == Decision.objects.count()


def test_no_two_decisions_share_a_place(world: w.World) -> None:
    pk = w.draft(world)
    decision = Decision.objects.get(object_id=pk)
    decision.pk, decision.entry_id, decision._state.adding = None, decision.entry_id + 10**6, True
    with pytest.raises(IntegrityError), transaction.atomic():
        decision.save(force_insert=True)


def test_decisions_name_rulebook_and_calendar(world: w.World) -> None:
    pk = noticed(world)
    for decision in Decision.objects.filter(object_id=pk):
        assert decision.rulebook == "cn-gs" and len(decision.rulebook_digest) == 64 and decision.calendar


def test_an_actor_without_any_scope_finds_nothing(world: w.World) -> None:
    pk = at_coding(world)
    empty = Actor(key="empty")
    gone = [(Application, pk), (Registration, uuid4()), (Objection, uuid4()), (Complaint, uuid4())]
    for model, key in gone:
        with refused("not_found", 404), transaction.atomic():
            engine.lock(model, key, empty)


def test_the_clock_may_act_on_everything_it_may_act_on(world: w.World) -> None:
    pk = noticed(world)
    with transaction.atomic():
        assert engine.lock(Application, pk, CLOCK).pk == pk


def test_a_role_in_another_register_is_no_role_here(world: w.World) -> None:
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    other = w.build()
    with refused("not_found", 404):
        on(world, "accept", other.actor("acceptor"), application_id=pk)
    here = Actor(key="x", grants=(Grant("acceptor", register_id=other.register.pk),))
    with refused("not_found", 404):
        on(world, "accept", here, application_id=pk)


def test_an_act_waits_for_the_same_act_under_the_same_id() -> None:
    """The advisory lock is on (actor, transaction id)."""
    assert lock_key("a", "b") != lock_key("ab", "") and -(2**63) <= lock_key("x") < 2**63
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_key("a", "b")])
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert cursor.fetchone()[0] >= 1


def test_the_package_names_every_act_once() -> None:
    assert sorted(services.__all__) == sorted(set(services.__all__))
    assert all(callable(getattr(services, name)) for name in services.__all__)


def test_answers_tell_object_state_and_day(world: w.World) -> None:
    answer = w.advance(world, w.draft(world), "submit")
    assert UUID(answer["id"]) and answer["state"] == "SUBMITTED" and answer["act"] == "submit"
    assert answer["deadline"] and answer["deadline_provisional"] in (True, False)

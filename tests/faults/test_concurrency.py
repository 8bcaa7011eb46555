"""Eight clients at once, every request sent twice: each act happens once, codes and serials are never given twice."""

from __future__ import annotations

import itertools
import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.db import connection

from dengji.core.errors import DomainError
from dengji.ledger import services as ledger
from dengji.ledger.models import Entry, Leaf
from dengji.registration import services
from dengji.registration.models import (
    Application,
    Decision,
    Material,
    NameKey,
    Objection,
    Recheck,
    Registration,
    SerialCounter,
)
from dengji.registration.projection import differences
from tests.factories import world as w

from . import acts
from .conftest import stored_files

CLIENTS = 8
Outcome = dict[str, Any] | DomainError
Request = Callable[[], dict[str, Any]]


def at_once(requests: Iterable[Request], clients: int = CLIENTS) -> list[Outcome]:
    """Send all requests by so many clients at once, all starting together; results in the order of the requests.

    A refusal (DomainError) is a result; anything else, a deadlock above all, fails the test.
    """
    waiting = list(enumerate(requests))
    results: dict[int, Outcome] = {}
    broken: list[BaseException] = []
    queue, lock = iter(waiting), threading.Lock()
    start = threading.Barrier(min(clients, len(waiting)))

    def client() -> None:
        try:
            connection.ensure_connection()
            start.wait(30)
            while True:
                with lock:
                    number, request = next(queue, (-1, None))
                if request is None:
                    return
                try:
                    results[number] = request()
                except DomainError as error:
                    results[number] = error
        except BaseException as error:
            broken.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=client) for _ in range(start.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if broken:
        raise broken[0]
    assert len(results) == len(waiting)
    return [results[number] for number in range(len(waiting))]


def sent(act: str, world: w.World, role: str, transaction_id: str | None = None, **arguments: Any) -> Request:
    """One request, with its transaction id fixed, so that calling it again sends it again."""
    who, tid = world.actor(role), transaction_id or w.tid()
    return lambda: getattr(services, act)(actor=who, transaction_id=tid, **arguments)


def twice(requests: list[Request], seed: int) -> list[Request]:
    """Each request two times, all in one random order that puts the two apart or together as it falls."""
    doubled = requests * 2
    random.Random(seed).shuffle(doubled)
    return doubled


def done(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    """The results, none of which may be a refusal."""
    refused = [repr(o) for o in outcomes if isinstance(o, DomainError)]
    assert refused == []
    return [o for o in outcomes if isinstance(o, dict)]


def check_whole() -> None:
    """Every row equals its decisions, every decision has one entry, counters have no gap, every file its row."""
    for model in (Application, Objection, Registration, Recheck):
        assert [row.pk for row in model.objects.all() if differences(row)] == []
    decisions = set(Decision.objects.values_list("object_id", "n", "act", "entry_id"))
    assert decisions == set(Entry.objects.values_list("object_id", "n", "act", "pk"))
    counts = Counter(pk for pk, _, _, _ in decisions)
    assert {(pk, n) for pk, n, _, _ in decisions} == {(pk, n + 1) for pk in counts for n in range(counts[pk])}
    stored = {path for path, _ in stored_files()}
    assert set(Material.objects.filter(suppressed_at=None).values_list("storage_key", flat=True)) <= stored


@pytest.fixture
def shared(clone: str) -> w.World:
    """A world of its own for each test, in the module's clone."""
    return w.build()


def test_eight_clients_take_applications_from_draft_to_code_sending_everything_twice(shared: w.World) -> None:
    count = 10
    contents = [w.content(shared) for _ in range(count)]
    creating = [
        sent(
            "create_application",
            shared,
            "clerk",
            register_id=shared.register.pk,
            organisation_id=shared.registrant.pk,
            content=content,
        )
        for content in contents
    ]
    made = done(at_once(twice(creating, 1)))
    ids = sorted({result["id"] for result in made})
    assert len(made) == 2 * count and len(ids) == count
    pks = [uuid.UUID(pk) for pk in ids]
    attaching = [
        sent(
            "add_material",
            shared,
            "clerk",
            owner_kind="application",
            owner_id=pk,
            kind=kind,
            upload=services.Upload(f"{kind}.pdf", w.PDF),
        )
        for pk in pks
        for kind in ("description_document", "commitment_letter", "source_basis", "risk_assessment")
    ]
    files = done(at_once(twice(attaching, 2)))
    assert len({f["id"] for f in files}) == 4 * count == Material.objects.filter(owner_id__in=pks).count()

    for step, (act, role, arguments) in enumerate(w.WAY):
        results = done(
            at_once(twice([sent(act, shared, role, application_id=pk, **arguments) for pk in pks], 3 + step))
        )
        assert Counter(r["id"] for r in results) == dict.fromkeys(ids, 2)
        assert len({repr(sorted(r.items())) for r in results}) == count, f"two answers to one {act}"
    w.after_notice(max(Application.objects.filter(pk__in=pks), key=lambda row: row.notice_ends).pk)
    done(at_once(twice([sent("close_notice", shared, "clock", application_id=pk) for pk in pks], 20)))
    coded = done(at_once(twice([sent("assign_code", shared, "issuer", application_id=pk) for pk in pks], 21)))

    assert len({r["code"] for r in coded}) == count == Registration.objects.filter(register=shared.register).count()
    serials = sorted(Application.objects.filter(pk__in=pks).values_list("serial", flat=True))
    assert len(set(serials)) == count
    counters = SerialCounter.objects.filter(register=shared.register)
    assert sum(counters.values_list("last", flat=True)) == count
    assert Decision.objects.filter(object_id__in=pks).count() == count * 9
    assert NameKey.objects.filter(register=shared.register).count() == count
    check_whole()


def test_the_same_request_eight_times_at_once_is_done_once(shared: w.World) -> None:
    request = sent(
        "create_application",
        shared,
        "clerk",
        register_id=shared.register.pk,
        organisation_id=shared.registrant.pk,
        content=w.content(shared),
    )
    results = done(at_once([request] * CLIENTS))
    assert [r == results[0] for r in results] == [True] * CLIENTS
    assert Application.objects.filter(register=shared.register).count() == 1


def test_a_transaction_id_for_two_requests_at_once_serves_only_one(shared: w.World) -> None:
    pk, tid = w.draft(shared), w.tid()
    requests = [
        sent("save_draft", shared, "clerk", tid, application_id=pk, content={"scenarios": f"用途{n}"})
        for n in range(CLIENTS)
    ]
    outcomes = at_once(requests)
    assert sorted(o.code if isinstance(o, DomainError) else "done" for o in outcomes) == [
        "done",
        *["transaction_id_reused"] * (CLIENTS - 1),
    ]


@pytest.mark.parametrize(
    ("until", "contenders"),
    [
        (
            "submit",
            [("accept", "acceptor", {}), ("decline", "acceptor", {"reason": "示例"}), ("withdraw", "clerk", {})],
        ),
        (
            "begin_review",
            [("pass_review", "reviewer", {}), ("reject", "reviewer", {"reason": "示例"}), ("withdraw", "clerk", {})],
        ),
    ],
)
def test_of_different_acts_on_one_application_one_wins_and_the_rest_are_told(
    until: str, contenders: list[tuple[str, str, dict[str, Any]]], shared: w.World
) -> None:
    pk = w.draft(shared)
    w.advance(shared, pk, until)
    before = Decision.objects.filter(object_id=pk).count()
    requests = [
        sent(act, shared, role, application_id=pk, **arguments)
        for _, (act, role, arguments) in zip(range(CLIENTS), itertools.cycle(contenders), strict=False)
    ]
    outcomes = at_once(requests)
    won = [o for o in outcomes if isinstance(o, dict)]
    # An acceptance or a passed review may still be withdrawn: then two acts follow each other, and no more.
    states = [o["state"] for o in sorted(won, key=lambda o: o["n"])]
    assert len(states) == 1 or (len(states) == 2 and states[1] == "WITHDRAWN" and states[0] != "WITHDRAWN")
    assert {o.code for o in outcomes if isinstance(o, DomainError)} <= {"wrong_state", "not_found"}
    assert Decision.objects.filter(object_id=pk).count() == before + len(won)
    check_whole()


def test_one_code_offered_for_eight_applications_is_given_once(shared: w.World) -> None:
    pks = [acts.in_notice(shared) for _ in range(CLIENTS)]
    w.after_notice(pks[-1])
    for pk in pks:
        w.act(shared, "close_notice", pk, "clock")
    code = f"demo-{uuid.uuid4().hex[:12]}"
    spellings = itertools.cycle([code, code.upper(), f" {code}"])
    outcomes = at_once(
        [
            sent("assign_code", shared, "gateway", application_id=pk, code=spelling)
            for pk, spelling in zip(pks, spellings, strict=False)
        ]
    )
    assert sorted(o.code if isinstance(o, DomainError) else "done" for o in outcomes) == [
        *["code_taken"] * (CLIENTS - 1),
        "done",
    ]
    assert Registration.objects.filter(code=code.upper()).count() == 1
    check_whole()


def test_objections_and_those_who_end_the_application_never_wait_for_each_other(shared: w.World) -> None:
    """Two officers uphold, the supervisor terminates, objectors retract, others lodge, the calendar changes."""
    for _ in range(3):
        pk = acts.in_notice(shared)
        rows = [acts.objection(shared, pk, verified=n < 3) for n in range(5)]
        officer, reason = "objection_officer", {"reason": "示例理由"}
        calendar = acts.recalculate(shared, pk)
        requests = [
            sent("uphold", shared, officer, objection_id=rows[0].pk, **reason),
            sent("uphold", shared, officer, objection_id=rows[1].pk, **reason),
            sent("dismiss", shared, officer, objection_id=rows[2].pk, **reason),
            sent("terminate", shared, "agency_supervisor", application_id=pk, **reason),
            sent("retract", shared, "citizen", objection_id=rows[3].pk),
            sent("verify", shared, officer, objection_id=rows[4].pk),
            sent("lodge", shared, "nobody", **acts.lodge_arguments(pk, document_number="示例证件号二")),
            lambda calendar=calendar: calendar(w.tid()),
        ]
        outcomes = at_once(requests)
        assert {o.code for o in outcomes if isinstance(o, DomainError)} <= {"wrong_state", "objection_open"}
        assert Application.objects.get(pk=pk).state == "TERMINATED"
        assert Decision.objects.filter(object_id=pk, act="terminate").count() == 1
        assert not Objection.objects.filter(application_id=pk, state__in=("LODGED", "VERIFIED")).exists()
    check_whole()


def test_a_registration_changed_suppressed_and_revoked_at_once(shared: w.World) -> None:
    for _ in range(3):
        row = acts.registration(shared)
        for kind in ("revocation_investigation", "registrant_statement"):
            acts.add_to(shared, row.pk, kind)(w.tid())
        contact = {"contact_name": "示例新经办人"}
        change = acts.follow_up(
            shared,
            "rectification",
            row,
            materials=("rectification_evidence", "identity_proof", "interest_proof"),
            content=contact,
            actor="citizen",
            interested_party=True,
        )
        cancellation = acts.follow_up(
            shared,
            "cancellation",
            row,
            materials=("cancellation_proof",),
            content=contact,
            request={"ground": "lost"},
        )
        origin = row.applications.get(kind="first").pk
        outcomes = at_once(
            [
                sent("complete", shared, "reviewer", application_id=change),
                sent("complete", shared, "agency_supervisor", application_id=cancellation),
                sent(
                    "revoke",
                    shared,
                    "agency_supervisor",
                    registration_id=row.pk,
                    ground="false_materials",
                    reason="示例",
                ),
                lambda row=row: acts.suppress(shared, "registration", row.pk)(w.tid()),
                lambda pk=change: acts.suppress(shared, "application", pk)(w.tid()),
                lambda pk=origin: acts.suppress(shared, "application", pk)(w.tid()),
            ]
        )
        told = {o.code for o in outcomes if isinstance(o, DomainError)}
        assert told <= {"wrong_state", "registration_ended"}
        row.refresh_from_db()
        assert row.state in ("CANCELLED", "REVOKED")
        ended = Decision.objects.filter(object_id=row.pk, act__in=("cancel", "revoke"))
        assert ended.count() == 1
        assert not row.versions.filter(suppressed_at=None).exclude(fields={}).exists()
    check_whole()


def test_two_drafts_about_one_registration_at_once(shared: w.World) -> None:
    """Whoever comes second is told of the first; nobody gets two."""
    for _ in range(3):
        row = acts.registration(shared)
        asked = {"register_id": shared.register.pk, "organisation_id": shared.registrant.pk, "registration_id": row.pk}
        kinds = ("change", "renewal", "cancellation", "change")
        outcomes = at_once([sent("create_application", shared, "clerk", kind=kind, **asked) for kind in kinds])
        refused = [o for o in outcomes if isinstance(o, DomainError)]
        assert {o.code for o in refused} == {"another_pending"} and len(refused) == len(kinds) - 1
        assert row.applications.exclude(kind="first").count() == 1
    check_whole()


def test_two_supervisors_draw_the_same_period(shared: w.World) -> None:
    for _ in range(6):
        acts.registration(shared)
    outcomes = at_once([lambda: acts.draw(shared, "2026Q4")(w.tid()) for _ in range(CLIENTS)])
    done(outcomes)
    assert len({tuple(o["drawn"]) for o in outcomes}) == 1
    drawn = list(Recheck.objects.filter(register_id=shared.register.pk).values_list("registration_id", flat=True))
    assert len(drawn) == len(set(drawn))
    check_whole()


def test_sequencers_beside_each_other_leave_no_gap(shared: w.World) -> None:
    def place() -> dict[str, Any]:
        return {"placed": ledger.place_pending(3)}

    creating = [
        sent(
            "create_application",
            shared,
            "clerk",
            register_id=shared.register.pk,
            organisation_id=shared.registrant.pk,
            content=w.content(shared),
        )
        for _ in range(12)
    ]
    requests = [r for pair in zip(creating, [place] * 12, strict=True) for r in pair]
    done(at_once(requests))
    while ledger.place_pending():
        pass
    leaves = list(Leaf.objects.order_by("index").values_list("index", "entry_id"))
    assert [index for index, _ in leaves] == list(range(Entry.objects.count()))
    assert {entry for _, entry in leaves} == set(Entry.objects.values_list("pk", flat=True))

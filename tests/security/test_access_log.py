"""Refused attempts and reads of restricted content are noted in transactions of their own (facts R62, design §3)."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from dengji.core.canonical import salted_digest
from dengji.core.errors import DomainError
from dengji.ledger.models import Content, Entry
from dengji.parties import access
from dengji.parties import selectors as parties
from dengji.parties.models import AccessLog, AccessLogRoot
from dengji.registration import queries, services
from dengji.registration.models import Decision, Material
from tests import conftest as base
from tests.factories import world as w
from tests.faults import acts


@pytest.fixture(scope="module")
def world(template_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[w.World]:
    """A world in a clone where transactions really commit and roll back."""
    with django_db_blocker.unblock():
        for _ in base.clone_of(template_database):
            yield w.build()


def noted(after: int) -> list[tuple[str, str, uuid.UUID | None, str]]:
    """What the access log says beyond a point: (actor, act, object, outcome)."""
    rows = AccessLog.objects.filter(pk__gt=after).order_by("pk")
    return list(rows.values_list("actor", "act", "object_id", "outcome"))


def last() -> int:
    """The newest line of the access log."""
    return AccessLog.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


Attempt = tuple[str, str, dict[str, Any], int, str]
ATTEMPTS: tuple[tuple[str, Attempt], ...] = (
    ("", ("submit_for_business_review", "stranger_clerk", {}, 404, "not_found")),
    ("", ("submit_for_business_review", "acceptor", {}, 404, "not_found")),
    ("", ("withdraw", "citizen", {}, 404, "not_found")),
    ("", ("submit_for_business_review", "business_reviewer", {}, 403, "forbidden")),
    ("", ("save_draft", "business_reviewer", {"content": {"scenarios": "x"}}, 403, "forbidden")),
    ("submit", ("accept", "reviewer", {}, 403, "forbidden")),
    ("submit", ("accept", "clerk", {}, 403, "forbidden")),
    ("submit", ("accept", "authority_supervisor", {}, 404, "not_found")),
    ("submit", ("accept", "system_admin", {}, 404, "not_found")),
    ("submit", ("begin_review", "reviewer", {}, 409, "wrong_state")),
    ("open_notice", ("open_notice", "notice_opener", {}, 409, "wrong_state")),
    ("open_notice", ("close_notice", "clock", {}, 409, "notice_running")),
)


@pytest.mark.parametrize(("until", "attempt"), ATTEMPTS, ids=[f"{a[1][0]} by {a[1][1]}" for a in ATTEMPTS])
def test_a_refused_act_leaves_its_line_and_nothing_else(until: str, attempt: Attempt, world: w.World) -> None:
    act, role, arguments, status, code = attempt
    pk = w.draft(world)
    if until:
        w.advance(world, pk, until)
    before = last(), Decision.objects.count(), Entry.objects.count(), Content.objects.count()
    with pytest.raises(DomainError) as refused:
        w.act(world, act, pk, role, **arguments)
    assert (refused.value.status, refused.value.code) == (status, code)
    assert noted(before[0]) == [(world.actor(role).key, act, pk, code)]
    assert (Decision.objects.count(), Entry.objects.count(), Content.objects.count()) == before[1:]


def test_a_transaction_id_used_twice_is_noted(world: w.World) -> None:
    pk, tid = w.draft(world), w.tid()
    clerk = world.actor("clerk")
    services.save_draft(actor=clerk, transaction_id=tid, application_id=pk, content={"scenarios": "一"})
    before = last()
    with pytest.raises(DomainError):
        services.save_draft(actor=clerk, transaction_id=tid, application_id=pk, content={"scenarios": "二"})
    assert noted(before) == [(clerk.key, "save_draft", pk, "transaction_id_reused")]


def test_a_mistake_in_a_form_is_no_attempt_on_anything(world: w.World) -> None:
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    before = last()
    with pytest.raises(DomainError):
        w.act(world, "decline", pk, "acceptor", reason=" ")
    assert noted(before) == []


def _personal(world: w.World) -> tuple[str, str, uuid.UUID, Callable[[], Any]]:
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    return "acceptor", "read_", pk, lambda: queries.application_detail(world.actor("acceptor"), pk, personal=True)


def _material(world: w.World) -> tuple[str, str, uuid.UUID, Callable[[], Any]]:
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    material = Material.objects.filter(owner_id=pk).latest("pk").pk
    return (
        "acceptor",
        "read_material",
        material,
        lambda: services.read_material(actor=world.actor("acceptor"), material_id=material),
    )


def _objector(world: w.World) -> tuple[str, str, uuid.UUID, Callable[[], Any]]:
    row = acts.objection(world)
    return (
        "objection_officer",
        "read_",
        row.pk,
        lambda: queries.objection_detail(world.actor("objection_officer"), row.pk),
    )


def _complaint(world: w.World) -> tuple[str, str, uuid.UUID, Callable[[], Any]]:
    pk = uuid.UUID(acts.complain(world)(w.tid())["id"])
    return "agency_supervisor", "read_", pk, lambda: queries.complaint_detail(world.actor("agency_supervisor"), pk)


@pytest.mark.parametrize("reading", [_personal, _material, _objector, _complaint])
def test_reading_what_is_restricted_is_noted(reading: Callable[[w.World], Any], world: w.World) -> None:
    role, act, object_id, read = reading(world)
    before = last()
    assert read()
    ((actor, what, about, outcome),) = noted(before)
    assert (actor, about, outcome) == (world.actor(role).key, object_id, "allowed") and what.startswith(act)


def test_reading_what_is_open_to_the_reader_is_not(world: w.World) -> None:
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    before = last()
    queries.application_detail(world.actor("clerk"), pk)
    queries.application_detail(world.actor("acceptor"), pk)
    assert noted(before) == []


def test_only_the_audit_administrator_reads_the_log(world: w.World) -> None:
    access.log_refusal(actor="test", act="accept", outcome="forbidden")
    assert parties.access_log(world.actor("audit_admin"))
    for role in ("system_admin", "security_admin", "agency_supervisor", "authority_supervisor", "clerk"):
        with pytest.raises(DomainError) as refused:
            parties.access_log(world.actor(role))
        assert refused.value.status == 403


def test_its_root_in_the_ledger_covers_every_line_since_the_last(world: w.World) -> None:
    access.seal_access_log()
    first = last() + 1
    for n in range(3):
        access.log_refusal(actor=f"test-{n}", act="accept", outcome="forbidden", object_id=world.register.pk)
    root = access.seal_access_log()
    assert root is not None and (root.first_id, root.last_id) == (first, first + 2)
    assert access.seal_access_log() is None
    digest = hashlib.sha256()
    for line in AccessLog.objects.filter(pk__range=(root.first_id, root.last_id)).order_by("pk"):
        words = (line.pk, line.at, line.actor, line.act, line.object_kind, line.object_id, line.outcome)
        digest.update("\x1f".join(map(str, words)).encode() + b"\x1e")
    stored = AccessLogRoot.objects.get(pk=root.pk)
    assert bytes(stored.digest) == digest.digest()
    statement = {"first": root.first_id, "last": root.last_id, "digest": f"sha256:{digest.hexdigest()}"}
    body = bytes(Entry.objects.get(object_id=root.pk).body)
    assert salted_digest(bytes(stored.salt), statement).encode() in body

"""The node's identity and clock, the frame of an act, and errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from dengji.core import clock, node
from dengji.core.errors import DomainError, conflict, forbidden, not_found
from dengji.core.frame import lock_key, lock_words, once, request_digest
from dengji.core.ids import new_id
from dengji.core.models import Node, RememberedResult

pytestmark = pytest.mark.django_db


def run(transaction_id: str = "t", request: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """One framed piece of work."""
    values: dict[str, Any] = {"actor": "a", "act": "x", "work": lambda at: {"at": at.isoformat()}}
    return once(transaction_id=transaction_id, request=request or {}, **(values | more))


def test_work_is_done_once_and_its_answer_remembered() -> None:
    calls = []

    def work(at: datetime) -> dict[str, Any]:
        calls.append(at)
        return {"n": len(calls), "text": "甲"}

    assert run(work=work) == run(work=work) == {"n": 1, "text": "甲"} and len(calls) == 1
    assert run("other", work=work)["n"] == 2 and run(actor="b", work=work)["n"] == 3


@pytest.mark.parametrize("more", [{"request": {"b": 1}}, {"act": "y"}])
def test_the_id_of_another_request_is_refused(more: dict[str, Any]) -> None:
    run(request={"a": 1})
    with pytest.raises(DomainError) as caught:
        run(**({"request": {"a": 1}} | more))
    assert (caught.value.code, caught.value.status) == ("transaction_id_reused", 409)


def test_work_that_fails_leaves_no_trace() -> None:
    def fail(at: datetime) -> dict[str, Any]:
        RememberedResult.objects.create(actor="z", transaction_id="z", act="z", request_digest=b"", result={})
        raise forbidden()

    with pytest.raises(DomainError):
        run(work=fail)
    assert not RememberedResult.objects.exists()
    assert run()["at"]


def test_receipt_time_is_legal_time_to_the_millisecond() -> None:
    with transaction.atomic():
        clock.advance_to(datetime(2040, 1, 1, tzinfo=UTC))
    at = datetime.fromisoformat(run()["at"])
    assert at >= datetime(2040, 1, 1, tzinfo=UTC) and at.microsecond % 1000 == 0 and at.utcoffset() == timedelta(0)
    assert clock.legal_now() >= at and clock.real_now() < at and clock.machine_now() < at


def test_legal_time_moves_forward_only_and_only_in_a_demonstration() -> None:
    now = clock.legal_now()
    with pytest.raises(DomainError) as caught, transaction.atomic():
        clock.advance_to(now - timedelta(days=1))
    assert caught.value.code == "clock_backwards"


def test_identity_is_given_once() -> None:
    assert node.identity() == ("demo.test.example", True)
    assert node.found("test.example", demonstration=True).origin == "demo.test.example"
    with pytest.raises(DomainError) as caught:
        node.found("test.example", demonstration=False)
    assert caught.value.code == "demonstration_fixed"
    with pytest.raises(DomainError) as caught:
        node.found("x", demonstration=False, legal_start=datetime(2026, 1, 1, tzinfo=UTC))
    assert caught.value.code == "clock_fixed"
    assert Node.objects.count() == 1


def test_request_digests_do_not_depend_on_order() -> None:
    assert request_digest("a", {"x": 1, "y": 2}) == request_digest("a", {"y": 2, "x": 1})
    assert request_digest("a", {"x": 1}) != request_digest("b", {"x": 1})
    assert len(request_digest("a", {})) == 32


def test_locks_are_held_to_the_end_of_the_transaction() -> None:
    assert lock_key("a", "b") == lock_key("a", "b") != lock_key("ab")
    lock_words("some", "words")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert cursor.fetchone()[0] >= 1


def test_ids_follow_time() -> None:
    ids = [new_id() for _ in range(50)]
    assert ids == sorted(ids) and {i.version for i in ids} == {7}


def test_errors_carry_code_status_and_a_filled_message() -> None:
    error = DomainError("x", "第{n}条", "field", article="9", params={"n": 9})
    assert str(error) == "第9条" and error.message == "第{n}条" and error.status == 422
    assert [e.status for e in (not_found(), forbidden(), conflict("c", "m"))] == [404, 403, 409]

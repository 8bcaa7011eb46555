"""Short hands for the tests of the procedure: expected refusals, acts on any object, ready-made situations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from dengji.core.errors import DomainError
from dengji.law.calendar import SHANGHAI
from dengji.registration import rules, services
from dengji.registration.models import Application, Notice, Registration
from tests.factories import world as w

#: Personal details, which a registration does not keep and every new application states anew.
CONTACT = {"contact_name": "示例经办人", "contact_phone": "13800000000", "contact_email": "example@example.com"}
PERSON = {"name": "示例异议人", "document_type": "resident_id", "document_number": "620102199001010000"}
#: What each kind of application carries: request and materials.
FOLLOW_UP: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "change": ({"categories": ["resource"]}, ("commitment_letter",)),
    "rectification": ({"ground": "evidence"}, ("rectification_evidence",)),
    "renewal": ({"months": 24}, ("renewal_basis",)),
    "cancellation": ({"ground": "lost"}, ("cancellation_proof",)),
}


@contextmanager
def refused(code: str, status: int | None = None) -> Iterator[pytest.ExceptionInfo[DomainError]]:
    """Expect a DomainError with this code (and HTTP status)."""
    with pytest.raises(DomainError) as caught:
        yield caught
    assert caught.value.code == code, f"{caught.value.code}: {caught.value} {caught.value.findings}"
    if status is not None:
        assert caught.value.status == status


def on(world: w.World, name: str, actor: Any, **more: Any) -> dict[str, Any]:
    """One act on any object; `actor` is a role's name or an Actor."""
    who = world.actor(actor) if isinstance(actor, str) else actor
    return getattr(services, name)(actor=who, transaction_id=more.pop("transaction_id", w.tid()), **more)


def application(pk: Any) -> Application:
    """The stored application."""
    return Application.objects.get(pk=pk)


def registration(result: dict[str, Any]) -> Registration:
    """The registration that an answer names."""
    return Registration.objects.get(pk=result["registration"])


def noticed(world: w.World, **more: Any) -> UUID:
    """An application whose notice runs."""
    pk = w.draft(world, **more)
    w.advance(world, pk, "open_notice")
    return pk


def at_coding(world: w.World, **more: Any) -> UUID:
    """An application whose notice is over, waiting for its code."""
    pk = noticed(world, **more)
    w.after_notice(pk)
    w.act(world, "close_notice", pk, "clock")
    return pk


def lodge(world: w.World, application_id: Any, actor: Any = "nobody", **more: Any) -> dict[str, Any]:
    """A proper objection to the running notice of an application."""
    values: dict[str, Any] = {
        "notice_id": Notice.objects.filter(application_id=application_id).latest("run").pk,
        "objector_kind": "person",
        "identity": PERSON,
        "relation": "数据来源方",
        "grounds": "名称与实际内容不符",
        "evidence": [services.Upload("证据.pdf", w.PDF)],
    }
    return on(world, "lodge", actor, **(values | more))


def decide(world: w.World, name: str, objection: dict[str, Any], actor: Any = "objection_officer", **more: Any) -> Any:
    """One act on an objection."""
    return on(world, name, actor, objection_id=UUID(objection["id"]), **more)


def follow_up(
    world: w.World,
    kind: str,
    registration_id: Any,
    *,
    actor: str = "clerk",
    fields: dict[str, Any] | None = None,
    request: dict[str, Any] | None = None,
    materials: tuple[str, ...] | None = None,
    **more: Any,
) -> UUID:
    """A draft of a change, rectification, renewal or cancellation, ready for business review."""
    asked, kinds = FOLLOW_UP[kind]
    made = on(
        world,
        "create_application",
        actor,
        register_id=world.register.pk,
        organisation_id=world.registrant.pk,
        kind=kind,
        registration_id=registration_id,
        content={**CONTACT, **(fields or {})},
        request=asked if request is None else request,
        **more,
    )
    w.attach(world, made["id"], kinds if materials is None else materials, actor=actor)
    return UUID(made["id"])


def pass_review(world: w.World, pk: Any) -> None:
    """Take an application to REVIEW_PASSED."""
    w.advance(world, pk, "pass_review")


def day(d: date, hour: int = 12) -> datetime:
    """An instant on a Shanghai day."""
    return datetime.combine(d, time(hour), tzinfo=SHANGHAI).astimezone(UTC)


def to_day(d: date, hour: int = 12) -> None:
    """Move legal time forward to an hour of a Shanghai day."""
    w.move_clock(day(d, hour))


def past_deadline(pk: Any) -> None:
    """Move legal time just past the deadline of an application."""
    ends = application(pk).deadline_ends
    assert ends is not None
    w.move_clock(ends + timedelta(minutes=1))


class Overruled:
    """A rulebook with one value changed."""

    def __init__(self, book: Any, key: str, value: Any) -> None:
        self._book, self._key, self._value = book, key, value

    def get(self, name: str, *default: Any) -> Any:
        """The changed value, or the book's."""
        return self._value if name == self._key else self._book.get(name, *default)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._book, name)


def overrule(monkeypatch: pytest.MonkeyPatch, key: str, value: Any) -> None:
    """Let one value of every shipped rulebook be another for this test."""
    shipped = rules.current
    monkeypatch.setattr(rules, "current", lambda name: Overruled(shipped(name), key, value))

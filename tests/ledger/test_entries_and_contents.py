"""Entries and content objects: their form, and how they come into and out of the log (design §5)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction

from dengji.core.errors import DomainError
from dengji.ledger import services as ledger
from dengji.ledger.entries import Sealed, content_address, content_body, entry_body, new_salt
from dengji.ledger.models import Content, Cursor, Entry, Leaf, Pending
from dengji.ledger.pure.merkle import leaf_hash

AT = datetime(2026, 9, 17, 2, 0, 0, 123000, tzinfo=UTC)


def body(**more: Any) -> dict[str, Any]:
    """A decoded entry."""
    values: dict[str, Any] = {
        "log": "demo.x",
        "act": "accept",
        "at": AT,
        "register": "r",
        "object_kind": "application",
        "object_id": UUID(int=1),
        "n": 3,
    }
    return json.loads(entry_body(**(values | more)))


def test_the_form_of_an_entry() -> None:
    assert body(public={"state": "NOTICE"}) == {
        "v": 1,
        "log": "demo.x",
        "act": "accept",
        "at": "2026-09-17T02:00:00.123Z",
        "register": "r",
        "object": f"r/application/{UUID(int=1)}",
        "n": 3,
        "public": {"state": "NOTICE"},
    }
    assert body(sealed="sha256:00", to="x", ref="y") | {"to": "x", "ref": "y"} == body(
        sealed="sha256:00", to="x", ref="y"
    )


@pytest.mark.parametrize(
    "more", [{}, {"public": {}, "sealed": "sha256:00"}, {"public": {"a": None}}, {"public": {"a": 0.5}}]
)
def test_an_entry_is_public_or_sealed_and_canonical(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        body(**more)


def test_a_sealed_entry_tells_nothing_without_its_salt() -> None:
    statement = {"act": "decline", "reason": "sha256:aa"}
    one, two = Sealed(new_salt(), statement), Sealed(new_salt(), statement)
    assert one.commitment != two.commitment and one.commitment.startswith("sha256:")
    assert len(one.salt) == 32


def test_a_content_object_is_addressed_by_its_bytes() -> None:
    made = content_body(b"\1" * 32, {"name": "甲"})
    assert json.loads(made) == {"salt": "01" * 32, "fields": {"name": "甲"}}
    assert content_address(made) == "sha256:" + hashlib.sha256(made).hexdigest()
    assert leaf_hash(b"x") == hashlib.sha256(b"\0x").digest()


def record(n: int = 1, object_id: UUID | None = None, **more: Any) -> int:
    """Append one entry."""
    values: dict[str, Any] = {"public": {"state": "X"}} if "sealed" not in more else {}
    return ledger.record(
        act="accept",
        at=AT,
        register="r",
        object_kind="application",
        object_id=object_id or uuid4(),
        n=n,
        **(values | more),
    )


@pytest.mark.django_db
def test_an_entry_waits_for_its_place() -> None:
    pk = record()
    entry = Entry.objects.get(pk=pk)
    assert entry.public and Pending.objects.get().entry_id == pk and not Leaf.objects.exists()
    assert json.loads(bytes(entry.body))["log"] == "demo.test.example"
    sealed = Entry.objects.get(pk=record(sealed=Sealed(new_salt(), {"a": 1})))
    assert not sealed.public and "sealed" in json.loads(bytes(sealed.body))


@pytest.mark.django_db
def test_an_object_has_each_number_once() -> None:
    one = uuid4()
    record(1, one)
    with pytest.raises(IntegrityError), transaction.atomic():
        record(1, one)
    assert record(2, one) and record(1, uuid4())


@pytest.mark.django_db
def test_a_content_that_has_no_form_is_not_recorded() -> None:
    with pytest.raises(ValueError, match="float"):
        record(public={"x": 0.5})
    assert not Entry.objects.exists()


@pytest.mark.django_db
def test_contents_are_found_until_suppressed() -> None:
    owner, other = uuid4(), uuid4()
    mine = [ledger.store_content(object_kind="registration", object_id=owner, fields={"name": "甲"}) for _ in range(2)]
    theirs = ledger.store_content(object_kind="registration", object_id=other, fields={"name": "甲"})
    assert len({*mine, theirs}) == 3, "the salt keeps equal contents apart"
    assert json.loads(ledger.content(mine[0]))["fields"] == {"name": "甲"}
    assert sorted(ledger.suppress(object_id=owner, at=AT, ground="trade_secret")) == sorted(mine)
    assert ledger.suppress(object_id=owner, at=AT, ground="trade_secret") == []
    with pytest.raises(DomainError) as caught:
        ledger.content(mine[1])
    assert (caught.value.code, caught.value.status, str(caught.value)) == (
        "content_suppressed",
        410,
        "此内容已依法屏蔽，理由：trade_secret",
    )
    assert json.loads(ledger.content(theirs))["fields"] == {"name": "甲"}
    assert Content.objects.filter(body=None).count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["", "sha256:", "sha256:zz", "md5:00", "sha256:" + "0" * 64, "no colon"])
def test_an_unknown_address_is_not_found(address: str) -> None:
    with pytest.raises(DomainError) as caught:
        ledger.content(address)
    assert caught.value.status == 404


@pytest.mark.django_db
def test_a_consumer_reads_each_entry_once_and_in_order() -> None:
    ids = [record() for _ in range(5)]
    assert ledger.consume("c", lambda rows: None) == 0, "what has no place yet is not handed over"
    assert ledger.place_pending() == 5 and ledger.place_pending() == 0
    got: list[tuple[int, int]] = []

    def handle(rows: Iterable[tuple[int, Entry]]) -> None:
        got.extend((index, entry.pk) for index, entry in rows)

    assert [ledger.consume("c", handle, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    first = got[0][0]
    assert got == [(first + i, pk) for i, pk in enumerate(ids)]
    assert [(i, e.pk) for i, e, _ in ledger.read(first, 3)] == got[:3]
    assert all(b == bytes(e.body) for _, e, b in ledger.read(first))
    again: list[Any] = []
    ledger.consume("another", lambda rows: again.extend(rows))
    assert len(again) == 5


@pytest.mark.django_db
def test_a_consumer_that_fails_reads_again() -> None:
    record()
    ledger.place_pending()

    def fail(rows: Iterable[tuple[int, Entry]]) -> None:
        raise RuntimeError("full")

    with pytest.raises(RuntimeError):
        ledger.consume("c", fail)
    assert not Cursor.objects.filter(consumer="c", next_index__gt=0).exists()
    assert ledger.consume("c", lambda rows: None) == 1

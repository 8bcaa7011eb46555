"""Requests about one's own personal data: real name, encrypted, by key, answered once by the agency's supervisor."""

from __future__ import annotations

import uuid

import pytest

from dengji.content import privacy
from dengji.content.models import PrivacyRequest
from dengji.core.errors import DomainError
from dengji.parties.actor import NOBODY
from dengji.parties.models import AccessLog
from tests.factories import world as w

pytestmark = pytest.mark.django_db
WHO = {"name": "示例当事人", "document_type": "resident_id", "document_number": "示例证件号二", "phone": "13900000000"}


def ask(world: w.World, **more: object) -> dict[str, object]:
    values: dict[str, object] = {"kind": "correct", "who": WHO, "text": "联系电话有误，请更正"}
    return privacy.open_request(
        actor=NOBODY,
        transaction_id=w.tid(),
        register_id=world.register.pk,
        **(values | more),  # type: ignore[arg-type]
    )


def test_a_request_is_sealed_followed_by_key_and_answered_once() -> None:
    world = w.build()
    told = ask(world)
    pk = uuid.UUID(str(told["id"]))
    row = PrivacyRequest.objects.get(pk=pk)
    assert "示例当事人".encode() not in bytes(row.said) and row.number == told["number"]
    own = privacy.request_by_key(pk, str(told["key"]))
    assert own["who"]["name"] == WHO["name"] and own["state"] == "OPEN" and own["deadline_day"] is not None
    for key in ("", "0" * 32, str(told["key"])[:-1]):
        with pytest.raises(DomainError):
            privacy.request_by_key(pk, key)
    supervisor = world.actor("agency_supervisor")
    assert [one["id"] for one in privacy.requests(supervisor, state="OPEN")["items"]] == [pk]
    assert privacy.request_detail(supervisor, pk)["text"] == "联系电话有误，请更正"
    assert AccessLog.objects.filter(act="read_privacy_request", object_id=pk).count() == 1
    stranger = w.build().actor("agency_supervisor")
    for actor in (stranger, world.actor("reviewer"), world.actor("authority_supervisor"), NOBODY):
        assert privacy.requests(actor)["items"] == []
        with pytest.raises(DomainError):
            privacy.request_detail(actor, pk)
        with pytest.raises(DomainError):
            privacy.answer_request(
                actor=actor, transaction_id=w.tid(), request_id=pk, outcome="granted", words="已更正"
            )
    again = w.tid()
    for _ in range(2):  # sent twice, done once
        privacy.answer_request(actor=supervisor, transaction_id=again, request_id=pk, outcome="granted", words="已更正")
    assert privacy.request_by_key(pk, str(told["key"]))["answer"] == "已更正"
    with pytest.raises(DomainError) as caught:
        privacy.answer_request(actor=supervisor, transaction_id=w.tid(), request_id=pk, outcome="refused", words="否")
    assert caught.value.code == "wrong_state"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"kind": "nonsense"}, "privacy_kind"),
        ({"who": WHO | {"name": " "}}, "identity_required"),
        ({"who": WHO | {"document_type": "library_card"}}, "document_type"),
        ({"who": WHO | {"phone": ""}}, "contact_required"),
        ({"text": " "}, "text_required"),
    ],
)
def test_what_is_missing_is_named(fault: dict[str, object], code: str) -> None:
    with pytest.raises(DomainError) as caught:
        ask(w.build(), **fault)
    assert caught.value.code == code and not PrivacyRequest.objects.exists()

"""The inbox over the API: one's own messages only, in the caller's language."""

from __future__ import annotations

import pytest
from ninja.testing import TestClient

from dengji.core.errors import DomainError
from dengji.notify.api import router
from dengji.parties.actor import Actor
from dengji.registration.services import clockwork
from tests.factories import world as w

pytestmark = pytest.mark.django_db
CLIENT = TestClient(router)


def read(actor: Actor, pk: str, **headers: str) -> dict[str, object]:
    answer = CLIENT.post(f"/notifications/{pk}/read", auth=actor, headers=headers)
    assert answer.status_code == 200
    return answer.json()


def test_the_inbox_lists_marks_and_keeps_to_its_owner() -> None:
    world = w.build()
    w.advance(world, w.draft(world), "submit")
    clockwork.tick()
    clerk = world.actor("clerk")
    page = CLIENT.get("/notifications?limit=5", auth=clerk).json()
    assert (page["unread"], page["next"], [i["event"] for i in page["items"]]) == (1, None, ["submitted"])
    pk = page["items"][0]["id"]
    with pytest.raises(DomainError) as refused:
        read(world.actor("stranger_clerk"), pk, **{"Idempotency-Key": w.tid()})
    assert refused.value.code == "not_found"
    with pytest.raises(DomainError) as refused:
        read(clerk, pk)
    assert refused.value.code == "transaction_id_invalid"
    first = read(clerk, pk, **{"Idempotency-Key": w.tid()})
    assert read(clerk, pk, **{"Idempotency-Key": w.tid()}) == first
    assert CLIENT.get("/notifications?unread=true", auth=clerk).json()["items"] == []

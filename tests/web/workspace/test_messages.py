"""Messages in the workspace: one's own alone, read and unread, counted in the navigation."""

from __future__ import annotations

import pytest

from dengji.notify.models import Notification
from dengji.registration.services import clockwork
from tests.factories import world as w
from tests.web.workspace.kit import Someone, text

pytestmark = pytest.mark.django_db
PATH = "/workspace/messages/"


def test_messages_are_listed_counted_read_once_and_nobody_elses() -> None:
    world = w.build()
    clerk, stranger = Someone(world, "clerk"), Someone(world, "stranger_clerk")
    assert "没有消息" in text(clerk.get(PATH))
    file = w.advance(world, w.draft(world), "submit")["id"]
    clockwork.tick()
    assert '站内消息 <span class="count">1</span>' in clerk.get("/workspace/").content.decode()
    page = clerk.get(f"{PATH}?unread=1")
    assert f"/workspace/applications/{file}/" in page.content.decode()
    row = Notification.objects.get(person=world.people["clerk"])
    read = f"{PATH}{row.pk}/read"
    assert "没有消息" in text(stranger.get(PATH))
    assert stranger.client.post(read, {"transaction_id": w.tid()}).status_code == 404
    row.refresh_from_db()
    assert row.read_at is None
    for _ in range(2):
        answer = clerk.client.post(read, {"transaction_id": w.tid(), "unread": "1"})
        assert (answer.status_code, answer.headers["Location"]) == (302, f"{PATH}?unread=1")
    row.refresh_from_db()
    first = row.read_at
    assert first is not None
    assert "没有消息" in text(clerk.get(f"{PATH}?unread=1"))
    assert "已读" in text(clerk.get(PATH))
    assert "标为已读" not in text(clerk.get(PATH))
    assert clerk.client.get(read).status_code == 405

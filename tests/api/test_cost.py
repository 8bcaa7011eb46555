"""What a request costs the database: few statements, and no more for many rows than for one."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.conftest import Caller, Callers
from tests.factories import world as w


def statements(caller: Caller, path: str, body: Any = None) -> int:
    """How many statements one request takes, savepoints of the test's own transaction apart."""
    with CaptureQueriesContext(
        connection,
    ) as captured:
        response = caller.post(path, body) if body is not None else caller.get(path)
    assert response.status_code < 300, response.content
    return len([q for q in captured if "SAVEPOINT" not in q["sql"]])


def test_create_is_cheap(callers: Callers) -> None:
    world, clerk = callers.world, callers["clerk"]
    body = {
        "register_id": str(world.register.pk),
        "organisation_id": str(world.registrant.pk),
        "content": w.content(world),
    }
    statements(clerk, "applications", body)
    assert statements(clerk, "applications", body) <= 12


def test_lists_do_not_ask_once_per_row(callers: Callers) -> None:
    world = callers.world
    acceptor, officer, public = callers["acceptor"], callers["objection_officer"], callers.public
    w.registered(world)
    w.advance(world, w.draft(world), "open_notice")
    w.advance(world, w.draft(world), "submit")
    paths = (
        (acceptor, "applications"),
        (acceptor, "queue"),
        (officer, "queue"),
        (public, "notices"),
        (public, "registrations"),
    )
    before = [statements(caller, path) for caller, path in paths]
    for _ in range(3):
        w.advance(world, w.draft(world), "open_notice")
        w.advance(world, w.draft(world), "submit")
    w.registered(world)
    assert [statements(caller, path) for caller, path in paths] == before

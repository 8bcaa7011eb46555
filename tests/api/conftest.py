"""A caller of the API: one person of the world with a token, or the public."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.test import Client

from dengji.parties import services as parties
from dengji.parties.services import OPERATOR
from dengji.web.limits import BUCKETS
from tests.factories import world as w


@pytest.fixture(autouse=True)
def _unlimited(settings: Any) -> Iterator[None]:
    """Rates are tested where they are switched on; figures are counted anew each time."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    settings.DENGJI_RATE_LIMITS = False
    settings.DENGJI_STATISTICS_SECONDS = 0
    BUCKETS.clear()
    yield
    BUCKETS.clear()


class Caller:
    """Calls /api/v1 as one person; answers come back as Django's responses."""

    def __init__(self, token: str = "") -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, data: Any = None, **headers: str) -> Any:
        """GET with query parameters."""
        return self.client.get(f"/api/v1/{path}", data, headers=self.headers | headers)

    def send(self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> Any:
        """POST, PATCH or DELETE of JSON under a fresh transaction id, or the one given."""
        sent = {**self.headers, "Idempotency-Key": uuid.uuid4().hex if key is None else key, **headers}
        return self.client.generic(
            method,
            f"/api/v1/{path}",
            b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body),
            content_type=headers.pop("content_type", "application/json"),
            headers=sent,
        )

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        """POST of JSON."""
        return self.send("POST", path, body, **more)


class Callers:
    """The people of a world as callers of the API."""

    def __init__(self, world: w.World) -> None:
        self.world = world
        self.public = Caller()

    def __getitem__(self, name: str) -> Caller:
        token = parties.create_token(actor=OPERATOR, person=self.world.people[name], label="test")
        return Caller(token)


@pytest.fixture
def callers(db: None) -> Callers:
    """A fresh world and its callers."""
    return Callers(w.build())

"""A register with a bit of everything in it, and a client from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.signals import request_finished
from django.db import close_old_connections
from django.test import Client

from dengji.catalogue.models import Item
from tests.catalogue import kit
from tests.factories import world as w

ORIGIN = "https://dengji.example"


@pytest.fixture
def world(db: None, settings: Any) -> w.World:
    """A register, and a public address of the node; no limits on how often it is asked."""
    settings.DENGJI_PUBLIC_URL = ORIGIN
    settings.DENGJI_RATE_LIMITS = False
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    return w.build()


@pytest.fixture
def mixed(world: w.World) -> w.World:
    """The register after adoptions, registrations, a change, a cancellation, a revocation, a suppression."""
    for _ in kit.mixed(world):
        pass
    kit.catch_up()
    return world


@pytest.fixture
def client() -> Client:
    """Somebody from outside."""
    return Client(raise_request_exception=True)


def body(response: Any) -> bytes:
    """The whole of an answer, streamed or not; also closes it, as a server does."""
    data = b"".join(response.streaming_content) if response.streaming else response.content
    close(response)
    return bytes(data)


def close(response: Any) -> None:
    """Close an answer, but not the connection to the database on which the test's transaction runs."""
    request_finished.disconnect(close_old_connections)
    try:
        response.close()
    finally:
        request_finished.connect(close_old_connections)


def live() -> list[Item]:
    """The items whose content is open."""
    return list(Item.objects.filter(state="VALID", suppressed=False).order_by("-rank"))

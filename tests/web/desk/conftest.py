"""The desk over HTTP: a client for each role, and forms filled in as their pages give them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import world as w

Clients = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _static(settings: Any) -> None:
    """Static files straight from the sources: nothing need be collected for a page."""
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def world(db: None) -> w.World:
    """One register with everybody who takes part."""
    return w.build()


@pytest.fixture
def clients(world: w.World) -> Clients:
    """A client signed in as the person of a role."""

    def signed_in(name: str) -> Client:
        client = Client()
        if name != "nobody":
            client.force_login(world.people[name], backend="django.contrib.auth.backends.ModelBackend")
        return client

    return signed_in


def transaction_in(html: str) -> str:
    """The transaction id of the last form on a page."""
    return re.findall(r'name="transaction_id" value="([^"]+)"', html)[-1]


def address(kind: str, pk: UUID | str, act: str) -> str:
    """The address of an act."""
    return reverse("desk:act", args=[kind, pk, act])


def do(client: Client, kind: str, pk: UUID | str, act: str, **fields: Any) -> Any:
    """Open the form of an act and send it."""
    url = address(kind, pk, act)
    page = client.get(url)
    if page.status_code != 200:
        return page
    return client.post(url, {"transaction_id": transaction_in(page.content.decode()), **fields})

"""Is the node well, and what has it counted."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from django.test import Client

from dengji.web import health
from tests.api.conftest import Callers


def test_health_follows_the_database(callers: Callers, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    assert client.get("/healthz").json() == {"status": "ok"}

    class Away:
        def cursor(self) -> None:
            raise OperationalError("connection refused")

    monkeypatch.setattr(health, "connection", Away())
    response = client.get("/healthz")
    assert response.status_code == 503 and response.json()["code"] == "database_unavailable"
    assert "dengji_up 0" in client.get("/metrics").content.decode()


def test_metrics_count_by_route_never_by_what_was_asked(callers: Callers) -> None:
    callers.public.get("registrations/DEMO-SECRET-CODE")
    text = Client().get("/metrics").content.decode()
    assert 'route="api/v1/registrations/<code>",status="404"' in text and "SECRET" not in text
    assert "dengji_up 1" in text and "dengji_ledger_pending" in text


def test_metrics_are_for_this_machine_alone(callers: Callers, settings: object) -> None:
    assert Client().get("/metrics", REMOTE_ADDR="192.0.2.1").status_code == 404
    assert Client().get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 404
    settings.DENGJI_METRICS_OPEN = True  # type: ignore[attr-defined]
    assert Client().get("/metrics", REMOTE_ADDR="192.0.2.1").status_code == 200

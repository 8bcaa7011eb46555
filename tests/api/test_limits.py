"""Rates: per address, per person, tighter for people without an account; and what a proxy may say."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory

from dengji.web import limits
from tests.api.conftest import Caller, Callers
from tests.api.test_errors import problem


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[float]:
    """Rates switched on, and a clock that stands still until it is moved."""
    settings.DENGJI_RATE_LIMITS = True
    now = [1000.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: now[0])
    return now


def test_the_public_is_limited_by_address_and_told_when_to_come_again(
    callers: Callers, settings: Any, clock: list[float]
) -> None:
    settings.DENGJI_RATE_ADDRESS = "3/1,5/60"
    assert [callers.public.get("notices").status_code for _ in range(3)] == [200] * 3
    refused = callers.public.get("notices")
    problem(refused, 429, "too_many_requests")
    assert int(refused["Retry-After"]) == 1
    clock[0] += 1
    assert [callers.public.get("notices").status_code for _ in range(3)] == [200, 200, 429]
    clock[0] += 12
    assert [callers.public.get("notices").status_code for _ in range(2)] == [200, 429]
    elsewhere = callers.public.client.get("/api/v1/notices", REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 200


def test_a_person_is_limited_apart_from_the_address(callers: Callers, settings: Any, clock: list[float]) -> None:
    settings.DENGJI_RATE_ADDRESS, settings.DENGJI_RATE_PERSON = "1/60", "3/300"
    clerk, reviewer = callers["clerk"], callers["reviewer"]
    assert [clerk.get("me").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert reviewer.get("me").status_code == 200
    clock[0] += 100
    assert clerk.get("me").status_code == 200


def test_wrong_tokens_cannot_be_tried_without_end(callers: Callers, settings: Any, clock: list[float]) -> None:
    settings.DENGJI_RATE_ADDRESS = "2/60"
    stranger = Caller("dj_guess")
    assert [stranger.get("me").status_code for _ in range(3)] == [401, 401, 429]
    assert callers["clerk"].get("me").status_code == 200


def test_posts_without_an_account_are_limited_more_tightly(callers: Callers, settings: Any, clock: list[float]) -> None:
    settings.DENGJI_RATE_VOICE = "2/60"
    body = {"text": "示例", "register_id": str(callers.world.register.pk)}
    assert [callers.public.post("complaints", body).status_code for _ in range(3)] == [201, 201, 429]
    assert callers.public.get("notices").status_code == 200


def test_only_as_many_hops_are_believed_as_there_are_proxies(settings: Any) -> None:
    request = RequestFactory().get(
        "/", REMOTE_ADDR="10.0.0.1", headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
    )
    settings.DENGJI_TRUSTED_PROXIES = 0
    assert limits.address(request) == "10.0.0.1"
    settings.DENGJI_TRUSTED_PROXIES = 1
    assert limits.address(request) == "203.0.113.9"
    one, two = (RequestFactory().get("/", REMOTE_ADDR=f"2001:db8::{n}") for n in (1, 2))
    settings.DENGJI_TRUSTED_PROXIES = 0
    assert limits.address(one) == limits.address(two) == "2001:db8::/64"

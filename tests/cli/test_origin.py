"""A production node is never founded under a name that nobody chose: its log bears it for ever."""

from __future__ import annotations

from typing import Any

import pytest

from dengji.cli import failure
from dengji.cli.node import prepare
from dengji.core import node
from dengji.core.errors import DomainError


class FoundedError(Exception):
    """The node would now be founded."""


@pytest.fixture(autouse=True)
def _nothing_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Any:
        raise DomainError("node_missing", "", status=503)

    def found(origin: str, **_: Any) -> Any:
        raise FoundedError(origin)

    monkeypatch.setattr(node, "identity", nobody)
    monkeypatch.setattr(node, "found", found)


@pytest.mark.parametrize("origin", [None, ""])
def test_production_asks_for_an_origin_and_says_how(monkeypatch: pytest.MonkeyPatch, origin: str | None) -> None:
    monkeypatch.delenv("DENGJI_ORIGIN", raising=False)
    if origin is not None:
        monkeypatch.setenv("DENGJI_ORIGIN", origin)
    with pytest.raises(DomainError) as caught:
        prepare(demonstration=False)
    assert caught.value.code == "origin_required" and "DENGJI_ORIGIN" in caught.value.message
    assert "dengji up" in failure.WAYS_OUT["origin_required"]


def test_a_named_node_and_a_demonstration_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DENGJI_ORIGIN", raising=False)
    with pytest.raises(FoundedError):
        prepare(demonstration=True)
    monkeypatch.setenv("DENGJI_ORIGIN", "register.example")
    with pytest.raises(FoundedError):
        prepare(demonstration=False)

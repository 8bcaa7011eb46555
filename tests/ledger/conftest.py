"""A committed database with a log in it, and short ways to make entries."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from dengji.core.clock import legal_now
from dengji.ledger import proofs, services
from dengji.ledger.models import Entry, Leaf


def add(count: int = 1, *, public: bool = True) -> list[int]:
    """Record entries of an object each; their ids."""
    made = []
    for number in range(count):
        made.append(
            services.record(
                act="example",
                at=legal_now(),
                register="node",
                object_kind="example",
                object_id=uuid.uuid4(),
                n=1,
                public={"number": number} if public else None,
            )
        )
    return made


def bodies() -> list[bytes]:
    """Every placed entry, in the log's order."""
    rows = Entry.objects.filter(pk__in=Leaf.objects.values("entry_id")).order_by("leaf__index")
    return [bytes(body) for body in rows.values_list("body", flat=True)]


@pytest.fixture
def log(committed: str, tmp_path: Path, settings) -> Iterator[str]:
    """A fresh log with keys of its own; the name of its database."""
    settings.DENGJI_DATA_DIR = tmp_path / "node"
    proofs.forget()
    yield committed
    proofs.forget()

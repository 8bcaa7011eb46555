"""A committed database with a log in it, and short ways to make entries."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from django.db import connection, transaction

from dengji.core.clock import legal_now
from dengji.core.node import identity
from dengji.ledger import proofs, services
from dengji.ledger.entries import entry_body
from dengji.ledger.models import Entry, Leaf


def add(count: int = 1, **public: object) -> list[int]:
    """Record entries of an object each, as an act does; their ids."""
    return [
        services.record(
            act="example",
            at=legal_now(),
            register="node",
            object_kind="example",
            object_id=uuid.uuid4(),
            n=1,
            public={"number": number, **public},
        )
        for number in range(count)
    ]


def add_many(count: int) -> None:
    """Record many entries of an object each in one transaction, as imports do."""
    at = legal_now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT nextval('ledger_entry_id_seq') FROM generate_series(1, %s)", [count])
        ids = [row[0] for row in cursor.fetchall()]
        objects = [uuid.uuid4() for _ in ids]
        # Made beforehand: a connection that copies waits for ever for a query of its own.
        made = [_body(one, at) for one in objects]
        raw = connection.connection.cursor()
        with raw.copy("COPY ledger_entry (id, act, object_kind, object_id, n, at, public, body) FROM STDIN") as copy:
            for pk, one, body in zip(ids, objects, made, strict=True):
                copy.write_row((pk, "example", "example", one, 1, at, True, body))
        with raw.copy("COPY ledger_pending (entry_id) FROM STDIN") as copy:
            for pk in ids:
                copy.write_row((pk,))


def _body(object_id: uuid.UUID, at: datetime) -> bytes:
    return entry_body(
        log=identity()[0],
        act="example",
        at=at,
        register="node",
        object_kind="example",
        object_id=object_id,
        n=1,
        public={"number": 1},
    )


def bodies() -> list[bytes]:
    """Every placed entry, in the log's order."""
    rows = Entry.objects.filter(pk__in=Leaf.objects.values("entry_id")).order_by("leaf__index")
    return [bytes(body) for body in rows.values_list("body", flat=True)]


@pytest.fixture
def log(committed: str, tmp_path: Path, settings) -> Iterator[str]:
    """A fresh log with keys of its own; the name of its database."""
    settings.DENGJI_DATA_DIR = tmp_path / "node"
    # Whitenoise warns where there is none.
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    proofs.forget()
    yield committed
    proofs.forget()

"""A committed database with a log in it, and short ways to make entries."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from pytest_django.plugin import DjangoDbBlocker

from dengji.core.clock import legal_now
from dengji.core.node import identity
from dengji.ledger import keyring, own_copy, proofs, sequencer, services
from dengji.ledger.entries import entry_body
from dengji.ledger.models import Entry, Leaf
from dengji.ledger.pure.receipts import Trust
from tests import conftest as base


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


@pytest.fixture(scope="module")
def kept(
    template_database: str, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """A signed log with a registration and a draft in it: every test works on a clone of this."""
    from dengji.registration import receipts
    from tests.factories import world as w
    from tests.ledger import tamper_kit as kit

    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patched:
        patched.setattr(django_settings, "DENGJI_DATA_DIR", tmp_path_factory.mktemp("tamper") / "node")
        proofs.forget()
        clone = base.clone_of(template_database)
        name = next(clone)
        add_many(kit.FILL)
        world = w.build()
        w.registered(world)
        w.draft(world)
        sequencer.run_once(finish=True)
        index = Leaf.objects.get(entry__act="open_notice").index
        keys = tuple(keyring.vkeys())
        copy = own_copy.read()
        assert copy
        yield kit.Kept(name, kit.published(), receipts.of_entry(index).data, index, Trust(keys[0].name, keys), copy)
        clone.close()
        proofs.forget()


@pytest.fixture
def owner(kept: Any, django_db_blocker: DjangoDbBlocker) -> Iterator[psycopg.Connection[Any]]:
    """A superuser whose statements no trigger stops, on a clone of what was kept; Django works on it too."""
    with django_db_blocker.unblock():
        clone = base.clone_of(kept.database)
        with base._owner(next(clone)) as opened:
            opened.execute("SET session_replication_role = replica")
            own_copy.keep(kept.own_copy)
            yield opened
        clone.close()

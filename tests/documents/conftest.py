"""The paper side over one clone in which every act that yields a document has happened once, and all is made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from dengji.documents import consumer, making
from dengji.documents.models import Document
from dengji.documents.table import BY_ACT
from dengji.ledger import services as ledger
from dengji.registration.models import Decision
from tests import conftest as base
from tests.documents.kit import HARD
from tests.factories import world as w
from tests.faults import acts


@dataclass
class Papers:
    """The world, and what each act of the table did: (act, variant) → its decisions."""

    world: w.World
    decisions: list[Decision] = field(default_factory=list)


def read_on() -> None:
    """Place what waits in the log and let the consumer read all of it."""
    while ledger.place_pending():
        pass
    while ledger.consume(consumer.CONSUMER, consumer.draw_up_entries):
        pass


@pytest.fixture(scope="module")
def papers(template_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[Papers]:
    """All acts that yield a document, done once in a world whose words are hard to print; documents are made."""
    with django_db_blocker.unblock():
        for _name in base.clone_of(template_database):
            world = w.build()
            yielding = {act for _kind, act in BY_ACT}
            for case in acts.CASES:
                if case.act in yielding | {"cancel"}:
                    case.ready(world)(w.tid())
            hard = w.draft(world, fields=HARD)
            w.advance(world, hard, "open_notice")
            read_on()
            while making.make_due(100):
                pass
            yield Papers(world, list(Decision.objects.order_by("entry_id")))


def newest(kind: str, **more: Any) -> Document:
    """The newest document of a kind."""
    return Document.objects.filter(kind=kind, **more).latest("pk")

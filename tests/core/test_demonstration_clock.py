"""The legal clock of a demonstration may begin in the past; afterwards, and in production, nobody turns it back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import DatabaseError, transaction

from dengji.core import clock, node
from dengji.core.errors import DomainError
from dengji.core.models import Node

START = datetime(2026, 9, 8, 1, tzinfo=UTC)
MOMENT = timedelta(minutes=5)


@pytest.fixture
def fresh(owner_connection: psycopg.Connection) -> Iterator[None]:
    """A committed database in which no node has been founded yet."""
    owner_connection.execute("SET session_replication_role = replica")
    owner_connection.execute("DELETE FROM core_node")
    node.identity.cache_clear()
    yield


def move(instant: datetime) -> None:
    with transaction.atomic():
        clock.advance_to(instant)


def test_a_fresh_demonstration_begins_in_the_past_and_then_only_moves_forward(fresh: None) -> None:
    node.found("example", demonstration=True, legal_start=START)
    assert timedelta(0) <= clock.legal_now() - START < MOMENT
    later = START + timedelta(days=3)
    move(later)
    assert timedelta(0) <= clock.legal_now() - later < MOMENT, "a step within the past must not jump to today"
    with pytest.raises(DomainError) as refused:
        move(START + timedelta(days=1))
    assert refused.value.code == "clock_backwards"
    assert clock.legal_now() >= later
    move(clock.real_now() + timedelta(days=2))
    assert clock.legal_now() > clock.real_now() + timedelta(days=1)


def test_the_database_itself_refuses_to_turn_the_clock_back(fresh: None) -> None:
    node.found("example", demonstration=True, legal_start=START)
    offset = Node.objects.get().legal_offset
    with pytest.raises(DatabaseError), transaction.atomic():
        Node.objects.update(legal_offset=offset - timedelta(seconds=1))
    assert Node.objects.get().legal_offset == offset


def test_a_node_that_exists_keeps_its_clock(committed: str) -> None:
    before = clock.legal_now()
    node.found("example", demonstration=True, legal_start=START)
    assert clock.legal_now() >= before


def test_production_has_no_start_of_its_own(fresh: None) -> None:
    with pytest.raises(DomainError) as refused:
        node.found("example", demonstration=False, legal_start=START)
    assert refused.value.code == "clock_fixed"
    assert not Node.objects.exists()
    with pytest.raises(DatabaseError), transaction.atomic():
        Node.objects.create(id=1, origin="example", demonstration=False, legal_offset=timedelta(days=-1))
    node.found("example", demonstration=False)
    with pytest.raises(DomainError) as fixed:
        move(clock.real_now() + timedelta(days=1))
    assert fixed.value.code == "clock_fixed"

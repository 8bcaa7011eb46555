"""A node as `dengji up --demo` founds it: a demonstration whose legal clock begins before the example."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from dengji.cli.story import LEGAL_START
from dengji.core import node


@pytest.fixture
def unfounded(owner_connection: psycopg.Connection) -> Iterator[None]:
    """A committed database in which no node has been founded yet."""
    owner_connection.execute("SET session_replication_role = replica")
    owner_connection.execute("DELETE FROM core_node")
    node.identity.cache_clear()
    yield


@pytest.fixture
def demonstration(unfounded: None) -> None:
    """A fresh demonstration node, its legal clock before the first draft of the example."""
    node.found("example", demonstration=True, legal_start=LEGAL_START)

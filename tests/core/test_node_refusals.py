"""A database in which no node was founded, or another kind of node, is told and never guessed."""

from __future__ import annotations

import psycopg
import pytest

from dengji.core import node
from dengji.core.errors import DomainError
from dengji.core.models import Node


def test_before_the_first_start_everything_that_needs_a_node_says_so(
    committed: str, owner_connection: psycopg.Connection
) -> None:
    owner_connection.execute("SET session_replication_role = replica")
    owner_connection.execute("DELETE FROM core_node")
    node.identity.cache_clear()
    assert not node.is_recovering()
    with pytest.raises(DomainError) as error:
        node.identity()
    assert (error.value.code, error.value.status) == ("node_missing", 503)
    # What was not found is not remembered either.
    node.found("now.example", demonstration=True)
    assert node.identity() == ("demo.now.example", True)


@pytest.mark.django_db
def test_a_node_never_becomes_one_of_the_other_kind() -> None:
    before = Node.objects.get().origin
    with pytest.raises(DomainError) as error:
        node.found("test.example", demonstration=False)
    assert (error.value.code, error.value.status) == ("demonstration_fixed", 409)
    assert node.identity() == (before, True)


@pytest.mark.django_db
def test_a_process_notices_that_a_new_epoch_began_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    now, recovering = node.identity()[0], node.is_recovering()
    assert not recovering
    node.notice(now)
    asked = node.identity.cache_info().misses
    node.identity()
    assert node.identity.cache_info().misses == asked, "the same name is not asked for again"
    node.notice(f"{now}/2")
    node.identity()
    assert node.identity.cache_info().misses == 1, "another name is asked for in the database"


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [("a.example", True), ("a.example/2", True), ("a.example/3", True), ("a.example/4", False), ("b.example", False)],
)
def test_earlier_epochs_are_of_the_same_log(earlier: str, expected: bool) -> None:
    assert node.is_epoch_of(earlier, "a.example/3") is expected


def test_what_is_no_name_is_no_epoch() -> None:
    assert not node.is_epoch_of(None, "a.example") and not node.is_epoch_of(2, "a.example/3")

"""The database wrapper: statements of every act are planned once, a connection is looked at without a statement."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from dengji.core import sql
from dengji.core.ids import new_id
from dengji.core.models import Node
from dengji.parties.models import Organisation
from dengji.registration.models import Application, Draft
from tests.factories import world as w

_ASKED = "SELECT origin FROM core_node WHERE id = %s"


def kept() -> list[str]:
    """The statements that the server keeps prepared for this connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [row[0] for row in cursor.fetchall()]


def ask(statement: str = _ASKED, *values: Any) -> Any:
    """The first row of a prepared statement."""
    with sql.prepared() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()


@pytest.mark.django_db
def test_a_statement_is_planned_once_however_often_it_runs() -> None:
    assert {ask(_ASKED, 1) for _ in range(4)} == {(Node.objects.get().origin,)}
    assert len([statement for statement in kept() if "SELECT origin FROM core_node" in statement]) == 1


def test_behind_a_pooler_nothing_is_prepared(committed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "prepare_threshold", None)
    assert {ask(_ASKED, 1) for _ in range(4)} == {(Node.objects.get().origin,)}
    assert kept() == []
    connection.close()


@pytest.mark.django_db
def test_a_database_error_is_djangos_and_a_log_of_queries_shows_the_values() -> None:
    with CaptureQueriesContext(connection) as captured:
        ask(_ASKED, 1)
    assert [query["sql"] for query in captured] == [_ASKED % 1]
    with pytest.raises(IntegrityError), transaction.atomic():
        ask(
            "INSERT INTO core_node (id, origin, demonstration, legal_offset, created_at) "
            "VALUES (%s, 'x', false, '0', now()) RETURNING id",
            1,
        )
    assert ask(_ASKED, 1) is not None


@pytest.mark.django_db
def test_a_found_row_is_the_one_the_orm_reads() -> None:
    world = w.build()
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    for model, wanted in (
        (Organisation, {"id": world.registrant.pk}),
        (Application, {"id": pk}),
        (Draft, {"application_id": pk}),
    ):
        read, found = model.objects.get(**wanted), sql.find(model, **wanted)
        names = [field.attname for field in model._meta.concrete_fields]
        assert found == read and [getattr(found, n) for n in names] == [getattr(read, n) for n in names]
    assert sql.find(Organisation, id=new_id()) is None


def test_a_connection_the_server_ended_is_noticed_and_a_living_one_costs_no_statement(
    committed: str, owner_connection: psycopg.Connection
) -> None:
    connection.close()
    connection.ensure_connection()
    with CaptureQueriesContext(connection) as captured:
        assert connection.is_usable()
    assert len(captured) == 0
    owner_connection.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])
    assert not connection.is_usable()
    connection.close_if_unusable_or_obsolete()
    connection.close()
    assert not connection.is_usable()
    assert ask(_ASKED, 1) is not None

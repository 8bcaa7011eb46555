"""A committed clone per module, with a switch that strikes any write of any transaction, the commit, or the backend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.files.storage import default_storage
from django.db import close_old_connections, connection
from psycopg import sql
from pytest_django.plugin import DjangoDbBlocker

from tests import conftest as base
from tests.factories import world as w

#: Written by refusals and reads in transactions of their own: not part of any act.
APART = frozenset({"parties_accesslog"})
NEVER = 1_000_000
_STRIKE = """
CREATE FUNCTION fault_strike() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    planned int := nullif(current_setting('fault.at', true), '')::int;
    done int := coalesce(nullif(current_setting('fault.done', true), ''), '0')::int + 1;
BEGIN
    IF planned IS NULL THEN RETURN NULL; END IF;
    PERFORM set_config('fault.done', done::text, true);
    IF done = planned THEN
        IF current_setting('fault.how', true) = 'kill' THEN
            PERFORM pg_terminate_backend(pg_backend_pid());
            PERFORM pg_sleep(5);
        END IF;
        RAISE EXCEPTION 'planned fault: % on %', TG_OP, TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION fault_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('fault.how', true) = 'commit' THEN
        RAISE EXCEPTION 'planned fault: COMMIT after % writes', current_setting('fault.done', true);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER zz_fault_at_commit AFTER INSERT ON core_rememberedresult
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fault_at_commit();
-- A batch of adoptions remembers no result: its codes tell what was done before.
CREATE CONSTRAINT TRIGGER zz_fault_at_commit AFTER INSERT ON registration_registration
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fault_at_commit();
"""


class Faults:
    """The switch, and the whole database and file store as one comparable value."""

    def __init__(self, owner: psycopg.Connection[Any]) -> None:
        self.owner = owner
        self.tables = [
            row[0] for row in owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        ]
        owner.execute(_STRIKE)
        for table in set(self.tables) - APART:
            owner.execute(
                sql.SQL(
                    "CREATE TRIGGER zz_fault AFTER INSERT OR UPDATE OR DELETE ON {} "
                    "FOR EACH ROW EXECUTE FUNCTION fault_strike()"
                ).format(sql.Identifier(table))
            )
        self._query = sql.SQL(" UNION ALL ").join(
            sql.SQL(
                "SELECT {}, count(*), md5(coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), '')) FROM {} t"
            ).format(sql.Literal(table), sql.Identifier(table))
            for table in self.tables
            if table not in APART
        )

    def plan(self, how: str = "", at: int | None = None) -> None:
        """Strike the `at`-th written row of every transaction from now on (`how`: raise or kill), or the commit.

        A strike that is planned too late for any row counts them.
        """
        # As at the end of a request: a connection that broke is thrown away.
        close_old_connections()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('fault.at', %s, false), set_config('fault.how', %s, false)",
                [str(at or NEVER) if how else "", how],
            )

    def snapshot(self) -> dict[str, Any]:
        """Count and digest of every table, and the stored files with their sizes."""
        rows = self.owner.execute(self._query).fetchall()
        return {table: (count, digest) for table, count, digest in rows} | {"files": stored_files()}


def stored_files() -> list[tuple[str, int]]:
    """The stored files as (path, size)."""
    root = Path(default_storage.location)
    return sorted((str(f.relative_to(root)), f.stat().st_size) for f in root.rglob("*") if f.is_file())


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The tables (and `files`) that differ between two snapshots."""
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


@pytest.fixture(scope="module")
def clone(template_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """One committed clone for a whole module: its tests each make cases of their own."""
    with django_db_blocker.unblock():
        yield from base.clone_of(template_database)


@pytest.fixture(scope="module")
def faults(clone: str) -> Iterator[Faults]:
    """The switch in the module's clone."""
    with base._owner(clone) as owner:
        yield Faults(owner)


@pytest.fixture(scope="module")
def world(clone: str) -> w.World:
    """A register with all its people in the module's clone."""
    return w.build()

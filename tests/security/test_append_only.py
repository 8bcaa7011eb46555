"""What was decided cannot be rewritten: not by the app, not by an auditor, and not even by the owner of the tables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg.conninfo import make_conninfo
from pytest_django.plugin import DjangoDbBlocker

from dengji.core import clock, node
from dengji.core.errors import DomainError
from dengji.documents.models import (
    ArchivePackage,
    Document,
    Report,
    Seal,
    ServiceEvent,
    Transfer,
    TransferItem,
    Wording,
)
from dengji.ledger import services as ledger
from dengji.parties import access
from dengji.registration.models import Application, Version
from tests import conftest as base
from tests.factories import world as w
from tests.faults import acts

REFUSED = psycopg.errors.InsufficientPrivilege
#: Table → a column that somebody might want to rewrite.
FIXED = {
    "core_rememberedresult": "result",
    "ledger_entry": "body",
    "ledger_leaf": "hash",
    "parties_accesslog": "actor",
    "parties_accesslogroot": "digest",
    "registration_decision": "actor",
    "registration_rulebooksnapshot": "data",
    "registration_calendarversion": "overrides",
    "registration_clockmark": "mark",
    "registration_casenote": "kind",
    "documents_wording": "texts",
    "documents_report": "digest",
    "documents_transfer": "digest",
    "documents_transferitem": "sha256",
}
#: Append-only but for a suppression.
SUPPRESSIBLE = {
    "registration_version": "materials",
    "registration_registrationversion": "content",
    "ledger_content": "body",
    "documents_seal": "sha256",
    "documents_serviceevent": "event",
    "documents_archivepackage": "number",
}


@pytest.fixture(scope="module")
def filled(template_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A clone in which every one of these tables holds at least one row."""
    with django_db_blocker.unblock():
        for name in base.clone_of(template_database):
            world = w.build()
            pk = acts.in_notice(world)
            acts.recalculate(world, pk)(w.tid())
            w.registered(world)
            with connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO registration_clockmark (register_id, object_kind, object_id, mark, due, at) "
                    "VALUES (%s, 'application', %s, 'warned', now(), now())",
                    [world.register.pk, pk],
                )
            _papers(world, pk)
            acts.note(world)(w.tid())
            access.log_refusal(actor="test", act="accept", outcome="forbidden")
            assert access.seal_access_log()
            while ledger.place_pending():
                pass
            yield name


def _papers(world: w.World, pk: Any) -> None:
    common = {"at": clock.legal_now(), "by": "test"}
    Wording.objects.create(register=world.register, kind="acceptance_notice", version=1, texts={}, **common)
    paper = Document.objects.create(
        register=world.register, kind="acceptance_notice", object_kind="application", object_id=pk, at=common["at"]
    )
    day = {"first_day": date(2026, 10, 1), "last_day": date(2026, 10, 31)}
    Report.objects.create(register=world.register, kind="month", snapshot={}, digest="d", note="n", **day, **common)
    Seal.objects.create(document=paper, kind="test", sha256="0" * 64, size=1, storage_key="k", note=b"n", **common)
    ServiceEvent.objects.create(document=paper, channel="paper", event="served", note=b"n", **common)
    _archive(world, pk, common)


def _archive(world: w.World, pk: Any, common: dict[str, Any]) -> None:
    row = Application.objects.get(pk=pk)
    package = ArchivePackage.objects.create(
        register=world.register,
        agency_id=row.register.agency_id,
        number="1",
        year=2026,
        retention="permanent",
        object_kind="application",
        object_id=pk,
        sha256="0" * 64,
        size=1,
        storage_key="k",
        note=b"n",
        **common,
    )
    batch = Transfer.objects.create(register=world.register, number="1", receiver="档案馆", digest="d", **common)
    TransferItem.objects.create(transfer=batch, n=1, package=package, sha256="0" * 64, size=1)


def _connect(variable: str, database: str) -> psycopg.Connection[Any]:
    return psycopg.connect(make_conninfo(os.environ[variable], dbname=database), autocommit=True)


@pytest.fixture(scope="module")
def app(filled: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection as the role the platform works in."""
    with _connect("DENGJI_DATABASE_URL", filled) as opened:
        yield opened


@pytest.fixture(scope="module")
def migrator(filled: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection as the role that owns the tables."""
    with _connect("DENGJI_TEST_MIGRATOR_URL", filled) as opened:
        yield opened


@pytest.fixture(scope="module")
def auditor(filled: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection as the role that only reads."""
    with _connect("DENGJI_TEST_AUDITOR_URL", filled) as opened:
        yield opened


def _count(to: psycopg.Connection[Any], table: str) -> int:
    row = to.execute(f'SELECT count(*) FROM "{table}"').fetchone()
    assert row
    return int(row[0])


@pytest.mark.parametrize(("table", "column"), [*FIXED.items(), *SUPPRESSIBLE.items()])
@pytest.mark.parametrize("verb", ["UPDATE", "DELETE", "TRUNCATE"])
def test_neither_app_nor_owner_can_rewrite(
    table: str,
    column: str,
    verb: str,
    app: psycopg.Connection[Any],
    migrator: psycopg.Connection[Any],
) -> None:
    statement = {
        "UPDATE": f'UPDATE "{table}" SET "{column}" = "{column}"',
        "DELETE": f'DELETE FROM "{table}"',
        "TRUNCATE": f'TRUNCATE "{table}" CASCADE',
    }[verb]
    before = _count(migrator, table)
    assert before > 0, f"{table} is empty: nothing would be proven"
    with pytest.raises(REFUSED):
        app.execute(statement)
    # The owner has the right; here the trigger refuses, in words.
    with pytest.raises(REFUSED, match=r"dengji: .* refused"):
        migrator.execute(statement)
    assert _count(migrator, table) == before


def test_every_table_of_decisions_and_proofs_is_on_this_page(migrator: psycopg.Connection[Any]) -> None:
    guarded = {
        row[0]
        for row in migrator.execute(
            "SELECT DISTINCT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE t.tgname LIKE '%_append_only'"
        )
    }
    assert guarded >= {*FIXED, *SUPPRESSIBLE}
    loose = migrator.execute(
        "SELECT t, r FROM unnest(%s::text[]) t, unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) r "
        "WHERE has_table_privilege('dengji_app', t, r) AND NOT (t = ANY(%s) AND r IN ('UPDATE', 'DELETE'))",
        [sorted(guarded), sorted(SUPPRESSIBLE)],
    ).fetchall()
    assert loose == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE registration_version SET suppressed_at = now()",
        "UPDATE registration_version SET fields = '{}', salt = '', suppressed_at = now(), digest = 'sha256:0'",
        "UPDATE registration_version SET fields = '{\"name\": \"x\"}', salt = '', suppressed_at = now()",
        "UPDATE registration_registrationversion SET fields = '{}', suppressed_at = now(), valid_to = '2099-01-01'",
        "UPDATE ledger_content SET body = 'x'",
        "UPDATE documents_seal SET suppressed_at = now(), note = NULL",
        "UPDATE documents_seal SET suppressed_at = now(), note = NULL, storage_key = '', sha256 = 'x'",
        "UPDATE documents_serviceevent SET suppressed_at = now(), note = NULL, storage_key = '', event = 'sent'",
        "UPDATE documents_archivepackage SET suppressed_at = now(), note = NULL, storage_key = '', number = '2'",
        "UPDATE ledger_content SET body = NULL, suppressed_at = now(), digest = 'x'",
    ],
)
def test_a_suppression_empties_and_does_nothing_else(statement: str, app: psycopg.Connection[Any]) -> None:
    with pytest.raises(REFUSED):
        app.execute(statement)


def test_what_was_suppressed_stays_empty(app: psycopg.Connection[Any]) -> None:
    emptied = "UPDATE registration_version SET fields = '{}', request = '{}', salt = '', suppressed_at = now()"
    with app.transaction(force_rollback=True):
        papers = "UPDATE documents_seal SET suppressed_at = now(), note = NULL, storage_key = ''"
        assert app.execute(papers).rowcount > 0
    with app.transaction(force_rollback=True):
        assert app.execute(emptied).rowcount > 0
        with pytest.raises(REFUSED), app.transaction():
            app.execute('UPDATE registration_version SET fields = \'{"name": "x"}\', suppressed_at = NULL')
        with pytest.raises(REFUSED), app.transaction():
            app.execute(emptied)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE registration_decision DISABLE TRIGGER ALL",
        "ALTER TABLE registration_decision DISABLE TRIGGER registration_decision_append_only",
        "DROP TRIGGER registration_decision_append_only ON registration_decision",
        "SET session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION dengji_forbid_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TABLE of_my_own (x int)",
        "CREATE TEMPORARY TABLE of_my_own (x int)",
        "CREATE SCHEMA of_my_own",
        "CREATE FUNCTION of_my_own() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE registration_decision ADD COLUMN x int",
        "ALTER TABLE registration_decision OWNER TO dengji_app",
        "DROP TABLE registration_decision",
        "CREATE RULE r AS ON INSERT TO registration_decision DO INSTEAD NOTHING",
        "CREATE TRIGGER t BEFORE INSERT ON registration_decision FOR EACH ROW EXECUTE FUNCTION dengji_forbid_change()",
        "SET ROLE dengji_migrator",
        "SET SESSION AUTHORIZATION dengji_migrator",
        "ALTER ROLE dengji_app SUPERUSER",
        "CREATE ROLE of_my_own",
        "CREATE EXTENSION plpgsql SCHEMA public",
        "COPY registration_decision TO '/tmp/of_my_own'",
        "COPY registration_decision TO PROGRAM 'cat'",
        "SELECT pg_read_file('postgresql.conf')",
        "INSERT INTO django_migrations (app, name, applied) VALUES ('x', 'y', now()); ALTER TABLE core_node ADD x int",
        "DO $$ BEGIN EXECUTE 'ALTER TABLE ledger_entry DISABLE TRIGGER ALL'; END $$",
    ],
)
def test_the_app_cannot_loosen_its_own_chains(
    statement: str, app: psycopg.Connection[Any], migrator: psycopg.Connection[Any]
) -> None:
    with pytest.raises((REFUSED, psycopg.errors.DuplicateObject)) as refused, app.transaction():
        app.execute(statement)
    if isinstance(refused.value, psycopg.errors.DuplicateObject):
        assert "already exists" in str(refused.value)
    with pytest.raises(REFUSED, match="refused"):
        migrator.execute("DELETE FROM registration_decision")


def test_the_app_cannot_give_itself_rights(app: psycopg.Connection[Any]) -> None:
    app.execute("GRANT ALL ON registration_decision TO dengji_app")  # PostgreSQL only warns that nothing was granted
    held = app.execute("SELECT has_table_privilege('registration_decision', 'UPDATE, DELETE, TRUNCATE, TRIGGER')")
    assert held.fetchone() == (False,)


def test_an_insert_cannot_stand_in_for_an_update(app: psycopg.Connection[Any]) -> None:
    with pytest.raises(REFUSED):
        app.execute(
            "INSERT INTO registration_rulebooksnapshot SELECT digest, 'x', version, data FROM "
            "registration_rulebooksnapshot ON CONFLICT (digest) DO UPDATE SET rulebook = 'x'"
        )
    with pytest.raises(REFUSED):
        app.execute(
            "MERGE INTO registration_rulebooksnapshot r USING (SELECT 1) s ON true "
            "WHEN MATCHED THEN UPDATE SET rulebook = 'x'"
        )


def test_the_app_is_neither_owner_nor_superuser_nor_anybodys_member(app: psycopg.Connection[Any]) -> None:
    roles = app.execute(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles "
        "WHERE rolname IN ('dengji_app', 'dengji_auditor')"
    ).fetchall()
    assert roles == [(False,) * 5] * 2
    member = app.execute(
        "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member "
        "WHERE r.rolname IN ('dengji_app', 'dengji_auditor')"
    ).fetchone()
    assert member == (0,)
    owned = app.execute(
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'public' AND pg_get_userbyid(c.relowner) <> 'dengji_migrator'"
    ).fetchone()
    assert owned == (0,)


def test_the_auditor_reads_everything_and_writes_nothing(auditor: psycopg.Connection[Any]) -> None:
    tables = [row[0] for row in auditor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    assert len(tables) > 20
    for table in tables:
        auditor.execute(f'SELECT * FROM "{table}" LIMIT 1')
        for statement in (
            f'INSERT INTO "{table}" DEFAULT VALUES',
            f'DELETE FROM "{table}"',
            f'TRUNCATE "{table}"',
            f'LOCK TABLE "{table}" IN EXCLUSIVE MODE',
        ):
            with pytest.raises(REFUSED), auditor.transaction():
                auditor.execute(statement)
    for statement in ("SET ROLE dengji_app", "CREATE TABLE of_my_own (x int)", "CREATE TEMP TABLE of_my_own (x int)"):
        with pytest.raises(REFUSED):
            auditor.execute(statement)


def test_a_demonstration_never_becomes_production(
    app: psycopg.Connection[Any], migrator: psycopg.Connection[Any]
) -> None:
    for to in (app, migrator):
        for statement in (
            "UPDATE core_node SET demonstration = false, origin = 'register.example'",
            "UPDATE core_node SET demonstration = false",
            "UPDATE core_node SET origin = 'demo.other'",
            "UPDATE core_node SET legal_offset = legal_offset - interval '1 second'",
            "DELETE FROM core_node",
        ):
            with pytest.raises(REFUSED, match="identity of a node is fixed"):
                to.execute(statement)
        with pytest.raises((psycopg.errors.UniqueViolation, psycopg.errors.CheckViolation)):
            to.execute("INSERT INTO core_node SELECT 2, origin, demonstration, legal_offset, created_at FROM core_node")
        with pytest.raises(REFUSED):
            to.execute("TRUNCATE core_node")


@pytest.mark.usefixtures("filled")
def test_the_services_know_it_too(django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock():
        with pytest.raises(DomainError) as refused:
            node.found("register.example", demonstration=False)
        assert refused.value.code == "demonstration_fixed"
        with pytest.raises(DomainError) as refused:
            w.move_clock(clock.legal_now().replace(year=2020))
        assert refused.value.code == "clock_backwards"
        assert node.identity() == ("demo.test.example", True)
        assert Version.objects.exclude(suppressed_at=None).count() == 0 < Application.objects.count()

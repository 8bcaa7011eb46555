"""Does this server give the platform what it needs? For `dengji doctor`; nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import psycopg
from psycopg import sql

from dengji.database.roles import OLDEST_MAJOR

_Connection = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True)
class Probe:
    """One finding: what was tried, whether it holds, what was seen."""

    name: str
    ok: bool
    detail: str


# name → query that must answer true. Needs no table.
_TRUTHS = {
    "encoding_utf8": "SELECT current_setting('server_encoding') = 'UTF8'",
    "chinese_length": "SELECT length('登记𬭎') = 3",
    "standard_strings": "SELECT current_setting('standard_conforming_strings') = 'on'",
    "durable": "SELECT current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on'",
    "advisory_locks": "SELECT pg_try_advisory_xact_lock(hashtext('dengji.probe'))",
    "jsonb": """SELECT '{"码": [1, 2]}'::jsonb @> '{"码": [2]}'::jsonb""",
    "array_to_tsvector": "SELECT array_to_tsvector(ARRAY['公共', '数据']) @@ '公共'::tsquery",
    "random_uuid": "SELECT gen_random_uuid() <> gen_random_uuid()",
    "sha256": "SELECT encode(sha256('abc'), 'hex') LIKE 'ba7816bf%'",
}

# name → (preparing statements, the trial, the SQLSTATE it must fail with or None). In a schema of their own.
_TRIALS: dict[str, tuple[tuple[str, ...], str, str | None]] = {
    "identity": (
        (
            "CREATE TABLE i (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text)",
            "INSERT INTO i (t) VALUES ('a')",
        ),
        "INSERT INTO i (id, t) VALUES (7, 'b')",
        "428C9",
    ),
    "truncate_triggers": (
        (
            "CREATE TABLE t (id int)",
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN RAISE EXCEPTION 'insert only' USING ERRCODE = 'DJ001'; END$$",
            "CREATE TRIGGER no_truncate BEFORE TRUNCATE ON t EXECUTE FUNCTION refuse()",
        ),
        "TRUNCATE t",
        "DJ001",
    ),
    "gin_bigint_array": (
        ("CREATE TABLE g (tags bigint[])", "CREATE INDEX ON g USING gin (tags)", "INSERT INTO g VALUES ('{1,2}')"),
        "SELECT 1 / count(*) FROM g WHERE tags @> '{2}'",
        None,
    ),
    "skip_locked": (
        ("CREATE TABLE s (id int)", "INSERT INTO s VALUES (1)"),
        "SELECT 1 / count(*) FROM (SELECT id FROM s FOR UPDATE SKIP LOCKED) AS jobs",
        None,
    ),
    "on_conflict": (
        ("CREATE TABLE c (id int PRIMARY KEY)", "INSERT INTO c VALUES (1)"),
        "INSERT INTO c VALUES (1) ON CONFLICT (id) DO NOTHING",
        None,
    ),
}


def probe(dsn: str, role: str = "app") -> list[Probe]:
    """Try on the server behind `dsn` what the platform uses; `role` is app, migrator or auditor.

    What needs tables is tried only by a role that may create them (the migrator), in a schema that is rolled back. An
    unreachable server gives one failed probe, `connect`. Raises nothing.
    """
    try:
        connection = psycopg.connect(dsn, connect_timeout=10)
    except psycopg.Error as error:
        # The first line names the cause; none of it holds the password.
        return [Probe("connect", False, str(error).strip().partition("\n")[0])]
    with connection:
        found = [Probe("connect", True, f"{connection.info.user}@{connection.info.dbname}"), _version(connection)]
        found += [_guarded(connection, name, partial(_truth, connection, query)) for name, query in _TRUTHS.items()]
        found.append(_guarded(connection, "listen_notify", partial(_notify, dsn)))
        found += _privileges(connection, role)
        if _yes(connection, "SELECT has_database_privilege(current_database(), 'CREATE')"):
            found += _with_tables(connection)
        connection.rollback()
    connection.close()
    return found


def _yes(connection: _Connection, query: str) -> bool:
    row = connection.execute(query.encode()).fetchone()
    return bool(row and row[0])


def _guarded(connection: _Connection, name: str, trial: Callable[[], tuple[bool, str]]) -> Probe:
    try:
        with connection.transaction(force_rollback=True):
            ok, detail = trial()
    except psycopg.Error as error:
        return Probe(name, False, str(error).strip().partition("\n")[0])
    return Probe(name, ok, detail)


def _truth(connection: _Connection, query: str) -> tuple[bool, str]:
    return _yes(connection, query), query.removeprefix("SELECT ")


def _privilege(connection: _Connection, query: str, answer: bool, detail: str) -> tuple[bool, str]:
    return _yes(connection, query) is answer, detail


def _version(connection: _Connection) -> Probe:
    number = connection.info.server_version
    return Probe("version", number >= OLDEST_MAJOR * 10000, f"{number // 10000}.{number % 10000}")


def _notify(dsn: str) -> tuple[bool, str]:
    """Delivered in truth: a pooler in transaction mode accepts LISTEN and delivers nothing."""
    with psycopg.connect(dsn, autocommit=True, connect_timeout=10) as connection:
        connection.execute("LISTEN dengji_probe")
        connection.execute("SELECT pg_notify('dengji_probe', 'here')")
        heard = [one.payload for one in connection.notifies(timeout=5, stop_after=1)]
    return heard == ["here"], "LISTEN, NOTIFY"


def _privileges(connection: _Connection, role: str) -> list[Probe]:
    """The app and the auditor own nothing and create nothing; nobody is a superuser; the migrator owns the database."""
    owns = """SELECT pg_has_role(current_user, datdba, 'MEMBER') OR EXISTS (
                SELECT 1 FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
                WHERE n.nspname = 'public' AND pg_has_role(current_user, relowner, 'MEMBER'))
              FROM pg_database WHERE datname = current_database()"""
    powers = """SELECT rolsuper OR rolcreaterole OR rolreplication OR rolbypassrls
                FROM pg_roles WHERE rolname = current_user"""
    writes = """SELECT EXISTS (SELECT 1 FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
                WHERE n.nspname = 'public' AND relkind IN ('r', 'p')
                AND has_table_privilege(pg_class.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))"""
    creates = "SELECT has_schema_privilege('public', 'CREATE') OR has_database_privilege(current_database(), 'CREATE')"
    wanted = [("not_superuser", powers, False)]
    if role == "migrator":
        wanted.append(("owns_database", owns, True))
    else:
        wanted += [("not_owner", owns, False), ("creates_nothing", creates, False)]
    if role == "auditor":
        wanted.append(("only_reads", writes, False))
    return [
        _guarded(
            connection,
            name,
            partial(_privilege, connection, query, answer, f"{role} = {connection.info.user}"),
        )
        for name, query, answer in wanted
    ]


def _with_tables(connection: _Connection) -> list[Probe]:
    schema = sql.Identifier(f"dengji_probe_{connection.info.backend_pid}")
    with connection.transaction(force_rollback=True):
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(schema))
        found = [_guarded(connection, name, partial(_trial, connection, name)) for name in _TRIALS]
        found.append(_guarded(connection, "copy_binary", partial(_copy_binary, connection)))
    return found


def _trial(connection: _Connection, name: str) -> tuple[bool, str]:
    prepare, statement, expected = _TRIALS[name]
    for one in prepare:
        connection.execute(one.encode())
    try:
        with connection.transaction():
            connection.execute(statement.encode())
    except psycopg.Error as error:
        return error.sqlstate == expected, f"{statement}: {error.sqlstate}"
    return expected is None, statement


def _copy_binary(connection: _Connection) -> tuple[bool, str]:
    connection.execute("CREATE TABLE b (id bigint, t text, d bytea)")
    with connection.cursor() as cursor, cursor.copy("COPY b FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["int8", "text", "bytea"])
        copy.write_row((1, "公共数据", b"\x00\xff"))
    row = connection.execute("SELECT id, t, d FROM b").fetchone()
    return row == (1, "公共数据", b"\x00\xff"), "COPY … (FORMAT BINARY)"

"""Who may do what in the database: the migrator owns, the app works, the auditor reads; none is a superuser."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dengji.database.errors import DatabaseError

MIGRATOR = "dengji_migrator"
APP = "dengji_app"
AUDITOR = "dengji_auditor"
ROLES = {"migrator": MIGRATOR, "app": APP, "auditor": AUDITOR}
DATABASE = "dengji"
OLDEST_MAJOR = 15

_ATTRIBUTES = sql.SQL("LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION")

# Run in the database itself. {m} migrator, {a} app, {r} auditor, {d} database.
_IN_DATABASE = (
    "REVOKE ALL ON DATABASE {d} FROM PUBLIC",
    "GRANT CONNECT ON DATABASE {d} TO {m}, {a}, {r}",
    "REVOKE CREATE, TEMPORARY ON DATABASE {d} FROM {a}, {r}",
    "ALTER SCHEMA public OWNER TO {m}",
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "REVOKE CREATE ON SCHEMA public FROM {a}, {r}",
    "GRANT USAGE ON SCHEMA public TO {a}, {r}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {m} IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {a}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {m} IN SCHEMA public GRANT USAGE ON SEQUENCES TO {a}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {m} IN SCHEMA public GRANT SELECT ON TABLES TO {r}",
)


@dataclass(frozen=True)
class Urls:
    """The three ways into one database (libpq URLs)."""

    app: str
    migrator: str
    auditor: str


def resolve_urls(env: Mapping[str, str] | None = None) -> Urls | None:
    """The external server named by the environment, or None for the embedded one.

    DENGJI_DATABASE_URL alone serves all three roles; DENGJI_DATABASE_MIGRATOR_URL and DENGJI_DATABASE_AUDITOR_URL
    part them. Raises DatabaseError bad_url.
    """
    env = os.environ if env is None else env
    names = ("DENGJI_DATABASE_URL", "DENGJI_DATABASE_MIGRATOR_URL", "DENGJI_DATABASE_AUDITOR_URL")
    given = {name: env.get(name, "").strip() for name in names}
    for name, url in given.items():
        if url:
            _check_url(name, url)
    app, migrator, auditor = given.values()
    if not app:
        if migrator or auditor:
            raise DatabaseError("bad_url", name=names[0], reason="missing / 未设置")
        return None
    return Urls(app, migrator or app, auditor or app)


def _check_url(name: str, url: str) -> None:
    if not url.startswith(("postgres://", "postgresql://")):
        raise DatabaseError("bad_url", name=name, reason="postgresql://user:password@host/database")
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # The driver's text repeats the URL with its password.
        raise DatabaseError("bad_url", name=name, reason="postgresql://user:password@host/database") from None


def ensure_roles(admin_dsn: str, database: str, passwords: Mapping[str, str]) -> None:
    """Bring roles, database and privileges to the wanted state; run again, it changes nothing but the passwords.

    `admin_dsn` is a superuser, or a role with CREATEROLE and CREATEDB (managed servers), connected to any database of
    the server. `passwords` maps migrator, app and auditor to theirs; a role left out keeps its own. INSERT-only tables
    are the migrations' work: they REVOKE what the default privileges grant. Raises DatabaseError server_too_old.
    """
    with psycopg.connect(admin_dsn, autocommit=True) as connection:
        if connection.info.server_version < OLDEST_MAJOR * 10000:
            raise DatabaseError("server_too_old", found=connection.info.server_version // 10000)
        # Two nodes may be set up on one server at the same moment.
        connection.execute("SELECT pg_advisory_lock(hashtext('dengji.ensure_roles'))")
        for key, role in ROLES.items():
            _ensure_role(connection, role, passwords.get(key))
        _join_migrator(connection)
        _ensure_database(connection, database)
    with psycopg.connect(make_conninfo(admin_dsn, dbname=database)) as connection:
        names = {
            "d": sql.Identifier(database),
            "m": sql.Identifier(MIGRATOR),
            "a": sql.Identifier(APP),
            "r": sql.Identifier(AUDITOR),
        }
        for statement in _IN_DATABASE:
            connection.execute(sql.SQL(statement).format(**names))


def _ensure_role(connection: psycopg.Connection, role: str, password: str | None) -> None:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    verb = sql.SQL("ALTER ROLE" if known else "CREATE ROLE")
    superuser = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    # Only a superuser may name SUPERUSER and REPLICATION in ALTER; a role made by anyone else has neither.
    attributes = _ATTRIBUTES if superuser and superuser[0] else sql.SQL("LOGIN NOCREATEROLE NOCREATEDB")
    connection.execute(sql.SQL("{} {} {}").format(verb, sql.Identifier(role), attributes))
    if password is not None:
        # Hashed here, so that no log of the server can hold it in clear.
        verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier)))


def _join_migrator(connection: psycopg.Connection) -> None:
    """A superuser needs nothing; another administrator must be a member to give things to the migrator."""
    row = connection.execute("SELECT pg_has_role(current_user, %s, 'MEMBER')", [MIGRATOR]).fetchone()
    may_set = bool(row and row[0])
    if may_set and connection.info.server_version >= 160000:
        row = connection.execute("SELECT pg_has_role(current_user, %s, 'SET')", [MIGRATOR]).fetchone()
        may_set = bool(row and row[0])
    if not may_set:
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(MIGRATOR)))


def _ensure_database(connection: psycopg.Connection, database: str) -> None:
    owner = connection.execute(
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", [database]
    ).fetchone()
    name, migrator = sql.Identifier(database), sql.Identifier(MIGRATOR)
    if owner is None:
        statement = "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'"
        connection.execute(sql.SQL(statement).format(name, migrator))
    elif owner[0] != MIGRATOR:
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, migrator))

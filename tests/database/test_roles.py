"""Who may do what, tried with each role's own connection, on every PostgreSQL at hand."""

from pathlib import Path

import psycopg
import pytest

from dengji.database import Cluster, DatabaseError, ensure_roles, probe, resolve_urls

DEBIAN = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(scope="module", params=["embedded", "debian15"])
def node(request, tmp_path_factory):
    bindir = None
    if request.param == "debian15":
        if not (DEBIAN / "initdb").exists():
            pytest.skip("no Debian PostgreSQL 15 on this machine")
        bindir = DEBIAN
    with Cluster(tmp_path_factory.mktemp("roles"), test=True, bindir=bindir) as cluster:
        with psycopg.connect(cluster.dsn("migrator")) as connection:
            connection.execute("CREATE TABLE record (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text)")
            connection.execute("CREATE SEQUENCE numbers")
        yield cluster


def tries(cluster, role, statement):
    """None if allowed, else the SQLSTATE; nothing stays."""
    with psycopg.connect(cluster.dsn(role)) as connection:
        try:
            connection.execute(statement)
        except psycopg.Error as error:
            return error.sqlstate
        finally:
            connection.rollback()
    return None


REFUSED = "42501"


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO record (t) VALUES ('x')",
        "SELECT * FROM record",
        "UPDATE record SET t = 'y'",
        "DELETE FROM record",
        "SELECT nextval('numbers')",
    ],
)
def test_the_app_may_work(node, statement):
    assert tries(node, "app", statement) is None


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "TRUNCATE record",
        "DROP TABLE record",
        "ALTER TABLE record DISABLE TRIGGER ALL",
        "ALTER TABLE record ADD COLUMN x int",
        "SET ROLE dengji_migrator",
        "SET ROLE dengji_owner",
        "SET session_replication_role = replica",
        "CREATE ROLE friend",
        "ALTER ROLE dengji_app SUPERUSER",
        "COPY record TO '/tmp/out'",
        "COPY record FROM PROGRAM 'id'",
        "SELECT rolpassword FROM pg_authid",
        "SELECT pg_read_file('postgresql.conf')",
    ],
)
@pytest.mark.parametrize("role", ["app", "auditor"])
def test_what_app_and_auditor_may_not(node, role, statement):
    assert tries(node, role, statement) == REFUSED


@pytest.mark.parametrize(
    "verb", ["INSERT INTO record (t) VALUES ('x')", "UPDATE record SET t = ''", "DELETE FROM record"]
)
def test_the_auditor_only_reads(node, verb):
    assert tries(node, "auditor", "SELECT * FROM record") is None
    assert tries(node, "auditor", verb) == REFUSED


def test_the_migrator_owns_but_is_no_superuser(node):
    assert tries(node, "migrator", "CREATE TABLE another (id int)") is None
    assert tries(node, "migrator", "CREATE SCHEMA another") is None
    assert tries(node, "migrator", "CREATE ROLE friend") == REFUSED
    assert tries(node, "migrator", "SELECT pg_read_file('postgresql.conf')") == REFUSED


def test_app_and_auditor_enter_only_their_database(node):
    with psycopg.connect(node.dsn("owner", "postgres"), autocommit=True) as connection:
        ensure_roles(node.dsn("owner", "postgres"), "second", {})
        granted = connection.execute(
            "SELECT has_database_privilege('public', 'second', 'CONNECT'), "
            "has_database_privilege('dengji_app', 'second', 'CONNECT')"
        ).fetchone()
        assert granted == (False, True)
        connection.execute("DROP DATABASE second")


def test_ensuring_twice_changes_nothing_and_mends_what_was_loosened(node):
    with psycopg.connect(node.dsn("owner"), autocommit=True) as connection:
        connection.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
        connection.execute("GRANT CREATE ON SCHEMA public TO dengji_app")
        connection.execute("ALTER ROLE dengji_app SUPERUSER CREATEROLE")
        connection.execute("ALTER DATABASE dengji OWNER TO dengji_owner")
    for _ in range(2):
        ensure_roles(node.dsn("owner", "postgres"), "dengji", {})
    assert tries(node, "app", "CREATE TABLE mine (id int)") == REFUSED
    assert tries(node, "app", "CREATE ROLE friend") == REFUSED
    assert tries(node, "app", "SELECT * FROM record") is None
    assert {one.name: one.ok for one in probe(node.dsn("migrator"), "migrator")}["owns_database"]


def test_a_new_password_replaces_the_old(node):
    known = node.attach().passwords
    ensure_roles(node.dsn("owner", "postgres"), "dengji", {"auditor": "a new password with ' and \\ in it"})
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(node.dsn("auditor"))
    ensure_roles(node.dsn("owner", "postgres"), "dengji", known)
    psycopg.connect(node.dsn("auditor")).close()


def test_a_managed_server_without_a_superuser_is_enough(node):
    with psycopg.connect(node.dsn("owner", "postgres"), autocommit=True) as connection:
        connection.execute("ALTER DATABASE dengji RENAME TO aside")
        for role in ("migrator", "app", "auditor"):
            connection.execute(f"ALTER ROLE dengji_{role} RENAME TO aside_{role}")
        connection.execute("CREATE ROLE managed LOGIN CREATEROLE CREATEDB PASSWORD 'managed'")
        admin = psycopg.conninfo.make_conninfo(node.dsn("owner", "postgres"), user="managed", password="managed")
        passwords = node.attach().passwords
        try:
            for _ in range(2):
                ensure_roles(admin, "dengji", passwords)
            assert tries(node, "migrator", "CREATE TABLE t (id int)") is None
            assert tries(node, "app", "CREATE TABLE t (id int)") == REFUSED
            assert all(
                one.ok for role in ("app", "auditor") for one in probe(node.dsn(role), role) if one.name != "durable"
            )
        finally:
            connection.execute("DROP DATABASE IF EXISTS dengji")
            for role in ("migrator", "app", "auditor"):
                connection.execute(f"DROP ROLE IF EXISTS dengji_{role}")
                connection.execute(f"ALTER ROLE aside_{role} RENAME TO dengji_{role}")
            connection.execute("DROP ROLE managed")
            connection.execute("ALTER DATABASE aside RENAME TO dengji")
    ensure_roles(node.dsn("owner", "postgres"), "dengji", passwords)


@pytest.mark.parametrize("role", ["app", "migrator", "auditor"])
def test_every_probe_holds_here_but_the_durability_given_up_for_tests(node, role):
    found = {one.name: one for one in probe(node.dsn(role), role)}
    assert [name for name, one in found.items() if not one.ok] == ["durable"]
    tables = {"identity", "truncate_triggers", "gin_bigint_array", "skip_locked", "on_conflict", "copy_binary"}
    assert tables <= set(found) if role == "migrator" else not tables & set(found)
    with psycopg.connect(node.dsn("migrator")) as connection:
        assert connection.execute(
            "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'dengji_probe%'"
        ).fetchone() == (0,)


def test_probes_see_what_is_wrong(node):
    def failing(dsn, role):
        return {one.name for one in probe(dsn, role) if not one.ok} - {"durable"}

    assert failing(node.dsn("owner"), "app") == {"not_superuser", "not_owner", "creates_nothing"}
    assert failing(node.dsn("migrator"), "app") == {"not_owner", "creates_nothing"}
    assert failing(node.dsn("app"), "migrator") == {"owns_database"}
    assert failing(node.dsn("app"), "auditor") == {"only_reads"}
    with psycopg.connect(node.dsn("owner", "postgres"), autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'"
        )
        try:
            assert {"encoding_utf8", "chinese_length"} <= failing(node.dsn("owner", "bytes"), "migrator")
        finally:
            connection.execute("DROP DATABASE bytes")


def test_an_unreachable_server_is_one_failed_probe_without_its_password():
    (only,) = probe("postgresql://u:geheim@/d?host=/nonexistent")
    assert (only.name, only.ok) == ("connect", False)
    assert "geheim" not in only.detail


def test_one_external_url_serves_all_three():
    url = "postgresql://u@h/d"
    assert resolve_urls({}) is None
    one = resolve_urls({"DENGJI_DATABASE_URL": url})
    assert (one.app, one.migrator, one.auditor) == (url, url, url)
    three = resolve_urls(
        {
            "DENGJI_DATABASE_URL": url,
            "DENGJI_DATABASE_MIGRATOR_URL": "postgres://m@h/d",
            "DENGJI_DATABASE_AUDITOR_URL": "postgres://r@h/d",
        }
    )
    assert (three.app, three.migrator, three.auditor) == (url, "postgres://m@h/d", "postgres://r@h/d")


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({"DENGJI_DATABASE_URL": "mysql://u:geheim@h/d"}, "DENGJI_DATABASE_URL"),
        ({"DENGJI_DATABASE_URL": "postgresql://u:geheim@h/d?nonsense=1"}, "DENGJI_DATABASE_URL"),
        (
            {"DENGJI_DATABASE_URL": "postgresql://h/d", "DENGJI_DATABASE_AUDITOR_URL": "geheim"},
            "DENGJI_DATABASE_AUDITOR_URL",
        ),
        ({"DENGJI_DATABASE_MIGRATOR_URL": "postgresql://h/d"}, "DENGJI_DATABASE_URL"),
    ],
)
def test_an_unusable_url_is_named_without_its_password(env, name):
    with pytest.raises(DatabaseError) as caught:
        resolve_urls(env)
    assert caught.value.code == "bad_url"
    assert name in caught.value.message_en
    assert "geheim" not in str(caught.value)

"""A real PostgreSQL for every test that touches data: one embedded cluster per run, one database per worker."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pytest_django.plugin import DjangoDbBlocker

# How long data takes to make says nothing about the code on a machine with two busy cores.
settings.register_profile("dengji", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("dengji")

_URL, _OWNER = "DENGJI_DATABASE_URL", "DENGJI_TEST_OWNER_URL"
_cluster = None


def pytest_configure(config: pytest.Config) -> None:
    """Start the cluster in the controlling process, before anything reads settings; workers inherit its address."""
    global _cluster
    if _OWNER in os.environ:
        # Each worker keeps its files to itself, or one would see what another leaves behind.
        own = Path(os.environ["DENGJI_DATA_DIR"]) / os.environ.get("PYTEST_XDIST_WORKER", "only")
        os.environ["DENGJI_DATA_DIR"] = str(own)
        _keep_files_in(own)
        return
    from dengji.database import Cluster

    home = Path(tempfile.mkdtemp(prefix="dj"))
    home.chmod(0o711)
    _cluster = Cluster(home / "d", test=True)
    _cluster.start()
    os.environ["DENGJI_DATA_DIR"] = str(home / "node")
    os.environ["DENGJI_TEST_MIGRATOR_URL"] = _cluster.dsn("migrator")
    os.environ["DENGJI_TEST_AUDITOR_URL"] = _cluster.dsn("auditor")
    os.environ[_OWNER] = _cluster.dsn("owner", "postgres")
    os.environ[_URL] = _cluster.dsn("app")
    _keep_files_in(home / "node")
    config.add_cleanup(lambda: _stop(home))


def _keep_files_in(directory: Path) -> None:
    # Settings are read before this point: without this, keys and materials would land in the user's own node.
    from django.conf import settings as django

    django.DENGJI_DATA_DIR = directory
    django.DENGJI_KEY_FILE = str(directory / "keys" / "master.key")
    django.STATIC_ROOT = str(directory / "static")
    django.STORAGES["default"]["OPTIONS"]["location"] = str(directory / "materials")


def _stop(home: Path) -> None:
    if _cluster is not None:
        _cluster.stop()
    shutil.rmtree(home, ignore_errors=True)
    for name in (_URL, _OWNER):
        os.environ.pop(name, None)


def _owner(database: str = "postgres") -> psycopg.Connection:
    return psycopg.connect(make_conninfo(os.environ[_OWNER], dbname=database), autocommit=True)


def _point_at(database: str, url: str) -> None:
    from django.db import connections

    connections.close_all()
    # pytest-django reads settings before the cluster has an address, so all of it is set here.
    parts = conninfo_to_dict(url)
    wanted = {
        "NAME": database,
        "USER": parts["user"],
        "PASSWORD": parts["password"],
        "HOST": parts["host"],
        "PORT": str(parts.get("port", "")),
    }
    for values in (connections["default"].settings_dict, connections.databases["default"]):
        values.update(wanted)


def _forget() -> None:
    from dengji.core import encryption, node
    from dengji.ledger import proofs
    from dengji.registration import rules

    encryption.forget_keys()
    node.identity.cache_clear()
    proofs.forget()
    rules.forget()


@pytest.fixture(scope="session")
def template_database(django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A database migrated by the migrator role and used by the app role, never owned by it; with a node's identity."""
    from django.core.management import call_command

    from dengji.core import encryption, node
    from dengji.database import roles

    name = f"t_{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}_{uuid.uuid4().hex[:6]}"
    passwords = {
        role: conninfo_to_dict(os.environ[variable])["password"]
        for role, variable in (
            ("migrator", "DENGJI_TEST_MIGRATOR_URL"),
            ("app", _URL),
            ("auditor", "DENGJI_TEST_AUDITOR_URL"),
        )
    }
    roles.ensure_roles(os.environ[_OWNER], name, passwords)
    from django.db import connection

    with django_db_blocker.unblock():
        _point_at(name, os.environ["DENGJI_TEST_MIGRATOR_URL"])
        call_command("migrate", verbosity=0)
        _point_at(name, os.environ[_URL])
        _forget()
        node.found("test.example", demonstration=True)
        encryption.ensure_keys()
        connection.close()
    yield name
    with django_db_blocker.unblock():
        connection.close()
    with _owner() as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def django_db_setup(template_database: str) -> Iterator[None]:
    """Replace pytest-django's own test database: ours is made by the migrator and used by the app role."""
    yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Names are made by `template_database`."""


def clone_of(template_database: str) -> Iterator[str]:
    """Make a clone of the template, point Django at it, yield its name, and drop it."""
    from django.db import connections

    name = f"c_{uuid.uuid4().hex[:12]}"
    connections.close_all()
    with _owner() as admin:
        # Four times as fast as writing the copy into the WAL, which only a standby would need.
        if admin.info.server_version >= 180000:
            admin.execute("SET file_copy_method = clone")
        admin.execute(
            f'CREATE DATABASE "{name}" TEMPLATE "{template_database}" OWNER dengji_migrator STRATEGY = file_copy'
        )
        # Rights on a database are not cloned with it.
        admin.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
        admin.execute(f'GRANT CONNECT ON DATABASE "{name}" TO dengji_migrator, dengji_app, dengji_auditor')
    _point_at(name, os.environ[_URL])
    _forget()
    try:
        yield name
    finally:
        connections.close_all()
        _point_at(template_database, os.environ[_URL])
        _forget()
        with _owner() as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def committed(template_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A fresh clone of the template in which transactions really commit; its name. Append-only tables stay so."""
    with django_db_blocker.unblock():
        yield from clone_of(template_database)


@pytest.fixture
def owner_connection(committed: str) -> Iterator[psycopg.Connection]:
    """A superuser's connection to the committed clone, for tests that break things on purpose."""
    with _owner(committed) as connection:
        yield connection


@pytest.fixture(autouse=True)
def _fresh_caches(request: pytest.FixtureRequest) -> Iterator[None]:
    if limits := sys.modules.get("dengji.web.limits"):
        limits.BUCKETS.clear()  # all tests ask from one address
    yield
    if {"db", "committed", "world"} & set(request.fixturenames):
        from dengji.ledger import own_copy, proofs
        from dengji.registration import rules

        # The next test has another database under the same keys.
        own_copy.forget()
        proofs.forget()
        rules.forget()


#: What takes seconds. Each worker begins with some of it, so that at the end none waits for another's long test.
_LONG = (
    "tests/api/permissions/",
    "tests/properties/test_state_machine.py",
    "tests/ledger/test_kill.py",
    "tests/cli/test_up.py",
    "tests/api/test_openapi.py",
    "tests/security/test_planted_strings.py",
    "tests/ledger/test_planted.py",
    "tests/ledger/test_suppression.py",
    "tests/backup/test_recovery.py",
    "tests/faults/",
    "tests/cli/test_demo.py",
    "tests/i18n/",
    "tests/browser/",
)


def _spread(items: list[pytest.Item]) -> None:
    """Put the long tests at the head of each worker's equal share of the list, by turns."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    rank = {item: next((n for n, path in enumerate(_LONG) if item.nodeid.startswith(path)), None) for item in items}
    long = sorted((item for item in items if rank[item] is not None), key=lambda item: rank[item] or 0)
    short = [item for item in items if rank[item] is None]
    share, done = len(items) // workers, []
    for worker in range(workers):
        mine = long[worker::workers]
        rest = share - len(mine) if worker < workers - 1 else len(short)
        done += [*mine, *short[:rest]]
        short = short[rest:]
    items[:] = done


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what is long; leave browser tests out where no Chromium is, unless required, as in .ci/run."""
    _spread(items)
    if os.environ.get("DENGJI_REQUIRE_CHROMIUM") or any(map(shutil.which, ("chromium", "chromium-browser"))):
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason="no Chromium on this machine (apt install chromium)"))


#: What a test says is missing where it is left out for want of a program that is not ours.
_OUTSIDE = ("Go is", "Go or", "golang", "openssl", "PostgreSQL")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Let a test that is left out for want of an outside program fail where those are required, as in .ci/run."""
    report = yield
    if report.skipped and call.excinfo is not None and os.environ.get("DENGJI_REQUIRE_OUTSIDE_TOOLS"):
        reason = str(call.excinfo.value)
        if any(word in reason for word in _OUTSIDE):
            report.outcome, report.longrepr = "failed", f"left out, although required here: {reason}"
    return report

"""A node with records in it that can be backed up, and other databases and machines to restore into."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pytest_django.plugin import DjangoDbBlocker

from dengji.backup import container, recipient, restoring
from dengji.backup.make import Made, make
from dengji.core import encryption
from dengji.core import node as nodes
from dengji.ledger import keyring, own_copy, proofs, sequencer
from dengji.registration import rules
from tests import conftest as base
from tests.cli.harness import Answer, elsewhere


@dataclass
class Node:
    """The node of the test's own process: where its keys lie, and its recovery code."""

    home: Path
    code: str

    def backup(self, name: str = "one.backup") -> Made:
        """Place and sign what waits, then make a backup."""
        sequencer.run_once()
        return make(self.home.parent / name)

    def plain(self, made: Made) -> bytes:
        """Everything in a backup, decrypted and unpacked."""
        out = io.BytesIO()
        manifest = container.read_manifest(made.path)
        with container.opened(made.path, manifest, recipient.parse_code(self.code)) as tar:
            for member in tar:
                data = container.content(tar, member).read()
                out.write(member.name.encode() + b"\n")
                out.write(zlib.decompress(data, wbits=31) if member.name.endswith(".gz") else data)
        return out.getvalue()


def forget() -> None:
    """Drop what this process knows of the database it used before."""
    nodes.identity.cache_clear()
    encryption.forget_keys()
    proofs.forget()
    rules.forget()


@pytest.fixture
def node(committed: str, tmp_path: Path, settings: Any) -> Iterator[Node]:
    """A committed database with keys of its own."""
    settings.DENGJI_DATA_DIR = tmp_path / "node"
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    forget()
    keyring.ensure_keys()
    code = recipient.ensure(tmp_path / "node" / "keys")
    assert code
    yield Node(tmp_path / "node", code)
    forget()


@pytest.fixture
def another_database(
    node: Node, template_database: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[Callable[[Made], str]]:
    """Restore a backup into another database of the same server, and go on there."""
    with contextlib.ExitStack() as stack:

        def restore(made: Made, *, copy_remains: bool = False) -> str:
            if not copy_remains:  # as on another machine: a backup does not hold it
                own_copy.forget()
            clone = stack.enter_context(contextlib.contextmanager(base.clone_of)(template_database))
            with psycopg.connect(make_conninfo(os.environ["DENGJI_TEST_OWNER_URL"], dbname=clone)) as owner:
                owner.execute("SET session_replication_role = replica")
                owner.execute("DELETE FROM core_node")
            found = restoring.examine(made.path, recipient.parse_code(node.code))
            restoring.load(found, make_conninfo(os.environ["DENGJI_TEST_MIGRATOR_URL"], dbname=clone))
            forget()
            restoring.try_keys()
            return clone

        yield restore


@dataclass
class Machine:
    """A node in a directory and a cluster of its own, reached by the command alone."""

    home: Path

    def answer(self, *words: object) -> Answer:
        """Run one command there."""
        return elsewhere(*words, "--json", "--data-dir", self.home)

    def __call__(self, *words: object) -> Any:
        """Run one command there that must be done, and return its JSON."""
        answer = self.answer(*words)
        assert answer.code == 0, answer.err
        return json.loads(answer.out)


@pytest.fixture
def another_machine() -> Iterator[Machine]:
    """An empty place for a node."""
    place = Path(tempfile.mkdtemp(prefix="dj"))
    place.chmod(0o711)  # started by root, the server runs as another user
    yield Machine(place / "n")
    shutil.rmtree(place, ignore_errors=True)


def members(path: Path) -> dict[str, bytes]:
    """The two outer parts of a backup file, as any tar shows them."""
    with tarfile.open(path) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]

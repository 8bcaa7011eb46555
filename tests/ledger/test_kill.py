"""`kill -9` of a node at work, at random moments: nothing acknowledged is lost, and the log is whole each time.

A nursery process has Django ready and forks one victim a round, which acts, places, signs, rotates keys and backs up
until it is killed; every fourth round PostgreSQL itself is killed with it. 10 rounds; 200 with DENGJI_SOAK=1; or as
many as DENGJI_KILLS says.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dengji.database import Cluster
from dengji.database.server import find

SOAK = os.environ.get("DENGJI_SOAK") == "1"
ROUNDS = int(os.environ.get("DENGJI_KILLS") or (200 if SOAK else 10))
#: What a round does in a tight loop beside acts and sequencing, which never pause.
FOCUS = ("append", "sequencing", "checkpoint", "rotation", "backup")
SERVER_EVERY = 4
#: A victim that nobody kills ends by itself.
LIFE = 30.0


# In the victim


class Victim:
    """One process at work: every thread does one thing over and over, and says what was committed."""

    def __init__(self, world: Any, acknowledged: int, target: Path, seed: int) -> None:
        self.world, self.acknowledged, self.target = world, acknowledged, target
        self.random = random.Random(seed)

    def run(self, focus: str) -> None:
        """Work until killed."""
        jobs = [self.act, self.append, self.append, self.sequence, getattr(self, focus)]
        for job in jobs:
            threading.Thread(target=self._forever, args=(job,), daemon=True).start()
        time.sleep(LIFE)
        os._exit(3)

    def _forever(self, job: Callable[[], None]) -> None:
        from django.db import DatabaseError

        from dengji.core.errors import DomainError

        while True:
            # The server may be killed before this process is.
            with suppress(DomainError, DatabaseError):
                job()

    def say(self, *words: object) -> None:
        """Acknowledge what was committed: one write, so that a line is there whole or not at all."""
        os.write(self.acknowledged, (" ".join(map(str, words)) + "\n").encode())

    def act(self) -> None:
        """One application from draft to acceptance by the services."""
        from tests.factories import world as w

        pk = w.draft(self.world)
        self.say("act", pk, "create_application")
        for name, role, more in w.WAY[:3]:
            w.act(self.world, name, pk, role, **more)
            self.say("act", pk, name)

    def append(self) -> None:
        """Entries in a transaction that lasts a while, so that ids are committed out of order."""
        from django.db import transaction

        from tests.ledger.conftest import add

        with transaction.atomic():
            ids = add(self.random.randint(1, 40))
            time.sleep(self.random.random() * 0.03)
        for pk in ids:
            self.say("entry", pk)

    def sequence(self) -> None:
        """What the worker does every 200 ms."""
        from dengji.ledger import sequencer

        sequencer.run_once()
        time.sleep(0.02)

    def sequencing(self) -> None:
        """Places in batches too small to keep up."""
        from dengji.ledger import sequencer

        sequencer.place_pending(7)

    def checkpoint(self) -> None:
        """A signature on whatever has grown, at once."""
        from dengji.ledger import checkpointing

        checkpointing.keep(at_once=True)

    def rotation(self) -> None:
        """A rotation of the signing key from announcement to retirement."""
        from dengji.ledger import rotation, sequencer

        rotation.rotate()
        sequencer.run_once(finish=True)
        rotation.retire()

    def backup(self) -> None:
        """A backup over the last one."""
        from dengji.backup import make

        make.make(self.target)


# In the nursery


def nursery(home: str, app: str) -> None:
    """Make a node, then obey: `round FOCUS SEED` forks a victim, `verify` looks at what it left, `backup`."""
    import django

    django.setup()
    from django.core.management import call_command

    root = Path(home)
    call_command("migrate", verbosity=0)
    _become(app)
    world, backup = _found(root), root / "node.backup"
    print("ready", flush=True)
    acknowledged = os.open(root / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    child = 0
    for line in sys.stdin:
        order, *words = line.split()
        if order == "round":
            child = _fork(Victim(world, acknowledged, backup, int(words[1])), words[0])
            print(child, flush=True)
        elif order == "verify":
            os.waitpid(child, 0)
            print(json.dumps(_verify(root, backup)), flush=True)
        else:
            victim = Victim(world, acknowledged, backup, 0)
            victim.backup()
            print(json.dumps(_sound(backup)), flush=True)


def _become(url: str) -> None:
    """From the role that owns the tables to the one that the platform works in."""
    from django.db import connections
    from psycopg.conninfo import conninfo_to_dict

    connections.close_all()
    parts = conninfo_to_dict(url)
    wanted = {"USER": parts["user"], "PASSWORD": parts["password"]}
    for settings in (connections["default"].settings_dict, connections.databases["default"]):
        settings.update(wanted)


def _found(root: Path) -> Any:
    from dengji.backup import recipient
    from dengji.core import encryption, node
    from dengji.ledger import keyring
    from tests.factories import world as w

    node.found("kill.example", demonstration=True)
    encryption.ensure_keys()
    keyring.ensure_keys()
    recipient.ensure(keyring.directory())
    return w.build()


def _fork(victim: Victim, focus: str) -> int:
    from django.db import connections

    # A child must not share a connection with its parent.
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            victim.run(focus)
        finally:
            os._exit(4)
    return child


def _verify(root: Path, backup: Path) -> dict[str, Any]:
    """What is missing or wrong after a victim died, as another process that takes over would find it."""
    from django.db import connections

    from dengji.ledger import audit, keyring, proofs, sequencer
    from dengji.ledger.models import Leaf, Pending

    connections.close_all()
    proofs.forget()
    # The backend of a killed sequencer may hold its lock for some seconds more: taking over may wait for that.
    for _ in range(150):
        sequencer.run_once(finish=True)
        if not Pending.objects.exists():
            break
        time.sleep(0.1)
    said = [line.split() for line in (root / "acknowledged").read_text().splitlines()]
    placed = list(Leaf.objects.order_by("index").values_list("entry_id", flat=True))
    report = audit.check(full=True)
    return {
        "acknowledged": len(said),
        "lost": _lost(said, set(placed)),
        "findings": [f"{one.code} {one.where}" for one in report.findings],
        "pending": Pending.objects.count(),
        "out_of_order": sum(one > after for one, after in pairwise(placed)),
        "keys": len(keyring.history()),
        "backup": _sound(backup),
    }


def _lost(said: list[list[str]], placed: set[int]) -> list[str]:
    from dengji.registration.models import Decision

    acts = {(str(one), act): pk for one, act, pk in Decision.objects.values_list("object_id", "act", "entry_id")}
    entries = (int(words[1]) if words[0] == "entry" else acts.get((words[1], words[2])) for words in said)
    return [" ".join(words) for words, entry in zip(said, entries, strict=True) if entry not in placed]


def _sound(backup: Path) -> bool | None:
    """Whether the backup that stands there is whole and signed; None before the first."""
    if not backup.exists():
        return None
    from dengji.backup import recipient, restoring
    from dengji.ledger import keyring

    code = recipient.parse_code(f"@{recipient.code_path(keyring.directory())}")
    return bool(restoring.examine(backup, code, vkeys=keyring.history()).signed_by)


# In the test


class Node:
    """A durable cluster and the nursery of its victims."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.cluster = Cluster(home / "d", test=False)
        self.cluster.start()
        environment = os.environ | {
            "DENGJI_DATABASE_URL": self.cluster.dsn("migrator"),
            "DENGJI_DATA_DIR": str(home / "node"),
            "DJANGO_SETTINGS_MODULE": "dengji.config.settings",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        for name in ("DENGJI_KEY_FILE", "DENGJI_MATERIALS_DIR", "DENGJI_RECOVERY_RECIPIENT"):
            environment.pop(name, None)
        (home / "node").mkdir()
        words = [str(home), self.cluster.dsn("app")]
        self.log = (home / "nursery.log").open("w+")
        self.nursery = subprocess.Popen(
            [sys.executable, "-c", f"from tests.ledger.test_kill import nursery; nursery(*{words!r})"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        assert self._heard() == "ready"

    def _heard(self) -> str:
        assert self.nursery.stdout
        if line := self.nursery.stdout.readline().strip():
            return line
        self.log.seek(0)
        pytest.fail(self.log.read()[-3000:])

    def _told(self, *words: object) -> str:
        assert self.nursery.stdin
        print(*words, file=self.nursery.stdin, flush=True)
        return self._heard()

    def round(self, focus: str, seed: int, after: float, *, server: bool) -> dict[str, Any]:
        """Let a victim work for a while, kill it (and the database), and return what it left."""
        victim = int(self._told("round", focus, seed))
        time.sleep(after)
        if server:
            self._kill_server()
        os.kill(victim, signal.SIGKILL)
        if server:
            self.cluster.start()
        return dict(json.loads(self._told("verify")))

    def backup(self) -> bool:
        """Back up undisturbed; whether that is whole and signed."""
        return bool(json.loads(self._told("backup")))

    def _kill_server(self) -> None:
        running = find(self.cluster.layout.cluster)
        assert running
        os.kill(running.pid, signal.SIGKILL)
        while self.cluster.is_running():
            time.sleep(0.01)
        self.cluster.leave()
        self.cluster = Cluster(self.home / "d", test=False)

    def close(self) -> None:
        """End everything that was started here."""
        assert self.nursery.stdin
        self.nursery.stdin.close()
        try:
            self.nursery.wait(20)
        except subprocess.TimeoutExpired:
            self.nursery.kill()
            self.nursery.wait()
        self.log.close()
        self.cluster.stop(adopted=True, lock_wait=5)


@pytest.fixture
def node() -> Iterator[Node]:
    """A node in a directory of its own, whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="djk") as home:
        Path(home).chmod(0o711)
        made = Node(Path(home))
        yield made
        made.close()


@pytest.mark.long
def test_a_node_killed_anywhere_loses_nothing_it_acknowledged(node: Node) -> None:
    seed = random.SystemRandom().randrange(1 << 30)
    chance = random.Random(seed)
    left: dict[str, Any] = {}
    for number in range(ROUNDS):
        focus = FOCUS[number % len(FOCUS)]
        # A backup takes longer than the rest.
        after = 0.05 + chance.random() * (1.5 if focus == "backup" else 0.7)
        left = node.round(focus, seed + number, after, server=number % SERVER_EVERY == SERVER_EVERY - 1)
        where = f"round {number}, {focus}, killed after {after:.3f} s, seed {seed}: {left}"
        assert left["lost"] == [], where
        assert left["findings"] == [] and left["pending"] == 0, where
        assert left["backup"] is not False, where
    print(f"\n{ROUNDS} kills: {left}")
    assert left["acknowledged"] > 10 * ROUNDS
    assert left["out_of_order"] > 0, "no entry was committed out of id order: the test shows less than it should"
    assert left["keys"] > 2, "no rotation ever began"
    assert node.backup(), "a backup after all these kills is not whole"

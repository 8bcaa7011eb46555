"""`dengji up` in truth: starts, answers, heals, refuses a second start, stops cleanly, survives being killed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from dengji.cli import supervisor as supervision
from dengji.cli.commands import up
from dengji.cli.supervisor import Supervisor
from dengji.core.errors import DomainError
from dengji.database import Cluster
from dengji.database.paths import Layout
from dengji.database.server import find
from tests.cli.harness import NOBODY, Command, command_line, elsewhere, environment, interpreter


def eventually(what: Callable[[], object], seconds: float) -> bool:
    """Whether something becomes true within some seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.1)
    return False


class Node:
    """One running `dengji up`."""

    def __init__(self, place: Path, *words: str, user: int | None, more: dict[str, str]) -> None:
        self.place = place
        self.about: dict[str, object] = {}
        self.log = place.with_suffix(".err").open("w+")
        self.process = subprocess.Popen(
            command_line("up", "--data-dir", place, "--port", "0", "--workers", "1", "--json", *words, user=user),
            env=environment() | {"HOME": str(place.parent)} | more,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )

    def ready(self) -> Node:
        """Wait until it says where it answers."""
        self.about = json.loads(self._until("}\n"))
        return self

    def _until(self, end: str) -> str:
        said = ""
        assert self.process.stdout is not None
        while not said.endswith(end):
            line = self.process.stdout.readline()
            assert line, self.told()
            said += line
        return said

    def told(self) -> str:
        """What it has said on stderr."""
        self.log.flush()
        return Path(self.log.name).read_text()

    def answers(self) -> bool:
        """Whether the health address says that all is well."""
        try:
            with urllib.request.urlopen(f"{self.about['address']}/healthz", timeout=2) as response:  # noqa: S310
                return bool(json.load(response)["status"] == "ok")
        except OSError:
            return False

    def family(self) -> list[psutil.Process]:
        """Every process it has started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def part(self, word: str) -> int:
        """The pid of the living child whose command line holds a word, 0 where none lives."""
        for one in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):
                if word in " ".join(one.cmdline()):
                    return one.pid
        return 0

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)

    def close(self) -> None:
        """End it by all means, with what its data directory still runs."""
        family = self.family() if self.process.poll() is None else []
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()
        left = find(Layout(self.place).cluster)
        for one in [*family, *([psutil.Process(left.pid)] if left else [])]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every user may pass through."""
    home = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="dj"))
    home.chmod(0o711)
    yield home / "n"
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def start() -> Iterator[Callable[..., Node]]:
    made: list[Node] = []

    def one(place: Path, *words: str, user: int | None = None, more: dict[str, str] | None = None) -> Node:
        made.append(Node(place, *words, user=user, more=more or {}))
        return made[-1].ready()

    yield one
    for node in made:
        node.close()


@pytest.fixture
def dengji(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _stops_with_all_it_started(node: Node) -> None:
    family = node.family()
    assert family and node.stop() == 0
    assert [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []
    assert find(Layout(node.place).cluster) is None
    assert "已停止" in node.told()


@pytest.mark.long
def test_a_node_starts_heals_refuses_a_second_start_is_killed_starts_again_and_stops(
    place: Path, start: Callable[..., Node], dengji: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = start(place)
    assert node.answers()
    assert node.about["demonstration"] is False
    assert _mode(place / "keys") == 0o700
    assert {_mode(path) for path in (place / "keys").iterdir()} == {0o600}

    # No process that serves holds the migrator's password.
    passwords = json.loads((place / "pg-passwords.json").read_text())
    for one in node.family():
        told = " ".join([*one.cmdline(), *one.environ().values()]) if "dengji" in " ".join(one.cmdline()) else ""
        assert passwords["migrator"] not in told
        assert passwords["owner"] not in told
        assert passwords["app"] not in " ".join(one.cmdline())

    # Another command shares the running database.
    shown = elsewhere("node", "show", "--data-dir", place, "--json")
    assert shown.data["demonstration"] is False

    # A second start on the same directory.
    monkeypatch.setattr(up, "_LOCK_WAIT", 0.2)
    for name in ("DENGJI_DATABASE_URL", "DENGJI_DATA_DIR"):
        monkeypatch.delenv(name)
    second = dengji("up", "--data-dir", place, "--port", "0", "--json")
    assert (second.code, second.error["code"]) == (3, "already_running")
    assert str(node.process.pid) in second.error["message"]

    # A child that dies is started again.
    worker = node.part("dengji.cli.worker")
    os.kill(worker, signal.SIGKILL)
    web = node.part("granian")
    os.kill(web, signal.SIGKILL)
    assert eventually(lambda: node.part("granian") not in (0, web) and node.answers(), 20)
    assert eventually(lambda: node.part("dengji.cli.worker") not in (0, worker), 20)
    assert "意外退出" in node.told()

    # Killed outright, it leaves nothing that serves, and starts again on what is there.
    serving = [one for one in node.family() if "granian" in " ".join(one.cmdline())]
    assert serving
    node.process.kill()
    node.process.wait()
    assert eventually(lambda: not any(one.is_running() for one in serving), 15)
    again = start(place, "--no-worker")
    assert again.answers()
    assert again.stop(signal.SIGINT) == 0
    assert find(Layout(place).cluster) is None

    # A production node never becomes a demonstration.
    answer = elsewhere("up", "--demo", "--data-dir", place, "--port", "0", "--json")
    assert (answer.code, answer.error["code"]) == (1, "demonstration_fixed")
    assert find(Layout(place).cluster) is None


@pytest.mark.long
@pytest.mark.asroot
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_keeps_a_node_of_their_own(place: Path, start: Callable[..., Node]) -> None:
    if not interpreter(NOBODY):
        pytest.skip("Python lies where nobody may not enter")
    os.chown(place.parent, NOBODY, NOBODY)
    node = start(place, user=NOBODY)
    assert node.answers()
    assert {one.uids().real for one in node.family()} == {NOBODY}
    doctor = elsewhere("doctor", "--data-dir", place, "--json", user=NOBODY)
    assert [one for one in doctor.data["lines"] if one["status"] == "fail"] == []
    _stops_with_all_it_started(node)


@pytest.mark.long
def test_a_server_of_ones_own_is_set_up_and_used(
    place: Path, start: Callable[..., Node], dengji: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Cluster(place.parent / "server", test=True) as server:
        answer = dengji("node", "roles", "--database", "bureau", "--json")
        assert (answer.code, "DENGJI_DATABASE_ADMIN_URL" in answer.error["message"]) == (2, True)
        monkeypatch.setenv("DENGJI_DATABASE_ADMIN_URL", server.dsn("owner", "postgres"))
        urls = dengji.data("node", "roles", "--database", "bureau")
        assert set(urls) == {"DENGJI_DATABASE_URL", "DENGJI_DATABASE_MIGRATOR_URL", "DENGJI_DATABASE_AUDITOR_URL"}
        node = start(place, "--no-worker", more=urls)
        assert node.answers()
        assert not (place / "pg").exists()
        assert not [one for one in node.family() if "DENGJI_DATABASE_MIGRATOR_URL" in one.environ()]
        doctor = elsewhere("doctor", "--data-dir", place, "--json", more=urls)
        # The test's server gives up durability for speed, and the doctor finds it.
        failed = {one["name"].rpartition(":")[2] for one in doctor.data["lines"] if one["status"] == "fail"}
        assert failed == {"durable"}
        _stops_with_all_it_started(node)
        assert server.is_running()


def test_a_taken_port_is_told_before_anything_starts(place: Path, dengji: Command) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        answer = dengji("up", "--data-dir", place, "--port", port, "--json")
    assert (answer.code, answer.error["code"], answer.error["field"]) == (3, "port_taken", "port")
    assert "--port" in answer.error["way_out"]
    assert not place.exists()


@pytest.mark.parametrize("words", [("--port", "70000"), ("--workers", "0"), ("--port", "x")])
def test_impossible_options_are_wrong_use(place: Path, dengji: Command, words: tuple[str, str]) -> None:
    assert dengji("up", "--data-dir", place, *words).code == 2
    assert not place.exists()


def test_an_unknown_host_is_told(place: Path, dengji: Command) -> None:
    answer = dengji("up", "--data-dir", place, "--host", "host.invalid", "--json")
    assert answer.error["code"] == "host_unknown"
    assert not place.exists()


def test_a_child_that_keeps_dying_stops_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "_MOST_DEATHS", 2)
    keeper = Supervisor(environment(), serving=True)
    keeper.start(("甲", "one"), [sys.executable, "-c", "import time; time.sleep(60)"])
    keeper.start(("乙", "two"), [sys.executable, "-c", "raise SystemExit(7)"])
    try:
        with pytest.raises(DomainError) as told:
            keeper.run()
        assert told.value.code == "child_failing"
        assert told.value.params == {"name": "乙", "status": 7}
    finally:
        keeper.stop()
    assert all(child.process is None or child.process.poll() is not None for child in keeper.children)


def test_a_child_that_will_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "_STOP_SECONDS", 0.5)
    text = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
    keeper = Supervisor(environment())
    keeper.start(("甲", "one"), [sys.executable, "-c", text])
    process = keeper.children[0].process
    assert process is not None
    # A process that ignores SIGTERM shows the signal (15, the fifteenth bit) in its mask.
    status = Path(f"/proc/{process.pid}/status")
    assert eventually(lambda: int(status.read_text().partition("SigIgn:")[2].split()[0], 16) >> 14 & 1, 10)
    keeper.stop()
    assert process.poll() == -signal.SIGKILL

"""Keeps the processes of a node: starts them, starts again what died, stops all of them cleanly."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType

from dengji.core.errors import N_, DomainError

from .output import both

_POLL = 0.1
#: Seconds after which a child that died counts as having run well, so that counting begins anew.
_STEADY = 60.0
_MOST_DEATHS = 5
_STOP_SECONDS = 7.0
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> Callable[[], None] | None:
    """On Linux a child gets SIGTERM when its keeper is killed, so that nothing is left behind holding the port."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _end_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


@dataclass
class Child:
    """One process of the node and how often it died of late."""

    name: tuple[str, str]
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    again_at: float = 0.0

    def start(self, environment: dict[str, str]) -> None:
        """Start it in a session of its own, so that Ctrl-C at the terminal reaches only its keeper."""
        self.process = subprocess.Popen(
            self.command,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            # The keeper has one thread, and the child does one system call.
            preexec_fn=_die_with_parent(),
        )
        self.started = time.monotonic()


@dataclass
class Supervisor:
    """All children of one node; `run` returns when a signal asks it to stop."""

    environment: dict[str, str]
    children: list[Child] = field(default_factory=list)
    serving: bool = False
    stopping: bool = False

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Meanwhile stop on SIGINT, SIGTERM and SIGHUP; before anything serves, by interrupting what prepares it."""
        before = {n: signal.signal(n, self._stop) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        first, self.stopping = not self.stopping, True
        if first and not self.serving:
            raise KeyboardInterrupt

    def start(self, name: tuple[str, str], command: Sequence[str]) -> None:
        """Start one more child; `name` is what people read, Chinese and English."""
        child = Child(name, command)
        self.children.append(child)
        child.start(self.environment)

    def tend(self) -> None:
        """Look once at every child and start again, with growing pauses, what died.

        Raises DomainError child_failing where one dies again and again.
        """
        now = time.monotonic()
        for child in self.children:
            if child.process is None:
                if now >= child.again_at:
                    child.start(self.environment)
                continue
            status = child.process.poll()
            if status is None:
                continue
            _end_group(child.process.pid)  # what it had started must not hold the port
            child.process = None
            child.deaths = 1 if now - child.started > _STEADY else child.deaths + 1
            if child.deaths >= _MOST_DEATHS:
                raise DomainError(
                    "child_failing",
                    N_("{name}反复异常退出（状态 {status}），节点已停止：请查看上面的输出，并运行 dengji doctor"),
                    status=500,
                    params={"name": child.name[0], "status": status},
                )
            pause = 2.0 ** (child.deaths - 1) / 2
            child.again_at = now + pause
            both(
                f"{child.name[0]}意外退出（状态 {status}），{pause:g} 秒后重启",
                f"{child.name[1]} ended unexpectedly (status {status}); starting again in {pause:g} s",
            )

    def await_answer(self, address: str, seconds: float) -> bool:
        """Wait until the address answers 200; False if told to stop meanwhile. Raises DomainError not_answering."""
        deadline = time.monotonic() + seconds
        said, pause = "", _POLL
        while not self.stopping and time.monotonic() < deadline:
            self.tend()
            try:
                with urllib.request.urlopen(address, timeout=2) as response:  # noqa: S310 - our own http address
                    if response.status == 200:
                        return True
            except urllib.error.HTTPError as error:
                said = str(error.code)
                error.close()
            except OSError as error:
                said = type(error).__name__
            time.sleep(pause)
            pause = min(1.0, pause * 1.3)
        if self.stopping:
            return False
        raise DomainError(
            "not_answering",
            N_("服务在 {seconds} 秒内没有就绪（{said}）：请查看上面的输出，并运行 dengji doctor"),
            status=500,
            params={"seconds": int(seconds), "said": said},
        )

    def run(self) -> None:
        """Tend the children until told to stop."""
        while not self.stopping:
            self.tend()
            time.sleep(_POLL)

    def stop(self) -> None:
        """Ask every child to end, and end by force what has not within seven seconds, with all it started."""
        running = [child.process for child in self.children if child.process and child.process.poll() is None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.05, deadline - time.monotonic()))
        for child in self.children:
            if child.process is not None:
                _end_group(child.process.pid)
                child.process.wait()

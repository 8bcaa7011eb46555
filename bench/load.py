"""The open loop of design §9: requests come when they are due, whether or not the earlier ones are answered.

Every time is counted from when the request was due, so that waiting behind a slow one counts. The worker runs too: it
places what was done, lets the catalogue follow and commits the index, as on a node in service.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from . import catalogue, register
from .http import percentile
from .node import Node
from .processes import cpu_seconds, memory_bytes
from .questions import Questions, prepare, record_api, record_page, search_api, search_page

#: Of a hundred requests. Nine of ten read.
_SHARES = {"search": 35, "record": 25, "page": 15, "search_page": 5, "facets": 10, "create": 5, "act": 5}
_WRITES = ("create", "act")
_LIMITS = {"reads": (50, 150, 300), "writes": (100, 300, 500)}
_SENDERS = 48
_SAMPLE = 30.0


@dataclass(frozen=True)
class Due:
    """A request and when it is due, in seconds from the start."""

    at: float
    kind: str
    method: str
    path: str
    token: str = ""
    body: bytes = b""


@dataclass
class Outcome:
    """What came of all requests: seconds from when each was due, by kind; what was refused."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in _SHARES})
    refused: list[str] = field(default_factory=list)
    latest: float = 0.0


def schedule(world: register.World, asked: Questions, rate: float, seconds: float) -> list[Due]:
    """Lay down every request beforehand, so that the generator does nothing but send."""
    chance = random.Random(int(time.time()))
    total = int(rate * seconds)
    kinds = [kind for kind, share in _SHARES.items() for _ in range(share)]
    drawn = [kinds[i % 100] for i in range(total)]
    chance.shuffle(drawn)
    acts = _acts(world, drawn.count("act"))
    texts = iter(asked.mix(total))
    run, built = time.time_ns(), world.world
    found = []
    for i, kind in enumerate(drawn):
        due = i / rate
        if kind == "create":
            body = {
                "organisation_id": str(built.registrant.pk),
                "content": world.factory.content(built, register._title(i, run)),
            }
            data = json.dumps(body, ensure_ascii=False).encode()
            found.append(Due(due, kind, "POST", "/api/v1/applications", world.tokens["clerk"], data))
        elif kind == "act":
            found.append(Due(due, kind, "POST", *next(acts)))
        else:
            found.append(Due(due, kind, "GET", _read(kind, asked, next(texts), chance)))
    return found


def _read(kind: str, asked: Questions, text: str, chance: random.Random) -> str:
    code = chance.choice(asked.codes)
    if kind == "facets":
        filters: list[tuple[str, str]] = [("year", str(chance.choice((2025, 2026))))]
        filters += [("industry", chance.choice("ABDEGIMNOPQRS")), ("region", f"{chance.choice((11, 32, 44, 51, 62))}")]
        return "/api/v1/registrations?" + urlencode(filters[: chance.randint(1, 3)])
    make = {"search": search_api, "search_page": search_page, "record": record_api, "page": record_page}[kind]
    return make(text if kind.startswith("search") else code)


def _acts(world: register.World, count: int) -> Iterator[tuple[str, str, bytes]]:
    """Make applications ready, then yield their acts: the first of all, then the second of all, and so on."""
    steps = register._ACTS
    pool = [str(world.factory.draft(world.world)) for _ in range(-(-count // len(steps)))] if count else []
    for pk in pool:
        world.factory.attach(world.world, pk)
    for name, role, body in steps:
        data = json.dumps(body, ensure_ascii=False).encode()
        for pk in pool:
            yield f"/api/v1/applications/{pk}/acts/{name}", world.tokens[role], data


def run(port: int, todo: list[Due]) -> Outcome:
    """Send everything when it is due and wait for all answers."""
    waiting = iter(todo)
    lock, outcome = threading.Lock(), Outcome()
    start = time.perf_counter() + 1.0

    def sender() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            with lock:
                one = next(waiting, None)
            if one is None:
                return
            if (pause := start + one.at - time.perf_counter()) > 0:
                time.sleep(pause)
            begun = time.perf_counter() - start - one.at
            refused = _send(connection, one)
            taken = time.perf_counter() - start - one.at
            with lock:
                outcome.latest = max(outcome.latest, begun)
                outcome.seconds[one.kind].append(taken)
                if refused:
                    outcome.refused.append(refused)

    threads = [threading.Thread(target=sender) for _ in range(_SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcome


def _send(connection: http.client.HTTPConnection, one: Due) -> str:
    headers = {}
    if one.token:
        headers = {
            "Authorization": f"Bearer {one.token}",
            "Idempotency-Key": uuid.uuid4().hex,
            "Content-Type": "application/json",
        }
    try:
        connection.request(one.method, one.path, one.body or None, headers)
        response = connection.getresponse()
        data = response.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return f"{one.path}: {error!r}"
    return "" if response.status < 400 else f"{one.path}: {response.status} {data[:300]!r}"


@contextmanager
def worker() -> Iterator[int]:
    """Run the node's worker as `dengji up` does; yields its process."""
    child = subprocess.Popen([sys.executable, "-m", "dengji.cli.worker"], env=os.environ)
    try:
        time.sleep(3)
        yield child.pid
    finally:
        child.terminate()
        child.wait(30)


class _Memory:
    """The most that some processes and their children held together."""

    def __init__(self, *pids: int) -> None:
        self.pids, self.most = pids, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.most = max(self.most, memory_bytes(*self.pids))

    def _look(self) -> None:
        while not self._stop.wait(_SAMPLE):
            self.most = max(self.most, memory_bytes(*self.pids))


def measure(node: Node, options: argparse.Namespace, home: Path | None) -> dict[str, Any]:
    """Fill the node, start all of it, and let the load run."""
    figures: dict[str, Any] = {"load": os.getloadavg()[0], **catalogue.ready(node, options)}
    asked = prepare()
    world = register.World(options.dir.resolve())
    todo = schedule(world, asked, options.load_rate, options.load_seconds)
    node.serve()
    assert node.web is not None
    with worker() as working:
        # The first request of each process reads its code: no part of a node in service.
        run(node.port, [one for one in todo if one.kind not in _WRITES][: int(options.load_rate * 5)])
        cpu = node.cpu() + cpu_seconds(working)
        own, wall = time.process_time(), time.perf_counter()
        with _Memory(node.web.pid, node.postgres, working) as memory:
            outcome = run(node.port, todo)
        wall = time.perf_counter() - wall
        cpu = node.cpu() + cpu_seconds(working) - cpu
        figures |= {
            "requests": len(todo),
            "rate": options.load_rate,
            "seconds": round(wall, 1),
            "cpu_share": round(cpu / wall, 2),
            "generator_cpu_share": round((time.process_time() - own) / wall, 2),
            "sent_late_ms": round(outcome.latest * 1000, 1),
            "errors": len(outcome.refused),
            "refused": outcome.refused[:10],
            "memory_mib": round(memory.most / 2**20),
            "load_after": os.getloadavg()[0],
            "kinds": {kind: _told(seconds) for kind, seconds in outcome.seconds.items() if seconds},
        }
    for name, kinds in (("reads", set(_SHARES) - set(_WRITES)), ("writes", set(_WRITES))):
        figures[name] = _told([one for kind in kinds for one in outcome.seconds[kind]])
    return figures


def _told(seconds: list[float]) -> dict[str, Any]:
    return {"count": len(seconds), **{f"p{p}_ms": percentile(seconds, p) for p in (50, 95, 99)}}


def told(figures: dict[str, Any]) -> list[tuple[str, Any, str]]:
    """Return the lines to print."""
    lines: list[tuple[str, Any, str]] = [
        ("registered records", figures["fill"]["records"], ""),
        (f"open loop, requests at {figures['rate']} a second", figures["requests"], ""),
    ]
    for name, limits in _LIMITS.items():
        one = figures[name]
        value = " / ".join(str(one[f"p{p}_ms"]) for p in (50, 95, 99))
        lines.append((f"{name}, p50 / p95 / p99 from when due, ms", value, "≤ " + " / ".join(map(str, limits))))
    for kind, one in figures["kinds"].items():
        lines.append((f"    {kind}, {one['count']}", " / ".join(str(one[f"p{p}_ms"]) for p in (50, 95, 99)), ""))
    share = f"{figures['errors'] / figures['requests']:.3%}"
    return [
        *lines,
        ("errors", f"{figures['errors']} = {share}", "< 0.1 %"),
        ("memory of web, worker and database, most, MiB", figures["memory_mib"], "≤ 1536"),
        ("cores busy for the node; for the generator",
         f"{figures['cpu_share']}; {figures['generator_cpu_share']}", ""),
    ]  # fmt: skip

"""Making the index anew while people search: how long, and whether any answer was empty, partial or wrong."""

from __future__ import annotations

import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
from typing import Any

from .http import ask, percentile
from .node import Node
from .questions import Questions, search_api

CLIENTS = 20
#: Each client asks so often, in seconds between two questions.
_PAUSE = 1.0


class Searchers:
    """Twenty people who search all the time and hold each total against the known one."""

    def __init__(self, node: Node, asked: Questions) -> None:
        self.port, self.asked = node.port, asked
        self.stop = threading.Event()
        self.seconds: list[float] = []
        self.wrong: list[str] = []
        self.threads = [threading.Thread(target=self._search, args=(n,)) for n in range(CLIENTS)]

    def __enter__(self) -> Searchers:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _search(self, n: int) -> None:
        chance = random.Random(n)
        texts = self.asked.mix(500, n)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        self.stop.wait(chance.random() * _PAUSE)
        while not self.stop.wait(_PAUSE):
            text = chance.choice(texts)
            try:
                answer = ask(connection, search_api(text))
                total, items = json.loads(answer.body)["total"], json.loads(answer.body)["items"]
            except (OSError, KeyError, ValueError) as error:
                self.wrong.append(f"{text}: {error!r}")
                connection.close()
                continue
            self.seconds.append(answer.seconds)
            if total != self.asked.totals[text] or len(items) != min(20, total):
                self.wrong.append(f"{text}: {total} instead of {self.asked.totals[text]}, {len(items)} items")


def size_mib() -> float:
    """Return the size of the serving index."""
    from dengji.catalogue import index

    path = index.root() / (index.root() / "current").read_text().strip()
    return sum(file.stat().st_size for file in path.iterdir()) / 2**20


def _begin(node: Node, *more: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "dengji.cli", "reindex", *more, "--json", "--data-dir", str(node.directory)]
    return subprocess.Popen(words, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _shadow() -> tuple[str, int] | None:
    """Return the name of the index that is being made and the number of the last item it holds, as far as is known."""
    from dengji.catalogue import index

    serving = (index.root() / "current").read_text().strip()
    for path in index.root().glob("g-*"):
        if path.name != serving:
            try:
                return path.name, int(json.loads((path / "place.json").read_text())["number"])
            except (OSError, ValueError):
                return path.name, 0
    return None


def _halfway(highest: int) -> bool:
    shadow = _shadow()
    return shadow is not None and shadow[1] >= highest // 2


def _used(work: subprocess.Popen[bytes]) -> tuple[dict[str, Any], float]:
    """Wait for a command; return its answer and the CPU seconds of it and its children."""
    assert work.stdout is not None
    before = os.times()
    answer = work.stdout.read()
    if work.wait() != 0:
        raise SystemExit(f"reindex: {work.returncode} {answer!r}")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return json.loads(answer), cpu


def alone(node: Node) -> tuple[int, float, float]:
    """Make the index anew while nobody searches; return documents, wall seconds and the command's CPU seconds."""
    started = time.perf_counter()
    made, cpu = _used(_begin(node, "--fresh"))
    return int(made["documents"]), time.perf_counter() - started, cpu


def measure(node: Node, asked: Questions) -> dict[str, Any]:
    """Make the index anew whole; then again, killed half-way; then let the next call end what was begun."""
    from dengji.catalogue.models import Item

    held, highest = Item.objects.count(), Item.objects.order_by("-number").values_list("number", flat=True)[0]
    database = node.cpu()
    with Searchers(node, asked) as people:
        started = time.perf_counter()
        made, cpu = _used(_begin(node, "--fresh"))
        seconds = time.perf_counter() - started
        whole = len(people.seconds)
        # Killed once half is there, or where commits are few, about half-way in time.
        again = _begin(node, "--fresh")
        begun = time.perf_counter()
        while not _halfway(highest) and time.perf_counter() - begun < seconds * 0.6 and again.poll() is None:
            time.sleep(0.05)
        name, number = _shadow() or ("", 0)
        again.kill()
        again.wait()
        killed_after = time.perf_counter() - begun
        time.sleep(3 * _PAUSE)
        resumed, _ = _used(_begin(node))
        time.sleep(2 * _PAUSE)
    return {
        "documents": made["documents"],
        "complete": made["documents"] == resumed["documents"] == held,
        "seconds": round(seconds, 1),
        "cpu_s": round(cpu, 1),
        "node_cpu_s": round(node.cpu() - database, 1),
        "per_s": round(made["documents"] / seconds),
        "killed_after_s": round(killed_after, 1),
        "killed_at": number,
        "resumed": bool(name) and resumed["generation"] == name,
        "searches": len(people.seconds),
        "searches_meanwhile": whole,
        "search_p50_ms": percentile(people.seconds, 50),
        "search_p95_ms": percentile(people.seconds, 95),
        "wrong": len(people.wrong),
        "wrong_ones": people.wrong[:10],
    }


def told(one: dict[str, Any]) -> list[tuple[str, Any, str]]:
    """Return the lines to print."""
    killed = f"killed -9 at item {one['killed_at']} after {one['killed_after_s']} s: the next call went on"
    return [
        (f"index of {one['documents']} made anew, {CLIENTS} clients searching, s", one["seconds"], "1 M: ≤ 180"),
        ("    CPU s of the command", one["cpu_s"], ""),
        (f"    searches meanwhile {one['searches_meanwhile']}; p50 / p95 of all, ms",
         f"{one['search_p50_ms']} / {one['search_p95_ms']}", ""),
        (f"    {killed}", "yes" if one["resumed"] and one["complete"] else "NO", "yes"),
        (f"    wrong, empty or partial answers of {one['searches']}", one["wrong"], "0"),
    ]  # fmt: skip

"""Asking over kept connections: what was answered, and how long it took."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """One answer; `seconds` from the request to the last byte."""

    path: str
    status: int
    body: bytes
    seconds: float


def ask(connection: http.client.HTTPConnection, path: str, headers: dict[str, str] | None = None) -> Answer:
    """GET a path over a kept connection."""
    started = time.perf_counter()
    connection.request("GET", path, headers=headers or {})
    response = connection.getresponse()
    body = response.read()
    return Answer(path, response.status, body, time.perf_counter() - started)


def ask_all(port: int, paths: Sequence[str], clients: int = 2, *, strict: bool = True) -> list[Answer]:
    """GET all paths by several clients, each waiting for its answer; exits where one is refused and `strict`."""
    todo = list(paths)[::-1]
    answers: list[Answer] = []
    lock = threading.Lock()

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while True:
            with lock:
                if not todo:
                    return
                path = todo.pop()
            answer = ask(connection, path)
            with lock:
                answers.append(answer)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = [one for one in answers if one.status != 200]
    if strict and (refused or len(answers) != len(paths)):
        told = f"{refused[0].path}: {refused[0].status} {refused[0].body[:300]!r}" if refused else "no answer"
        raise SystemExit(f"{len(refused)} refused of {len(paths)}, such as {told}")
    return answers


def percentile(seconds: Sequence[float], percent: float) -> float:
    """Return a percentile in milliseconds."""
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000, 1) if ordered else 0.0

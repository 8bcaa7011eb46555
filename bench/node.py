"""A node to measure: a durable embedded database, the web server, one register and its people."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .processes import cpu_seconds

CLIENTS = 4


class Node:
    """Starts everything in a directory of its own and stops it again."""

    def __init__(self, directory: Path) -> None:
        from dengji.database import Cluster

        self.directory = directory
        self.cluster = Cluster(directory)
        self.cluster.start()
        os.environ.update(
            DJANGO_SETTINGS_MODULE="dengji.config.settings",
            DENGJI_DATA_DIR=str(directory),
            DENGJI_DATABASE_URL=self.cluster.dsn("migrator"),
            DENGJI_RATE_LIMITS="0",
            DENGJI_LOG_LEVEL="ERROR",
        )
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", verbosity=0)
        connection.close()
        os.environ["DENGJI_DATABASE_URL"] = self.cluster.dsn("app")
        from psycopg.conninfo import conninfo_to_dict

        parts = conninfo_to_dict(self.cluster.dsn("app"))
        connection.settings_dict.update(USER=parts["user"], PASSWORD=parts["password"])
        from dengji.core import encryption, node

        node.found("demo.bench", demonstration=True)
        encryption.ensure_keys()
        self.postgres = int((directory / "pg" / "postmaster.pid").read_text().split()[0])
        self.web: subprocess.Popen[bytes] | None = None
        self.port = 0

    def serve(self) -> None:
        """Start granian as `dengji up` does and wait until it answers."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        options = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "2"]
        options += ["--blocking-threads", "2", "--no-ws", "--http", "1", "--log-level", "error"]
        self.web = subprocess.Popen([sys.executable, "-m", "granian", *options, "dengji.config.wsgi:application"])
        for _ in range(300):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/healthz")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the server does not answer")

    def stop(self) -> None:
        """Stop server and database."""
        if self.web:
            self.web.terminate()
            self.web.wait(20)
        from django.db import connection

        connection.close()
        self.cluster.stop()

    def cpu(self) -> float:
        """CPU seconds of the node so far: web server and PostgreSQL."""
        return cpu_seconds(self.postgres, *([self.web.pid] if self.web else []))

    def post(self, requests: Iterable[tuple[str, str, dict[str, Any]]]) -> list[dict[str, Any]]:
        """POST (token, path, body) by several clients over kept connections; return the answers in order."""
        todo = list(enumerate(requests))
        answers: list[dict[str, Any]] = [{}] * len(todo)
        refused: list[str] = []
        lock = threading.Lock()

        def client() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            while True:
                with lock:
                    if not todo:
                        return
                    number, (token, path, body) = todo.pop()
                headers = {
                    "Authorization": f"Bearer {token}",
                    "Idempotency-Key": uuid.uuid4().hex,
                    "Content-Type": "application/json",
                }
                connection.request("POST", f"/api/v1/{path}", json.dumps(body, ensure_ascii=False).encode(), headers)
                response = connection.getresponse()
                data = response.read()
                if response.status >= 300:
                    refused.append(f"{path}: {response.status} {data.decode()[:500]}")
                    return
                answers[number] = json.loads(data)

        threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if refused:
            raise SystemExit(refused[0])
        return answers


def measured(node: Node, work: Callable[[], Any], count: int) -> tuple[Any, float, float]:
    """Run some work; return (its result, CPU ms of the node for each of `count`, wall ms for each)."""
    cpu, wall = node.cpu(), time.perf_counter()
    result = work()
    seconds = time.perf_counter() - wall
    return result, (node.cpu() - cpu) / count * 1000, seconds / count * 1000

"""The peers: run where they have been built (PEERS_HOME), otherwise their recorded figures, and say which."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .processes import cpu_seconds

#: CPU ms per request as recorded with the recipes on a machine of this kind (2 shared cores).
RECORDED = {"ckan_package_create": (45.0, 51.0), "wagtail_cycle": (88.0, 98.0), "pycsw_insert_per_s": (314, 688)}


def ckan(home: Path | None, count: int = 200) -> dict[str, Any]:
    """Return what one `package_create` costs CKAN: measured now, or as recorded."""
    if home is None or not (home / "ckan" / "ckan.ini").exists():
        low, high = RECORDED["ckan_package_create"]
        return {"cpu_ms": low, "cpu_ms_high": high, "source": "recorded (CKAN was not built; see bench/README.md)"}
    return _measure_ckan(home, count)


def _measure_ckan(home: Path, count: int) -> dict[str, Any]:
    here = home / "ckan"
    postgres = int((home / ".venvs" / "peers-pg15" / "postmaster.pid").read_text().split()[0])
    with ckan_running(home) as web:
        token = (here / "token.txt").read_text().strip()
        bodies = [json.loads(line) for line in (here / "create0.jsonl").read_text("utf-8").splitlines()][: count + 20]
        stamp = f"{int(time.time()):x}"
        for body in bodies:
            body["name"] = f"{body['name']}-{stamp}"
        _create(token, bodies[:20])
        before = cpu_seconds(web, postgres)
        _create(token, bodies[20:])
        cost = (cpu_seconds(web, postgres) - before) / len(bodies[20:]) * 1000
        return {"cpu_ms": round(cost, 1), "count": len(bodies) - 20, "source": "measured in this run"}


@contextmanager
def ckan_running(home: Path) -> Iterator[int]:
    """Start CKAN with what it needs and wait until it answers; yields its web server's process."""
    venv, here = home / ".venvs" / "venv-ckan", home / "ckan"
    schema = next(venv.glob("lib/python3*/site-packages/ckan/config/solr/schema.xml"))
    children = [
        subprocess.Popen(["redis-server", "--port", "63791", "--bind", "127.0.0.1", "--save", ""], **_QUIET),
        subprocess.Popen(["python3", "solr_stub.py", "8983", str(schema)], cwd=here, **_QUIET),
    ]
    time.sleep(1)
    web = subprocess.Popen(
        [str(venv / "bin" / "gunicorn"), "-w", "2", "-k", "sync", "-b", "127.0.0.1:8820", "wsgi:application"],
        cwd=here,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": ""},
        **_QUIET,
    )
    children.append(web)
    try:
        _await(8820)
        yield web.pid
    finally:
        for child in children:
            child.terminate()
            child.wait(10)


_QUIET: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def _await(port: int) -> None:
    for _ in range(120):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", "/api/3/action/status_show")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.5)
    raise SystemExit("CKAN does not answer")


def _create(token: str, bodies: list[dict[str, Any]]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", 8820, timeout=60)
    for body in bodies:
        headers = {"Authorization": token, "Content-Type": "application/json"}
        connection.request("POST", "/api/3/action/package_create", json.dumps(body), headers)
        response = connection.getresponse()
        data = response.read()
        if response.status != 200:
            raise SystemExit(f"CKAN: {response.status} {data[:300]!r}")

"""The same 100 000 records in the node and in other catalogues, asked for the same things in one run."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from . import catalogue, peers, register
from .http import ask, ask_all, percentile
from .node import Node
from .processes import cpu_seconds
from .questions import fresh_state, record_api, record_page, search_api, search_page

WORDS = ("医保结算", "气象观测", "不动产登记", "空气质量", "停车泊位", "法人基础信息", "供水管网", "电子证照")
_QUIET: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
_GET, _HTML, _SEARCH = "record, JSON or XML", "record, HTML", "Chinese search"
#: CPU ms as recorded with the recipes, for peers that are not built here: the low end.
RECORDED = {
    "Datasette": {_GET: 0.77, _HTML: 2.4, _SEARCH: 0.9},
    "pycsw": {_GET: 26.0, _SEARCH: 57.0},
    "CKAN": {_GET: 6.8, _HTML: 54.0},
}


def load(world: register.World, path: Path) -> int:
    """Adopt the peers' records: their titles, briefs and organisations, all else from the generator."""
    from dengji.parties.actor import importer
    from dengji.registration.generator import adoption_rows, unit_code
    from dengji.registration.models import Registration
    from dengji.registration.services import adoption
    from dengji.registration.services.prepared import AdoptedRow

    held = Registration.objects.count()
    pk = world.world.register.pk
    with path.open(encoding="utf-8") as lines:
        given = islice(map(json.loads, lines), held, None)
        while some := list(islice(given, 1000)):
            records = []
            for one, row in zip(some, adoption_rows(len(some), 5, held), strict=True):
                row |= {"name": one["title"], "intro": one["abstract"], "registrant_name": one["org"]}
                row["registrant_credit_code"] = unit_code(row["registrant_region"], one["org"])
                days = {name: date.fromisoformat(row.pop(name)) for name in ("coded_on", "valid_to")}
                own = {
                    name: row.pop(name) for name in ("serial", "code", "agency_name", "agency_level", "platform_code")
                }
                records.append(AdoptedRow(**own, **days, content=row))
            done = adoption.adopt(actor=importer(pk), register_id=pk, records=records, example=True)
            if refused := [one.error for one in done if one.error]:
                raise SystemExit(f"{len(refused)} of the peers' records refused: {refused[0]}")
            held += len(some)
    return held


def ours(node: Node, codes: Sequence[str], count: int) -> dict[str, Any]:
    """Ask the node; searches with total and facets, and once without a memory of what was counted."""
    words = [WORDS[i % len(WORDS)] for i in range(count)]
    ask_all(node.port, [*map(record_page, codes[:30]), *map(search_page, WORDS)])
    fresh_state()
    return {
        _GET: catalogue.cost(node, [*map(record_api, codes[:count])]),
        _HTML: catalogue.cost(node, [*map(record_page, codes[:count])]),
        _SEARCH: catalogue.cost(node, [search_api(word, limit="10") for word in words]),
        f"{_SEARCH}, nothing counted before": catalogue.cost(
            node, [search_api(word, limit="10") for word in WORDS], rounds=max(1, count // 8), fresh=True
        ),
        f"{_SEARCH}, HTML": catalogue.cost(node, [search_page(word) for word in words]),
    }


@contextmanager
def _running(port: int, ready: str, *commands: tuple[list[str], Path, dict[str, str]]) -> Iterator[list[int]]:
    """Start a peer and wait until it answers; yields the processes that are counted, the last command's."""
    children = [
        subprocess.Popen(words, cwd=at, env=os.environ | more, **_QUIET) for words, at, more in commands
    ]  # fmt: skip
    try:
        for _ in range(120):
            try:
                if ask(http.client.HTTPConnection("127.0.0.1", port, timeout=60), ready).status == 200:
                    break
            except OSError:
                time.sleep(0.5)
        yield [children[-1].pid]
    finally:
        for child in children:
            child.terminate()
            child.wait(20)


def _asked(port: int, paths: Sequence[str], pids: Sequence[int], most: int, holds: str) -> dict[str, Any]:
    wanted = [paths[i % len(paths)] for i in range(most)]
    first = ask_all(port, wanted[:8], 1)
    if holds and not all(holds.encode() in one.body for one in first):
        raise SystemExit(f"a peer answers otherwise than expected: {first[0].path} {first[0].body[:200]!r}")
    before = cpu_seconds(*pids)
    answers = ask_all(port, wanted, 2)
    used = cpu_seconds(*pids) - before
    seconds = [one.seconds for one in answers]
    cpu = round(used / len(answers) * 1000, 2)
    return {"cpu_ms": cpu, "p50_ms": percentile(seconds, 50), "p95_ms": percentile(seconds, 95), "count": len(answers)}


def _postgres(home: Path) -> int:
    return int((home / ".venvs" / "peers-pg15" / "postmaster.pid").read_text().split()[0])


def datasette(home: Path, count: int) -> dict[str, Any]:
    """Ask Datasette (SQLite, FTS5 trigram): ten rows of a phrase, neither counted nor ordered."""
    here, program = home / "datasette", home / ".venvs" / "venv-datasette" / "bin" / "datasette"
    words = [str(program), "serve", "-i", "r100.db", "--host", "127.0.0.1", "--port", "8830"]
    get = (here / "get_r100.txt").read_text().split()
    with _running(8830, "/-/versions.json", (words, here, {})) as pids:
        return {
            _GET: _asked(8830, get, pids, count, "PDR-"),
            _HTML: _asked(8830, [path.removesuffix(".json") for path in get], pids, count, "<html"),
            _SEARCH: _asked(8830, (here / "tri_zh_r100.txt").read_text().split(), pids, count, "PDR-"),
        }


def pycsw(home: Path, count: int) -> dict[str, Any]:
    """Ask pycsw on PostgreSQL: ten records of a phrase in the title, all counted."""
    here, environment = home / "pycsw", home / ".venvs" / "venv-pycsw2"
    packages = next(environment.glob("lib/python3*/site-packages"))
    words = [str(environment / "bin" / "gunicorn"), "-w", "2", "-b", "127.0.0.1:8811", "pycsw.wsgi:application"]
    more = {"PYCSW_CONFIG": str(here / "pg100.cfg"), "PYCSW_ROOT": str(packages)}
    get, search = ((here / name).read_text().split() for name in ("get.txt", "like_zh.txt"))
    with _running(8811, get[0], (words, here, more)) as pids:
        counted = [*pids, _postgres(home)]
        return {
            _GET: _asked(8811, get, counted, min(count, 120), "PDR-"),
            _SEARCH: _asked(8811, search, counted, min(count, 80), "numberOfRecordsMatched"),
        }


def ckan(home: Path, count: int) -> dict[str, Any]:
    """Ask CKAN, which holds a few thousand of the records: it takes 24 a second."""
    with peers.ckan_running(home) as web:
        counted = [web, _postgres(home)]
        listed = ask_all(8820, ["/api/3/action/package_list?limit=200"], 1)[0]
        names = json.loads(listed.body)["result"]
        if not names:
            return {}
        show, html = ([f"{at}{name}" for name in names] for at in ("/api/3/action/package_show?id=", "/dataset/"))
        return {
            _GET: _asked(8820, show, counted, min(count, 200), '"success": true'),
            _HTML: _asked(8820, html, counted, min(count, 60), "<html"),
        }


_PEERS: tuple[tuple[str, Callable[[Path, int], dict[str, Any]], str], ...] = (
    ("Datasette", datasette, "datasette/r100.db"),
    ("pycsw", pycsw, ".venvs/venv-pycsw2/bin/gunicorn"),
    ("CKAN", ckan, "ckan/ckan.ini"),
)


def measure(node: Node, options: argparse.Namespace, home: Path | None) -> dict[str, Any]:
    """Load the same records, then ask the node and each peer in turn."""
    from django.core.management import call_command

    from dengji.catalogue.models import Item

    if home is None:
        raise SystemExit("PEERS_HOME names no place where peers have been built: see bench/README.md")
    held = load(register.World(options.dir.resolve()), home / "data" / "r100k.jsonl")
    speeds = catalogue.catch_up()
    call_command("collectstatic", "--no-input", verbosity=0)
    count = min(options.requests, 400)
    every = max(1, held // count)
    codes = list(Item.objects.order_by("number").values_list("code", flat=True)[::every])
    node.serve()
    figures: dict[str, Any] = {
        "load": os.getloadavg()[0],
        "records": held,
        **speeds,
        "Dengji": ours(node, codes, count),
    }
    for name, measured, built in _PEERS:
        found = measured(home, count) if (home / built).exists() else {}
        old = {kind: {"cpu_ms": cpu, "recorded": True} for kind, cpu in RECORDED[name].items()}
        figures[name] = {**old, **found}
    return figures


def told(figures: dict[str, Any]) -> list[tuple[str, Any, str]]:
    """Return the lines to print."""
    lines: list[tuple[str, Any, str]] = [("the same records in all", figures["records"], "")]
    for kind, one in figures["Dengji"].items():
        lines.append((f"{kind}: Dengji, CPU ms", one["cpu_ms"], f"p50 {one['p50_ms']} p95 {one['p95_ms']}"))
        for name, _, _ in _PEERS:
            if peer := figures[name].get(kind):
                how = "recorded" if peer.get("recorded") else f"p50 {peer['p50_ms']} p95 {peer['p95_ms']}"
                ratio = round(peer["cpu_ms"] / one["cpu_ms"], 2)
                lines.append((f"    {name}, CPU ms; ratio {name} / Dengji", f"{peer['cpu_ms']}; {ratio}", how))
    return lines

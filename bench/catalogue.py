"""What finding costs: record, page, search with total and facets; the making of the index while it serves."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import rebuild, register
from .http import Answer, ask_all, percentile
from .node import Node
from .processes import memory_bytes
from .questions import Questions, fresh_state, prepare, record_api, record_page, search_api, search_page

_ROUND = 184


def ready(node: Node, options: argparse.Namespace) -> dict[str, Any]:
    """Fill the register, place, follow and index all of it; return the speeds."""
    from django.core.management import call_command

    world = register.World(options.dir.resolve())
    speeds = {"fill": register.fill(world, options.records), **catch_up()}
    call_command("collectstatic", "--no-input", verbosity=0)
    return speeds


def catch_up() -> dict[str, Any]:
    """Place what waits in the log, bring the items up to it and make the index if there is none; return the speeds."""
    from dengji.catalogue import follow, index
    from dengji.catalogue.engines.scan import ScanEngine
    from dengji.core.clock import legal_now
    from dengji.law.calendar import shanghai_date
    from dengji.ledger.services import place_pending
    from dengji.registration.services.clockwork import Round

    def place() -> int:
        done = 0
        while now := place_pending():
            done += now
        return done

    def read() -> int:
        at = legal_now()
        return follow.follow(Round(at, shanghai_date(at), 1 << 60))

    def keep() -> int:
        if isinstance(index.engine(), ScanEngine):
            return int(index.make()["documents"])
        taken = index.keeper.keep(1 << 60)
        index.keeper.wait()
        return taken

    return {"place": _speed(place), "follow": _speed(read), "index": _speed(keep)}


def _speed(work: Callable[[], int]) -> dict[str, Any]:
    from django.db import connection

    wall, own = time.perf_counter(), time.process_time()
    done = work()
    seconds = time.perf_counter() - wall
    connection.close()
    per_s = round(done / seconds) if done and seconds else None
    return {
        "done": done,
        "seconds": round(seconds, 1),
        "own_cpu_s": round(time.process_time() - own, 1),
        "per_s": per_s,
    }


def cost(node: Node, paths: Sequence[str], *, rounds: int = 1, clients: int = 2, fresh: bool = False) -> dict[str, Any]:
    """Ask all paths, so many times over; return CPU of the node and wall percentiles, both in ms a request."""
    answers: list[Answer] = []
    cpu = node.cpu()
    for _ in range(rounds):
        for at in range(0, len(paths), _ROUND):
            if fresh:
                fresh_state()
            answers += ask_all(node.port, paths[at : at + _ROUND], clients)
    used = node.cpu() - cpu
    seconds = [one.seconds for one in answers]
    return {
        "count": len(answers),
        "cpu_ms": round(used / len(answers) * 1000, 2),
        "p50_ms": percentile(seconds, 50),
        "p95_ms": percentile(seconds, 95),
        "kib": round(sum(len(one.body) for one in answers) / len(answers) / 1024, 1),
    }


def kinds(node: Node, asked: Questions, count: int) -> dict[str, Any]:
    """Measure every kind of request. Searches are asked of a state in which nothing has been counted yet."""
    ask_all(node.port, [record_api(c) for c in asked.codes[:50]] + [record_page(c) for c in asked.codes[:50]])
    ask_all(node.port, [make(text) for make in (search_api, search_page) for text in asked.mix(40)])
    mix = asked.mix(count)
    found = {
        "record_json": cost(node, [record_api(c) for c in asked.codes[:count]]),
        "record_page": cost(node, [record_page(c) for c in asked.codes[-count:]]),
        "search_json": cost(node, [search_api(text) for text in mix], fresh=True),
        "search_page": cost(node, [search_page(text) for text in mix], fresh=True),
        "search_json_again": cost(node, [search_api(text) for text in mix[:60]] * 8),
    }
    for name in ("rare", "common", "ubiquitous"):
        texts = getattr(asked, name)
        if texts:
            rounds = max(1, count // 4 // len(texts))
            found[f"search_{name}"] = cost(node, [search_api(t) for t in texts], rounds=rounds, fresh=True)
    return found


def measure(node: Node, options: argparse.Namespace, home: Path | None) -> dict[str, Any]:
    """Measure the catalogue on a node with so many records."""
    figures: dict[str, Any] = {"load": os.getloadavg()[0], **ready(node, options)}
    figures["index_mib"] = round(rebuild.size_mib(), 1)
    asked = prepare(max(options.requests, 200))
    node.serve()
    figures |= kinds(node, asked, options.requests)
    if options.rebuild:
        figures["rebuild"] = rebuild.measure(node, asked)
    assert node.web is not None
    figures["memory_mib"] = round(memory_bytes(node.web.pid, node.postgres) / 2**20)
    return figures


_BUDGETS = (
    ("record_json", "a record, JSON", "≤ 1.5"),
    ("record_page", "a record's page", "≤ 5"),
    ("search_json", "search with total and facets, JSON", "≤ 4, p95 ≤ 100"),
    ("search_page", "search page", "≤ 10, p95 ≤ 100"),
    ("search_json_again", "  the same words again, nothing changed between", ""),
    ("search_rare", "  words in under 0.1 % of the records", ""),
    ("search_common", "  words in 0.5 to 20 %", ""),
    ("search_ubiquitous", "  words in over half", "≤ 25"),
)


def told(figures: dict[str, Any]) -> list[tuple[str, Any, str]]:
    """Return the lines to print."""
    lines: list[tuple[str, Any, str]] = [("registered records", figures["fill"]["records"], "")]
    for name, what in (("place", "placing"), ("follow", "following"), ("index", "indexing")):
        one = figures[name]
        lines.append((f"{what}, entries/s ({one['seconds']} s)", one["per_s"] or "kept", ""))
    lines.append(("index files, MiB", figures["index_mib"], ""))
    for name, what, budget in _BUDGETS:
        if one := figures.get(name):
            lines.append((f"{what}, CPU ms", one["cpu_ms"], budget))
            lines.append((f"    wall p50 / p95, ms; {one['count']} requests", f"{one['p50_ms']} / {one['p95_ms']}", ""))
    if one := figures.get("rebuild"):
        lines += rebuild.told(one)
    return [*lines, ("memory of web and database, MiB", figures["memory_mib"], "≤ 1536")]

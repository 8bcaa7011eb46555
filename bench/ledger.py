"""What the log costs: appends, proofs, the check of everything, acts while it is sequenced and signed, storage (§9).

Beside pymerkle, where PEERS_HOME has it, in the same run. CPU is told beside wall time: where the machine has other
work, only the former says what the software costs.
"""

from __future__ import annotations

import argparse
import http.client
import json
import math
import os
import random
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .node import Node
from .processes import cpu_seconds
from .register import World, fill

BATCH = 2000
#: Clients of the open loop: enough that none of its requests waits for a client.
_CLIENTS = 16
_TABLES = ("ledger_entry", "ledger_leaf", "ledger_tile", "ledger_pending", "ledger_tree")
#: pymerkle 7.0.0, SQLite, default durability, on two shared cores of this kind.
RECORDED = {"append_single_per_s": 1301, "proofs_warm_per_cpu_s": 3700}

_SEQUENCER = """
import signal, threading, django
django.setup()
from dengji.registration.tasks import keep_log
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
keep_log(stop)
"""


def measure(node: Node, options: argparse.Namespace, home: Path | None) -> dict[str, Any]:
    """Measure everything in order: each part finds the log as the part before it left it."""
    from dengji.ledger import keyring, sequencer

    keyring.ensure_keys()
    world = World(node.directory)
    figures: dict[str, Any] = {"load_before": os.getloadavg()[0], "cores": os.cpu_count()}
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "fill": lambda: fill(world, options.check_entries),
        "place": lambda: {"placed": sequencer.run_once(finish=True)},
        "check": lambda: check(node),
        "append": lambda: append(node, options.appends),
        "append_rest": lambda: append(node, max(0, options.leaves - _size())),
        "proofs": lambda: proofs(node, options.proofs),
        "storage": storage,
        "acts": lambda: acts(node, world, options.rate, options.seconds, options.rounds),
        "pymerkle": lambda: pymerkle(node.directory, home, options.peer_leaves),
    }
    for name, part in parts.items():
        figures[name] = part()
        print(f"  {name}: {json.dumps(figures[name])}", file=sys.stderr, flush=True)
    figures["load_after"] = os.getloadavg()[0]
    return figures


def _timed(node: Node, work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Run work that is done here and in the database; return (result, wall seconds, CPU seconds of both)."""
    cpu, wall = time.process_time() + node.cpu(), time.perf_counter()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() + node.cpu() - cpu


def _size() -> int:
    from dengji.ledger.models import Tree

    return int(Tree.objects.values_list("size", flat=True).first() or 0)


def check(node: Node) -> dict[str, Any]:
    """`dengji ledger check` of a log of real acts, with their decisions and contents, as an operator runs it."""
    words = ["ledger", "check", "--json", "--data-dir", str(node.directory)]
    before, wall = node.cpu(), time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "dengji.cli", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    out, err = child.communicate()
    seconds = time.perf_counter() - wall
    if child.returncode:
        raise SystemExit(f"ledger check: {child.returncode}\n{(out + err)[-800:]}")
    own = os.times().children_user + os.times().children_system
    entries = _size()
    return {
        "entries": entries,
        "seconds": round(seconds, 2),
        "seconds_per_100k": round(seconds / entries * 100_000, 2),
        "database_cpu_s": round(node.cpu() - before, 2),
        "children_cpu_s": round(own, 2),
    }


def append(node: Node, count: int) -> dict[str, Any]:
    """Append made-up entries in durable transactions of BATCH, each made canonical alone, and place and sign them."""
    from django.db import connection, transaction

    from dengji.core.clock import legal_now
    from dengji.core.node import identity
    from dengji.ledger import sequencer
    from dengji.ledger.entries import entry_body
    from dengji.ledger.models import Entry, Pending
    from dengji.registration.services import rows

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
        durable = cursor.fetchone()
    log, at = identity()[0], legal_now()

    def batch(size: int) -> None:
        keys = [uuid.uuid4() for _ in range(size)]
        bodies = [
            entry_body(
                log=log,
                act="bench",
                at=at,
                register="bench",
                object_kind="bench",
                object_id=key,
                n=1,
                sealed=f"sha256:{os.urandom(32).hex()}",
            )
            for key in keys
        ]
        with transaction.atomic():
            ids = rows.next_ids(Entry, size)
            pattern = Entry(act="bench", object_kind="bench", n=1, at=at, public=False)
            rows.insert(pattern, {"id": ids, "object_id": keys, "body": bodies})
            rows.insert(Pending(), {"entry_id": ids})

    def work() -> None:
        for first in range(0, count, BATCH):
            batch(min(BATCH, count - first))
            sequencer.run_once()
        sequencer.run_once(finish=True)

    if not count:
        return {}
    _, wall, cpu = _timed(node, work)
    return {
        "count": count,
        "batch": BATCH,
        "fsync": durable[0],
        "synchronous_commit": durable[1],
        "per_s": round(count / wall),
        "per_cpu_s": round(count / cpu),
    }


def proofs(node: Node, count: int) -> dict[str, Any]:
    """Make inclusion proofs from the stored tiles and verify each against the signed root.

    At random places with nothing kept, then with what the process keeps; and along the log, as receipts of a register.
    """
    from dengji.ledger import checkpointing
    from dengji.ledger import proofs as made
    from dengji.ledger.models import Leaf
    from dengji.ledger.pure.merkle import verify_inclusion

    row = checkpointing.latest()
    assert row is not None
    size, root = row.size, bytes(row.root)
    hashes = [
        bytes(one) for one in Leaf.objects.order_by("index").values_list("hash", flat=True)[:size].iterator(20_000)
    ]

    def run(places: list[int]) -> None:
        for index in places:
            if not verify_inclusion(hashes[index], index, size, made.inclusion(index, size), root):
                raise SystemExit(f"proof of {index} in {size} does not verify")

    dice = random.Random(1)
    first = size // 3
    kinds = {
        "random_cold": [dice.randrange(size) for _ in range(count // 10)],
        "random_filling": [dice.randrange(size) for _ in range(count // 2)],
        "random": [dice.randrange(size) for _ in range(count)],
        "along": [(first + i) % size for i in range(count)],
    }
    figures: dict[str, Any] = {"leaves": size}
    made.forget()
    for name, places in kinds.items():
        if name == "along":
            made.forget()
        _, wall, cpu = _timed(node, lambda p=places: run(p))
        figures[f"{name}_per_s"], figures[f"{name}_per_cpu_s"] = round(len(places) / wall), round(len(places) / cpu)
    return figures


def storage() -> dict[str, Any]:
    """Bytes of tables and indexes for a million entries; contents are counted apart, for a million public entries."""
    from django.db import connection

    sizes: dict[str, int] = {}
    with connection.cursor() as cursor:
        for table in (*_TABLES, "ledger_content"):
            cursor.execute("SELECT pg_total_relation_size(%s::regclass), pg_indexes_size(%s::regclass)", [table, table])
            sizes[table], sizes[f"{table} indexes"] = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM ledger_content")
        (contents,) = cursor.fetchone()
        cursor.execute("SELECT avg(length(body)) FROM ledger_entry")
        (body,) = cursor.fetchone()
    million = 1_000_000 / _size()
    return {
        "bytes_per_million_entries": round(sum(sizes[table] for table in _TABLES) * million),
        "parts": {name: round(size * million) for name, size in sizes.items() if not name.startswith("ledger_content")},
        "content_bytes_per_million_contents": round(sizes["ledger_content"] * 1_000_000 / contents) if contents else 0,
        "mean_entry_bytes": round(float(body)),
    }


def acts(node: Node, world: World, rate: float, seconds: float, rounds: int) -> dict[str, Any]:
    """Latency of creating applications in an open loop over HTTP, with and without the sequencer, in turns.

    A request's time begins when it was due, so waiting behind a slow one counts. What waits when a turn ends is placed
    before the next begins; where the machine has other work, both kinds of turns share it.
    """
    from dengji.ledger import sequencer

    node.serve()
    took: dict[bool, list[float]] = {False: [], True: []}
    cpu = {False: 0.0, True: 0.0}
    _open_loop(node, world, rate, 3)
    for number in range(2 * rounds):
        # 0 1 1 0 0 1 …: neither kind always comes after the other.
        sequenced = (number + 1) // 2 % 2 == 1
        sequencer.run_once(finish=True)
        child = subprocess.Popen([sys.executable, "-c", _SEQUENCER]) if sequenced else None
        try:
            time.sleep(3)
            before = node.cpu() + (cpu_seconds(child.pid) if child else 0)
            took[sequenced] += _open_loop(node, world, rate, seconds)
            cpu[sequenced] += node.cpu() + (cpu_seconds(child.pid) if child else 0) - before
        finally:
            if child:
                child.terminate()
                child.wait(20)
    figures: dict[str, Any] = {"rate": rate, "acts_each": len(took[True])}
    for name, kind in (("without", False), ("with", True)):
        times = sorted(took[kind])
        figures[name] = {f"p{p}_ms": round(_percentile(times, p) * 1000, 1) for p in (50, 95, 99)}
        figures[name]["cpu_ms_per_act"] = round(cpu[kind] / len(times) * 1000, 2)
    figures["p99_ratio"] = round(figures["with"]["p99_ms"] / figures["without"]["p99_ms"], 3)
    return figures


def _percentile(times: list[float], percent: int) -> float:
    return times[max(0, math.ceil(len(times) * percent / 100) - 1)]


def _open_loop(node: Node, world: World, rate: float, seconds: float) -> list[float]:
    kept = threading.local()
    begin = time.perf_counter() + 0.1
    bodies = [
        {"organisation_id": str(world.world.registrant.pk), "content": world.factory.content(world.world)}
        for _ in range(int(rate * seconds))
    ]

    def one(number: int) -> float:
        due = begin + number / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        if not hasattr(kept, "connection"):
            kept.connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)
        headers = {
            "Authorization": f"Bearer {world.tokens['clerk']}",
            "Idempotency-Key": uuid.uuid4().hex,
            "Content-Type": "application/json",
        }
        kept.connection.request("POST", "/api/v1/applications", json.dumps(bodies[number]).encode(), headers)
        response = kept.connection.getresponse()
        data = response.read()
        if response.status >= 300:
            raise SystemExit(f"applications: {response.status} {data[:500]!r}")
        return time.perf_counter() - due

    with ThreadPoolExecutor(_CLIENTS) as pool:
        return list(pool.map(one, range(len(bodies))))


def pymerkle(directory: Path, home: Path | None, leaves: int) -> dict[str, Any]:
    """The same by pymerkle (GPL, so only in an environment and process of its own), or its recorded figures."""
    python = home / ".venvs" / "venv-merkle" / "bin" / "python" if home else None
    if python is None or not python.exists():
        return {**RECORDED, "source": "recorded (pymerkle was not installed; see bench/README.md)"}
    script = Path(__file__).with_name("pymerkle_peer.py")
    database = directory / "pymerkle.db"
    database.unlink(missing_ok=True)
    words = [str(python), "-W", "ignore", str(script), str(database), str(leaves), str(BATCH), "10"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    database.unlink(missing_ok=True)
    if done.returncode:
        raise SystemExit(f"pymerkle: {done.stderr[-800:]}")
    return {**json.loads(done.stdout), "source": "measured in this run"}


def told(figures: dict[str, Any]) -> list[tuple[str, Any, str]]:
    """Return (what, figure, budget) in the order in which they are printed."""
    appended, proved, checked = figures["append"], figures["proofs"], figures["check"]
    acted, peer, stored = figures["acts"], figures["pymerkle"], figures["storage"]
    ours = appended["per_s"] / peer.get("append_batch_per_s", peer["append_single_per_s"])
    source = peer["source"].partition(" (")[0]
    rows: list[tuple[str, Any, str]] = [
        (f"durable appends in batches of {BATCH}, placed and signed, entries/s", appended["per_s"], "≥ 5000"),
        ("  for a CPU second of ours and the database's", appended["per_cpu_s"], ""),
        *((f"  pymerkle {key} ({source})", peer[key], "") for key in peer if key.startswith("append")),
        ("  ratio Dengji / pymerkle, wall", round(ours, 2), ""),
        (
            f"proofs made and verified at {proved['leaves']} leaves, random places, /s",
            proved["random_per_s"],
            "≥ 20000",
        ),
    ]
    rows += [(f"  {key}", proved[key], "") for key in proved if key not in ("leaves", "random_per_s")]
    rows += [(f"  pymerkle {key} ({source})", peer[key], "") for key in peer if key.startswith("proofs")]
    ratio = proved["random_per_cpu_s"] / peer["proofs_warm_per_cpu_s"]
    return [
        *rows,
        ("  ratio Dengji / pymerkle, CPU", round(ratio, 1), ""),
        (f"ledger check of {checked['entries']} entries with decisions and contents, s", checked["seconds"], ""),
        ("  for 100 000 entries, s", checked["seconds_per_100k"], "≤ 10"),
        (f"acts at {acted['rate']}/s without sequencer, p99 ms", acted["without"]["p99_ms"], ""),
        (f"acts at {acted['rate']}/s while sequencing and signing, p99 ms", acted["with"]["p99_ms"], ""),
        ("  ratio", acted["p99_ratio"], "≤ 1.2"),
        ("  CPU ms an act, without / with", f"{_cpu(acted, 'without')} / {_cpu(acted, 'with')}", ""),
        ("storage for a million entries, MB", round(stored["bytes_per_million_entries"] / 1e6), ""),
        ("load of the machine before / after", f"{figures['load_before']:.1f} / {figures['load_after']:.1f}", ""),
    ]


def _cpu(acted: dict[str, Any], kind: str) -> float:
    return float(acted[kind]["cpu_ms_per_act"])

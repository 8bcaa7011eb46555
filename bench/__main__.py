"""`make bench`: measure the node and its peers in turn, print the figures with their budgets and the ratios."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import catalogue, ledger, load, peers, peers_catalogue, register
from .node import Node
from .processes import memory_bytes

Measure = Callable[[Node, argparse.Namespace, Path | None], dict[str, Any]]


def main() -> int:
    """Run the chosen suites; the figures also go to build/bench.json and build/bench-<suite>.json."""
    options = _options()
    sys.path.insert(0, str(Path.cwd()))
    home = Path(os.environ["PEERS_HOME"]) if os.environ.get("PEERS_HOME") else None
    if options.suite == "all":
        return _apart()
    if options.suite == "evidence":
        # Its own process: hashing shares nothing with a node, and its exit code is its verdict.
        return subprocess.run([sys.executable, "-m", "bench.evidence"], check=False).returncode
    measure, tell, name = _SUITES[options.suite]
    figures = _with_node(measure, options, home)
    for what, value, budget in tell(figures):
        print(f"{what:<78}{value:>16}   {budget}")
    out = Path("build") / name
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--suite", choices=("register", "ledger", "catalogue", "peers", "load", "evidence", "all"), default="all"
    )
    parser.add_argument("--dir", type=Path, default=Path("build/bench"), help="where the measured node lives")
    parser.add_argument("--keep", action="store_true", help="keep the node for another run")
    of_register = parser.add_argument_group("register")
    of_register.add_argument("--records", type=int, default=1_000_000, help="registered records to measure against")
    of_register.add_argument("--count", type=int, default=320, help="applications taken through the procedure")
    of_register.add_argument("--rows", type=int, default=20_000, help="rows of the import and adoption files")
    of_ledger = parser.add_argument_group("ledger")
    of_ledger.add_argument("--check-entries", type=int, default=100_000, help="entries of real acts to be checked")
    of_ledger.add_argument("--appends", type=int, default=100_000, help="entries whose appending is measured")
    of_ledger.add_argument("--leaves", type=int, default=1_000_000, help="leaves to prove at")
    of_ledger.add_argument("--proofs", type=int, default=50_000, help="proofs made and verified")
    of_ledger.add_argument("--peer-leaves", type=int, default=1_000_000, help="leaves of the peer's tree")
    of_ledger.add_argument("--rate", type=float, default=20.0, help="acts a second of the open loop")
    of_ledger.add_argument("--seconds", type=float, default=20.0, help="of one turn with or without sequencer")
    of_ledger.add_argument("--rounds", type=int, default=4, help="turns of each kind")
    of_catalogue = parser.add_argument_group("catalogue, peers, load")
    of_catalogue.add_argument("--requests", type=int, default=1000, help="requests of each kind")
    of_catalogue.add_argument("--no-rebuild", dest="rebuild", action="store_false", help="do not make the index anew")
    of_catalogue.add_argument("--load-rate", type=float, default=60.0, help="requests a second of the open loop")
    of_catalogue.add_argument("--load-seconds", type=float, default=600.0, help="of the open loop")
    return parser.parse_args()


def _apart() -> int:
    """Run every suite in a process of its own, so that none finds what another left; return the worst exit code."""
    words = [word for word in sys.argv[1:] if word not in ("--suite", "all", "--suite=all")]
    suites = (*_SUITES, "evidence")
    unbuilt = {"peers"} if not os.environ.get("PEERS_HOME") else set()
    return max(
        subprocess.run([sys.executable, "-m", "bench", *words, "--suite", suite], check=False).returncode
        for suite in suites
        if suite not in unbuilt
    )


def _with_node(measure: Measure, options: argparse.Namespace, home: Path | None) -> dict[str, Any]:
    directory = options.dir.resolve()
    if not options.keep:
        shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, exist_ok=True)
    node = Node(directory)
    try:
        return measure(node, options, home)
    finally:
        node.stop()
        if not options.keep:
            shutil.rmtree(directory, ignore_errors=True)


def _measure_register(node: Node, options: argparse.Namespace, home: Path | None) -> dict[str, Any]:
    world = register.World(options.dir.resolve())
    figures: dict[str, Any] = {"load": os.getloadavg()[0]}
    figures["fill"] = register.fill(world, options.records)
    node.serve()
    figures["procedure"] = register.create_and_procedure(node, world, options.count)
    figures["ckan"] = peers.ckan(home)
    figures["import"] = register.import_file(node, world, options.rows)
    figures["adopt"] = register.adopt_file(node, options.rows)
    assert node.web is not None
    figures["memory_mib"] = round(memory_bytes(node.web.pid, node.postgres) / 2**20)
    return figures


def _told_register(figures: dict[str, Any]) -> list[tuple[str, Any, str]]:
    done, peer = figures["procedure"], figures["ckan"]
    return [
        ("registered records", figures["fill"]["records"], ""),
        ("loading them, records/s", figures["fill"].get("per_s", "kept"), "≥ 5000"),
        ("create, CPU ms", done["create_cpu_ms"], "≤ 12"),
        (f"  CKAN package_create, CPU ms ({peer['source']})", peer["cpu_ms"], ""),
        ("  ratio CKAN / Dengji", round(peer["cpu_ms"] / done["create_cpu_ms"], 1), ""),
        ("the procedure, nine acts, CPU ms", done["procedure_cpu_ms"], "≤ 70"),
        *((f"  {name}", cost, "") for name, cost in done["acts_cpu_ms"].items()),
        ("import with all checks, rows/s", figures["import"]["per_s"], "≥ 2000"),
        ("adoption, rows/s", figures["adopt"]["per_s"], "≥ 5000"),
        ("memory of web and database, MiB", figures["memory_mib"], "≤ 1536"),
    ]


_SUITES: dict[str, tuple[Measure, Callable[[dict[str, Any]], list[tuple[str, Any, str]]], str]] = {
    "register": (_measure_register, _told_register, "bench.json"),
    "ledger": (ledger.measure, ledger.told, "bench-ledger.json"),
    "catalogue": (catalogue.measure, catalogue.told, "bench-catalogue.json"),
    "load": (load.measure, load.told, "bench-load.json"),
    "peers": (peers_catalogue.measure, peers_catalogue.told, "bench-peers.json"),
}

if __name__ == "__main__":
    raise SystemExit(main())

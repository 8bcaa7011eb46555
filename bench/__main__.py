"""`make bench`: measure the node and its peers in turn, print the figures with their budgets and the ratios."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from . import peers, register
from .node import Node
from .processes import memory_bytes


def main() -> int:
    """Run the chosen suites; the figures also go to build/bench.json."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000, help="registered records to measure against")
    parser.add_argument("--count", type=int, default=320, help="applications taken through the procedure")
    parser.add_argument("--rows", type=int, default=20_000, help="rows of the import and adoption files")
    parser.add_argument("--dir", type=Path, default=Path("build/bench"), help="where the measured node lives")
    parser.add_argument("--keep", action="store_true", help="keep the node for another run")
    options = parser.parse_args()
    sys.path.insert(0, str(Path.cwd()))
    directory = options.dir.resolve()
    if not options.keep:
        shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, exist_ok=True)
    home = Path(os.environ["PEERS_HOME"]) if os.environ.get("PEERS_HOME") else None
    node = Node(directory)
    try:
        figures = _measure(node, options, home)
    finally:
        node.stop()
        if not options.keep:
            shutil.rmtree(directory, ignore_errors=True)
    _tell(figures)
    out = Path("build/bench.json")
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n")
    return 0


def _measure(node: Node, options: argparse.Namespace, home: Path | None) -> dict[str, Any]:
    world = register.World()
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


def _tell(figures: dict[str, Any]) -> None:
    done, peer = figures["procedure"], figures["ckan"]
    rows = [
        ("registered records", figures["fill"]["records"], ""),
        ("loading them, records/s", figures["fill"]["per_s"], "≥ 5000"),
        ("create, CPU ms", done["create_cpu_ms"], "≤ 12"),
        (f"  CKAN package_create, CPU ms ({peer['source']})", peer["cpu_ms"], ""),
        ("  ratio CKAN / Dengji", round(peer["cpu_ms"] / done["create_cpu_ms"], 1), ""),
        ("the procedure, nine acts, CPU ms", done["procedure_cpu_ms"], "≤ 70"),
        *((f"  {name}", cost, "") for name, cost in done["acts_cpu_ms"].items()),
        ("import with all checks, rows/s", figures["import"]["per_s"], "≥ 2000"),
        ("adoption, rows/s", figures["adopt"]["per_s"], "≥ 5000"),
        ("memory of web and database, MiB", figures["memory_mib"], "≤ 1536"),
    ]
    for name, value, budget in rows:
        print(f"{name:<78}{value:>12}   {budget}")


if __name__ == "__main__":
    raise SystemExit(main())

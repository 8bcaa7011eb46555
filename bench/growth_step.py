"""One size of the growth: fill the kept node so far, make the index anew, measure; the figures as one line of JSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from . import catalogue, rebuild
from .node import Node
from .questions import prepare


def main() -> int:
    """Run for `size directory requests`."""
    sys.path.insert(0, str(Path.cwd()))
    size, directory, requests = int(sys.argv[1]), Path(sys.argv[2]).resolve(), int(sys.argv[3])
    directory.mkdir(parents=True, exist_ok=True)
    node = Node(directory)
    try:
        load = os.getloadavg()[0]
        speeds = catalogue.ready(node, argparse.Namespace(dir=directory, records=size))
        made, seconds, cpu = rebuild.alone(node)
        asked = prepare(max(requests, 200))
        node.serve()
        figures = catalogue.kinds(node, asked, requests)
        more = {
            "load": load,
            "records": speeds["fill"]["records"],
            "follow_per_s": speeds["follow"]["per_s"],
            "index_documents": made,
            "index_s": round(seconds, 1),
            "index_cpu_s": round(cpu, 1),
            "index_mib": round(rebuild.size_mib(), 1),
        }
    finally:
        node.stop()
    print(json.dumps({**more, **figures}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

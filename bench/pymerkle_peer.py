"""What pymerkle does with the same work; run by the interpreter of the peer's own environment, never by ours.

    python pymerkle_peer.py FILE LEAVES BATCH SECONDS

Appends to a new SQLite tree with that library's own durable settings, one entry at a time and in batches, then makes
and verifies inclusion proofs at random places, for at most SECONDS each cold and warm. Prints one JSON object.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import Any

from pymerkle import SqliteTree, verify_inclusion  # type: ignore[import-not-found]

_SINGLE = 300


def main() -> None:
    """Measure and print."""
    path, leaves, batch, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    tree = SqliteTree(path)
    entries = [(f"{i:08}".encode() * 40)[:320] for i in range(leaves)]
    rates: dict[str, Any] = {"leaves": leaves, "batch": batch}
    cpu, wall = time.process_time(), time.perf_counter()
    for entry in entries[:_SINGLE]:
        tree.append_entry(entry)
    rates["append_single_per_s"] = round(_SINGLE / (time.perf_counter() - wall))
    cpu, wall = time.process_time(), time.perf_counter()
    for first in range(_SINGLE, leaves, batch):
        tree.append_entries(entries[first : first + batch])
    done = leaves - _SINGLE
    rates["append_batch_per_s"] = round(done / (time.perf_counter() - wall))
    rates["append_batch_per_cpu_s"] = round(done / (time.process_time() - cpu))
    root = tree.get_state(leaves)
    places = random.Random(1)
    for name in ("cold", "warm"):
        cpu, wall, made = time.process_time(), time.perf_counter(), 0
        while time.perf_counter() - wall < seconds:
            index = places.randint(1, leaves)
            verify_inclusion(tree.get_leaf(index), root, tree.prove_inclusion(index, leaves))
            made += 1
        rates[f"proofs_{name}_per_s"] = round(made / (time.perf_counter() - wall), 1)
        rates[f"proofs_{name}_per_cpu_s"] = round(made / (time.process_time() - cpu), 1)
    tree.close()
    print(json.dumps(rates))


if __name__ == "__main__":
    main()

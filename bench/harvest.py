"""Harvest a node's whole catalogue by OAI-PMH with somebody else's harvester: `python -m bench.harvest URL [PREFIX]`.

Prints how many records came, how many of them twice, and how many a second.
"""

from __future__ import annotations

import sys
import time

from sickle import Sickle


def harvest(url: str, prefix: str = "oai_dc") -> dict[str, float]:
    """Take all records of a repository; return records, repeated, deleted, seconds."""
    started = time.perf_counter()
    seen: set[str] = set()
    count = deleted = 0
    for record in Sickle(url, timeout=60).ListRecords(metadataPrefix=prefix, ignore_deleted=False):
        count += 1
        deleted += record.header.deleted
        seen.add(record.header.identifier)
    seconds = time.perf_counter() - started
    return {"records": count, "repeated": count - len(seen), "deleted": deleted, "seconds": round(seconds, 2)}


def main(arguments: list[str]) -> int:
    """Harvest and print."""
    if not arguments:
        print(__doc__)
        return 2
    found = harvest(*arguments[:2])
    print(found, f"{found['records'] / max(found['seconds'], 0.001):.0f}/s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""CPU of process trees, read from /proc: the peer's and the node's processes, the load generator excluded."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def tree(root: int) -> list[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                children.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
            except OSError:
                continue
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def cpu_seconds(*roots: int) -> float:
    """Return the CPU seconds that these trees have used, finished children of the roots included."""
    ticks = 0
    for root in roots:
        for pid in tree(root):
            try:
                stat = _stat(pid)
            except OSError:
                continue
            ticks += int(stat[11]) + int(stat[12])
            if pid == root:
                ticks += int(stat[13]) + int(stat[14])
    return ticks / _TICKS


def memory_bytes(*roots: int) -> int:
    """Return the proportional set size of these trees in bytes."""
    total = 0
    for pid in (p for root in roots for p in tree(root)):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total

"""Evidence deposit beside bare hashing of the same files on the same cores, in one run: the ratio is the result.

    python -m bench.evidence [--gigabytes 2] [--algorithm sha256] [--files 8]

Bare hashing is `hashlib.file_digest` of whole files in a process pool of one process a core. Both sides hash the same
random files in $TMPDIR, alternating; the best round of each counts. `--files 1` shows one huge file, which bare hashing
can give to one core only. Exit code 1 where the ratio stays under 0.8 (issue 3).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from dengji.evidence.hashing import Plan, cores
from dengji.evidence.make import make

_MB = 1024 * 1024
WANTED = 0.8


def fill(folder: Path, megabytes: int, files: int) -> list[Path]:
    """Write random files; a fresh block for every 16 MB, since no file system must find holes or duplicates."""
    paths = [folder / f"{number:04}.bin" for number in range(files)]
    for number, path in enumerate(paths):
        left = megabytes * (number + 1) // files - megabytes * number // files
        with path.open("wb") as stream:
            while left:
                part = min(left, 16)
                stream.write(os.urandom(part * _MB))
                left -= part
    return paths


def bare(task: tuple[Path, str]) -> bytes:
    """The plain digest of one file."""
    path, algorithm = task
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).digest()


def measure(folder: Path, paths: list[Path], algorithm: str, rounds: int) -> tuple[float, float]:
    """Return the seconds of bare hashing and of a deposit, the best of some alternating rounds."""
    plain, ours = [], []
    with ProcessPoolExecutor(cores()) as pool:
        tasks = [(path, algorithm) for path in paths]
        list(pool.map(bare, tasks[: cores()]))
        for number in range(rounds):
            began = time.perf_counter()
            list(pool.map(bare, tasks))
            plain.append(time.perf_counter() - began)
            began = time.perf_counter()
            out = folder / f"m{number}.jsonl"
            make([folder / "data"], out, plan=Plan((algorithm,)), tool="bench", now=lambda: datetime.now(UTC))
            ours.append(time.perf_counter() - began)
    return min(plain), min(ours)


def main() -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--algorithm", choices=("sha256", "sm3"), default="sha256")
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="dengji-evidence-"))
    try:
        (folder / "data").mkdir()
        megabytes = int(args.gigabytes * 1024)
        paths = fill(folder / "data", megabytes, args.files)
        plain, ours = measure(folder, paths, args.algorithm, args.rounds)
    finally:
        shutil.rmtree(folder)
    ratio = plain / ours
    result = {
        "what": "evidence",
        "algorithm": args.algorithm,
        "megabytes": megabytes,
        "files": args.files,
        "cores": cores(),
        "bare_mb_s": round(megabytes / plain),
        "dengji_mb_s": round(megabytes / ours),
        "ratio": round(ratio, 3),
        "wanted": WANTED,
    }
    print(json.dumps(result))
    return 0 if ratio >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())

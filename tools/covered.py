"""Branch coverage of the modules that decide and write: prints a table, and fails where one is below the least.

`make coverage` runs the tests that exercise them and then this.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePath

from coverage import Coverage

LEAST = 95.0
#: The law, every door for writes and reads, and the rooms whose modules are all services of the node itself.
WANTED = (
    "law/**/*.py",
    "**/services.py",
    "**/services/*.py",
    "**/selectors.py",
    "backup/*.py",
    "core/*.py",
    "evidence/*.py",
)
ROOT = Path(__file__).resolve().parent.parent / "src" / "dengji"


def modules() -> list[PurePath]:
    """Every module that must be covered, relative to the package; none is left out because no test imports it."""
    found = {path.relative_to(ROOT) for pattern in WANTED for path in ROOT.glob(pattern)}
    return sorted(path for path in found if not {"migrations", "__pycache__"} & set(path.parts))


def covered(data: Coverage) -> Iterator[tuple[PurePath, float, str]]:
    """Each module with its percentage of lines and branches, and what is missing."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "coverage.json"
        data.json_report([str(ROOT / path) for path in modules()], outfile=str(out), ignore_errors=True)
        files = {Path(name).resolve(): found for name, found in json.loads(out.read_text())["files"].items()}
    for path in modules():
        found = files.get(ROOT / path)
        if found is None:
            yield path, 0.0, "never run"
            continue
        lines = [str(number) for number in found["missing_lines"]]
        branches = [f"{start}→{'end' if end < 0 else end}" for start, end in found["missing_branches"]]
        yield path, found["summary"]["percent_covered"], " ".join([*lines, *branches])


def main() -> int:
    """Print the table; 1 where a module is below the least."""
    data = Coverage()
    data.load()
    rows = list(covered(data))
    out = io.StringIO()
    for path, percent, missing in rows:
        if percent < 100:
            mark = "!" if percent < LEAST else " "
            out.write(f"{mark} {percent:6.2f}  {path}  {missing}\n")
    low = [path for path, percent, _ in rows if percent < LEAST]
    out.write(f"{len(rows)} modules, {sum(p == 100 for _, p, _ in rows)} of them whole, {len(low)} below {LEAST:g} %\n")
    print(out.getvalue(), end="")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())

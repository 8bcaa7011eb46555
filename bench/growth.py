"""How cost grows with the register: one node filled further and further, a table and a picture of it.

python -m bench.growth --sizes 10000,100000,1000000 --dir build/growth
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DOCUMENT, PICTURE = Path("docs/explanation/scale.md"), Path("docs/explanation/scale.svg")
_BEGIN, _END = "<!-- growth -->\n", "<!-- /growth -->\n"
#: Name in the figures, heading of the column, drawn as a line (its colour) or told only.
_COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("record_json", "record, JSON", "#1b6ca8"),
    ("record_page", "record, page", "#7a3e9d"),
    ("search_json", "search, JSON", "#2e7d32"),
    ("search_page", "search, page", "#c77700"),
    ("search_ubiquitous", "word in over half", "#b3261e"),
)


def main() -> int:
    """Measure each size in turn on the same node, or draw again what was measured."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.growth", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--sizes", default="10000,100000,1000000", help="numbers of records, rising")
    parser.add_argument("--dir", type=Path, default=Path("build/growth"))
    parser.add_argument("--requests", type=int, default=600)
    parser.add_argument("--from", dest="kept", type=Path, default=Path("build/bench-growth.json"), help="figures kept")
    parser.add_argument("--draw", action="store_true", help="draw what is kept, measure nothing")
    options = parser.parse_args()
    rows: dict[str, Any] = json.loads(options.kept.read_text()) if options.kept.exists() else {}
    if not options.draw:
        for size in map(int, options.sizes.split(",")):
            # A process for each size: nothing that the last one remembers helps the next.
            words = [sys.executable, "-m", "bench.growth_step", str(size), str(options.dir), str(options.requests)]
            done = subprocess.run(words, stdout=subprocess.PIPE, check=True)
            rows[str(size)] = json.loads(done.stdout.splitlines()[-1])
            options.kept.parent.mkdir(exist_ok=True)
            options.kept.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
    write(rows)
    return 0


def write(rows: dict[str, Any]) -> None:
    """Put table and picture into the documentation."""
    sizes = sorted(rows, key=int)
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    made = (
        f"Measured {time.strftime('%Y-%m-%d')} by `python -m bench.growth`; load of the machine at the start of each: "
    )
    made += ", ".join(str(round(rows[size]["load"], 1)) for size in sizes) + ".\n\n" + table(rows)
    DOCUMENT.write_text(before + _BEGIN + made + _END + after, encoding="utf-8")
    PICTURE.write_text(picture(rows), encoding="utf-8")


def table(rows: dict[str, Any]) -> str:
    """Return the table: a row for each size."""
    heads = ["records", *(head for _, head, _ in _COLUMNS), "index, MiB", "index made, s", "items followed/s"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "--:|" * len(heads)]
    for size in sorted(rows, key=int):
        row = rows[size]
        cells = [f"{int(size):,}".replace(",", " ")]
        for name, _, _ in _COLUMNS:
            one = row.get(name)
            cells.append(f"{one['cpu_ms']} ({one['p95_ms']})" if one else "–")
        cells += [str(row["index_mib"]), str(row["index_s"]), str(row["follow_per_s"] or "–")]
        lines.append("| " + " | ".join(cells) + " |")
    return (
        "\n".join(lines) + "\n\nCPU ms a request of web server and PostgreSQL; in brackets the 95th percentile in ms.\n"
    )


_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 720, 400, 56, 168, 24, 48


def picture(rows: dict[str, Any]) -> str:
    """Return the curves as SVG, both axes logarithmic."""
    sizes = sorted(map(int, rows))
    values = [rows[str(n)][name]["cpu_ms"] for n in sizes for name, _, _ in _COLUMNS if name in rows[str(n)]]
    low, high = 10 ** math.floor(math.log10(min(values))), 10 ** math.ceil(math.log10(max(values)))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        'font-size="12" role="img" aria-label="CPU milliseconds of a request against the number of records">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
    ]
    parts += _grid(sizes, low, high)
    ends: list[tuple[float, str, str]] = []
    for name, head, colour in _COLUMNS:
        points = [(_x(n, sizes), _y(rows[str(n)][name]["cpu_ms"], low, high)) for n in sizes if name in rows[str(n)]]
        if not points:
            continue
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points]
        ends.append((points[-1][1], head, colour))
    parts += _labels(ends)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _x(n: int, sizes: Sequence[int]) -> float:
    first, last = math.log10(sizes[0]), math.log10(max(sizes[-1], sizes[0] * 10))
    return _LEFT + (math.log10(n) - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT)


def _y(value: float, low: float, high: float) -> float:
    share = (math.log10(value) - math.log10(low)) / (math.log10(high) - math.log10(low))
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def _grid(sizes: Sequence[int], low: float, high: float) -> list[str]:
    parts = []
    value = low
    while value <= high * 1.001:
        y = _y(value, low, high)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#444">{value:g}</text>')
        value *= 10
    for n in sizes:
        x = _x(n, sizes)
        label = f"{n:,}".replace(",", "\u202f")
        parts.append(f'<path d="M{x:.1f} {_TOP}V{_HEIGHT - _BOTTOM}" stroke="#eee"/>')
        parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle" fill="#444">{label}</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 10}" text-anchor="middle" fill="#222">registered records</text>')
    parts.append(f'<text x="8" y="{_TOP - 8}" fill="#222">CPU ms a request</text>')
    return parts


def _labels(ends: list[tuple[float, str, str]]) -> list[str]:
    parts, last = [], -math.inf
    for y, head, colour in sorted(ends):
        last = max(y + 4, last + 16)
        parts.append(f'<text x="{_WIDTH - _RIGHT + 10}" y="{last:.1f}" fill="{colour}">{head}</text>')
    return parts


if __name__ == "__main__":
    raise SystemExit(main())

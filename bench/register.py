"""What the main job costs: create, the whole procedure, bulk import, adoption (design §9)."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from .node import Node, measured

_ACTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("submit_for_business_review", "clerk", {}),
    (
        "submit",
        "business_reviewer",
        {
            "preview_acknowledged": True,
            "secrecy_conclusion": "publishable",
            "secrecy_date": "2025-01-03",
            "secrecy_reviewer": "示例审查人",
        },
    ),
    ("accept", "acceptor", {}),
    ("begin_review", "reviewer", {}),
    ("pass_review", "reviewer", {}),
    ("open_notice", "notice_opener", {}),
)


class World:
    """The people of the measured register and their tokens; kept beside the node, so that it can be measured again."""

    def __init__(self, directory: Path) -> None:
        from dengji.parties import services
        from tests.factories import world

        kept = directory / "world.json"
        self.world = _again(json.loads(kept.read_text())) if kept.exists() else world.build()
        kept.write_text(
            json.dumps(
                {
                    "register": str(self.world.register.pk),
                    "registrant": str(self.world.registrant.pk),
                    "people": {name: str(person.pk) for name, person in self.world.people.items()},
                }
            )
        )
        self.factory = world
        self.tokens = {
            name: services.create_token(actor=services.OPERATOR, person=person, label="bench")
            for name, person in self.world.people.items()
        }


def _again(kept: dict[str, Any]) -> Any:
    from dengji.parties.models import Organisation, Person, Register
    from tests.factories import world

    registrant = Organisation.objects.get(pk=kept["registrant"])
    people = {name: Person.objects.get(pk=pk) for name, pk in kept["people"].items()}
    return world.World(Register.objects.get(pk=kept["register"]), registrant, registrant, people)


def fill(world: World, records: int) -> dict[str, Any]:
    """Load the register with adopted records until it holds so many, and return the speed."""
    from dengji.registration.generator import load
    from dengji.registration.models import Registration

    held = Registration.objects.count()
    started = time.perf_counter()
    done = load(world.world.register, records - held, start=held, progress=_meter(started)) if held < records else 0
    seconds = time.perf_counter() - started
    speed = {"loaded": done, "seconds": round(seconds, 1), "per_s": round(done / seconds)} if done else {}
    return {"records": Registration.objects.count(), **speed}


def _meter(started: float) -> Any:
    def tell(done: int) -> None:
        if done % 50_000 == 0:
            print(f"  {done} records, {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)

    return tell


def create_and_procedure(node: Node, world: World, count: int) -> dict[str, Any]:
    """Measure POST applications and the eight acts that follow, through HTTP and the clock, on the full register."""
    factory, built, run = world.factory, world.world, time.time_ns()
    bodies = [
        {"organisation_id": str(built.registrant.pk), "content": factory.content(built, _title(i, run))}
        for i in range(count)
    ]
    node.post([(world.tokens["clerk"], "applications", body) for body in bodies[:20]])
    made, create_cpu, create_wall = measured(
        node, lambda: node.post([(world.tokens["clerk"], "applications", b) for b in bodies[20:]]), count - 20
    )
    ids = [row["id"] for row in made]
    for pk in ids:
        factory.attach(built, pk)
    acts: dict[str, float] = {}
    for name, role, body in _ACTS:
        _, cpu, _ = measured(
            node,
            lambda n=name, r=role, b=body: node.post(
                [(world.tokens[r], f"applications/{pk}/acts/{n}", b) for pk in ids]
            ),
            len(ids),
        )
        acts[name] = round(cpu, 2)
    acts |= _by_the_clock(node, world, ids)
    total = create_cpu + sum(acts.values())
    return {
        "count": len(ids),
        "create_cpu_ms": round(create_cpu, 2),
        "create_wall_ms": round(create_wall, 2),
        "acts_cpu_ms": acts,
        "procedure_cpu_ms": round(total, 1),
    }


def _title(i: int, run: int) -> str:
    letters = random.Random(f"{run}/{i}").sample(
        "东南西北中上下左右前后内外新旧大小高低长短冷热春夏秋冬山水林田湖草沙", 8
    )
    return f"{''.join(letters)}运行信息"


def _by_the_clock(node: Node, world: World, ids: list[str]) -> dict[str, float]:
    """close_notice by the clock and assign_code by the issuer: their services run here, so our CPU counts too."""
    from dengji.registration.models import Application

    factory, built = world.factory, world.world
    ends = Application.objects.get(pk=ids[-1]).notice_ends
    assert ends is not None
    factory.move_clock(ends + timedelta(minutes=6))
    costs = {}
    for name, role in (("close_notice", "clock"), ("assign_code", "issuer")):
        own = time.process_time()
        _, cpu, _ = measured(node, lambda n=name, r=role: [factory.act(built, n, pk, r) for pk in ids], len(ids))
        costs[name] = round(cpu + (time.process_time() - own) / len(ids) * 1000, 2)
    return costs


def import_file(node: Node, world: World, rows: int) -> dict[str, Any]:
    """Import a CSV with all checks through the command line, on the full register."""
    import csv

    from dengji.law.record import FIELDS
    from dengji.registration.generator import generate

    path = node.directory / "bench-import.csv"
    made = list(generate(rows, 77, _fresh()))
    names = [
        n
        for n in made[0]
        if not isinstance(made[0][n], dict | list) or n in ("industries", "coverage_regions", "data_format")
    ]
    own = {
        "registrant_name": world.world.registrant.name,
        "registrant_credit_code": world.world.registrant.credit_code,
    }
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([FIELDS[n].label for n in names])
        for record in made:
            row = record | own
            writer.writerow(["；".join(v) if isinstance(v := row.get(n, ""), list) else v for n in names])
    return _command(node, ["import", str(path), "--organisation", own["registrant_credit_code"]], rows)


def adopt_file(node: Node, rows: int) -> dict[str, Any]:
    """Adopt registered records from JSON lines through the command line, on the full register."""
    from dengji.registration.generator import adoption_rows

    path = node.directory / "bench-adopt.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for record in adoption_rows(rows, 78, _fresh()):
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return _command(node, ["adopt", str(path)], rows)


def _fresh() -> int:
    """A place in the generator's range that an earlier run on a kept node has hardly used."""
    return 2_000_000 + int(time.time()) % 5_000_000


def _command(node: Node, words: list[str], rows: int) -> dict[str, Any]:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "dengji.cli", *words, "--json", "--data-dir", str(node.directory)],
        capture_output=True,
        text=True,
        env=os.environ,
        check=False,
    )
    seconds = time.perf_counter() - started
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = {"error": (done.stdout + done.stderr)[-800:]}
    counts = {k: v for k, v in answer.items() if isinstance(v, int | str) and k != "file"}
    return {"exit": done.returncode, "seconds": round(seconds, 2), "per_s": round(rows / seconds), **counts}


def data_directory(base: Path) -> Path:
    """A directory for the node, outside the checkout's own tree of sources."""
    base.mkdir(parents=True, exist_ok=True)
    return base

"""The directory of government data by command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalogue import kit
from tests.cli.harness import Command
from tests.factories import world as w


def test_the_command_takes_matches_decides_and_counts(
    committed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dengji, world = Command(capsys), w.build()
    w.registered(world, title="道路客运班线基础信息")
    kit.catch_up()
    head, unit = "信息资源标识符,信息资源名称,资源提供方", world.registrant.name
    file = tmp_path / "目录.csv"
    file.write_bytes(f"{head}\n1,道路客运班线基础信息,{unit}\n,无标识,{unit}\n".encode())
    who = ("--as", world.people["agency_supervisor"].username)
    told = dengji("directory", "import", file, *who)
    assert told.code == 1 and "第 3 行" in told.out
    assert dengji.data("directory", "match", *who)["name"] == 1
    (proposal,) = dengji.data("directory", "proposals", *who)["items"]
    assert dengji.data("directory", "confirm", proposal["id"], *who)["decided"] == 1
    assert dengji.data("directory", "counts", *who)["total"]["registered"] == 1
    assert dengji.data("directory", "gaps", "unregistered", *who) == []
    assert "道路客运" in dengji("directory", "proposals", "--state", "confirmed", *who).out
    assert dengji("directory", "counts", "--as", world.people["clerk"].username).code == 1

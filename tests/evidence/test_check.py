"""Checking a deposit: every kind of change, moved data, and manifests that are not what they claim to be."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dengji.evidence.errors import EvidenceError
from dengji.evidence.manifest import load
from tests.cli.harness import Command
from tests.evidence.conftest import Desk


def code_of(desk: Desk, *paths: Path, **more: Any) -> str:
    with pytest.raises(EvidenceError) as caught:
        desk.check(*paths, **more)
    return caught.value.code


def test_nothing_differs_right_after(desk: Desk, dengji: Command) -> None:
    desk.make(algorithms=("sha256", "sm3"))
    answer = dengji("evidence", "check", desk.out)
    assert answer.code == 0
    assert "未变 4 个文件" in answer.out


def test_every_kind_of_change_is_told_and_the_answer_is_no(desk: Desk, dengji: Command) -> None:
    desk.write("gone", b"gone")
    desk.make()
    (desk.data / "gone").unlink()
    desk.write("b.csv", b"id,name\n1,longer\n")
    desk.write("neu.csv", b"new")
    desk.write("n/empty too", b"")
    (desk.data / "a.csv").rename(desk.data / "z.csv")
    answer = dengji("evidence", "check", desk.out, "--json")
    assert answer.code == 1
    assert {k: answer.data[k] for k in ("added", "removed", "changed", "renamed", "unchanged", "same")} == {
        "added": ["数据/n/empty too", "数据/neu.csv"],
        "removed": ["数据/gone"],
        "changed": ["数据/b.csv"],
        "renamed": [["数据/a.csv", "数据/z.csv"]],
        "unchanged": 2,
        "same": False,
    }
    said = dengji("evidence", "check", desk.out).out
    assert "改名  数据/a.csv → 数据/z.csv" in said
    assert "修改  数据/b.csv" in said


def test_a_change_behind_the_same_size_and_time_is_found(desk: Desk) -> None:
    desk.make()
    path = desk.data / "a.csv"
    times = path.stat()
    content = bytearray(path.read_bytes())
    content[2400] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert desk.check().changed == ["数据/a.csv"]


def test_a_file_that_became_a_link_is_removed(desk: Desk) -> None:
    desk.make()
    target = desk.home / "a.csv"
    (desk.data / "a.csv").rename(target)
    (desk.data / "a.csv").symlink_to(target)
    report = desk.check()
    assert (report.removed, report.links) == (["数据/a.csv"], ["数据/a.csv"])


def test_copies_of_one_file_are_paired_once(desk: Desk) -> None:
    desk.make()
    for name in ("x.csv", "y.csv"):
        desk.write(name, (desk.data / "a.csv").read_bytes())
    (desk.data / "a.csv").unlink()
    report = desk.check()
    assert (report.renamed, report.added, report.removed) == ([("数据/a.csv", "数据/x.csv")], ["数据/y.csv"], [])


def test_data_and_manifest_may_move(desk: Desk, dengji: Command) -> None:
    desk.make(desk.data, desk.write("../table.csv", b"1,2\n"))
    desk.out = desk.out.rename(desk.home / "elsewhere.jsonl")
    assert desk.check().same
    away = desk.home / "away"
    away.mkdir()
    desk.data.rename(away / "数据")
    (desk.home / "table.csv").rename(away / "table.csv")
    assert code_of(desk) == "evidence_not_there"
    assert desk.check(inside=away).same
    (away / "数据").rename(away / "renamed")
    assert desk.check(away / "renamed", away / "table.csv").same
    assert code_of(desk, away / "renamed") == "evidence_sources"
    assert dengji("evidence", "check", desk.out, away / "renamed").code == 2


def test_the_manifest_must_be_the_one_that_was_deposited(desk: Desk, dengji: Command) -> None:
    digest = desk.make().head["deposits"][0]["evidence_digest"]
    assert desk.check(digest=digest.upper()).same
    answer = dengji("evidence", "check", desk.out, "--digest", "0" * 64, "--json")
    assert (answer.code, answer.error["code"]) == (1, "manifest_other_deposit")


def test_no_byte_of_a_line_changes_unnoticed(desk: Desk) -> None:
    desk.make(desk.data / "b.csv")
    whole = desk.out.read_bytes()
    start = whole.index(b"\n") + 1
    for at in range(start, len(whole)):
        for bit in (0x01, 0x20):
            desk.out.write_bytes(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :])
            with pytest.raises(EvidenceError) as caught:
                load(desk.out)
            assert caught.value.status == 422


@pytest.mark.parametrize("field", ["root_salt", "chunk_size", "algorithms", "format", "deposits"])
def test_a_changed_head_is_refused(desk: Desk, field: str) -> None:
    desk.make()
    head, rest = desk.out.read_text("utf-8").split("\n", 1)
    changed = json.loads(head)
    changed[field] = {
        "root_salt": "0" * 64,
        "chunk_size": 1001,
        "algorithms": ["sm3"],
        "format": "dengji-evidence-2",
        "deposits": [{**changed["deposits"][0], "evidence_count": 5}],
    }[field]
    desk.out.write_text(json.dumps(changed) + "\n" + rest, "utf-8")
    assert code_of(desk).startswith("manifest_")


@pytest.mark.parametrize("change", ["drop", "twice", "swap", "cut", "empty"])
def test_changed_lines_are_refused(desk: Desk, dengji: Command, change: str) -> None:
    desk.make()
    head, *lines = desk.out.read_bytes().splitlines(keepends=True)
    changed = {
        "drop": [head, *lines[1:]],
        "twice": [head, lines[0], *lines],
        "swap": [head, lines[1], lines[0], *lines[2:]],
        "cut": [head, *lines[:-1], lines[-1][:-20]],
        "empty": [],
    }[change]
    desk.out.write_bytes(b"".join(changed))
    answer = dengji("evidence", "check", desk.out, "--json")
    assert answer.code == 1
    assert answer.error["code"] in ("manifest_altered", "manifest_malformed")


def test_a_manifest_that_is_not_there_is_wrong_use(desk: Desk, dengji: Command) -> None:
    assert dengji("evidence", "check", desk.home / "nothing.jsonl").code == 2


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("0" * 64),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_whatever_stands_in_a_manifest_one_error_is_raised(desk: Desk, data: st.DataObject) -> None:
    if not desk.out.exists():
        desk.make(desk.data / "b.csv")
        desk.home.joinpath("kept").write_bytes(desk.out.read_bytes())
    head, line = map(json.loads, desk.home.joinpath("kept").read_text("utf-8").splitlines())
    bound = {"format", "chunk_size", "algorithms", "root_salt", "deposits"}
    place = data.draw(st.sampled_from([(one, key) for one in (head, line) for key in one]))
    before = place[0][place[1]]
    place[0][place[1]] = data.draw(_JSON)
    desk.out.write_text(json.dumps(head) + "\n" + json.dumps(line) + "\n", "utf-8")
    try:
        load(desk.out)
    except EvidenceError as error:
        assert error.code.startswith("manifest_")
    else:
        assert place[0] is head
        assert place[1] not in bound or place[0][place[1]] == before

"""Making a deposit: what is told, what is refused, what a kill leaves behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from dengji.evidence.errors import EvidenceError
from dengji.evidence.journal import Journal
from dengji.evidence.manifest import load
from dengji.law.record import FIELDS
from tests.cli.harness import NOBODY, Command, command_line, environment
from tests.evidence.conftest import Desk

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "reference" / "record.schema.json"
Once = Callable[[Callable[[], object]], Callable[[int, int], None]]


def code_of(desk: Desk, *paths: Path, **more: Any) -> str:
    with pytest.raises(EvidenceError) as caught:
        desk.make(*paths, **more)
    return caught.value.code


def test_the_command_deposits_fields_of_the_record_and_keeps_the_rest_private(desk: Desk, dengji: Command) -> None:
    made = dengji.data("evidence", "make", desk.data, "--out", desk.out, "--algorithm", "both")
    assert [one["evidence_algorithm"] for one in made["deposits"]] == ["sha256", "sm3"]
    schema = json.loads(SCHEMA.read_text("utf-8"))
    for deposit in made["deposits"]:
        assert set(deposit) <= set(FIELDS)
        assert (deposit["evidence_size"], deposit["evidence_count"]) == (3512, 4)
        for name, value in deposit.items():
            jsonschema_rs.validate(schema["properties"][name], value, validate_formats=True)
    assert "csv" not in str(made["deposits"])
    assert stat.S_IMODE(desk.out.stat().st_mode) == 0o600
    assert sorted(one.name for one in desk.home.iterdir()) == ["m.jsonl", "数据"]


def test_people_read_the_headings_of_the_form(desk: Desk, dengji: Command) -> None:
    answer = dengji("evidence", "make", desk.data, "--out", desk.out)
    assert answer.code == 0
    assert "存证摘要：" in answer.out
    assert "存证方式：哈希存证" in answer.out
    assert dengji("evidence", "make", desk.data, "--out", desk.out, "--workers", "0").code == 2


def test_equal_data_give_another_digest_each_time(desk: Desk) -> None:
    first = desk.make().head["deposits"][0]["evidence_digest"]
    desk.out.rename(desk.home / "old.jsonl")
    assert desk.make().head["deposits"][0]["evidence_digest"] != first


def test_a_manifest_is_never_overwritten(desk: Desk, dengji: Command) -> None:
    desk.make()
    before = desk.out.read_bytes()
    answer = dengji("evidence", "make", desk.data, "--out", desk.out, "--json")
    assert (answer.code, answer.error["code"]) == (2, "evidence_out_exists")
    assert desk.out.read_bytes() == before


def test_progress_ends_at_the_bytes_of_all_files(desk: Desk) -> None:
    desk.make()
    assert desk.steps[-1] == (3512, 3512)
    assert [done for done, _ in desk.steps] == sorted(done for done, _ in desk.steps)


def test_links_are_left_out_and_listed(desk: Desk) -> None:
    (desk.data / "link").symlink_to("/etc/passwd")
    (desk.data / "up").symlink_to(desk.home, target_is_directory=True)
    made = desk.make()
    assert made.head["links"] == ["数据/link", "数据/up"]
    assert set(load(desk.out).lines) == {"数据/a.csv", "数据/b.csv", "数据/子/c.csv", "数据/子/empty"}


def test_pipes_and_links_named_as_sources_are_refused(desk: Desk) -> None:
    link = desk.home / "link"
    link.symlink_to(desk.data)
    assert code_of(desk, link) == "evidence_special"
    os.mkfifo(desk.data / "pipe")
    assert code_of(desk) == "evidence_special"
    assert not desk.out.exists()


def test_names_that_clash_are_refused(desk: Desk) -> None:
    other = desk.home / "other" / "数据"
    other.mkdir(parents=True)
    assert code_of(desk, desk.data, other) == "evidence_same_name"
    desk.write("e\u0301", b"1")
    desk.write("\u00e9", b"2")
    assert code_of(desk) == "evidence_same_name"


def test_names_that_are_no_text_are_refused(desk: Desk) -> None:
    with open(os.fsencode(desk.data) + b"/\xff", "wb"):  # noqa: PTH123 - a Path would not hold these bytes as such
        pass
    assert code_of(desk) == "evidence_name"


def test_what_cannot_be_deposited_is_wrong_use(desk: Desk) -> None:
    assert code_of(desk, desk.data / "子" / "empty") == "evidence_nothing"
    assert code_of(desk, desk.home / "nowhere") == "evidence_unreadable"
    assert code_of(desk, Path("/")) == "evidence_special"
    assert code_of(desk, out=desk.data / "m.jsonl") == "evidence_out_inside"
    assert not list(desk.home.glob("*.journal"))


@pytest.mark.parametrize("name", ["secret.csv", "folder"])
def test_what_may_not_be_read_is_named(name: str) -> None:
    home = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    try:
        home.chmod(0o777)
        desk = Desk(home, home / "data", home / "m.jsonl")
        desk.write("open.csv", b"x")
        path = desk.write(name, b"y") if "." in name else desk.write(f"{name}/inner", b"y").parent
        path.chmod(0)
        if root:
            os.seteuid(NOBODY)
        with pytest.raises(EvidenceError) as caught:
            desk.make()
        assert caught.value.code == "evidence_unreadable"
        assert caught.value.params["path"] == str(path)
        assert caught.value.status == 500
    finally:
        if root:
            os.seteuid(0)
        path.chmod(0o700)
        shutil.rmtree(home)


def test_a_file_changed_after_it_was_hashed_is_hashed_again(desk: Desk, once: Once) -> None:
    def change() -> None:
        desk.write("b.csv", b"id,name\n1,z\n")
        desk.write("new.csv", b"appeared")
        (desk.data / "子" / "c.csv").unlink()

    made = desk.make(progress=once(change))
    assert made.head["deposits"][0]["evidence_count"] == 4
    assert "数据/new.csv" in load(desk.out).lines
    assert desk.check().same


def test_a_change_that_keeps_size_and_time_is_noticed(desk: Desk, once: Once) -> None:
    path = desk.data / "b.csv"
    times = path.stat()

    def change() -> None:
        path.write_bytes(b"id,name\n1,z\n")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    desk.make(progress=once(change))
    assert desk.check().same


def test_a_file_that_never_stands_still_is_refused(desk: Desk) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with (desk.data / "b.csv").open("ab") as stream:
                stream.write(b"2,y\n")
            time.sleep(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with pytest.raises(EvidenceError) as caught:
            desk.make()
    finally:
        stop.set()
        writer.join()
    assert caught.value.code == "evidence_changing"
    assert "b.csv" in caught.value.params["name"]
    assert not desk.out.exists()


def _killed(desk: Desk, lines: int) -> Path:
    """Start the command and kill it once its journal has so many lines; return the journal."""
    journal = desk.home / "m.jsonl.journal"
    with (desk.data / "龘").open("wb") as stream:
        stream.truncate(64 * 2**30)  # a hole, so that there is always more to hash
    words = command_line("evidence", "make", desk.data, "--out", desk.out, "--workers", "2")
    process = subprocess.Popen(words, env=environment(), stderr=subprocess.DEVNULL)
    try:
        while not journal.exists() or journal.read_bytes().count(b"\n") < lines:
            assert process.poll() is None
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with (desk.data / "龘").open("wb") as stream:
        stream.write(b"shorter now")
    return journal


def test_a_killed_run_is_resumed_where_it_stopped(desk: Desk, dengji: Command, monkeypatch: Any) -> None:
    for number in range(300):
        desk.write(f"n/{number:03}", b"%d" % number * 500)
    journal = _killed(desk, 310)
    assert not desk.out.exists()
    answer = dengji("evidence", "make", desk.data, "--out", desk.out, "--json")
    assert (answer.code, answer.error["code"]) == (2, "evidence_unfinished")
    journal.write_bytes(journal.read_bytes()[:-9])  # as a torn last line
    desk.write("b.csv", b"changed since the kill")

    read: list[str] = []
    from dengji.evidence import hashing

    chunk = hashing._chunk
    monkeypatch.setattr(hashing, "_chunk", lambda one, *rest: read.append(one.name) or chunk(one, *rest))
    dengji.data("evidence", "make", desk.data, "--out", desk.out, "--resume")
    assert sorted(set(read)) == ["数据/b.csv", "数据/龘"]
    assert not journal.exists()
    assert desk.check().same


def test_a_journal_of_other_files_or_in_use_is_refused(desk: Desk, once: Once) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.make(progress=once(stop))
    assert code_of(desk) == "evidence_unfinished"
    assert code_of(desk, resume=True, algorithms=("sm3",)) == "evidence_other_journal"
    assert code_of(desk, desk.data / "a.csv", resume=True) == "evidence_other_journal"
    with pytest.raises(EvidenceError) as caught, Journal(desk.home / "x.journal", {}, resume=False):
        Journal(desk.home / "x.journal", {}, resume=True)
    assert caught.value.code == "evidence_running"
    desk.make(resume=True)
    assert desk.check().same


def test_a_damaged_line_of_the_journal_is_hashed_again(desk: Desk, once: Once) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.make(progress=once(stop))
    journal = desk.home / "m.jsonl.journal"
    head, *lines = journal.read_bytes().splitlines()
    digit = b"0" if lines[0][-5:-4] != b"0" else b"1"
    journal.write_bytes(b"\n".join([head, lines[0][:-5] + digit + lines[0][-4:], *lines[1:], b""]))
    desk.make(resume=True)
    assert desk.check().same

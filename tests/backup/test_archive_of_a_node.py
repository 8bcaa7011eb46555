"""A node that runs, is killed, and whose disk is gone: what was done a moment before comes back from elsewhere."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dengji.database import Cluster
from dengji.law.codes import make_credit_code
from tests.cli.harness import elsewhere
from tests.cli.test_up import Node, eventually, place, start

pytestmark = pytest.mark.long

__all__ = ["place", "start"]

CODE = make_credit_code("12620700900000007")


def test_acts_after_the_nightly_backup_survive_the_machine(place: Path, start: Callable[..., Node]) -> None:
    outside = place.with_name("outside")
    more = {"DENGJI_BACKUP_DIR": str(outside), "DENGJI_ARCHIVE_SECONDS": "0.5"}
    node = start(place, more=more)
    code = place.with_name("code")
    shutil.copy(place / "keys" / "recovery-code.txt", code)
    # The archive calls for the backup that it goes on from.
    assert eventually(lambda: list(outside.glob("*.dengji-backup")), 60)
    added = elsewhere("organisation", "add", CODE, "示例运输局", "--example", "--json", "--data-dir", place)
    assert added.code == 0, added.err
    done = time.time()

    def kept() -> bool:
        state = outside / "tail" / "chain.json"
        return bool(list(outside.glob("tail/*.dengji-tail"))) and state.stat().st_mtime > done + 1

    assert eventually(kept, 60)
    node.close()
    shutil.rmtree(place)

    back = place.with_name("back")
    words = ("--recovery-code", f"@{code}", "--data-dir", back, "--json")
    segments = sorted(outside.glob("tail/*.dengji-tail"))
    whole = segments[0].read_bytes()
    segments[0].write_bytes(whole[:-3000])
    refused = elsewhere("restore", outside, *words)
    assert refused.error["code"] == "archive_damaged" and segments[0].name in refused.error["message"]
    assert not back.exists()
    segments[0].write_bytes(whole)
    answer = elsewhere("restore", outside, *words)
    assert answer.code == 0, answer.err
    assert answer.data["transactions"] > 0 and answer.data["until"]
    with Cluster(back):  # so that not each command starts and stops a server
        outcome = elsewhere("node", "recover", "--data-dir", back, "--json")
        assert outcome.data["how"] == "new_epoch"
        again = elsewhere("organisation", "add", CODE, "示例运输局", "--example", "--data-dir", back, "--json")
        assert again.error["code"] == "exists"
        assert elsewhere("ledger", "check", "--full", "--data-dir", back, "--json").data["findings"] == []

"""The checking process asks the register by a connection of its own, while other rows are checked and written."""

from __future__ import annotations

from pathlib import Path

import pytest

from dengji.imports import second, selectors, services
from dengji.parties.actor import importer
from dengji.registration.models import Application
from tests.factories import world as w

from .conftest import Ground, as_jsonl


@pytest.mark.parametrize("forked", [True, False])
def test_what_the_register_holds_is_found_from_the_second_process(
    committed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forked: bool
) -> None:
    monkeypatch.setattr(services, "SECOND_PROCESS_BYTES", 1)
    monkeypatch.setattr(second, "_may_fork", lambda: forked)
    ground = Ground()
    records = ground.records(9)
    held = {name: records[7][name] for name in ("name", "coverage_regions")}
    pk = w.draft(ground.world, fields=held)
    w.act(ground.world, "submit_for_business_review", pk, "clerk")
    w.act(ground.world, "submit", pk, "business_reviewer", **w.SECRECY)
    records[2]["name"] = held["name"] + "表"
    path = tmp_path / "records.jsonl"
    path.write_bytes(as_jsonl(records))
    job = services.open_job(actor=importer(ground.world.register.pk), order=ground.order(), digest="0" * 64)
    job = services.run(actor=importer(ground.world.register.pk), job=job, source=path, batch=2)
    told = {(row.number, f["code"]) for row in selectors.results(job) for f in row.findings if "duplicate" in f["code"]}
    assert told == {(3, "near_duplicate"), (8, "near_duplicate_in_file"), (8, "duplicate")}
    assert job.counts["created"] == 8 and Application.objects.count() == 9

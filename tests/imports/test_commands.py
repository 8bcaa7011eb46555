"""`dengji import` and `dengji adopt`."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from dengji.imports import second, services
from dengji.imports.checking import Plan, checked
from dengji.imports.models import ImportJob
from dengji.parties.actor import importer
from dengji.registration.models import Application, Registration
from tests.cli.harness import Command

from .conftest import Ground, as_csv, as_jsonl, as_xlsx

pytestmark = pytest.mark.django_db


@pytest.fixture
def dengji(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def test_import_a_workbook(dengji: Command, ground: Ground, write: Any, tmp_path: Path) -> None:
    records = ground.records(4)
    records[2]["grade"] = "绝密"
    file, report = write(as_xlsx(records)), tmp_path / "报告.csv"
    where = ("--organisation", ground.world.registrant.credit_code, "--register", ground.world.register.slug)
    checked = dengji("import", file, *where, "--dry-run", "--report", report, "--json")
    assert checked.code == 1 and checked.data["counts"]["passes"] == 3 and not Application.objects.exists()
    assert "cell_not_choice" in report.read_text("utf-8-sig") and report.read_bytes().count(b"\xef\xbb\xbf") == 1
    done = dengji("import", file, *where, "--report", report, "--json")
    assert done.code == 1 and done.data["counts"]["created"] == 3 and done.data["state"] == "DONE"
    assert Application.objects.count() == 3
    again = dengji("import", file, *where)
    assert again.code == 1 and "已导入：3" in again.out and Application.objects.count() == 3


def test_import_as_a_clerk(dengji: Command, ground: Ground, write: Any) -> None:
    file = write(as_csv(ground.records(2)))
    words = ("import", file, "--organisation", ground.world.registrant.credit_code)
    words += ("--register", ground.world.register.slug)
    assert dengji(*words, "--as", ground.world.people["stranger_clerk"].username).code == 1
    answer = dengji(*words, "--as", ground.world.people["clerk"].username)
    assert answer.code == 0 and Application.objects.count() == 2


def test_adopt(dengji: Command, ground: Ground, write: Any) -> None:
    file = write(as_jsonl(ground.adopted(3)))
    assert dengji("adopt", file, "--register", ground.world.register.slug, "--dry-run").code == 0
    assert not Registration.objects.exists()
    assert dengji("adopt", file, "--register", ground.world.register.slug).code == 0
    assert Registration.objects.count() == 3


def test_templates(dengji: Command, ground: Ground, tmp_path: Path) -> None:
    for name in ("import", "adopt"):
        path = tmp_path / f"{name}.xlsx"
        assert dengji(name, "--template", path, "--type", "product").code == 0
        assert path.read_bytes().startswith(b"PK")


def test_wrong_use(dengji: Command, ground: Ground, write: Any, tmp_path: Path) -> None:
    register = ("--register", ground.world.register.slug)
    assert dengji("import").code == 2 and dengji("adopt").code == 2
    assert dengji("adopt", tmp_path / "none.csv", *register).code == 3
    damaged = dengji("adopt", write(b"PK\x03\x04"), *register)
    assert damaged.code == 1 and "file_damaged" in damaged.err


def test_unknown_headings_are_listed(dengji: Command, ground: Ground, write: Any) -> None:
    record = ground.adopted(1)[0]
    answer = dengji("adopt", write(as_jsonl([record | {"备注": "x"}])), "--register", ground.world.register.slug)
    assert "备注" in answer.out and answer.code == 0


def test_a_large_file_is_checked_in_a_second_process(
    ground: Ground, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "SECOND_PROCESS_BYTES", 1)
    data = as_csv(ground.records(30))
    actor, order = importer(ground.world.register.pk), ground.order()
    job = services.open_job(actor=actor, order=order, digest=services.digest_of_bytes(data))
    job = services.run(actor=actor, job=job, source=write(data), batch=7)
    assert job.counts["created"] == 30 and Application.objects.count() == 30
    broken = write(b"PK\x03\x04 broken", "broken")
    job = services.open_job(actor=actor, order=order, digest="0" * 64)
    with pytest.raises(services.DomainError) as refused:
        services.run(actor=actor, job=job, source=broken)
    assert refused.value.code == "file_damaged" and refused.value.field == "file"
    assert ImportJob.objects.get(pk=job.pk).state == "FAILED"


@pytest.mark.parametrize("forked", [True, False])
def test_the_second_process_reads_the_same_and_ends_with_its_reader(
    ground: Ground, write: Any, monkeypatch: pytest.MonkeyPatch, forked: bool
) -> None:
    monkeypatch.setattr(second, "_may_fork", lambda: forked)
    plan: Plan = services.plan_for(ground.order())
    path = write(as_csv(ground.records(5)))
    with path.open("rb") as stream:
        assert list(second.in_process(path, plan)) == list(checked(stream, plan))
    batches = second.in_process(path, plan)
    next(batches)
    assert multiprocessing.active_children()
    batches.close()  # type: ignore[attr-defined]
    assert not multiprocessing.active_children()
    assert ImportJob.objects.count() == 0  # the connection is still ours

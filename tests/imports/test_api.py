"""Imports over the API: handed in, carried out by the worker, reported; sealed while they wait."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from dengji.imports import tasks
from dengji.imports.models import ImportJob
from dengji.parties import services as parties
from dengji.registration.models import Application, Registration

from .conftest import Ground, as_csv, as_jsonl

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _unlimited(settings: Any) -> None:
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    settings.DENGJI_RATE_LIMITS = False


def token(ground: Ground, name: str) -> dict[str, str]:
    person = ground.world.people[name]
    actor = ground.world.actor(name)
    return {"Authorization": f"Bearer {parties.create_token(actor=actor, person=person, label='test')}"}


def send(ground: Ground, data: bytes, who: str = "clerk", key: str = "", **form: Any) -> Any:
    fields = {"register": ground.world.register.slug, "organisation": ground.world.registrant.credit_code} | form
    return Client(raise_request_exception=False).post(
        "/api/v1/imports",
        {**fields, "file": SimpleUploadedFile("表.csv", data)},
        headers={**token(ground, who), "Idempotency-Key": key or uuid.uuid4().hex},
    )


def fetch(ground: Ground, path: str, who: str = "clerk") -> Any:
    return Client(raise_request_exception=False).get(f"/api/v1/imports/{path}", headers=token(ground, who))


def test_a_file_is_handed_in_carried_out_and_reported(ground: Ground) -> None:
    records = ground.records(3)
    records[1]["record_count"] = "12 MB"
    data = as_csv(records)
    answer = send(ground, data)
    assert answer.status_code == 202 and answer.json()["state"] == "QUEUED"
    pk = answer.json()["id"]
    waiting = ProcrastinateJob.objects.get(task_name="dengji.import")
    assert waiting.args == {"job_id": pk}
    with default_storage.open(ImportJob.objects.get().storage_key) as kept:
        assert "示例".encode() not in kept.read(), "a waiting file is sealed"
    assert tasks.run_import(job_id=pk) == "DONE"
    told = fetch(ground, pk).json()
    assert told["state"] == "DONE" and told["counts"]["created"] == 2 and told["counts"]["refused"] == 1
    assert Application.objects.count() == 2
    report = fetch(ground, f"{pk}/report")
    text = b"".join(report.streaming_content).decode()
    assert "12 MB" in text and "cell_not_integer" in text and report["Content-Type"].startswith("text/csv")
    assert "attachment" in report["Content-Disposition"]
    assert ImportJob.objects.get().storage_key == "" and tasks.run_import(job_id=pk) == "DONE"


def test_a_retry_is_the_same_import(ground: Ground) -> None:
    data = as_jsonl(ground.records(2))
    first, again = send(ground, data, key="k1"), send(ground, data, key="k1")
    assert first.json()["id"] == again.json()["id"] and ImportJob.objects.count() == 1
    other = send(ground, as_jsonl(ground.records(1)), key="k1")
    assert other.status_code == 409 and other.json()["code"] == "transaction_id_reused"


def test_a_dry_run_makes_only_a_report(ground: Ground) -> None:
    answer = send(ground, as_jsonl(ground.records(2)), dry_run="true")
    tasks.run_import(job_id=answer.json()["id"])
    told = fetch(ground, answer.json()["id"]).json()
    assert told["counts"]["passes"] == 2 and told["counts"]["created"] == 0 and not Application.objects.exists()


def test_adoption_by_the_supervisor(ground: Ground) -> None:
    answer = send(ground, as_jsonl(ground.adopted(2)), who="agency_supervisor", kind="adoption", organisation="")
    assert tasks.run_import(job_id=answer.json()["id"]) == "DONE" and Registration.objects.count() == 2


def test_an_unreadable_file_tells_why(ground: Ground) -> None:
    answer = send(ground, b"%PDF-1.7 no table")
    tasks.run_import(job_id=answer.json()["id"])
    told = fetch(ground, answer.json()["id"]).json()
    assert told["state"] == "FAILED" and told["error"]["code"] == "file_unknown"


def test_what_a_killed_worker_left_is_taken_up(ground: Ground) -> None:
    send(ground, as_jsonl(ground.records(2)))
    assert tasks.resume_imports(timestamp=0) == 1
    assert Application.objects.count() == 2 and tasks.resume_imports(timestamp=0) == 0


def test_who_lost_the_role_imports_nothing_more(ground: Ground) -> None:
    answer = send(ground, as_jsonl(ground.records(2)))
    role = ground.world.people["clerk"].roles.get()
    parties.end_role(actor=parties.OPERATOR, role=role)
    tasks.run_import(job_id=answer.json()["id"])
    job = ImportJob.objects.get()
    assert job.state == "FAILED" and job.error["code"] == "forbidden" and not Application.objects.exists()


@pytest.mark.parametrize("who", ["stranger_clerk", "acceptor", "authority_supervisor", "citizen", "system_admin"])
def test_others_may_not_import(ground: Ground, who: str) -> None:
    assert send(ground, as_jsonl(ground.records(1)), who=who).status_code == 403
    assert not ImportJob.objects.exists()


def test_others_see_nothing(ground: Ground) -> None:
    pk = send(ground, as_jsonl(ground.records(1))).json()["id"]
    for path in (pk, f"{pk}/report"):
        assert fetch(ground, path, who="stranger_clerk").status_code == 404
    assert Client().get(f"/api/v1/imports/{pk}").status_code == 401


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"kind": "x"}, 422),
        ({"extra": "1"}, 422),
        ({"dry_run": "vielleicht"}, 422),
        ({"organisation": "9" * 18}, 404),
        ({"register": "none"}, 404),
        ({"organisation": ""}, 422),
    ],
)
def test_wrong_forms(ground: Ground, form: dict[str, str], status: int) -> None:
    assert send(ground, as_jsonl(ground.records(1)), **form).status_code == status


def test_other_bodies_and_no_file(ground: Ground) -> None:
    headers = {**token(ground, "clerk"), "Idempotency-Key": "k"}
    client = Client(raise_request_exception=False)
    assert client.post("/api/v1/imports", b"{}", content_type="application/json", headers=headers).status_code == 415
    assert client.post("/api/v1/imports", {"kind": "drafts"}, headers=headers).status_code == 422
    assert send(ground, b"").status_code == 422


def test_the_template_is_downloaded(ground: Ground) -> None:
    answer = fetch(ground, "template?data_type=product&kind=adoption")
    assert answer.status_code == 200 and answer.content.startswith(b"PK")
    assert fetch(ground, "template?data_type=x").status_code == 422

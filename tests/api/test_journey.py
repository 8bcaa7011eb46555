"""A record goes from draft to code through the API alone."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from tests.api.conftest import Caller, Callers
from tests.factories import world as w

MATERIALS = ("description_document", "commitment_letter", "source_basis", "risk_assessment")
SUBMISSION = {
    "preview_acknowledged": True,
    "secrecy_conclusion": "publishable",
    "secrecy_date": "2025-01-03",
    "secrecy_reviewer": "示例保密审查人",
}


def upload(caller: Caller, path: str, kind: str, data: bytes = w.PDF, **headers: str) -> Any:
    """A multipart upload."""
    file = SimpleUploadedFile(f"{kind}.pdf", data)
    sent = caller.headers | {"Idempotency-Key": w.tid()} | headers
    return caller.client.post(f"/api/v1/{path}", {"kind": kind, "file": file}, headers=sent)


def test_a_record_goes_from_draft_to_code(callers: Callers) -> None:
    world = callers.world
    clerk, reviewer = callers["clerk"], callers["reviewer"]
    content = w.content(world)
    made = clerk.post(
        "applications", {"organisation_id": str(world.registrant.pk), "register_id": str(world.register.pk)}
    )
    assert made.status_code == 201, made.content
    pk = made.json()["id"]
    saved = clerk.send("PATCH", f"applications/{pk}", {"content": content, "revision": 1})
    assert saved.status_code == 200 and saved.json()["revision"] == 2, saved.content
    refused = clerk.post(f"applications/{pk}/acts/submit_for_business_review")
    assert refused.status_code == 422 and refused.json()["code"] == "findings"
    assert {f["code"] for f in refused.json()["findings"] if f["severity"] == "error"}
    for kind in MATERIALS:
        stored = upload(clerk, f"applications/{pk}/materials", kind)
        assert stored.status_code == 201, stored.content
    shown = clerk.get(f"applications/{pk}").json()
    assert shown["shown"] == "draft" and shown["content"]["contact_phone"] == content["contact_phone"]
    assert not [f for f in shown["findings"] if f["severity"] == "error"]
    steps = (
        ("clerk", "submit_for_business_review", None),
        ("business_reviewer", "submit", SUBMISSION),
        ("acceptor", "accept", None),
        ("reviewer", "begin_review", {}),
        ("reviewer", "pass_review", {"opinion": "符合要求"}),
        ("notice_opener", "open_notice", None),
    )
    for person, act, body in steps:
        caller = callers[person]
        waiting = caller.get("queue").json()["items"]
        assert [i["id"] for i in waiting if act in i["acts"]] == [pk], (act, waiting)
        answer = caller.post(f"applications/{pk}/acts/{act}", body)
        assert answer.status_code == 200, answer.content
    notice = callers.public.get("notices").json()["items"][0]
    assert set(notice["fields"]) == {"data_type", "name", "intro", "registrant_name"}
    assert callers.public.get(f"notices/{notice['id']}").json()["fields"]["name"] == content["name"]
    w.after_notice(pk)
    w.act(world, "close_notice", pk, "clock")
    code = w.act(world, "assign_code", pk, "issuer")["code"]
    page = callers.public.get(f"registrations/{code}").json()
    assert page["state"] == "VALID" and page["fields"]["name"] == content["name"] and "形式审核" in page["notice"]
    assert "contact_phone" not in page["fields"] and "registrant_credit_code" not in page["fields"]
    history = reviewer.get(f"applications/{pk}/decisions").json()["items"]
    assert [d["act"] for d in history][-1] == "assign_code"
    assert next(d for d in history if d["act"] == "pass_review")["words"] == {"opinion": "符合要求"}

"""Every error is a problem in the caller's language; nothing that a stranger sends makes the node fail."""

from __future__ import annotations

import logging
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError

from dengji.core.models import RememberedResult
from dengji.registration import queries, services
from tests.api.conftest import Caller, Callers
from tests.api.test_journey import upload
from tests.factories import world as w


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """The problem of an answer, after looking at what all problems share."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == status and body["code"] == code and body["title"] and body["type"] == "about:blank"
    return body


def test_no_token_and_a_wrong_token(callers: Callers) -> None:
    asked = callers.public.get("queue")
    problem(asked, 401, "unauthenticated")
    assert asked["WWW-Authenticate"] == "Bearer"
    problem(Caller("dj_wrong").get("queue"), 401, "token_invalid")
    problem(Caller("dj_wrong").get("registrations"), 401, "token_invalid")
    assert callers.public.get("registrations").status_code == 200


def test_a_revoked_token_opens_nothing(callers: Callers) -> None:
    clerk = callers["clerk"]
    made = clerk.post("tokens", {"label": "第二个", "days": 30})
    assert made.status_code == 201
    second = Caller(made.json()["token"])
    assert second.get("me").json()["roles"][0]["kind"] == "clerk"
    ids = [t["id"] for t in clerk.get("tokens").json()["items"]]
    problem(callers["stranger_clerk"].send("DELETE", f"tokens/{ids[-1]}"), 404, "not_found")
    assert clerk.send("DELETE", f"tokens/{ids[-1]}").json()["removed"] is True
    problem(second.get("me"), 401, "token_invalid")


def test_a_repeated_request_makes_no_second_token(callers: Callers) -> None:
    clerk, key = callers["clerk"], {"key": "token-1"}
    before = len(clerk.get("tokens").json()["items"])
    made = clerk.post("tokens", {"label": "第二个", "days": 30}, **key)
    assert made.status_code == 201
    ids = [t["id"] for t in clerk.get("tokens").json()["items"]]
    again = problem(clerk.post("tokens", {"label": "第二个", "days": 30}, **key), 409, "token_made")
    assert str(max(ids)) in again["title"] and made.json()["token"] not in str(again)
    problem(clerk.post("tokens", {"label": "第三个", "days": 30}, **key), 409, "transaction_id_reused")
    assert len(clerk.get("tokens").json()["items"]) == before + 1 == len(ids)
    remembered = RememberedResult.objects.get(act="create_token")
    assert made.json()["token"] not in str(remembered.result)


def test_strangers_find_nothing_and_wrong_roles_may_not(callers: Callers) -> None:
    pk = w.draft(callers.world)
    for name in ("stranger_clerk", "acceptor", "authority_supervisor", "system_admin", "citizen"):
        problem(callers[name].get(f"applications/{pk}"), 404, "not_found")
    w.advance(callers.world, pk, "submit")
    body = problem(callers["reviewer"].post(f"applications/{pk}/acts/accept"), 403, "forbidden")
    assert body["article"] == "10"
    problem(callers["stranger_clerk"].post(f"applications/{pk}/acts/withdraw"), 404, "not_found")
    problem(callers["clerk"].get("access-log"), 403, "forbidden")
    made = callers["stranger_clerk"].post(
        "applications",
        {"organisation_id": str(callers.world.registrant.pk), "register_id": str(callers.world.register.pk)},
    )
    problem(made, 403, "forbidden")
    seen = callers["audit_admin"].get("access-log").json()["items"]
    assert {"accept", "withdraw", "create_application"} <= {line["act"] for line in seen}


def test_an_act_at_the_wrong_time(callers: Callers) -> None:
    pk = w.draft(callers.world)
    w.advance(callers.world, pk, "submit")
    w.act(callers.world, "accept", pk, "acceptor")
    problem(callers["acceptor"].post(f"applications/{pk}/acts/accept"), 409, "wrong_state")
    problem(callers["clerk"].send("PATCH", f"applications/{pk}", {"content": {"name": "x"}}), 409, "wrong_state")


def test_a_draft_saved_by_somebody_else_in_between(callers: Callers) -> None:
    pk = w.draft(callers.world)
    clerk = callers["clerk"]
    assert clerk.send("PATCH", f"applications/{pk}", {"content": {}, "revision": 1}).status_code == 200
    late = clerk.send("PATCH", f"applications/{pk}", {"content": {}, "revision": 1})
    assert problem(late, 409, "draft_changed")["field"] == "revision"


@pytest.mark.parametrize("key", ["", "x" * 65, "中文", "a\tb"])
def test_a_write_needs_a_transaction_id(callers: Callers, key: str) -> None:
    made = callers["clerk"].post("applications", {"organisation_id": str(callers.world.registrant.pk)}, key=key)
    assert problem(made, 400, "transaction_id_invalid")["field"] == "Idempotency-Key"


def test_a_retry_answers_the_same_and_another_request_under_the_same_key_is_refused(callers: Callers) -> None:
    clerk, key = callers["clerk"], w.tid()
    body = {"organisation_id": str(callers.world.registrant.pk), "register_id": str(callers.world.register.pk)}
    first, again = clerk.post("applications", body, key=key), clerk.post("applications", body, key=key)
    assert first.status_code == again.status_code == 201 and first.json() == again.json()
    assert len(clerk.get("applications").json()["items"]) == 1
    problem(clerk.post("applications", {**body, "kind": "change"}, key=key), 409, "transaction_id_reused")


BAD: tuple[tuple[bytes, str, int, str], ...] = (
    (b"{", "application/json", 400, "malformed_json"),
    (b"\xff\xfe", "application/json", 400, "malformed_json"),
    (b'{"label": NaN}', "application/json", 400, "malformed_json"),
    (b'{"label": "a"}', "text/plain", 415, "media_type"),
    (b"<a/>", "application/xml", 415, "media_type"),
    (b'{"label": "a\\u0000b"}', "application/json", 422, "invalid_input"),
    (b'{"label": "\\ud800"}', "application/json", 422, "invalid_input"),
    (b'{"label": "a", "days": 99999999999999999999999}', "application/json", 422, "invalid_input"),
    (b'{"label": "a", "days": 9007199254740993}', "application/json", 422, "invalid_input"),
    (b'{"label": ' + b"[" * 60 + b"]" * 60 + b"}", "application/json", 422, "invalid_input"),
    (b"[" * 3000 + b"]" * 3000, "application/json", 400, "malformed_json"),
    (b"[]", "application/json", 422, "invalid_input"),
    (b"null", "application/json", 422, "invalid_input"),
    (b"", "application/json", 422, "invalid_input"),
    (b'{"label": "a", "surplus": 1}', "application/json", 422, "invalid_input"),
    (b'{"label": "' + b"a" * 1100000 + b'"}', "application/json", 413, "too_large"),
)


@pytest.mark.parametrize(("data", "kind", "status", "code"), BAD)
def test_what_cannot_be_read_is_refused(callers: Callers, data: bytes, kind: str, status: int, code: str) -> None:
    problem(callers["clerk"].post("tokens", data, content_type=kind), status, code)


@pytest.mark.parametrize(
    "content",
    [
        {"coverage_regions": 5},
        {"name": ["x"]},
        {"record_count": True},
        {"co_registrants": [{"name": 1}]},
        {"not_applicable": {"其他": "x"}},
        {"nonsense": "x"},
        {"industries": [None]},
    ],
)
def test_content_of_the_wrong_kind_is_named_by_its_field(callers: Callers, content: dict[str, Any]) -> None:
    pk = w.draft(callers.world)
    body = problem(callers["clerk"].send("PATCH", f"applications/{pk}", {"content": content}), 422, "invalid_input")
    assert body["field"] == next(iter(content)) and body["errors"][0]["message"]


def test_strange_addresses_and_queries(callers: Callers) -> None:
    public = callers.public
    problem(public.get("nothing/here"), 404, "not_found")
    problem(public.get("registrations/a%00b"), 404, "not_found")
    problem(public.get("notices", {"cursor": "x\0"}), 422, "invalid_input")
    problem(public.get("registrations", {"q": "a\0b"}), 422, "invalid_input")
    problem(public.get("registrations", {"limit": "9" * 30}), 422, "invalid_input")
    problem(public.get("notices/not-a-uuid"), 422, "invalid_input")
    problem(public.get(f"notices/{uuid4()}"), 404, "not_found")
    problem(public.get("rulebooks/nowhere"), 404, "not_found")
    problem(callers["clerk"].get("queue", {"cursor": "nonsense"}), 422, "cursor_invalid")
    wrong = public.send("DELETE", "registrations")
    problem(wrong, 405, "method_not_allowed")
    assert "GET" in wrong["Allow"]
    assert public.get("registrations", {"q": "%_\\'\";--渡口"}).json()["total"] == 0
    problem(public.get("registrations", {"region": "％"}), 422, "filter_invalid")


def test_uploads_are_judged_by_content_and_type(callers: Callers) -> None:
    pk, clerk = w.draft(callers.world), callers["clerk"]
    path = f"applications/{pk}/materials"
    problem(clerk.post(path, {"kind": "source_basis"}), 415, "media_type")
    assert problem(upload(clerk, path, "source_basis", b"MZ\x90\x00\x03"), 422, "file_type")["field"] == "file"
    problem(upload(clerk, path, "nonsense"), 422, "material_kind")
    problem(upload(clerk, path, "source_basis", b""), 422, "file_size")
    problem(upload(callers["stranger_clerk"], path, "source_basis"), 404, "not_found")
    problem(upload(clerk, path, "source_basis", **{"Idempotency-Key": ""}), 400, "transaction_id_invalid")
    raw = clerk.send("POST", path, b"no boundary", content_type="multipart/form-data; boundary=")
    problem(raw, 400, "bad_request")
    file = clerk.get(path).json()["items"][0]
    read = clerk.get(f"materials/{file['id']}")
    assert read.content == w.PDF and read["Content-Disposition"].startswith("attachment")
    assert read["X-Content-Type-Options"] == "nosniff" and "no-store" in read["Cache-Control"]
    assert clerk.send("DELETE", f"materials/{file['id']}").json()["removed"] is True
    assert file["id"] not in {f["id"] for f in clerk.get(path).json()["items"]}


def test_an_unforeseen_error_says_nothing_but_a_number(
    callers: Callers, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_: Any) -> Any:
        raise RuntimeError("身份证号 620102199001010000")

    monkeypatch.setattr(queries, "notices", fail)
    with caplog.at_level(logging.ERROR):
        body = problem(callers.public.get("notices"), 500, "internal")
    number = body["instance"].removeprefix("urn:uuid:")
    assert number in caplog.text and "RuntimeError" in caplog.text
    assert "620102" not in caplog.text and "620102" not in str(body)


def test_a_database_that_is_away_is_said_so(callers: Callers, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> Any:
        raise OperationalError("connection to server at 10.0.0.1 failed")

    monkeypatch.setattr(services, "file_complaint", fail)
    body = {"text": "示例", "register_id": str(callers.world.register.pk)}
    answer = callers.public.post("complaints", body)
    assert "10.0.0.1" not in answer.content.decode() and answer["Retry-After"]
    problem(answer, 503, "unavailable")

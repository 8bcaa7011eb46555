"""The OpenAPI document and the API agree: no 5xx and no undocumented answer, whoever calls with whatever."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dengji.law.procedure import TABLE
from dengji.parties import services as parties
from dengji.parties.actor import NOBODY
from dengji.parties.services import OPERATOR
from dengji.registration import services
from dengji.registration.api.acts import ACTS
from tests.api.conftest import Callers
from tests.factories import world as w

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
ROLES = ("clerk", "business_reviewer", "acceptor", "reviewer", "agency_supervisor", "audit_admin", "citizen")
#: Calls of each operation.
EXAMPLES = int(os.environ.get("DENGJI_SCHEMATHESIS_EXAMPLES") or (40 if os.environ.get("DENGJI_SOAK") == "1" else 5))
#: Acts that no person does: the clock's, those that follow from another, and those of other rooms.
NOT_OVER_HTTP = {
    "create_application",
    "close_notice",
    "recalculate",
    "lodge",
    "close_moot",
    "adopt",
    "revise",
    "hand_over",
    "file_complaint",
    "draw_recheck",
}


def _seed(world: w.World) -> dict[str, list[str]]:
    """Objects of every kind in several states: path word → ids."""
    coded = w.registered(world)
    draft = str(w.draft(world))
    submitted = w.draft(world)
    w.advance(world, submitted, "submit")
    noticed = w.draft(world)
    notice = w.advance(world, noticed, "open_notice")["notice"]
    lodged = services.lodge(
        actor=NOBODY,
        transaction_id=w.tid(),
        notice_id=notice,
        objector_kind="person",
        identity={"name": "示例异议人", "document_type": "resident_id", "document_number": "620000190001010000"},
        relation="示例关系",
        grounds="示例理由",
        evidence=[services.Upload("a.pdf", w.PDF)],
    )
    complaint = services.file_complaint(
        actor=NOBODY, transaction_id=w.tid(), register_id=world.register.pk, text="示例内容"
    )
    drawn = services.draw_rechecks(
        actor=world.actor("agency_supervisor"),
        transaction_id=w.tid(),
        register_id=world.register.pk,
        period="2026",
    )
    files = services.list_materials(actor=world.actor("clerk"), owner_kind="application", owner_id=draft)
    return {
        "applications": [draft, str(submitted), str(noticed)],
        "registrations": [coded["registration"]],
        "code": [coded["code"], "DEMO-unknown"],
        "notices": [notice],
        "objections": [lodged["id"]],
        "complaints": [complaint["id"]],
        "rechecks": drawn["drawn"],
        "materials": [file["id"] for file in files],
        "rulebooks": ["cn", "cn-gs"],
        "organisation_id": [str(world.registrant.pk)],
        "register_id": [str(world.register.pk)],
    }


def _aim(case: Any, known: dict[str, list[str]], data: Any) -> None:
    """Point a generated case at things that exist, so that it gets past the first door."""
    room = case.path.split("/")[3]
    if "id" in case.path_parameters and room in known:
        case.path_parameters["id"] = data.draw(st.sampled_from(known[room]))
    if "code" in case.path_parameters:
        case.path_parameters["code"] = data.draw(st.sampled_from(known["code"]))
    if isinstance(case.body, dict):
        for name in ("organisation_id", "register_id"):
            if name in case.body:
                case.body[name] = data.draw(st.sampled_from(known[name]))


@pytest.fixture
def document(_unlimited: None, db: None) -> Any:
    """The document as it is served."""
    from django.test import Client

    response = Client().get("/api/v1/openapi.json")
    assert response.status_code == 200
    return response.json()


def test_no_server_error_and_no_undocumented_answer(committed: str, settings: Any, tmp_path: Path) -> None:
    from dengji.config.wsgi import application

    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path)},
        },
    }
    world = w.build()
    known = _seed(world)
    tokens = {
        role: parties.create_token(actor=OPERATOR, person=world.people[role], label="schemathesis") for role in ROLES
    }
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)
    answers: Counter[int] = Counter()
    failures: list[str] = []
    for result in schema.get_all_operations():
        operation = result.ok()
        _try(operation, tokens, known, answers, failures)
    assert not failures, "\n\n".join(failures[:8])
    assert {200, 201, 400, 401, 403, 404, 409, 422} <= set(answers), answers


def _try(
    operation: Any,
    tokens: dict[str, str],
    known: dict[str, list[str]],
    answers: Counter[int],
    failures: list[str],
) -> None:
    both = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=both, role=st.sampled_from((*tokens, "wrong", "")), aimed=st.integers(0, 3), data=st.data())
    def run(case: Any, role: str, aimed: int, data: Any) -> None:
        if aimed:
            _aim(case, known, data)
        headers = {} if not role else {"Authorization": f"Bearer {tokens.get(role, 'dj_wrong')}"}
        case.headers = {k: v for k, v in (case.headers or {}).items() if k.lower() != "authorization"}
        if aimed and "Idempotency-Key" in case.headers:
            case.headers["Idempotency-Key"] = w.tid()
        response = case.call(headers=headers)
        answers[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)

    try:
        run()
    except FailureGroup as group:
        failures.append(f"{operation.label}\n" + "\n".join(str(e) for e in group.exceptions))


def test_every_operation_names_its_problems_and_every_write_its_key(document: Any) -> None:
    problems = {"400", "401", "403", "404", "405", "409", "410", "413", "415", "422", "429"}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert problems <= set(operation["responses"]), where
            assert set(operation["responses"]["422"]["content"]) == {"application/problem+json"}, where
            keys = [p for p in operation["parameters"] if p["name"] == "Idempotency-Key"]
            assert len(keys) == (method != "get"), where
            assert all(p["required"] and p["schema"]["maxLength"] == 64 for p in keys)
            assert operation["security"], where


def test_every_act_of_the_table_that_a_person_may_do_has_its_path(document: Any) -> None:
    offered = {row.act for row in ACTS}
    assert set(TABLE) - offered == NOT_OVER_HTTP and offered <= set(TABLE)
    for row in ACTS:
        operation = document["paths"][f"/api/v1/{row.object}s/{{id}}/acts/{row.act}"]["post"]
        assert operation["summary"] == TABLE[row.act].label
        assert operation["requestBody"]["content"]["application/json"]


def test_the_document_is_served_to_anyone_and_names_no_machine(callers: Callers) -> None:
    response = callers.public.get("openapi.json")
    assert response.status_code == 200 and response["Content-Type"] == "application/json"
    assert "http://" not in str(response.json().get("servers", ""))

"""A real record goes from application to code."""

from __future__ import annotations

import pytest

from dengji.registration.models import Application, Decision, Registration
from dengji.registration.projection import differences
from tests.factories import world as w

pytestmark = pytest.mark.django_db


def test_a_record_goes_from_draft_to_code() -> None:
    world = w.build()
    pk = w.draft(world)
    w.advance(world, pk, "open_notice")
    w.after_notice(pk)
    closed = w.act(world, "close_notice", pk, "clock")
    assert closed["state"] == "CODING" and closed["local_number"]
    coded = w.act(world, "assign_code", pk, "issuer")
    application = Application.objects.get(pk=pk)
    registration = Registration.objects.get(code=coded["code"])
    assert application.state == "REGISTERED" and registration.state == "VALID"
    assert [d.act for d in Decision.objects.filter(object_id=pk).order_by("n")] == [
        "create_application",
        "submit_for_business_review",
        "submit",
        "accept",
        "begin_review",
        "pass_review",
        "open_notice",
        "close_notice",
        "assign_code",
    ]
    assert differences(application) == {} and differences(registration) == {}

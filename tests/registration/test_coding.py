"""From the end of the notice to the code: request, assign, refuse; how long it is valid (Arts. 13–15)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from dengji.law import rulebook as rulebooks
from dengji.ledger import services as ledger
from dengji.ledger.models import Entry
from dengji.registration.models import Application, NameKey, Registration, RegistrationVersion
from dengji.registration.projection import differences
from dengji.registration.services.coding import validity
from tests.factories import world as w

from .kit import application, at_coding, noticed, refused, to_day

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> w.World:
    """A register whose issuer is its own."""
    return w.build()


def assign(world: w.World, pk: Any, actor: str = "issuer", **more: Any) -> dict[str, Any]:
    """Assign a code."""
    return w.act(world, "assign_code", pk, actor, **more)


def test_a_code_makes_a_registration(world: w.World) -> None:
    pk = at_coding(world)
    coded = assign(world, pk)
    row, made = application(pk), Registration.objects.get(pk=coded["registration"])
    assert row.state == "REGISTERED" and row.registration_id == made.pk and row.code == made.code == coded["code"]
    assert made.agency_level == "province" and made.agency_name == "示例登记中心" and made.serial == row.serial
    version = RegistrationVersion.objects.get(registration=made)
    assert version.number == 1 and version.application_id == pk
    assert NameKey.objects.filter(object_id=made.pk).exists() and not NameKey.objects.filter(object_id=pk).exists()
    assert differences(row) == {} and differences(made) == {}


def test_the_public_entry_has_the_result_and_no_name(world: w.World) -> None:
    pk = at_coding(world)
    coded = assign(world, pk)
    body = bytes(Entry.objects.get(object_id=pk, act="assign_code").body).decode()
    assert coded["code"] in body and str(coded["valid_to"]) in body
    assert application(pk).name not in body and world.registrant.name not in body
    page = ledger.content(RegistrationVersion.objects.get(registration_id=coded["registration"]).content).decode()
    assert application(pk).name in page and "13800000000" not in page


@pytest.mark.parametrize("actor", ["clerk", "reviewer", "agency_supervisor", "clock"])
def test_no_person_assigns_a_code(world: w.World, actor: str) -> None:
    pk = at_coding(world)
    with refused("forbidden", 403):
        assign(world, pk, actor, code="DEMO-1234")
    assert not Registration.objects.exists()


def test_no_code_before_the_notice_is_over(world: w.World) -> None:
    pk = noticed(world)
    with refused("wrong_state", 409):
        assign(world, pk)
    assert not Registration.objects.exists()


def test_codes_and_serials_are_unique(world: w.World) -> None:
    codes = [assign(world, at_coding(world))["code"] for _ in range(3)]
    assert len(set(codes)) == 3
    serials = list(Application.objects.values_list("serial", flat=True))
    assert len(set(serials)) == len(serials)


# -- a register whose codes come from above -------------------------------------------------------------------------


@pytest.fixture
def below() -> w.World:
    """A register coded by the platform above."""
    return w.build(issuer="upstream")


def test_the_gateway_passes_the_code_in(below: w.World) -> None:
    pk = at_coding(below)
    assert w.act(below, "request_code", pk, "gateway")["state"] == "CODING"
    coded = assign(below, pk, "gateway", code="demo-ab12-cd34")
    assert coded["code"] == "DEMO-AB12-CD34"


def test_its_own_issuer_draws_nothing(below: w.World) -> None:
    pk = at_coding(below)
    with refused("no_issuer", 409):
        assign(below, pk)


@pytest.mark.parametrize("code", ["", "1393264726771781632103", "DEMO-" + "A" * 64, "本地-1", "DEMO 1"])
def test_a_code_that_cannot_be_one_is_refused(below: w.World, code: str) -> None:
    """A demonstration takes only demonstration codes, and never a local number."""
    pk = at_coding(below)
    for text in {code, application(pk).local_number}:
        with refused("code_invalid") as caught:
            assign(below, pk, "gateway", code=text)
        assert caught.value.article == "13"
    assert application(pk).state == "CODING"


def test_a_code_is_given_once(below: w.World) -> None:
    one, two = at_coding(below), at_coding(below)
    assign(below, one, "gateway", code="DEMO-ONCE-0001")
    with refused("code_taken", 409):
        assign(below, two, "gateway", code="demo-once-0001")


def test_one_request_at_a_time(below: w.World) -> None:
    """Design §6: the way may change only after the request is cancelled."""
    pk = at_coding(below)
    with refused("code_not_requested", 409):
        w.act(below, "cancel_request", pk, "agency_supervisor")
    with refused("way_unknown"):
        w.act(below, "request_code", pk, "agency_supervisor", way="pigeon")
    w.act(below, "request_code", pk, "agency_supervisor")
    with refused("code_requested", 409):
        w.act(below, "request_code", pk, "agency_supervisor", way="lease:7")
    w.act(below, "cancel_request", pk, "agency_supervisor")
    assert application(pk).code_way == ""
    w.act(below, "request_code", pk, "agency_supervisor", way="lease:7")
    assert application(pk).code_way == "lease:7" and differences(application(pk)) == {}
    with refused("forbidden", 403):
        w.act(below, "cancel_request", pk, "clerk")


def test_a_refused_request_is_mended_and_asked_again(below: w.World) -> None:
    pk = at_coding(below)
    w.act(below, "request_code", pk, "gateway")
    with refused("reason_required"):
        w.act(below, "refuse_code", pk, "gateway", reason="")
    with refused("forbidden", 403):
        w.act(below, "refuse_code", pk, "agency_supervisor", reason="x")
    assert w.act(below, "refuse_code", pk, "gateway", reason="字段缺失")["state"] == "CODING_REFUSED"
    with refused("wrong_state", 409):
        assign(below, pk, "gateway", code="DEMO-1234-5678")
    assert w.act(below, "request_code", pk, "agency_supervisor")["state"] == "CODING"
    assert assign(below, pk, "gateway", code="DEMO-1234-5678")["state"] == "REGISTERED"
    assert differences(application(pk)) == {}


def test_a_refused_request_may_end_the_file(below: w.World) -> None:
    pk = at_coding(below)
    w.act(below, "request_code", pk, "gateway")
    w.act(below, "refuse_code", pk, "gateway", reason="重复登记")
    assert w.act(below, "terminate", pk, "agency_supervisor", reason="重复登记")["state"] == "TERMINATED"


# -- validity (Art. 15, R33) ----------------------------------------------------------------------------------------


def product(start: str | None, end: str | None) -> dict[str, Any]:
    """A product under an agreement."""
    return {"data_type": "product", "agreement_start": start, "agreement_end": end}


@pytest.mark.parametrize(
    ("coded_on", "content", "last"),
    [
        (date(2026, 10, 13), {"data_type": "resource"}, date(2029, 10, 13)),
        (date(2028, 2, 29), {"data_type": "resource"}, date(2031, 2, 28)),
        (date(2025, 2, 28), {"data_type": "open"}, date(2028, 2, 28)),
        (date(2026, 1, 31), {"data_type": "resource"}, date(2029, 1, 31)),
        # an agreement of at most three years: the actual operating period
        (date(2026, 10, 13), product("2025-06-01", "2028-05-31"), date(2028, 5, 31)),
        (date(2026, 10, 13), product("2025-06-01", "2028-06-01"), date(2028, 6, 1)),
        (date(2026, 10, 13), product("2026-01-01", "2026-10-13"), date(2026, 10, 13)),
        # a longer one: the full term
        (date(2026, 10, 13), product("2025-06-01", "2028-06-02"), date(2029, 10, 13)),
        (date(2026, 10, 13), product("2025-06-01", "2100-06-01"), date(2029, 10, 13)),
        (date(2026, 10, 13), product("2025-06-01", None), date(2029, 10, 13)),
        (date(2026, 10, 13), product(None, None), date(2029, 10, 13)),
        # a resource does not follow an agreement
        (date(2026, 10, 13), product("2025-06-01", "2028-05-31") | {"data_type": "resource"}, date(2029, 10, 13)),
    ],
)
def test_how_long_a_registration_is_valid(coded_on: date, content: dict[str, Any], last: date) -> None:
    assert validity(coded_on, content, rulebooks.load("cn")) == (coded_on, last)


def test_validity_counts_from_the_coding_day_in_shanghai(world: w.World) -> None:
    pk = at_coding(world)
    to_day(date(2028, 2, 29), hour=1)
    coded = assign(world, pk)
    row = Registration.objects.get(pk=coded["registration"])
    assert (row.coded_on, row.valid_from, row.valid_to) == (date(2028, 2, 29), date(2028, 2, 29), date(2031, 2, 28))

"""What happens to a registration: changed, corrected, renewed, cancelled, revoked (Arts. 9, 15, 20)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from dengji.law.calendar import add_months, shanghai_date
from dengji.ledger.models import Entry
from dengji.parties import services as parties
from dengji.parties.actor import CLOCK
from dengji.parties.services import OPERATOR
from dengji.registration import rules, services
from dengji.registration.models import Application, Decision, NameKey, Registration, RegistrationVersion
from dengji.registration.projection import differences
from tests.factories import world as w

from .kit import application, follow_up, lodge, on, overrule, refused, registration, to_day

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> w.World:
    """A register with its people."""
    return w.build()


@pytest.fixture
def coded(world: w.World) -> dict[str, Any]:
    """A registration."""
    return w.registered(world)


def finish(world: w.World, pk: UUID) -> dict[str, Any]:
    """Take an application that needs no notice to its end."""
    w.advance(world, pk, "pass_review")
    return w.act(world, "complete", pk, "reviewer")


def whole(row: Registration) -> None:
    """Every projection of a registration and its files equals its decisions."""
    row.refresh_from_db()
    assert differences(row) == {}
    for file in Application.objects.filter(registration=row):
        assert differences(file) == {}


# -- change ---------------------------------------------------------------------------------------------------------


def test_a_change_keeps_code_and_serial_and_every_version(world: w.World, coded: dict[str, Any]) -> None:
    """R5, design §6: change, correction and renewal keep the code."""
    row = registration(coded)
    pk = follow_up(world, "change", row.pk, fields={"registrant_address": "示例路9号"})
    done = finish(world, pk)
    assert done["code"] == coded["code"] and done["version"] == 2 and done["registration_state"] == "VALID"
    one, two = RegistrationVersion.objects.filter(registration=row).order_by("number")
    assert one.fields["registrant_address"] == "示例路1号" and two.fields["registrant_address"] == "示例路9号"
    assert (two.valid_from, two.valid_to) == (one.valid_from, one.valid_to)
    revise = Decision.objects.get(object_id=row.pk, act="revise")
    assert Entry.objects.get(pk=revise.entry_id).public
    whole(row)


def test_a_new_name_is_found_under_the_new_name(world: w.World, coded: dict[str, Any]) -> None:
    row = registration(coded)
    new = "甘肃省张掖市-道路运输业-新的客运线路信息"
    pk = follow_up(world, "change", row.pk, fields={"name": new})
    w.advance(world, pk, "open_notice")
    w.after_notice(pk)
    w.act(world, "complete", pk, "reviewer")
    row.refresh_from_db()
    assert row.name == new and NameKey.objects.get(object_id=row.pk).name == new
    assert not NameKey.objects.filter(object_id=pk).exists()
    whole(row)


def test_who_completes(world: w.World, coded: dict[str, Any]) -> None:
    pk = follow_up(world, "cancellation", coded["registration"])
    w.advance(world, pk, "pass_review")
    for role in ("acceptor", "notice_opener", "clerk"):
        with refused("forbidden", 403):
            w.act(world, "complete", pk, role)
    assert w.act(world, "complete", pk, "agency_supervisor")["state"] == "COMPLETED"


def test_a_first_application_is_not_completed(world: w.World) -> None:
    pk = w.draft(world)
    w.advance(world, pk, "pass_review")
    with refused("wrong_kind", 409):
        w.act(world, "complete", pk, "reviewer")


def test_a_registration_that_ended_meanwhile_cannot_be_changed(world: w.World, coded: dict[str, Any]) -> None:
    kinds = ("rectification_evidence", "identity_proof", "interest_proof")
    one = follow_up(
        world, "rectification", coded["registration"], materials=kinds, actor="citizen", interested_party=True
    )
    w.act(world, "submit_for_business_review", one, "citizen")
    w.act(world, "submit", one, "citizen", **w.SECRECY)
    w.advance(world, one, "pass_review")
    finish(world, follow_up(world, "cancellation", coded["registration"]))
    with refused("registration_ended", 409):
        w.act(world, "complete", one, "reviewer")
    assert application(one).state == "REVIEW_PASSED"


# -- renewal (Art. 15, R31) -----------------------------------------------------------------------------------------


def renewal(world: w.World, coded: dict[str, Any], request: dict[str, Any] | None = None) -> UUID:
    """A renewal handed to the registrant's own reviewer."""
    pk = follow_up(world, "renewal", coded["registration"], request=request)
    w.act(world, "submit_for_business_review", pk, "clerk")
    return pk


def submit(world: w.World, pk: UUID) -> dict[str, Any]:
    """Submit to the agency."""
    return w.act(world, "submit", pk, "business_reviewer", **w.SECRECY)


@pytest.mark.parametrize(("before_end", "open_"), [(61, False), (60, True), (0, True), (-1, False)])
def test_the_renewal_window(world: w.World, coded: dict[str, Any], before_end: int, open_: bool) -> None:
    """60 calendar days before the end up to and including the last day."""
    pk = renewal(world, coded)
    to_day(registration(coded).valid_to - timedelta(days=before_end))
    if open_:
        assert submit(world, pk)["state"] == "SUBMITTED"
    else:
        with refused("renewal_window", 409) as caught:
            submit(world, pk)
        assert caught.value.message.startswith("不在续展期内")


@pytest.mark.parametrize(("months", "term"), [(None, 36), (36, 36), (12, 12), (1, 1)])
def test_a_renewal_begins_the_day_after(world: w.World, coded: dict[str, Any], months: int | None, term: int) -> None:
    row = registration(coded)
    end = row.valid_to
    pk = renewal(world, coded, {"months": months} if months else {})
    to_day(end - timedelta(days=30))
    submit(world, pk)
    w.advance(world, pk, "pass_review")
    done = w.act(world, "complete", pk, "reviewer")
    row.refresh_from_db()
    assert row.valid_from == end + timedelta(days=1) and row.valid_to == add_months(end, term)
    assert done["valid_to"] == row.valid_to.isoformat()
    whole(row)


@pytest.mark.parametrize("months", [37, -1, "many"])
def test_a_renewal_is_for_three_years_at_most(world: w.World, coded: dict[str, Any], months: Any) -> None:
    pk = follow_up(world, "renewal", coded["registration"], request={"months": months})
    with refused("renewal_months") as caught:
        w.act(world, "submit_for_business_review", pk, "clerk")
    assert caught.value.article == "15"


def test_a_renewal_after_the_end_is_refused(world: w.World, coded: dict[str, Any]) -> None:
    end = registration(coded).valid_to
    pk = renewal(world, coded)
    to_day(end)
    submit(world, pk)
    w.advance(world, pk, "pass_review")
    to_day(end + timedelta(days=1), hour=1)
    with refused("renewal_in_time", 409):
        w.act(world, "complete", pk, "reviewer")
    assert registration(coded).valid_to == end


# -- cancellation (Art. 9(4), R30) ----------------------------------------------------------------------------------


@pytest.mark.parametrize("ground", ["lost", "rights_ended", "registrant_ended", "other_legal"])
def test_a_registration_is_cancelled_on_each_ground(world: w.World, coded: dict[str, Any], ground: str) -> None:
    pk = follow_up(world, "cancellation", coded["registration"], request={"ground": ground})
    done = finish(world, pk)
    row = registration(coded)
    assert done["registration_state"] == row.state == "CANCELLED" and row.ground == ground
    assert row.ended_at is not None and not NameKey.objects.filter(object_id=row.pk).exists()
    assert RegistrationVersion.objects.filter(registration=row).count() == 1
    whole(row)


def test_a_cancellation_is_done_within_ten_working_days_of_acceptance(world: w.World, coded: dict[str, Any]) -> None:
    pk = follow_up(world, "cancellation", coded["registration"])
    w.advance(world, pk, "accept")
    last = application(pk).deadline_day
    for act in ("begin_review", "pass_review"):
        w.advance(world, pk, act)
        row = application(pk)
        assert row.deadline_day == last and row.accepted_at is not None and last is not None
        assert rules.calendar().between(shanghai_date(row.accepted_at), last) == 10


def test_the_agency_cancels_what_has_expired_and_only_that(world: w.World, coded: dict[str, Any]) -> None:
    """Art. 15, R31: automatic cancellation off, the agency confirms."""
    row = registration(coded)
    to_day(row.valid_to, hour=23)
    with refused("expired", 409):
        on(world, "cancel", "agency_supervisor", registration_id=row.pk)
    to_day(row.valid_to + timedelta(days=1), hour=1)
    with refused("agency_confirms", 409):
        on(world, "cancel", CLOCK, registration_id=row.pk)
    for role in ("reviewer", "clerk"):
        with refused("forbidden", 403):
            on(world, "cancel", role, registration_id=row.pk)
    with refused("not_found", 404):
        on(world, "cancel", "stranger_clerk", registration_id=row.pk)
    assert on(world, "cancel", "agency_supervisor", registration_id=row.pk)["state"] == "CANCELLED"
    row.refresh_from_db()
    assert row.ground == "expired"
    whole(row)


def test_a_rulebook_may_let_the_clock_cancel(
    world: w.World, coded: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = registration(coded)
    overrule(monkeypatch, "validity.automatic_cancellation", True)
    with refused("expired", 409):
        on(world, "cancel", CLOCK, registration_id=row.pk)
    to_day(row.valid_to + timedelta(days=1))
    assert on(world, "cancel", CLOCK, registration_id=row.pk)["state"] == "CANCELLED"


def test_products_that_live_on_the_resource_are_named(world: w.World, coded: dict[str, Any]) -> None:
    """R30: warn about live products depending on the resource."""
    product = w.draft(
        world,
        data_type="product",
        fields={
            "coverage_start": None,
            "update_frequency": None,
            "record_count": None,
            "data_format": None,
            "product_form": "dataset",
            "delivery_mode": "file",
            "source_codes": [coded["code"]],
        },
    )
    w.advance(world, product, "open_notice")
    w.after_notice(product)
    w.act(world, "close_notice", product, "clock")
    made = w.act(world, "assign_code", product, "issuer")
    row = registration(coded)
    to_day(row.valid_to + timedelta(days=1))
    done = on(world, "cancel", "agency_supervisor", registration_id=row.pk)
    assert done["dependants"] == [made["code"]]


# -- revocation (Art. 20, R32) --------------------------------------------------------------------------------------


def revoke(world: w.World, coded: dict[str, Any], actor: str = "agency_supervisor", **more: Any) -> dict[str, Any]:
    """Revocation on a ground with a reason."""
    values = {"registration_id": UUID(str(coded["registration"])), "ground": "false_materials", "reason": "材料虚假"}
    return on(world, "revoke", actor, **(values | more))


def file(world: w.World, coded: dict[str, Any], kind: str, actor: str = "agency_supervisor") -> None:
    """Put a material on a registration."""
    on(
        world,
        "add_material",
        actor,
        owner_kind="registration",
        owner_id=UUID(str(coded["registration"])),
        kind=kind,
        upload=services.Upload("a.pdf", w.PDF),
    )


def test_a_revocation_follows_investigation_and_hearing(world: w.World, coded: dict[str, Any]) -> None:
    with refused("investigated", 409):
        revoke(world, coded)
    file(world, coded, "revocation_investigation")
    with refused("investigated", 409):
        revoke(world, coded)
    file(world, coded, "registrant_statement", "clerk")
    with refused("ground_unknown"):
        revoke(world, coded, ground="bored")
    with refused("reason_required"):
        revoke(world, coded, reason="")
    for role in ("reviewer", "clerk"):
        with refused("forbidden", 403):
            revoke(world, coded, role)
    with refused("not_found", 404):
        revoke(world, coded, "authority_supervisor")
    assert revoke(world, coded)["state"] == "REVOKED"
    row = registration(coded)
    assert row.ground == "false_materials" and RegistrationVersion.objects.filter(registration=row).exists()
    entry = Entry.objects.get(object_id=row.pk, act="revoke")
    assert entry.public and b"false_materials" in bytes(entry.body) and "材料虚假".encode() not in bytes(entry.body)
    with refused("wrong_state", 409):
        revoke(world, coded)
    whole(row)


def test_the_hearing_is_a_setting(world: w.World, coded: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    overrule(monkeypatch, "revocation.statement_required", False)
    file(world, coded, "revocation_investigation")
    assert revoke(world, coded)["state"] == "REVOKED"


def test_nobody_revokes_for_their_own_organisation(world: w.World, coded: dict[str, Any]) -> None:
    parties.grant_role(
        actor=OPERATOR, person=world.people["agency_supervisor"], kind="agent", organisation=world.registrant
    )
    with refused("own_file", 403):
        revoke(world, coded)


def test_who_puts_what_on_a_registration(world: w.World, coded: dict[str, Any]) -> None:
    for kind, actor in (("revocation_investigation", "clerk"), ("commitment_letter", "agency_supervisor")):
        with refused("forbidden", 403):
            file(world, coded, kind, actor)
    with refused("not_found", 404):
        file(world, coded, "registrant_statement", "stranger_clerk")


def test_an_ended_registration_takes_no_renewal_notice(world: w.World, coded: dict[str, Any]) -> None:
    finish(world, follow_up(world, "cancellation", coded["registration"]))
    for kind in ("renewal", "rectification", "change", "cancellation"):
        with refused("registration_ended", 409):
            follow_up(world, kind, coded["registration"])


def test_a_product_is_valid_while_its_agreement_of_at_most_three_years_runs(world: w.World) -> None:
    """Art. 15, R33."""
    start = date(2026, 1, 1)
    product = {
        "coverage_start": None,
        "update_frequency": None,
        "record_count": None,
        "data_format": None,
        "product_form": "api",
        "delivery_mode": "api",
        "no_source_reason": "示例",
        "within_authorised_operation": True,
        "agreement_number": "示例-1",
        "agreement_party": "示例实施机构",
        "agreement_start": start.isoformat(),
        "agreement_end": "2028-06-30",
        "operation_start": start.isoformat(),
        "delivery_date": start.isoformat(),
    }
    pk = w.draft(world, data_type="product", fields=product)
    w.attach(world, pk, ("authorisation_agreement",))
    w.advance(world, pk, "open_notice")
    w.after_notice(pk)
    w.act(world, "close_notice", pk, "clock")
    coded = w.act(world, "assign_code", pk, "issuer")
    assert registration(coded).valid_to == date(2028, 6, 30)


def test_an_objection_to_a_first_registration_leaves_others_alone(world: w.World, coded: dict[str, Any]) -> None:
    other = w.draft(world)
    w.advance(world, other, "open_notice")
    lodge(world, other)
    assert finish(world, follow_up(world, "cancellation", coded["registration"]))["state"] == "COMPLETED"

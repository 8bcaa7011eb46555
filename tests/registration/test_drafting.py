"""From a blank form to the agency's door: who may, what must be there, what is refused (Arts. 6, 7, 9)."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from dengji.law import record, visibility
from dengji.law.calendar import shanghai_date
from dengji.parties import actor as actors
from dengji.parties import services as parties
from dengji.parties.services import OPERATOR
from dengji.registration import inspection, queries, rules, selectors, services
from dengji.registration.models import (
    Application,
    CoRegistrant,
    Decision,
    Material,
    NameKey,
    RegistrationVersion,
    SerialCounter,
    Version,
)
from dengji.registration.projection import differences
from tests.factories import world as w

from .kit import CONTACT, FOLLOW_UP, application, follow_up, on, overrule, past_deadline, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> w.World:
    """A register with its people."""
    return w.build()


def create(world: w.World, actor: Any = "clerk", **more: Any) -> dict[str, Any]:
    """A bare draft."""
    values = {"register_id": world.register.pk, "organisation_id": world.registrant.pk}
    return on(world, "create_application", actor, **(values | more))


def in_review(world: w.World, **more: Any) -> UUID:
    """A draft handed to the registrant's own reviewer."""
    pk = w.draft(world, **more)
    w.act(world, "submit_for_business_review", pk, "clerk")
    return pk


def submit(world: w.World, pk: UUID, actor: str = "business_reviewer", **more: Any) -> dict[str, Any]:
    """Submission with everything it needs."""
    return w.act(world, "submit", pk, actor, **(w.SECRECY | more))


def grant(world: w.World, name: str, kind: str, organisation: Any) -> None:
    """Give a person of the world one more role in an organisation."""
    world.people.setdefault(name, w.person(name))
    parties.grant_role(actor=OPERATOR, person=world.people[name], kind=kind, organisation=organisation)


# -- create ---------------------------------------------------------------------------------------------------------


def test_a_draft_starts_with_what_the_platform_knows(world: w.World) -> None:
    made = create(world)
    draft = application(made["id"]).draft
    assert draft.fields["registrant_name"] == world.registrant.name
    assert draft.fields["registrant_credit_code"] == world.registrant.credit_code
    assert made["state"] == "DRAFT" and made["n"] == 1 and application(made["id"]).serial == ""


@pytest.mark.parametrize(
    "actor", ["stranger_clerk", "business_reviewer", "acceptor", "citizen", "system_admin", "nobody"]
)
def test_only_the_registrants_clerk_opens_a_draft(world: w.World, actor: str) -> None:
    with refused("forbidden", 403):
        create(world, actor)
    assert not Application.objects.exists()


def test_the_importer_opens_drafts_in_its_own_register_only(world: w.World) -> None:
    assert create(world, actors.importer(world.register.pk))["state"] == "DRAFT"
    with refused("forbidden", 403):
        create(world, actors.importer(w.build().register.pk))


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"register_id": uuid4()}, "not_found"),
        ({"organisation_id": uuid4()}, "not_found"),
        ({"kind": "transfer"}, "kind_unknown"),
        ({"data_type": "secret"}, "data_type_unknown"),
        ({"kind": "change"}, "registration_required"),
        ({"kind": "renewal", "registration_id": uuid4()}, "registration_required"),
        ({"registration_id": uuid4()}, "registration_not_expected"),
        ({"content": {"colour": "red"}}, "field_unknown"),
        ({"agent_id": uuid4()}, "agent_unknown"),
        ({"copied_from": uuid4()}, "not_found"),
        (
            {"content": {"co_registrants": [{"name": "甲", "credit_code": "91330100799655058B"}]}},
            "organisation_unknown",
        ),
    ],
)
def test_what_a_draft_cannot_begin_with(world: w.World, more: dict[str, Any], code: str) -> None:
    with refused(code):
        create(world, **more)
    assert not Application.objects.exists()


def test_central_organs_are_sent_to_the_national_platform(world: w.World) -> None:
    """Measures Art. 6, R3."""
    central = w.organisation("示例中央单位", central=True)
    grant(world, "central_clerk", "clerk", central)
    with refused("central_refused") as caught:
        create(world, "central_clerk", organisation_id=central.pk)
    assert caught.value.article == "6"


def test_somebody_elses_registration_cannot_be_changed(world: w.World) -> None:
    coded = w.registered(world)
    with refused("registration_required"):
        create(
            world,
            "stranger_clerk",
            organisation_id=world.stranger_organisation.pk,
            kind="change",
            registration_id=coded["registration"],
        )


def test_an_ended_registration_cannot_be_changed(world: w.World) -> None:
    coded = w.registered(world)
    pk = follow_up(world, "cancellation", coded["registration"])
    w.advance(world, pk, "pass_review")
    w.act(world, "complete", pk, "reviewer")
    with refused("registration_ended", 409):
        create(world, kind="change", registration_id=coded["registration"])


# -- save -----------------------------------------------------------------------------------------------------------


def save(world: w.World, pk: Any, content: dict[str, Any], actor: str = "clerk", **more: Any) -> dict[str, Any]:
    """Save a draft."""
    return w.act(world, "save_draft", pk, actor, content=content, **more)


def test_saving_changes_what_is_given_and_null_removes(world: w.World) -> None:
    pk = w.draft(world)
    save(world, pk, {"intro": "新的简介", "coverage_start": None})
    draft = application(pk).draft
    assert draft.fields["intro"] == "新的简介" and "coverage_start" not in draft.fields
    assert draft.fields["duty_basis"] == "城市客运管理"


def test_saving_all_replaces_all(world: w.World) -> None:
    pk = w.draft(world)
    save(world, pk, {"name": "新"}, replace=True, request={"note": 1})
    draft = application(pk).draft
    assert draft.fields == {"name": "新", "data_type": "resource"} and draft.request == {"note": 1}
    assert application(pk).name == "新"


def test_the_data_type_is_fixed_when_the_draft_begins(world: w.World) -> None:
    pk = w.draft(world)
    save(world, pk, {"data_type": "product"})
    assert application(pk).draft.fields["data_type"] == "resource"


def test_two_editors_do_not_overwrite_each_other(world: w.World) -> None:
    pk = w.draft(world)
    save(world, pk, {"intro": "甲"}, revision=1)
    with refused("draft_changed", 409):
        save(world, pk, {"intro": "乙"}, revision=1)
    assert application(pk).draft.fields["intro"] == "甲"


@pytest.mark.parametrize(
    ("actor", "code"),
    [("business_reviewer", "forbidden"), ("stranger_clerk", "not_found"), ("acceptor", "not_found")],
)
def test_who_may_not_save(world: w.World, actor: str, code: str) -> None:
    pk = w.draft(world)
    with refused(code):
        save(world, pk, {"intro": "x"}, actor)


def test_a_submitted_form_cannot_be_saved(world: w.World) -> None:
    pk = in_review(world)
    with refused("wrong_state", 409):
        save(world, pk, {"intro": "x"})


def test_personal_fields_lie_encrypted_in_the_draft(world: w.World) -> None:
    pk = w.draft(world, fields={"contact_phone": "13911112222"})
    draft = application(pk).draft
    assert not draft.fields.keys() & record.PERSONAL
    assert b"13911112222" not in bytes(draft.private)
    assert inspection.content_of(draft)["contact_phone"] == "13911112222"


# -- the registrant's own review ------------------------------------------------------------------------------------


def test_a_faulty_draft_is_refused_with_every_fault_and_nothing_changes(world: w.World) -> None:
    pk = w.draft(world, fields={"intro": "", "evidence_method": "", "industries": []})
    with refused("findings", 422) as caught:
        w.act(world, "submit_for_business_review", pk, "clerk")
    fields = {f.field for f in caught.value.findings if f.severity == "error"}
    assert {"intro", "evidence_method", "industries"} <= fields
    assert application(pk).state == "DRAFT" and application(pk).n == 1


def test_the_reviewer_gives_the_draft_back_with_a_reason(world: w.World) -> None:
    pk = in_review(world)
    with refused("reason_required"):
        w.act(world, "return_to_clerk", pk, "business_reviewer", reason="  ")
    with refused("forbidden", 403):
        w.act(world, "return_to_clerk", pk, "clerk", reason="x")
    assert w.act(world, "return_to_clerk", pk, "business_reviewer", reason="补充说明")["state"] == "DRAFT"


def test_a_returned_supplement_stays_a_supplement(world: w.World) -> None:
    pk = in_review(world)
    submit(world, pk)
    w.act(world, "request_supplement", pk, "acceptor", items=[{"field": "intro", "text": "写明用途"}])
    w.act(world, "submit_for_business_review", pk, "clerk")
    assert w.act(world, "return_to_clerk", pk, "business_reviewer", reason="再改")["state"] == "SUPPLEMENT"
    assert differences(application(pk)) == {}


# -- submit ---------------------------------------------------------------------------------------------------------


def test_submission_freezes_the_version_pins_the_rules_and_gives_a_serial(world: w.World) -> None:
    pk = in_review(world)
    result = submit(world, pk)
    row = application(pk)
    assert (
        len(result["serial"]) == 14
        and result["serial"].startswith(f"{rules_day(row)}")
        and row.serial == result["serial"]
    )
    assert row.rulebook_digest == rules.current("cn-gs").digest
    assert row.business_reviewer_id == world.people["business_reviewer"].pk and row.clerk_id == world.people["clerk"].pk
    version = Version.objects.get(application=row, number=1)
    assert version.fields["name"] == row.name and len(version.materials) == 4
    assert not version.fields.keys() & record.PERSONAL
    assert inspection.version_content(version, personal=True)["contact_name"] == "示例经办人"
    assert inspection.version_content(version).get("contact_name") is None


def rules_day(row: Application) -> str:
    """The Shanghai day of receipt as it begins a serial."""
    assert row.receipt_at is not None
    return f"{shanghai_date(row.receipt_at):%Y%m%d}"


def test_serials_follow_each_other_and_a_resubmission_keeps_its_own(world: w.World) -> None:
    first, second = (submit(world, in_review(world))["serial"] for _ in range(2))
    assert int(second) == int(first) + 1
    pk = Application.objects.get(serial=second).pk
    w.act(world, "request_supplement", pk, "acceptor", items=[{"field": "intro", "text": "写明用途"}])
    w.act(world, "submit_for_business_review", pk, "clerk")
    again = submit(world, pk)
    assert again["serial"] == second and again["version"] == 2
    assert Version.objects.filter(application_id=pk).count() == 2


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"preview_acknowledged": False}, "preview"),
        ({"secrecy_conclusion": "not_publishable"}, "secrecy_review"),
        ({"secrecy_conclusion": ""}, "secrecy_review"),
        ({"secrecy_date": None}, "secrecy_review"),
        ({"secrecy_date": date(2099, 1, 1)}, "secrecy_review"),
        ({"secrecy_reviewer": " "}, "secrecy_review"),
    ],
)
def test_no_submission_without_secrecy_review_and_preview(world: w.World, more: dict[str, Any], code: str) -> None:
    pk = in_review(world)
    with refused(code, 409):
        submit(world, pk, **more)
    assert application(pk).state == "BUSINESS_REVIEW" and application(pk).serial == ""


def test_evidence_is_deposited_before_the_application(world: w.World) -> None:
    """Measures Art. 7, R26."""
    pk = w.draft(world, fields={"evidence_time": "2099-01-01T00:00:00Z"})
    with refused("findings") as caught:
        w.act(world, "submit_for_business_review", pk, "clerk")
    assert "evidence_late" in {f.code for f in caught.value.findings}


def test_a_late_first_filing_is_accepted_and_flagged(world: w.World) -> None:
    """Measures Art. 9(1), R27."""
    fields = {
        "within_authorised_operation": True,
        "agreement_number": "示例-1",
        "agreement_party": "示例实施机构",
        "agreement_start": "2025-03-10",
        "agreement_end": "2029-03-10",
        "operation_start": "2025-04-01",
        "delivery_date": "2025-04-01",
    }
    pk = w.draft(world, fields=fields)
    w.attach(world, pk, ("authorisation_agreement",))
    w.act(world, "submit_for_business_review", pk, "clerk")
    assert submit(world, pk)["late_filing"] is True
    assert application(pk).late_filing
    on_time = in_review(world)
    assert submit(world, on_time)["late_filing"] is False


def test_a_rulebook_may_refuse_late_filing(world: w.World, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {
        "within_authorised_operation": True,
        "agreement_start": "2025-03-10",
        "agreement_end": "2029-03-10",
        "operation_start": "2025-04-01",
        "delivery_date": "2025-04-01",
    }
    pk = w.draft(world, fields=fields)
    w.attach(world, pk, ("authorisation_agreement",))
    overrule(monkeypatch, "procedure.late_filing", "refuse")
    with refused("findings") as caught:
        w.act(world, "submit_for_business_review", pk, "clerk")
    assert "late_filing" in {f.code for f in caught.value.findings if f.severity == "error"}


# -- second person --------------------------------------------------------------------------------------------------


def test_the_clerk_cannot_submit_alone(world: w.World) -> None:
    pk = in_review(world)
    with refused("forbidden", 403):
        submit(world, pk, "clerk")


def test_one_person_with_both_roles_is_still_one_person(world: w.World) -> None:
    """Art. 7: business review is by another person than the clerk."""
    parties.grant_role(
        actor=OPERATOR, person=world.people["clerk"], kind="business_reviewer", organisation=world.registrant
    )
    pk = in_review(world)
    with refused("second_person", 409):
        submit(world, pk, "clerk")


def test_a_unit_with_one_clerk_files_the_heads_signed_form(world: w.World) -> None:
    pk = w.draft(world)
    w.attach(world, pk, ("business_review_form",))
    w.act(world, "submit_for_business_review", pk, "clerk")
    assert submit(world, pk, "clerk")["state"] == "SUBMITTED"


def test_the_signed_form_can_be_switched_off(world: w.World, monkeypatch: pytest.MonkeyPatch) -> None:
    pk = w.draft(world)
    w.attach(world, pk, ("business_review_form",))
    w.act(world, "submit_for_business_review", pk, "clerk")
    overrule(monkeypatch, "procedure.single_clerk_form", False)
    with refused("forbidden", 403):
        submit(world, pk, "clerk")


def test_a_stranger_reviewer_does_not_find_the_file(world: w.World) -> None:
    pk = in_review(world)
    with refused("not_found", 404):
        submit(world, pk, "stranger_business_reviewer")


# -- several holders, agents ----------------------------------------------------------------------------------------


def joint(world: w.World) -> UUID:
    """A draft that names the stranger organisation as co-registrant."""
    partner = {"name": world.stranger_organisation.name, "credit_code": world.stranger_organisation.credit_code}
    return w.draft(world, fields={"co_registrants": [partner]})


def test_joint_holders_each_confirm_the_draft_as_it_stands(world: w.World) -> None:
    """Measures Art. 7, R7."""
    pk = joint(world)
    with refused("findings"):
        w.act(world, "submit_for_business_review", pk, "clerk")
    w.act(world, "confirm_joint", pk, "stranger_clerk")
    save(world, pk, {"intro": application(pk).draft.fields["intro"][:-1] + "等。"})
    with refused("findings"):
        w.act(world, "submit_for_business_review", pk, "clerk")
    w.act(world, "confirm_joint", pk, "stranger_business_reviewer")
    assert w.act(world, "submit_for_business_review", pk, "clerk")["state"] == "BUSINESS_REVIEW"
    assert submit(world, pk)["state"] == "SUBMITTED"
    assert differences(application(pk)) == {}


def test_joint_holders_confirm_anew_what_a_supplement_changes(world: w.World) -> None:
    """Art. 7: each confirms what is filed, also the second time."""
    pk = joint(world)
    w.act(world, "confirm_joint", pk, "stranger_clerk")
    w.act(world, "submit_for_business_review", pk, "clerk")
    submit(world, pk)
    with refused("wrong_state", 409):
        w.act(world, "confirm_joint", pk, "stranger_clerk")
    w.act(world, "request_supplement", pk, "acceptor", items=[{"field": "intro", "text": "示例"}])
    save(world, pk, {"intro": application(pk).draft.fields["intro"][:-1] + "等。"})
    with refused("findings"):
        w.act(world, "submit_for_business_review", pk, "clerk")
    confirmed = w.act(world, "confirm_joint", pk, "stranger_clerk")
    assert confirmed["state"] == "SUPPLEMENT" and differences(application(pk)) == {}
    w.act(world, "submit_for_business_review", pk, "clerk")
    assert submit(world, pk)["version"] == 2


def test_a_confirmation_that_nobody_gave_is_a_difference(world: w.World) -> None:
    pk = joint(world)
    w.act(world, "confirm_joint", pk, "stranger_clerk")
    save(world, pk, {"scenarios": "线路规划"})
    assert differences(application(pk)) == {}
    CoRegistrant.objects.filter(application_id=pk).update(confirmed_revision=application(pk).draft.revision)
    stored, folded = differences(application(pk))["co_registrants"]
    assert stored == {str(world.stranger_organisation.pk): 2} and folded == {str(world.stranger_organisation.pk): 1}


def test_an_agreement_of_the_holders_replaces_their_confirmation(world: w.World) -> None:
    pk = joint(world)
    w.attach(world, pk, ("joint_agreement",))
    assert w.act(world, "submit_for_business_review", pk, "clerk")["state"] == "BUSINESS_REVIEW"


def test_a_co_registrant_confirms_and_nothing_more(world: w.World) -> None:
    pk = joint(world)
    with refused("forbidden", 403):
        save(world, pk, {"intro": "x"}, "stranger_clerk")
    with refused("forbidden", 403):
        w.act(world, "withdraw", pk, "stranger_clerk")
    with refused("forbidden", 403):
        w.act(world, "confirm_joint", pk, "clerk")
    with refused("not_found", 404):
        w.act(world, "confirm_joint", w.draft(world), "stranger_clerk")


def test_a_co_registrant_taken_off_the_form_is_off_the_file(world: w.World) -> None:
    pk = joint(world)
    assert CoRegistrant.objects.filter(application_id=pk).count() == 1
    save(world, pk, {"co_registrants": None})
    assert not CoRegistrant.objects.filter(application_id=pk).exists()
    with refused("not_found", 404):
        w.act(world, "confirm_joint", pk, "stranger_clerk")


def test_an_agent_files_for_the_registrant_with_its_letter(world: w.World) -> None:
    agency = w.organisation("示例代理机构")
    grant(world, "agent", "agent", agency)
    with refused("forbidden", 403):
        create(world, "agent")
    pk = w.draft(world, "agent", agent_id=agency.pk)
    assert application(pk).draft.fields["agent_name"] == "示例代理机构"
    with refused("findings"):
        w.act(world, "submit_for_business_review", pk, "agent")
    w.attach(world, pk, ("agency_letter",), actor="agent")
    w.act(world, "submit_for_business_review", pk, "agent")
    with refused("forbidden", 403):
        submit(world, pk, "agent")
    assert submit(world, pk)["state"] == "SUBMITTED"


# -- interested party -----------------------------------------------------------------------------------------------


def rectify(world: w.World, registration_id: Any, **more: Any) -> UUID:
    """A rectification asked for by a citizen."""
    values: dict[str, Any] = {
        "actor": "citizen",
        "interested_party": True,
        "fields": {"intro": RIGHT},
        "materials": ("rectification_evidence", "identity_proof", "interest_proof"),
    }
    return follow_up(world, "rectification", registration_id, **(values | more))


RIGHT = "该数据资源为张掖市大数据中心在提供城市客运服务过程中产生，包含线路名称、停靠站等具体信息，可用于公众出行查询。"


def test_an_interested_party_has_a_wrong_registration_corrected(world: w.World) -> None:
    """Measures Art. 9(3), R29: on evidence, without the registrant's clerk."""
    coded = w.registered(world)
    before = RegistrationVersion.objects.get(registration_id=coded["registration"], number=1).fields
    pk = rectify(world, coded["registration"])
    w.act(world, "submit_for_business_review", pk, "citizen")
    submit(world, pk, "citizen")
    for name, role in (("accept", "acceptor"), ("begin_review", "reviewer"), ("pass_review", "reviewer")):
        w.act(world, name, pk, role)
    w.act(world, "open_notice", pk, "notice_opener")
    w.after_notice(pk)
    done = w.act(world, "complete", pk, "reviewer")
    after = RegistrationVersion.objects.get(registration_id=coded["registration"], number=2).fields
    assert done["code"] == coded["code"] and after["intro"] == RIGHT
    # What the party could neither see nor touch has stayed as it was.
    assert {k: v for k, v in after.items() if k != "intro"} == {k: v for k, v in before.items() if k != "intro"}


def test_an_interested_party_sees_nothing_that_is_not_public(world: w.World) -> None:
    """Measures Arts. 6, 19: registration information is confidential but for its public fields."""
    coded = w.registered(world, fields={"storage_location": "示例机房"})
    pk = rectify(world, coded["registration"], fields={})
    shown = inspection.content_of(application(pk).draft)
    assert shown["intro"]
    assert all("page" in visibility.TABLE[name] for name in shown.keys() - CONTACT.keys())
    w.act(world, "submit_for_business_review", pk, "citizen")
    submit(world, pk, "citizen")
    version = Version.objects.get(application_id=pk)
    assert "storage_location" not in version.fields
    assert inspection.current_content(application(pk))[0]["storage_location"] == "示例机房"


def test_an_agent_of_its_own_word_sees_nothing_that_is_not_public(world: w.World) -> None:
    agency = w.organisation("示例代理机构")
    grant(world, "agent", "agent", agency)
    coded = w.registered(world, fields={"storage_location": "示例机房"})
    pk = follow_up(world, "change", coded["registration"], actor="agent", agent_id=agency.pk)
    assert "storage_location" not in application(pk).draft.fields
    on(world, "withdraw", "agent", application_id=pk)
    mine = follow_up(world, "change", coded["registration"])
    assert application(mine).draft.fields["storage_location"] == "示例机房"


def test_an_interested_party_proves_identity_and_interest(world: w.World) -> None:
    coded = w.registered(world)
    for held in (("identity_proof",), ("interest_proof",), ()):
        pk = rectify(world, coded["registration"], materials=("rectification_evidence", *held))
        with refused("findings") as caught:
            w.act(world, "submit_for_business_review", pk, "citizen")
        missing = {f.params["kind"] for f in caught.value.findings if f.code == "material_missing"}
        assert missing == {"identity_proof", "interest_proof"} - set(held)


def test_a_rectification_needs_consent_or_evidence(world: w.World) -> None:
    """Measures Art. 9(3)."""
    coded = w.registered(world)
    for basis, passes in (((), False), (("registrant_consent",), True)):
        pk = rectify(world, coded["registration"], materials=("identity_proof", "interest_proof", *basis))
        w.act(world, "submit_for_business_review", pk, "citizen")
        submit(world, pk, "citizen")
        w.act(world, "accept", pk, "acceptor")
        w.act(world, "begin_review", pk, "reviewer")
        if passes:
            assert w.act(world, "pass_review", pk, "reviewer")["state"] == "REVIEW_PASSED"
        else:
            with refused("rectification_basis", 409):
                w.act(world, "pass_review", pk, "reviewer")


def test_an_interested_party_asks_for_nothing_else(world: w.World) -> None:
    coded = w.registered(world)
    for kind in ("first", "change", "cancellation", "renewal"):
        with refused("forbidden", 403):
            create(world, "citizen", kind=kind, registration_id=coded["registration"], interested_party=True)
    with refused("forbidden", 403):
        create(world, "nobody", kind="rectification", registration_id=coded["registration"], interested_party=True)


def test_the_file_of_an_interested_party_is_its_own(world: w.World) -> None:
    coded = w.registered(world)
    pk = rectify(world, coded["registration"])
    for other in ("clerk", "stranger_clerk", "acceptor"):
        with refused("not_found", 404):
            save(world, pk, {"intro": "x"}, other)


# -- what the other kinds carry -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "request_", "code"),
    [
        ("cancellation", {}, "ground_unknown"),
        ("cancellation", {"ground": "expired"}, "ground_unknown"),
        ("change", {"categories": ["weather"]}, "category_unknown"),
    ],
)
def test_a_request_that_could_not_be_carried_out_is_refused_at_once(
    world: w.World, kind: str, request_: dict[str, Any], code: str
) -> None:
    coded = w.registered(world)
    pk = follow_up(world, kind, coded["registration"], request=request_)
    with refused(code):
        w.act(world, "submit_for_business_review", pk, "clerk")
    assert application(pk).state == "DRAFT"


@pytest.mark.parametrize(
    ("kind", "missing"), [(k, kinds[0]) for k, (_, kinds) in FOLLOW_UP.items() if k != "rectification"]
)
def test_each_kind_asks_for_its_material(world: w.World, kind: str, missing: str) -> None:
    coded = w.registered(world)
    pk = follow_up(world, kind, coded["registration"], materials=())
    with refused("findings") as caught:
        w.act(world, "submit_for_business_review", pk, "clerk")
    assert missing in {f.params.get("kind") for f in caught.value.findings if f.severity == "error"}


# -- withdraw, copy, preview ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("until", ["submit_for_business_review", "submit", "accept", "begin_review", "pass_review"])
def test_the_registrant_may_withdraw_until_the_notice(world: w.World, until: str) -> None:
    pk = w.draft(world)
    w.advance(world, pk, until)
    assert w.act(world, "withdraw", pk, "clerk", reason="不再申请")["state"] == "WITHDRAWN"
    assert application(pk).ended_at is not None
    assert not NameKey.objects.filter(object_id=pk).exists()


def test_not_once_the_notice_runs_and_only_the_registrant(world: w.World) -> None:
    pk = w.draft(world)
    for actor, code in (("acceptor", "not_found"), ("stranger_clerk", "not_found")):
        with refused(code):
            w.act(world, "withdraw", pk, actor)
    w.advance(world, pk, "submit")
    with refused("forbidden", 403):
        w.act(world, "withdraw", pk, "acceptor")
    w.advance(world, pk, "open_notice")
    with refused("wrong_state", 409):
        w.act(world, "withdraw", pk, "clerk")


@pytest.mark.parametrize(("until", "last"), [("SUBMITTED", "submit_for_business_review"), ("ACCEPTED", "submit")])
def test_a_rulebook_may_close_withdrawal_earlier(
    world: w.World, monkeypatch: pytest.MonkeyPatch, until: str, last: str
) -> None:
    early, late = w.draft(world), w.draft(world)
    w.advance(world, early, last)
    w.advance(world, late, "accept")
    overrule(monkeypatch, "procedure.withdraw_until", until)
    with refused("withdraw_open", 409):
        w.act(world, "withdraw", late, "clerk")
    assert w.act(world, "withdraw", early, "clerk")["state"] == "WITHDRAWN"


def test_a_rulebook_may_ask_why(world: w.World, monkeypatch: pytest.MonkeyPatch) -> None:
    pk = w.draft(world)
    overrule(monkeypatch, "withdrawal.reason_required", True)
    with refused("reason_required"):
        w.act(world, "withdraw", pk, "clerk")
    assert w.act(world, "withdraw", pk, "clerk", reason="不再申请")["state"] == "WITHDRAWN"


def test_a_file_that_came_to_nothing_is_copied_with_a_link_back(world: w.World) -> None:
    """R23."""
    pk = w.draft(world)
    with refused("not_copyable", 409):
        create(world, copied_from=pk)
    w.advance(world, pk, "submit")
    w.act(world, "decline", pk, "acceptor", reason="不属于公共数据")
    made = create(world, copied_from=pk)
    copy = application(made["id"])
    assert copy.copied_from_id == pk
    assert inspection.content_of(copy.draft) == inspection.content_of(application(pk).draft)


def test_nobody_copies_from_strangers(world: w.World) -> None:
    pk = w.draft(world)
    w.act(world, "withdraw", pk, "clerk")
    with refused("not_found", 404):
        create(world, "stranger_clerk", organisation_id=world.stranger_organisation.pk, copied_from=pk)


def test_the_preview_shows_exactly_what_will_be_public(world: w.World) -> None:
    pk = w.draft(world)
    shown = services.preview(actor=world.actor("clerk"), application_id=pk)
    assert set(shown["notice"]) == {"data_type", "name", "intro", "registrant_name"}
    w.advance(world, pk, "open_notice")
    assert application(pk).notices.get().fields == shown["notice"]
    with refused("not_found", 404):
        services.preview(actor=world.actor("stranger_clerk"), application_id=pk)


def test_a_name_already_submitted_is_found(world: w.World) -> None:
    pk = w.draft(world, title="张掖市公交线路数据")
    w.advance(world, pk, "submit")
    again = w.draft(world, title="张掖市公交线路数据")
    row = application(again)
    findings = inspection.inspect(row, inspection.content_of(row.draft), at=application(pk).receipt_at)
    assert any(f.code.startswith(("duplicate", "near_duplicate")) for f in findings)


def test_a_supplement_may_have_a_last_day(world: w.World, monkeypatch: pytest.MonkeyPatch) -> None:
    """⚙ limits.registrant_fix_wd: none by default."""
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    overrule(monkeypatch, "limits.registrant_fix_wd", 5)
    asked = w.act(world, "request_supplement", pk, "acceptor", items=[{"field": "intro", "text": "写明用途"}])
    assert asked["deadline"] is not None
    past_deadline(pk)
    with refused("fix_in_time", 409):
        w.act(world, "submit_for_business_review", pk, "clerk")


def test_every_act_left_one_decision(world: w.World) -> None:
    pk = in_review(world)
    submit(world, pk)
    acts = [d.act for d in Decision.objects.filter(object_id=pk).order_by("n")]
    assert acts == ["create_application", "submit_for_business_review", "submit"]


def test_a_day_has_999_999_serials(world: w.World) -> None:
    submit(world, in_review(world))
    SerialCounter.objects.update(last=999_999)
    pk = in_review(world)
    with refused("serials_exhausted", 409):
        submit(world, pk)
    assert application(pk).state == "BUSINESS_REVIEW" and SerialCounter.objects.get().last == 999_999


def test_the_agency_previews_what_was_submitted_not_what_is_being_written(world: w.World) -> None:
    pk = in_review(world)
    submit(world, pk)
    w.act(world, "request_supplement", pk, "acceptor", items=[{"field": "intro", "text": "写明用途"}])
    before = application(pk).draft.fields["intro"]
    save(world, pk, {"intro": "尚未提交的话"})
    shown = {
        who: services.preview(actor=world.actor(who), application_id=pk)["notice"]["intro"]
        for who in ("clerk", "acceptor")
    }
    assert shown == {"clerk": "尚未提交的话", "acceptor": before}


def test_an_agent_fills_nobodys_list_unasked(world: w.World) -> None:
    """Art. 7: what an agent drafts in a name is nobody's matter before its letter of authority is there."""
    agency = w.organisation("示例代理机构")
    grant(world, "agent", "agent", agency)
    stranger = world.stranger_organisation
    partners = {"co_registrants": [{"name": stranger.name, "credit_code": stranger.credit_code}]}
    pk = w.draft(world, "agent", agent_id=agency.pk, fields=partners)
    theirs = ("clerk", "business_reviewer", "stranger_clerk")

    def listed(name: str) -> list[UUID]:
        return [item["id"] for item in queries.applications(world.actor(name))["items"]]

    assert listed("agent") == [pk] and all(listed(name) == [] for name in theirs)
    for name in theirs:
        with refused("not_found", 404):
            on(world, "withdraw", name, application_id=pk)
    assert selectors.roles_for(world.actor("clerk"), application(pk)) == frozenset()
    w.attach(world, pk, ("agency_letter",), actor="agent")
    assert all(listed(name) == [pk] for name in theirs)
    letter = Material.objects.get(owner_id=pk, kind="agency_letter").pk
    on(world, "remove_material", "agent", material_id=letter)
    assert all(listed(name) == [] for name in theirs)


def test_a_registrant_who_names_an_agent_sees_its_own_draft(world: w.World) -> None:
    agency = w.organisation("示例代理机构")
    grant(world, "agent", "agent", agency)
    pk = w.draft(world, agent_id=agency.pk)
    w.attach(world, pk, ("agency_letter",))
    letter = Material.objects.get(owner_id=pk, kind="agency_letter").pk
    on(world, "remove_material", "agent", material_id=letter)
    assert application(pk).mandated and "clerk" in selectors.roles_for(world.actor("clerk"), application(pk))


def test_an_agent_without_letter_does_not_block_the_registrant(world: w.World) -> None:
    agency = w.organisation("示例代理机构")
    grant(world, "agent", "agent", agency)
    coded = w.registered(world)
    theirs = follow_up(world, "change", coded["registration"], actor="agent", agent_id=agency.pk)
    mine = follow_up(world, "change", coded["registration"])
    w.attach(world, theirs, ("agency_letter",), actor="agent")
    with refused("another_pending", 409) as caught:
        w.act(world, "submit_for_business_review", theirs, "agent")
    assert caught.value.params["other"] == str(mine)


def test_others_see_the_name_that_was_submitted(world: w.World) -> None:
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    first = application(pk).name
    w.act(world, "request_supplement", pk, "acceptor", items=[{"field": "name", "text": "示例"}])
    second = f"{first}（修订）"
    on(world, "save_draft", "clerk", application_id=pk, content={"name": second})
    assert inspection.content_of(application(pk).draft)["name"] == second
    for name in ("acceptor", "authority_supervisor", "clerk"):
        assert [item["name"] for item in queries.applications(world.actor(name))["items"]] == [first]
        assert queries.application_detail(world.actor(name), pk)["name"] == first
    w.act(world, "submit_for_business_review", pk, "clerk")
    assert application(pk).name == first
    submit(world, pk)
    assert application(pk).name == second and NameKey.objects.get(object_id=pk).name == second

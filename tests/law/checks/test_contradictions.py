"""Parties, fields that contradict each other, materials, duplicates (R6, R34, R42, R43, R48, R52, R65)."""

from __future__ import annotations

from typing import Any

import pytest

from dengji.law import rulebook

from .samples import DIGEST, MATERIALS, PRODUCT, RESOURCE, check, codes, context, one, similar

AGREEMENT = {"agreement_number": "1", "agreement_party": "乙", "agreement_start": "2026-01-01"}

FAULTS: list[tuple[dict[str, Any], str, str, str]] = [
    ({"registrant_credit_code": "91110000802100433A"}, "credit_code", "registrant_credit_code", "error"),
    ({"agent_name": "代办", "agent_credit_code": "91110000802100433C"}, "credit_code", "agent_credit_code", "error"),
    ({"agent_credit_code": "91330100799655058B"}, "agent_incomplete", "agent_name", "warning"),
    ({"registrant_region": "629999"}, "region", "registrant_region", "error"),
    ({"coverage_regions": ["620700", "000000"]}, "region", "coverage_regions", "error"),
    ({"coverage_regions": ["620700", "999999"]}, "region", "coverage_regions", "error"),
    ({"registrant_type": "unincorporated"}, "registrant_type_not_admitted", "registrant_type", "error"),
    ({"source_mode": "shared"}, "sharing_unit_missing", "sharing_unit", "error"),
    ({"sharing_unit": "张掖市公安局"}, "sharing_unit_unexpected", "sharing_unit", "warning"),
    ({"agreement_number": "1"}, "agreement_unexpected", "within_authorised_operation", "warning"),
    (
        {"within_authorised_operation": True, **AGREEMENT},
        "agreement_incomplete",
        "agreement_end",
        "warning",
    ),
    ({"grade": "core"}, "grade_core", "grade", "error"),
    ({"grade": "important"}, "grade_important", "grade", "warning"),
    ({"evidence_size": 0}, "evidence_empty", "evidence_digest", "error"),
    ({"evidence_count": 0}, "evidence_empty", "evidence_digest", "error"),
    ({"evidence_digest": "0" * 64}, "evidence_empty", "evidence_digest", "error"),
    (
        {"evidence_digest": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        "evidence_empty",
        "evidence_digest",
        "error",
    ),
    ({"volume_unit": None}, "volume_unit_missing", "volume_unit", "error"),
    ({"volume_value": None}, "volume_value_missing", "volume_value", "warning"),
    ({"access_mode": "open"}, "open_url_missing", "open_url", "error"),
    ({"open_url": "https://data.example.cn"}, "open_url_unexpected", "open_url", "info"),
    ({"access_mode": "authorised_operation"}, "operator_missing", "operator_name", "error"),
    ({"data_type": "open"}, "open_data_not_open", "access_mode", "warning"),
    (
        {"access_mode": "open", "open_url": "https://data.example.cn", "contains_personal": True},
        "open_restricted",
        "access_mode",
        "warning",
    ),
    ({"data_items": [{"name": "乘客", "personal": True}]}, "personal_denied", "contains_personal", "error"),
    ({"data_items": [{"name": "司机姓名"}]}, "personal_likely", "contains_personal", "warning"),
    (
        {"data_items": [{"name": "乘客", "personal": True}], "contains_personal": None},
        "personal_likely",
        "contains_personal",
        "warning",
    ),
]


@pytest.mark.parametrize(("changes", "code", "field", "severity"), FAULTS)
def test_a_fault_is_found_on_its_field(changes: dict[str, Any], code: str, field: str, severity: str) -> None:
    finding = one(check(**changes), code)
    assert (finding.field, finding.severity, finding.clearable) == (field, severity, False)
    assert "{" not in finding.message.format(**finding.params) + finding.fix.format(**finding.params)


MENDED: list[tuple[dict[str, Any], str]] = [
    ({"contains_personal": True, "data_items": [{"name": "姓名", "personal": True}]}, "personal_"),
    ({"access_mode": "open", "open_url": "https://data.example.cn"}, "open_"),
    ({"access_mode": "authorised_operation", "operator_name": "张掖数据公司"}, "operator_"),
    ({"grade": "important", "data_items": None}, "grade_"),
    ({"coverage_regions": ["000000"]}, "region"),
    ({"volume_unit": None, "volume_value": None}, "volume_"),
]


@pytest.mark.parametrize(("changes", "start"), MENDED)
def test_the_mended_record_is_clean(changes: dict[str, Any], start: str) -> None:
    assert not [code for code in codes(check(**changes)) if code.startswith(start)]


def test_co_registrants_have_valid_codes_and_appear_once() -> None:
    bad = check(co_registrants=[{"name": "乙", "credit_code": "911100008021004330"}])
    assert one(bad, "credit_code").params["place"] == "（1）"
    twice = check(
        co_registrants=[
            {"name": "乙", "credit_code": "91330100799655058B"},
            {"name": "丙", "credit_code": RESOURCE["registrant_credit_code"]},
        ]
    )
    assert one(twice, "co_registrant_twice").params["place"] == "（2）"


def test_inner_mongolia_admits_what_the_nation_does_not_and_beijing_wants_its_own() -> None:
    mongolia = context(rules="cn-nm")
    assert "registrant_type_not_admitted" not in codes(check(registrant_type="unincorporated", ctx=mongolia))
    beijing = context(rules="cn-bj")
    assert one(check(ctx=beijing), "registrant_outside").field == "registrant_region"
    assert "registrant_outside" not in codes(check(registrant_region="110108", ctx=beijing))


def test_an_unknown_region_is_one_finding_not_three() -> None:
    found = check(registrant_region="629999", coverage_regions=["629999"], ctx=context(rules="cn-bj"))
    assert [f.code for f in found if f.severity == "error"] == ["region", "region"]
    assert "name_region_mismatch" not in codes(found)


def test_only_the_product_forms_of_the_rulebook_are_taken() -> None:
    class Reports:
        region = "610100"

        def get(self, key: str, default: object = None) -> object:
            return ("report",) if key == "record.product_forms" else rulebook.load("cn").get(key)

    finding = one(check(PRODUCT, ctx=context(rulebook=Reports())), "product_form_not_listed")
    assert (finding.field, finding.params["label"]) == ("product_form", "API 产品")
    assert "product_form_not_listed" not in codes(
        check(PRODUCT, product_form="report", ctx=context(rulebook=Reports()))
    )


def test_a_duty_is_told_and_where_two_rules_differ_both_are_shown() -> None:
    within = {"within_authorised_operation": True, "registrant_type": "government_organ"}
    assert "第五条" in str(one(check(**within), "duty_must").params["cite"])
    tension = one(check(PRODUCT, registrant_type="operator"), "duty_tension")
    assert tension.severity == "info"
    assert "第十六条" in str(tension.params["must"])
    assert "duty_must" not in codes(check())


def test_a_product_names_its_sources_or_says_why_not() -> None:
    assert one(check(PRODUCT, source_codes=None), "product_source_missing").severity == "warning"
    explained = check(PRODUCT, source_codes=None, no_source_reason="来源资源由上级登记")
    assert "product_source_missing" not in codes(explained)


def test_materials_are_asked_for_one_by_one() -> None:
    findings = check(ctx=context(materials=frozenset()))
    missing = [f for f in findings if f.code == "material_missing"]
    assert {f.params["kind"] for f in missing} == MATERIALS
    assert all(f.severity == "error" and f.field is None for f in missing)
    assert "缺少材料：登记承诺书" in [f.message.format(**f.params) for f in missing]


def test_a_material_of_an_inapplicable_group_is_not_asked_for() -> None:
    ctx = context(materials=MATERIALS - {"risk_assessment"})
    assert one(check(ctx=ctx), "material_missing").params["kind"] == "risk_assessment"
    excused = check(
        ctx=ctx,
        not_applicable={"security": "公开目录，无需评估"},
        risk_assessment_conclusion=None,
        risk_assessment_date=None,
    )
    assert "material_missing" not in codes(excused)


@pytest.mark.parametrize(
    ("changes", "kind", "field"),
    [
        ({"source_mode": "shared", "sharing_unit": "甲局"}, "sharing_consent", "source_mode"),
        ({"agent_name": "代办公司"}, "agency_letter", "agent_name"),
        ({"within_authorised_operation": True}, "authorisation_agreement", "within_authorised_operation"),
        (
            {"co_registrants": [{"name": "乙", "credit_code": "91330100799655058B"}]},
            "joint_agreement",
            "co_registrants",
        ),
        ({"evidence_method": "blockchain"}, "evidence_certificate", "evidence_method"),
    ],
)
def test_a_case_brings_its_material_and_a_material_its_case(changes: dict[str, Any], kind: str, field: str) -> None:
    missing = one(check(**changes), "material_missing_case")
    assert (missing.field, missing.params["kind"], missing.severity) == (field, kind, "error")
    present = context(materials=MATERIALS | {kind})
    assert codes(check(ctx=present, **changes)).isdisjoint({"material_missing_case", "material_contradicts"})
    assert one(check(ctx=present), "material_contradicts").params["kind"] == kind


def test_a_rectification_rests_on_consent_or_evidence() -> None:
    assert "material_any_of" in codes(check(ctx=context("rectification", materials=frozenset())))
    with_consent = context("rectification", materials=frozenset({"registrant_consent"}))
    assert "material_any_of" not in codes(check(ctx=with_consent))


def test_the_same_name_registrant_and_region_is_a_duplicate_of_a_first_registration() -> None:
    again = (similar("甘肃省张掖市—道路运输业—城市客运信息 "),)
    assert one(check(ctx=context(similar=again)), "duplicate").severity == "error"
    assert one(check(ctx=context("change", similar=again)), "duplicate").severity == "warning"


@pytest.mark.parametrize("difference", [{"same_registrant": False}, {"same_region": False}])
def test_the_same_name_elsewhere_is_a_warning(difference: dict[str, bool]) -> None:
    other = (similar(RESOURCE["name"], registrant_name="张掖市交通运输局", **difference),)
    finding = one(check(ctx=context(similar=other)), "same_name")
    assert finding.severity == "warning"
    assert "张掖市交通运输局" in finding.message.format(**finding.params)


def test_a_near_name_is_a_warning_from_the_rulebooks_percentage_on() -> None:
    least = rulebook.load("cn").get("record.near_duplicate_percent")
    near = (similar("甘肃省张掖市-道路运输业-城市客运情况", percent=least),)
    finding = one(check(ctx=context(similar=near)), "near_duplicate")
    assert (finding.severity, finding.field, finding.params["percent"]) == ("warning", "name", least)
    far = (similar("甘肃省张掖市-道路运输业-城市客运情况", percent=least - 1),)
    assert "near_duplicate" not in codes(check(ctx=context(similar=far)))


def test_a_digest_of_real_data_is_no_fault() -> None:
    assert "evidence_empty" not in codes(check(evidence_digest=DIGEST, evidence_size=None, evidence_count=None))

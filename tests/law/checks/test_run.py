"""run(): a clean record passes, findings come in a fixed order, schema faults withhold only their own field."""

from __future__ import annotations

import pytest

from dengji.law import rulebook
from dengji.law.checks import CHECKS, DATA_TYPES, KINDS, SPECS, run, schema_findings
from dengji.law.record import FIELDS

from .samples import MATERIALS, PRODUCT, RESOURCE, check, codes, context, one


@pytest.mark.parametrize("rules", rulebook.ids())
def test_a_valid_resource_passes_everywhere_without_error_or_warning(rules: str) -> None:
    found = [f for f in run(RESOURCE, context(rules=rules)) if f.severity != "info"]
    outside = {"registrant_outside"} if rulebook.load(rules).get("actors.registrants_within_region_only") else set()
    assert codes(found) == outside


def test_a_valid_product_passes() -> None:
    assert [f.code for f in run(PRODUCT, context()) if f.severity != "info"] == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("content", [{}, {"data_type": "product"}, {"data_type": 7, "name": None, "x": 1}])
def test_no_content_however_poor_breaks_a_check(kind: str, content: dict[str, object]) -> None:
    findings = run(content, context(kind, receipt=None))
    assert all(f.message.format(**f.params) and f.fix.format(**f.params) for f in findings)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="divorce"):
        run(RESOURCE, context("divorce"))


def test_findings_come_in_schema_order_and_the_same_every_time() -> None:
    broken = RESOURCE | {"access_mode": "open", "intro": "无", "registrant_credit_code": "9" * 18, "name": "客运平台"}
    findings = run(broken, context(materials=frozenset()))
    order = [list(FIELDS).index(f.field) if f.field else len(FIELDS) for f in findings]
    assert order == sorted(order)
    assert order[-1] == len(FIELDS)
    assert findings == run(dict(reversed(broken.items())), context(materials=frozenset()))


def test_a_field_of_the_wrong_type_is_reported_once_and_the_rest_is_still_checked() -> None:
    findings = check(intro=5, access_mode="open")
    assert [f.code for f in findings if f.field == "intro"] == ["schema_rule"]
    assert one(findings, "schema_rule").params["rule"] == "type"
    assert "open_url_missing" in codes(findings)
    bad_url = check(access_mode="open", open_url="ftp://data.example.cn")
    assert [f.code for f in bad_url if f.field == "open_url"] == ["schema_rule"]


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("evidence_digest", "ABC", "pattern"),
        ("evidence_time", "2026-09-10", "format"),
        ("coverage_start", "2025-02-30", "format"),
        ("record_count", "1200条", "type"),
        ("grade", "secret", "enum"),
        ("name", "名" * 201, "maxLength"),
        ("registrant_credit_code", "9111", "minLength"),
        ("co_registrants", [{"name": "山丹县教育局"}], "required"),
        ("not_applicable", {"access": "无此事项"}, "propertyNames"),
    ],
)
def test_each_schema_rule_names_its_field(field: str, value: object, rule: str) -> None:
    finding = one(schema_findings(RESOURCE | {field: value}), "schema_rule")
    assert (finding.field, finding.params["rule"], finding.severity) == (field, rule, "error")
    assert FIELDS[field].label in finding.fix.format(**finding.params)


def test_an_unknown_field_is_named() -> None:
    assert one(schema_findings(RESOURCE | {"colour": "red"}), "unknown_field").field == "colour"
    assert schema_findings(RESOURCE) == []


@pytest.mark.parametrize("data_type", DATA_TYPES)
def test_every_required_field_is_asked_for(data_type: str) -> None:
    asked = {f.field for f in run({"data_type": data_type}, context()) if f.code == "required"}
    expected = {
        name for name, field in FIELDS.items() if "first" in field.required_for and data_type in field.data_types
    }
    assert asked == expected - {"data_type"}


def test_a_blank_required_field_counts_as_missing_in_every_kind() -> None:
    assert one(check(scenarios="  "), "required").field == "scenarios"
    assert one(check(scenarios=" ", ctx=context("change")), "required").field == "scenarios"
    assert "required" not in codes(run({"contact_phone": "1"}, context("change")))


def test_a_reason_for_inapplicability_excuses_its_group_and_is_shown_to_the_reviewer() -> None:
    findings = check(scenarios=None, not_applicable={"scenario": "内部共享，无应用场景"})
    assert "required" not in codes(findings)
    assert one(findings, "not_applicable").params == {"group": "应用场景信息"}


def test_what_the_notice_must_show_is_never_inapplicable() -> None:
    findings = check(intro=None, industries=None, not_applicable={"resource": "不适用本项"})
    assert [f.field for f in findings if f.code == "required"] == ["intro"]
    assert "not_applicable_contradicted" in codes(findings)


def test_a_group_declared_inapplicable_but_filled_in_is_a_contradiction() -> None:
    findings = check(not_applicable={"scenario": "没有应用场景"})
    assert one(findings, "not_applicable_contradicted").params["label"] == "应用场景"


def test_coverage_dates_and_product_fields_belong_to_their_types_only() -> None:
    assert {f.field for f in check(PRODUCT, coverage_start="2024-01-01") if f.code == "field_of_other_type"} == {
        "coverage_start"
    }
    assert one(check(product_form="api"), "field_of_other_type").field == "product_form"


def test_a_cancellation_is_asked_for_its_proof_only() -> None:
    findings = run({}, context("cancellation", materials=frozenset()))
    assert [(f.code, f.params["kind"]) for f in findings] == [("material_missing", "cancellation_proof")]
    assert run({}, context("cancellation", materials=frozenset({"cancellation_proof"}))) == []


def test_the_table_of_findings_is_complete_and_cited() -> None:
    assert len({check.code for check in CHECKS}) == len(CHECKS)
    for code, spec in SPECS.items():
        assert code == spec.code
        assert spec.severity in ("error", "warning", "info")
        assert "《" in spec.article or "GB" in spec.article
        assert spec.message
        assert spec.fix
        assert spec.field is None or spec.field in FIELDS


def test_materials_present_in_the_sample_are_those_the_nation_asks_for() -> None:
    assert set(rulebook.load("cn").get("materials.required.first.resource")) == MATERIALS

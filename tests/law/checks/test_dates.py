"""Dates of coverage, evidence, agreement and first filing (R26, R27, R34, R47)."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from .samples import MATERIALS, PRODUCT, check, codes, context, one

AGREEMENT = {
    "within_authorised_operation": True,
    "agreement_number": "授〔2025〕1号",
    "agreement_party": "张掖市人民政府",
    "agreement_start": "2025-01-01",
    "agreement_end": "2029-12-31",
}
WITH_AGREEMENT = context(materials=MATERIALS | {"authorisation_agreement"})


@pytest.mark.parametrize(
    ("start", "end"), [("coverage_start", "coverage_end"), ("agreement_start", "agreement_end")], ids=["data", "term"]
)
def test_a_period_that_ends_before_it_starts_is_an_error_and_one_day_is_not(start: str, end: str) -> None:
    finding = one(check(**{start: "2026-02-02", end: "2026-02-01"}), "period_reversed")
    assert (finding.field, finding.severity) == (end, "error")
    assert "period_reversed" not in codes(check(**{start: "2026-02-02", end: "2026-02-02"}))


def test_coverage_that_has_not_begun() -> None:
    assert "coverage_future" in codes(check(coverage_start="2026-09-23", coverage_end=None))
    assert "coverage_future" not in codes(check(coverage_start="2026-09-22", coverage_end=None))


@pytest.mark.parametrize(
    ("deposited", "late"),
    [
        ("2026-09-22T01:59:59Z", False),
        ("2026-09-22T02:00:00Z", True),
        ("2026-09-22T10:00:00+08:00", True),
        ("2026-09-22T09:59:59+08:00", False),
    ],
)
def test_evidence_is_earlier_than_receipt_to_the_second(deposited: str, late: bool) -> None:
    found = check(evidence_time=deposited)
    assert ("evidence_late" in codes(found)) == late
    assert not late or one(found, "evidence_late").severity == "error"


def test_while_drafting_evidence_may_be_of_today_but_not_of_tomorrow_in_shanghai() -> None:
    draft = context(receipt=None)
    assert "evidence_late" not in codes(check(evidence_time="2026-09-22T15:59:59Z", ctx=draft))
    assert "evidence_late" in codes(check(evidence_time="2026-09-22T16:00:00Z", ctx=draft))


def test_a_leap_second_does_not_break_the_check() -> None:
    assert "evidence_late" not in codes(check(evidence_time="2016-12-31T23:59:60Z"))


def test_an_expired_agreement_stops_a_product_and_warns_for_a_resource() -> None:
    past = AGREEMENT | {"agreement_end": "2026-09-21"}
    assert one(check(PRODUCT, ctx=WITH_AGREEMENT, **past), "agreement_expired").severity == "error"
    assert one(check(ctx=WITH_AGREEMENT, **past), "agreement_expired").severity == "warning"
    today = AGREEMENT | {"agreement_end": "2026-09-22"}
    assert "agreement_expired" not in codes(check(PRODUCT, ctx=WITH_AGREEMENT, **today))


def test_an_agreement_of_more_than_five_years_is_warned_of() -> None:
    assert "agreement_too_long" not in codes(check(ctx=WITH_AGREEMENT, **AGREEMENT))
    longer = AGREEMENT | {"agreement_end": "2030-01-02"}
    finding = one(check(ctx=WITH_AGREEMENT, **longer), "agreement_too_long")
    assert (finding.severity, finding.params["months"]) == ("warning", 60)
    assert "第十四条" in finding.article


def test_the_validity_of_a_product_follows_a_short_agreement() -> None:
    short = AGREEMENT | {"agreement_end": "2027-12-31"}
    assert one(check(PRODUCT, ctx=WITH_AGREEMENT, **short), "validity_by_agreement").severity == "info"
    assert "validity_by_agreement" not in codes(check(PRODUCT, ctx=WITH_AGREEMENT, **AGREEMENT))
    assert "validity_by_agreement" not in codes(check(ctx=WITH_AGREEMENT, **short))


def test_a_product_in_operation_needs_the_end_of_its_agreement() -> None:
    assert "agreement_end_missing" in codes(check(PRODUCT, ctx=WITH_AGREEMENT, **AGREEMENT | {"agreement_end": None}))
    assert "agreement_end_missing" not in codes(check(PRODUCT))


@pytest.mark.parametrize(
    ("started", "delivered", "filed", "due"),
    [
        # 20 working days after Tuesday 2026-06-30, no holidays between
        ("2026-06-01", "2026-06-30", "2026-07-28", None),
        ("2026-06-01", "2026-06-30", "2026-07-29", "2026-07-28"),
        ("2026-06-30", "2026-06-01", "2026-07-29", "2026-07-28"),
        # begun before the Measures: 30 working days from 2025-03-01 (facts R40)
        ("2024-12-01", "2025-01-10", "2025-04-14", None),
        ("2024-12-01", "2025-01-10", "2025-04-15", "2025-04-14"),
    ],
)
def test_a_late_first_filing_is_flagged_with_its_due_date(
    started: str, delivered: str, filed: str, due: str | None
) -> None:
    receipt = datetime.fromisoformat(filed + "T09:00:00+08:00").astimezone(UTC)
    ctx = context(receipt=receipt, today=date.fromisoformat(filed), materials=WITH_AGREEMENT.materials)
    findings = check(ctx=ctx, operation_start=started, delivery_date=delivered, **AGREEMENT)
    late = [f for f in findings if f.code == "late_filing"]
    assert [f.params["due"] for f in late] == ([due] if due else [])
    assert all(f.severity == "info" for f in late)


def test_no_due_date_without_both_events_or_outside_authorised_operation() -> None:
    old = {"operation_start": "2025-06-01"}
    assert "late_filing" not in codes(check(ctx=WITH_AGREEMENT, **AGREEMENT, **old))
    assert "late_filing" not in codes(check(**old, delivery_date="2025-06-01"))
    assert "late_filing" in codes(check(ctx=WITH_AGREEMENT, **AGREEMENT, **old, delivery_date="2025-06-01"))
    change = context("change", materials=WITH_AGREEMENT.materials)
    assert "late_filing" not in codes(check(ctx=change, **AGREEMENT, **old, delivery_date="2025-06-01"))


def test_a_risk_assessment_of_the_future_has_not_happened() -> None:
    assert one(check(risk_assessment_date="2026-09-23"), "assessment_future").severity == "error"
    assert "assessment_future" not in codes(check(risk_assessment_date="2026-09-22"))

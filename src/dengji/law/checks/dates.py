"""Dates: coverage, evidence before receipt, term of the agreement, lateness of a first filing (R26, R27, R34, R47)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from ..calendar import add_months, shanghai_date
from ..record import FIELDS
from .model import MEASURES, N_, OPERATION, Context, Finding, spec

_COVERAGE = f"{MEASURES}第九条第一项（三）"
_EVIDENCE = f"{MEASURES}第七条"
_AGREEMENT = f"{OPERATION}第十四条；{MEASURES}第十五条"

PERIOD_REVERSED = spec(
    "period_reversed",
    "coverage_end",
    "error",
    _COVERAGE,
    N_("“{end_label}”{end} 早于“{start_label}”{start}"),
    N_("核对两个日期，起始日不晚于终止日"),
)
COVERAGE_FUTURE = spec(
    "coverage_future",
    "coverage_start",
    "warning",
    _COVERAGE,
    N_("“覆盖时间起”{start} 在今天之后"),
    N_("填写数据实际覆盖的起始日"),
)
EVIDENCE_LATE = spec(
    "evidence_late",
    "evidence_time",
    "error",
    _EVIDENCE,
    N_("存证时间 {time} 不早于提交申请的时间"),
    N_("申请登记前须先行存证：核对存证时间，或完成存证后再提交"),
)
AGREEMENT_EXPIRED = spec(
    "agreement_expired",
    "agreement_end",
    "warning",
    _AGREEMENT,
    N_("授权运营协议已于 {end} 终止"),
    N_("填写现行协议的起止日期，并上传现行协议"),
)
AGREEMENT_TOO_LONG = spec(
    "agreement_too_long",
    "agreement_end",
    "warning",
    f"{OPERATION}第十四条",
    N_("授权运营协议期限超过 {months} 个月"),
    N_("核对协议起止日期；确为更长期限的，在说明文档中说明理由"),
)
AGREEMENT_END_MISSING = spec(
    "agreement_end_missing",
    "agreement_end",
    "warning",
    f"{MEASURES}第十五条",
    N_("授权运营的产品和服务没有填写协议终止日，无法确定有效期"),
    N_("填写授权运营协议的起止日期"),
)
VALIDITY_BY_AGREEMENT = spec(
    "validity_by_agreement",
    "agreement_end",
    "info",
    f"{MEASURES}第十五条",
    N_("协议期限不超过 {months} 个月，登记有效期将止于协议终止日 {end}"),
    N_("无需更正；协议续签后可申请续展"),
)
LATE_FILING = spec(
    "late_filing",
    "delivery_date",
    "info",
    f"{MEASURES}第九条第一项",
    N_("首次登记应于 {due} 前提交，现已逾期"),
    N_("逾期仍可提交，将标记为逾期申请；请核对授权运营启动日和交付日"),
)
ASSESSMENT_FUTURE = spec(
    "assessment_future",
    "risk_assessment_date",
    "error",
    f"{MEASURES}第九条第一项（七）",
    N_("安全风险评估日期 {date} 在今天之后"),
    N_("填写评估完成的日期"),
)


def day(content: Mapping[str, Any], name: str) -> date | None:
    """Return a date field as a date, or None when it is absent."""
    value = content.get(name)
    return date.fromisoformat(value) if value else None


def _reversed(content: Mapping[str, Any], start: str, end: str) -> Iterator[Finding]:
    first, last = content.get(start), content.get(end)
    if first and last and last < first:
        labels = {"start_label": FIELDS[start].label, "end_label": FIELDS[end].label}
        yield PERIOD_REVERSED.at(end, start=first, end=last, **labels)


def coverage(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Check that coverage starts before it ends and has begun (R47)."""
    yield from _reversed(content, "coverage_start", "coverage_end")
    start = day(content, "coverage_start")
    if start and start > context.today:
        yield COVERAGE_FUTURE.at(start=start.isoformat())


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:  # a leap second is a valid RFC 3339 time that Python cannot hold
        return None


def evidence_time(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Check that evidence was deposited before the application was received, or before today ends (R26)."""
    text = content.get("evidence_time")
    deposited = _instant(text) if text else None
    if deposited is None:
        return
    late = deposited >= context.receipt if context.receipt else shanghai_date(deposited) > context.today
    if late:
        yield EVIDENCE_LATE.at(time=text or "")


def assessment(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Check that the risk assessment has taken place (Measures Art. 9)."""
    assessed = day(content, "risk_assessment_date")
    if assessed and assessed > context.today:
        yield ASSESSMENT_FUTURE.at(date=assessed.isoformat())


def agreement(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Check order, expiry and length of the agreement, and what it means for a product's validity (R33, R34)."""
    yield from _reversed(content, "agreement_start", "agreement_end")
    product = content.get("data_type") == "product"
    start, end = day(content, "agreement_start"), day(content, "agreement_end")
    if end is None:
        if product and content.get("within_authorised_operation"):
            yield AGREEMENT_END_MISSING.at()
        return
    if end < context.today:
        yield AGREEMENT_EXPIRED.at(None, "error" if product else "warning", end=end.isoformat())
    if start is None or start > end:
        return
    most = context.rulebook.get("validity.agreement_max_months")
    if most and end > add_months(start, most):
        yield AGREEMENT_TOO_LONG.at(months=most)
    term = context.rulebook.get("validity.term_months")
    if product and context.today <= end <= add_months(start, term):
        yield VALIDITY_BY_AGREEMENT.at(months=term, end=end.isoformat())


def late_filing(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Flag a first filing after its due date: the later of start and delivery plus the limit, in working days (R27)."""
    started, delivered = day(content, "operation_start"), day(content, "delivery_date")
    if not content.get("within_authorised_operation") or started is None or delivered is None:
        return
    rules, event = context.rulebook, max(started, delivered)
    due = context.calendar.add(event, rules.get("limits.first_filing_wd")).last_day
    begins = rules.get("limits.legacy_before")
    if begins and started < date.fromisoformat(begins):
        legacy = context.calendar.add(date.fromisoformat(begins), rules.get("limits.legacy_filing_wd")).last_day
        due = max(due, legacy)
    filed = shanghai_date(context.receipt) if context.receipt else context.today
    if filed > due:
        refused = rules.get("procedure.late_filing", "flag") == "refuse"
        yield LATE_FILING.at(None, "error" if refused else "info", due=due.isoformat())

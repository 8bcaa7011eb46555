"""A record that passes every check, and a context to check it in."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from dengji.law import calendar, rulebook
from dengji.law.checks import Context, Finding, Similar, run

TODAY = date(2026, 9, 22)
RECEIPT = datetime(2026, 9, 22, 2, 0, tzinfo=UTC)
MATERIALS = frozenset({"description_document", "commitment_letter", "source_basis", "risk_assessment"})
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

RESOURCE: dict[str, Any] = {
    "data_type": "resource",
    "name": "甘肃省张掖市-道路运输业-城市客运信息",
    "intro": "该数据资源在城市客运管理过程中产生，包含线路名称、运输企业、单程距离、停靠站等具体信息，可用于线网优化。",
    "registrant_name": "张掖市大数据中心",
    "registrant_credit_code": "91110000802100433B",
    "registrant_type": "public_institution",
    "registrant_region": "620700",
    "collection_basis": "《城市公共汽车和电车客运管理规定》第六条",
    "duty_basis": "城市客运管理",
    "source_mode": "collected",
    "within_authorised_operation": False,
    "industries": ["54"],
    "coverage_regions": ["620700"],
    "coverage_start": "2024-01-01",
    "coverage_end": "2025-12-31",
    "data_format": ["spreadsheet"],
    "update_frequency": "monthly",
    "record_count": 1200,
    "volume_value": 3,
    "volume_unit": "MB",
    "data_items": [{"name": "线路名称", "type": "字符串"}, {"name": "运输企业"}],
    "contains_personal": False,
    "grade": "general",
    "evidence_method": "hash",
    "evidence_algorithm": "sha256",
    "evidence_digest": DIGEST,
    "evidence_size": 1000,
    "evidence_count": 1,
    "evidence_time": "2026-09-10T08:00:00+08:00",
    "scenarios": "线网优化",
    "risk_assessment_date": "2026-08-01",
    "risk_assessment_conclusion": "风险可控",
    "access_mode": "apply",
}
_COVERAGE = ("coverage_start", "coverage_end")
PRODUCT: dict[str, Any] = {name: value for name, value in RESOURCE.items() if name not in _COVERAGE} | {
    "data_type": "product",
    "name": "城市客运线网评价服务",
    "registrant_type": "enterprise",
    "product_form": "api",
    "delivery_mode": "api",
    "source_codes": ["1393264726771781632103"],
}


def context(kind: str = "first", *, rules: str = "cn", **changes: Any) -> Context:
    values: dict[str, Any] = {
        "rulebook": rulebook.load(rules),
        "kind": kind,
        "today": TODAY,
        "receipt": RECEIPT,
        "materials": MATERIALS,
        "similar": (),
        "calendar": calendar.load(),
    }
    return Context(**(values | changes))


def similar(name: str, **changes: Any) -> Similar:
    values: dict[str, Any] = {
        "id": "r1",
        "name": name,
        "registrant_name": "张掖市大数据中心",
        "same_registrant": True,
        "same_region": True,
        "percent": 100,
    }
    return Similar(**(values | changes))


def check(base: dict[str, Any] = RESOURCE, /, *, ctx: Context | None = None, **changes: Any) -> list[Finding]:
    """Check a sample with some fields changed; a field changed to None is taken away."""
    content = {name: value for name, value in (base | changes).items() if value is not None}
    return run(content, ctx or context())


def codes(findings: list[Finding]) -> set[str]:
    return {finding.code for finding in findings}


def one(findings: list[Finding], code: str) -> Finding:
    found = [finding for finding in findings if finding.code == code]
    assert len(found) == 1, [f.code for f in findings]
    return found[0]

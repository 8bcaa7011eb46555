"""THE table of who sees which field of a record at which stage (design §4); what has no mark here is closed.

Statutory floor: the notice shows mainly the registrant's name, the data type, the data's name and a brief of its
content (Measures Art. 12); registration information is otherwise confidential (Arts. 6, 19).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .record import FIELDS

#: notice 公示 · page 登记结果页 · search 检索 · export 开放导出 · neighbour 相邻节点 · nation 国家平台
STAGES = ("notice", "page", "search", "export", "neighbour", "nation")

_CLOSED: frozenset[str] = frozenset()
_STATUTORY = frozenset(STAGES)
_RESULT = frozenset({"page", "search", "export", "neighbour", "nation"})
_PAGE = frozenset({"page", "export", "neighbour", "nation"})
_UPWARD = frozenset({"neighbour", "nation"})
_NATION = frozenset({"nation"})

TABLE: dict[str, frozenset[str]] = {
    "data_type": _STATUTORY,
    "name": _STATUTORY,
    "intro": _STATUTORY,
    "registrant_name": _STATUTORY,
    "registrant_credit_code": _UPWARD,
    "registrant_type": _UPWARD,
    "registrant_region": _RESULT,
    "registrant_address": _CLOSED,
    "legal_representative": _CLOSED,
    "contact_name": _CLOSED,
    "contact_phone": _CLOSED,
    "contact_email": _CLOSED,
    "agent_name": _CLOSED,
    "agent_credit_code": _CLOSED,
    "agent_contact": _CLOSED,
    "co_registrants": _UPWARD,
    "collection_basis": _NATION,
    "duty_basis": _NATION,
    "source_mode": _NATION,
    "sharing_unit": _CLOSED,
    "within_authorised_operation": _UPWARD,
    "agreement_number": _CLOSED,
    "agreement_party": _CLOSED,
    "agreement_start": _CLOSED,
    "agreement_end": _CLOSED,
    "operation_start": _CLOSED,
    "delivery_date": _CLOSED,
    "industries": _RESULT,
    "coverage_regions": _RESULT,
    "coverage_start": _PAGE,
    "coverage_end": _PAGE,
    "data_format": _PAGE,
    "update_frequency": _PAGE,
    "record_count": _NATION,
    "volume_value": _NATION,
    "volume_unit": _NATION,
    "data_items": _CLOSED,
    "contains_personal": _CLOSED,
    "grade": _CLOSED,
    "data_category": _CLOSED,
    "storage_mode": _CLOSED,
    "storage_location": _CLOSED,
    "evidence_method": _NATION,
    "evidence_algorithm": _NATION,
    "evidence_digest": _NATION,
    "evidence_size": _NATION,
    "evidence_count": _NATION,
    "evidence_time": _NATION,
    "evidence_depositor": _CLOSED,
    "evidence_certificate_number": _CLOSED,
    "product_form": _RESULT,
    "source_codes": _PAGE,
    "no_source_reason": _CLOSED,
    "delivery_mode": _PAGE,
    "scenarios": _NATION,
    "risk_assessment_date": _CLOSED,
    "risk_assessor": _CLOSED,
    "risk_assessment_conclusion": _CLOSED,
    "access_mode": _RESULT,
    "open_url": _PAGE,
    "operator_name": _PAGE,
    "alternative_identifiers": _UPWARD,
    "not_applicable": _CLOSED,
}

if TABLE.keys() != FIELDS.keys():  # the build stops here: a field nobody decided about must not exist
    raise RuntimeError(f"visibility rows and schema fields differ: {sorted(TABLE.keys() ^ FIELDS.keys())}")

#: Stage → the fields it may show: the same table, read the other way round.
_SHOWN = {stage: frozenset(name for name, stages in TABLE.items() if stage in stages) for stage in STAGES}


def visible(content: Mapping[str, Any], stage: str) -> dict[str, Any]:
    """Return the part of a record that may be seen at a stage; unknown fields and stages are closed.

    Implements Measures Arts. 6, 12, 19 and design §4.
    """
    shown = _SHOWN.get(stage, _CLOSED)
    return {name: value for name, value in content.items() if name in shown}


def visible_fields(stage: str) -> tuple[str, ...]:
    """Return the names of all fields that a stage may show, in schema order."""
    return tuple(name for name in FIELDS if stage in TABLE[name])

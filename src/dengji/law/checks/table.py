"""THE table of formal-review checks, and the one function that runs it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ..record import FIELDS
from . import contradictions, dates, duplicates, industry, materials, naming, parties, privacy, structure
from .model import DATA_TYPES, KINDS, Check, Context, Finding

_ALL_KINDS = frozenset(KINDS)
_ALL_TYPES = frozenset(DATA_TYPES)
_FIRST = frozenset({"first"})
#: Kinds that carry the content of a record; a cancellation carries only its ground and proof.
_CONTENT = _ALL_KINDS - {"cancellation"}
_RESOURCE = frozenset({"resource"})
_PRODUCT = frozenset({"product"})
_NAMED_BY_PATTERN = _ALL_TYPES - _PRODUCT

CHECKS: tuple[Check, ...] = (
    Check("required", _ALL_KINDS, _ALL_TYPES, structure.required),
    Check("inapplicable", _CONTENT, _ALL_TYPES, structure.inapplicable),
    Check("other_type", _CONTENT, _ALL_TYPES, structure.other_type),
    Check("name", _CONTENT, _ALL_TYPES, naming.name),
    Check("name_pattern", _CONTENT, _NAMED_BY_PATTERN, naming.name_pattern),
    Check("intro", _CONTENT, _ALL_TYPES, naming.intro),
    Check("duplicates", _CONTENT, _ALL_TYPES, duplicates.duplicates),
    Check("personal", _CONTENT, _ALL_TYPES, privacy.personal),
    Check("credit_codes", _ALL_KINDS, _ALL_TYPES, parties.credit_codes),
    Check("admission", _FIRST, _ALL_TYPES, contradictions.admission),
    Check("duty", _FIRST, _ALL_TYPES, contradictions.duty),
    Check("regions", _CONTENT, _ALL_TYPES, parties.regions),
    Check("source", _CONTENT, _ALL_TYPES, contradictions.source),
    Check("agreement", _CONTENT, _ALL_TYPES, dates.agreement),
    Check("late_filing", _FIRST, _ALL_TYPES, dates.late_filing),
    Check("industries", _CONTENT, _ALL_TYPES, industry.industries),
    Check("coverage", _CONTENT, _RESOURCE, dates.coverage),
    Check("volume", _CONTENT, _ALL_TYPES, contradictions.volume),
    Check("personal_items", _CONTENT, _ALL_TYPES, contradictions.personal_items),
    Check("grade", _CONTENT, _ALL_TYPES, contradictions.grade),
    Check("evidence", _CONTENT, _ALL_TYPES, contradictions.evidence),
    Check("evidence_time", _CONTENT, _ALL_TYPES, dates.evidence_time),
    Check("product", _CONTENT, _PRODUCT, contradictions.product),
    Check("assessment", _CONTENT, _ALL_TYPES, dates.assessment),
    Check("access", _CONTENT, _ALL_TYPES, contradictions.access),
    Check("materials", _ALL_KINDS, _ALL_TYPES, materials.materials),
    Check("conditional", _CONTENT, _ALL_TYPES, materials.conditional),
)

_ORDER: dict[str | None, int] = {name: index for index, name in enumerate(FIELDS)}


@lru_cache(maxsize=64)
def _checks_for(kind: str, data_type: str | None) -> tuple[Check, ...]:
    return tuple(c for c in CHECKS if kind in c.kinds and (data_type is None or data_type in c.data_types))


def _place(finding: Finding) -> int:
    return _ORDER.get(finding.field, len(_ORDER))


def run(content: Mapping[str, Any], context: Context) -> list[Finding]:
    """Check a record formally (形式审核) and return what was found, in schema order, the whole record's last.

    Implements Measures Arts. 7–11 and R26, R27, R34, R42–R50; the same run serves drafting, import and the desk.
    A field that breaks the schema is reported once and withheld from the other checks. ValueError on an unknown kind.
    """
    if context.kind not in _ALL_KINDS:
        raise ValueError(f"unknown kind of application: {context.kind}")
    record = content if isinstance(content, dict) else dict(content)
    findings: list[Finding] = []
    withheld: set[str] = set()
    if structure.schema_findings(record):
        for finding, safe in structure.violations(record):
            findings.append(finding)
            if not safe and finding.field:
                withheld.add(finding.field)
        record = {name: value for name, value in record.items() if name in FIELDS and name not in withheld}
    for check in _checks_for(context.kind, record.get("data_type")):
        found = check.function(record, context)
        findings.extend([f for f in found if f.field not in withheld] if withheld else found)
    findings.sort(key=_place)
    return findings

"""What those who follow a case by its key learn of its end, and the list of notices by filters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from dengji.core import sql
from dengji.core.clock import legal_now
from dengji.core.encryption import unseal_json
from dengji.core.errors import not_found
from dengji.law.calendar import shanghai_date

from .. import rules
from ..models import Decision, DecisionDetail, Objection
from .paging import Page
from .voices import matches

_ENDS = ("uphold", "dismiss", "find_inadmissible", "close_moot")
_LIST = """
SELECT n.id, n.register_id, n.serial, n.kind, n.state, n.run, n.first_day, n.last_day, n.provisional, n.ended_at,
       n.fields ->> 'name', n.fields ->> 'registrant_name', n.fields ->> 'data_type', o.name, j.region_code, a.code
FROM registration_notice n
JOIN parties_register r ON r.id = n.register_id
JOIN parties_organisation o ON o.id = r.agency_id
JOIN parties_jurisdiction j ON j.id = r.jurisdiction_id
JOIN registration_application a ON a.id = n.application_id
WHERE (n.state = 'RUNNING') = %s AND (%s::uuid IS NULL OR n.id < %s) AND (%s = '' OR n.kind = %s)
  AND (%s::uuid IS NULL OR n.register_id = %s) AND j.region_code LIKE %s
ORDER BY n.id DESC LIMIT %s
"""
_COLUMNS = (
    "id", "register_id", "serial", "kind", "state", "run", "first_day", "last_day", "provisional", "ended_at",
    "name", "registrant_name", "data_type", "agency_name", "region_code", "code",
)  # fmt: skip


@dataclass(frozen=True)
class NoticeFilters:
    """Which notices are asked for: those that run or those that ended, of a kind, an agency, a region (2–6 digits)."""

    running: bool = True
    kind: str = ""
    register_id: UUID | None = None
    region: str = ""


def notice_list(filters: NoticeFilters, *, after: UUID | None = None, limit: int = 20) -> Page:
    """Return notices newest first, with agency and the working days left (Art. 12, R53): {items, next}.

    Names are shown while a notice runs, and for ⚙ days after a termination; an ended one else keeps serial and dates.
    """
    prefix = filters.region.rstrip("0") if filters.region.isalnum() else ""
    given = [filters.running, after, after, filters.kind, filters.kind, filters.register_id, filters.register_id]
    with sql.prepared() as cursor:
        cursor.execute(_LIST, [*given, f"{prefix}%", limit + 1])
        rows = [dict(zip(_COLUMNS, row, strict=True)) for row in cursor.fetchall()]
    more, rows = len(rows) > limit, rows[:limit]
    today, calendar = shanghai_date(legal_now()), rules.calendar()
    for row in rows:
        running = row["state"] == "RUNNING"
        row["working_days"] = max(0, calendar.between(today, row["last_day"])) if running else None
        row["suppressed"] = running and not row["name"]
        if not (running or _titled(row, today)):
            row["name"] = None
        if not running:
            row["registrant_name"] = None
    return {"items": rows, "next": str(rows[-1]["id"]) if more else None}


def _titled(row: dict[str, Any], today: Any) -> bool:
    if row["state"] != "TERMINATED" or row["ended_at"] is None:
        return False
    days = int(rules.rules_of_register(row["register_id"]).get("notice.terminated_shown_days"))
    return bool(today <= shanghai_date(row["ended_at"]) + timedelta(days=days))


def working_days_left(last_day: Any) -> int:
    """Return how many working days are left until a day, today not counted; 0 on the last day and after it."""
    return max(0, rules.calendar().between(shanghai_date(legal_now()), last_day))


def objection_end(objection_id: UUID, key: str) -> dict[str, Any] | None:
    """Return how one's own objection ended: {act, at, reason}; None while it is open. Raises DomainError not_found."""
    row = Objection.objects.filter(pk=objection_id).first()
    if row is None or not matches(row.pk, key):
        raise not_found()
    decision = Decision.objects.filter(object_id=row.pk, act__in=_ENDS).order_by("-n").first()
    if decision is None:
        return None
    detail = DecisionDetail.objects.filter(pk=decision.detail_id).first() if decision.detail_id else None
    words = unseal_json(detail.data, context=row.pk.bytes).get("words", {}) if detail else {}
    return {"act": decision.act, "at": decision.at, "reason": str(words.get("reason", ""))}

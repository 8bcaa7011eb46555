"""What a register discloses for a period (信息披露, R58): length and counts as its rulebook says, e.g. 海南, 甘肃."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext

from dengji.core.clock import legal_now
from dengji.core.errors import N_, DomainError
from dengji.law.calendar import SHANGHAI, shanghai_date
from dengji.law.rulebook import vocabulary
from dengji.parties.selectors import registers
from dengji.registration import queries
from dengji.registration.api.base import act_label
from dengji.registration.rules import rules_of_register

from ..labels import english
from .selectors import Asked, table

#: What is told of the procedure, in its order.
ACTS = (
    "submit", "accept", "decline", "request_supplement", "pass_review", "reject", "open_notice", "suspend_notice",
    "lodge", "uphold", "dismiss", "terminate", "assign_code", "adopt", "complete", "cancel", "revoke",
)  # fmt: skip
#: Item of the rulebook → the act that is counted for it. Confirmation sheets are printed on demand and not counted.
_STATED = {"notices": "open_notice", "objections": "lodge"}
#: Months of each cycle; where the rules name no length, a year is shown.
_MONTHS = {"monthly": 1, "quarterly": 3, "half_yearly": 6, "annual": 12}
_WRONG = N_("期间应为年、半年、季度或月，如 2026、2026-H1、2026-Q3、2026-07")
_PERIOD = re.compile(r"(20\d\d)(?:-(?:Q([1-4])|H([12])|(0[1-9]|1[0-2])))?", re.ASCII)


def period(name: str) -> tuple[date, date]:
    """Return first and last day of 2026, 2026-H1, 2026-Q3 or 2026-07; raises DomainError statistics_period."""
    found = _PERIOD.fullmatch(name)
    if not found:
        raise DomainError("statistics_period", _WRONG, "period")
    quarter, half, month = (int(part) if part else 0 for part in found.groups()[1:])
    length = 3 if quarter else 6 if half else 1 if month else 12
    start = (quarter or half or month or 1) * length - length
    end = start + length
    year = int(found[1])
    return date(year, start + 1, 1), date(year + end // 12, end % 12 + 1, 1) - timedelta(days=1)


def _name(day: date, length: int) -> str:
    mark = {1: f"-{day.month:02}", 3: f"-Q{(day.month + 2) // 3}", 6: f"-H{(day.month + 5) // 6}", 12: ""}[length]
    return f"{day.year}{mark}"


def _rules(register: UUID | None) -> tuple[str, list[str], str]:
    """(cycle, counts, citation of the cycle): of the register, or of the node's only one."""
    known = [row.pk for row in registers()]
    if register is not None and register not in known:
        raise DomainError("not_found", N_("没有这一登记簿"), "register", status=404)
    wanted = register or (known[0] if len(known) == 1 else None)
    if wanted is None:
        return "none", ["registrations", "notices"], ""
    book = rules_of_register(wanted)
    cycle = str(book.get("disclosure.cycle"))
    return cycle, list(book.get("disclosure.counts")), book.value("disclosure.cycle").cite if cycle != "none" else ""


def disclosure(register: UUID | None = None, name: str = "") -> dict[str, Any]:
    """Return the tables of one period, by default the last that is over: registrations, procedure, stated counts.

    Raises DomainError statistics_period also for a period that has not begun, not_found for no such register.
    """
    cycle, counts, cite = _rules(register)
    length = _MONTHS.get(cycle, 12)
    today = shanghai_date(legal_now())
    first, last = period(name or _name(_before(today, length), length))
    if first > today:
        raise DomainError("statistics_period", N_("该期间尚未开始"), "period")
    asked = Asked(register=register, first=first, last=last)
    tables = [table(dimension, asked) for dimension in ("type", "section", "region", "register")]
    opened, end = (datetime.combine(day, time(), SHANGHAI) for day in (first, last + timedelta(days=1)))
    done = queries.acts_in(opened, end, ACTS, register)
    labels = vocabulary("statistic")
    tongue = "en" if english() else "zh"
    stated = {"registrations": tables[0]["total"]["period"]["added"]}
    stated |= {item: done["acts"][act] for item, act in _STATED.items()}
    return {
        "register": register,
        "period": name or _name(first, length),
        "first": first,
        "last": last,
        "ended": last < today,
        "cycle": vocabulary("cycle")[cycle][tongue],
        "cite": cite,
        "as_of": done["as_of"],
        "position": tables[0]["position"],
        "stated": [{"name": c, "label": labels[c][tongue], "count": stated.get(c)} for c in counts],
        "tables": tables,
        "acts": [{"name": act, "label": act_label(act), "count": n} for act, n in done["acts"].items()],
        "definition": gettext(
            "登记数按登记簿记入日志之日统计，办理数按作出之日统计，均为北京时间；确认单随时可以打印，不计数。"
        ),
    }


def _before(today: date, length: int) -> date:
    """A day of the last period of so many months that is over."""
    months = today.year * 12 + today.month - 1
    months -= months % length + 1
    return date(months // 12, months % 12 + 1, 1)

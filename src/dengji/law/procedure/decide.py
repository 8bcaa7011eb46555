"""The one pure function that reads the table: may this act happen now, what state follows, which deadline begins?

Who may act on which object is a question of roles (in the table) and of scope (selectors); how the paper must look
is in `checks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from ..calendar import Calendar, Deadline, shanghai_date
from .states import N_, TERMINAL
from .table import TABLE, Act


class Rules(Protocol):
    """What `decide` needs of a rulebook."""

    def get(self, key: str) -> object:
        """Return the value of a key, None where the law gives none."""


#: Which limit runs in a state, and from which moment of the case it is counted. Kinds with a limit of their own: below.
LIMITS: dict[tuple[str, str], tuple[str, str]] = {
    ("application", "SUPPLEMENT"): ("limits.registrant_fix_wd", "now"),
    ("application", "SUBMITTED"): ("limits.accept_wd", "receipt"),
    ("application", "ACCEPTED"): ("limits.review_wd", "accepted"),
    ("application", "UNDER_REVIEW"): ("limits.review_wd", "accepted"),
    ("application", "NOTICE"): ("limits.notice_wd", "now"),
    ("application", "CODING"): ("limits.coding_wd", "now"),
    ("objection", "LODGED"): ("limits.objection_verify_wd", "now"),
    ("objection", "VERIFIED"): ("limits.objection_decide_wd", "now"),
    ("complaint", "RECEIVED"): ("limits.complaint_wd", "now"),
}
#: A kind whose completion has a limit of its own, counted from acceptance, where the rulebook sets one (Art. 9(4)).
_COMPLETION = {
    "change": "limits.change_wd",
    "rectification": "limits.rectification_wd",
    "cancellation": "limits.cancel_wd",
    "renewal": "limits.renewal_wd",
}
_COMPLETING = frozenset({"ACCEPTED", "UNDER_REVIEW", "REVIEW_PASSED"})


@dataclass(frozen=True)
class Case:
    """What the law needs to know of an object: its state, its moments and the facts the guards ask about."""

    state: str | None = None
    kind: str = "first"
    receipt: datetime | None = None
    accepted: datetime | None = None
    notice_ends: datetime | None = None
    deadline_ends: datetime | None = None
    in_supplement: bool = False
    facts: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """The answer of `decide`: the next state and the deadline that now runs, if any."""

    act: Act
    state: str
    deadline: Deadline | None


class ProcedureError(ValueError):
    """The act is not possible; `code` says why, `message` is a Chinese message id."""

    def __init__(self, code: str, message: str, article: str = "", params: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.article = article
        self.params = dict(params or {})


#: Guards that only ask whether a fact holds: code and what to tell the person.
_FACT_GUARDS: dict[str, str] = {
    "joint_confirmed": N_("尚有共同登记主体未确认：请各主体确认，或上传共同登记协议"),
    "second_person": N_("业务审核人不得与经办人为同一人：请由业务审核人提交，或上传负责人签章的业务审核表"),
    "acceptor_differs": N_("受理与审核不得由同一人办理"),
    "opener_differs": N_("审核与公示不得由同一人办理"),
    "withdraw_open": N_("已过可以撤回的阶段"),
    "secrecy_review": N_("尚未完成保密及公开审查：请填写审查人、日期和结论"),
    "preview": N_("尚未确认公示内容预览：请在信息确认中选择“我已知晓”"),
    "rounds": N_("补正次数已达上限"),
    "renewal_window": N_("不在续展期内：续展应在有效期届满前的规定期间内提出"),
    "renewal_in_time": N_("登记已失效，不能办结"),
    "rectification_basis": N_("利害关系人申请更正，须有登记主体书面同意或证明登记确有错误的材料"),
    "overdue": N_("尚未逾期，无需说明"),
    "overdue_explained": N_("审核已逾期：请先向登记主体说明理由"),
    "fix_in_time": N_("补正期限已过"),
    "notice_required": N_("此类申请无需公示"),
    "hits_cleared": N_("公示内容中尚有未经人工处理的敏感信息提示"),
    "no_open_objection": N_("尚有异议未处理完毕"),
    "objection_open": N_("不在异议期内"),
    "notice_settled": N_("须先公示期满"),
    "expired": N_("登记尚未到期，应由登记主体申请注销"),
    "investigated": N_("撤销前须有核实记录，并听取登记主体陈述"),
}
#: Guards that may not apply: guard → fact that, when true, lifts it.
_LIFTED_BY = {"overdue_explained": "not_overdue", "expired": "follows_application"}


def _guard(name: str, act: Act, case: Case, rules: Rules, at: datetime) -> None:
    if name == "notice_over":
        grace = rules.get("notice.close_grace_minutes")
        minutes = grace if isinstance(grace, int) else 0
        if case.notice_ends is None or at < case.notice_ends + timedelta(minutes=minutes):
            raise ProcedureError("notice_running", N_("公示期未满"), act.article)
        return
    if case.facts.get(name, False) or case.facts.get(_LIFTED_BY.get(name, ""), False):
        return
    raise ProcedureError(name, _FACT_GUARDS[name], act.article)


def limit_for(obj: str, state: str, kind: str, rules: Rules) -> tuple[str, str] | None:
    """Return (rulebook key, counted from) of the limit that runs in a state, or None (Measures Arts. 9–12)."""
    own = _COMPLETION.get(kind) if obj == "application" and state in _COMPLETING else None
    if own and isinstance(rules.get(own), int):
        return own, "accepted"
    return LIMITS.get((obj, state))


def deadline_in(obj: str, state: str, case: Case, rules: Rules, calendar: Calendar, at: datetime) -> Deadline | None:
    """Return the deadline that runs in a state, None where the law gives none.

    The day of the event is not counted; the period ends at 24:00 Shanghai time of its last working day (R36, R38).
    """
    limit = limit_for(obj, state, case.kind, rules)
    if limit is None:
        return None
    days = rules.get(limit[0])
    if not isinstance(days, int):
        return None
    start = {"now": at, "receipt": case.receipt or at, "accepted": case.accepted or at}[limit[1]]
    return calendar.add(shanghai_date(start), days)


def decide(
    name: str, case: Case, role: str, rules: Rules, calendar: Calendar, at: datetime, *, obj: str | None = None
) -> Outcome:
    """Decide whether an act may happen now and what follows from it; pure.

    Raises ProcedureError with code unknown_act, wrong_role, wrong_kind, wrong_state or the name of a failing guard.
    Implements design appendix A and Measures Arts. 7–15, 20.
    """
    act = TABLE.get(name)
    if act is None:
        raise ProcedureError("unknown_act", N_("没有这一办理事项"))
    if role not in act.roles and "anyone" not in act.roles:
        raise ProcedureError("wrong_role", N_("您的角色不能办理此事项"), act.article)
    if case.kind not in act.kinds:
        raise ProcedureError("wrong_kind", N_("此类申请没有这一环节"), act.article)
    _check_state(act, case)
    for guard in act.guards:
        _guard(guard, act, case, rules, at)
    state = act.target or case.state or ""
    if name == "return_to_clerk" and case.in_supplement:
        state = "SUPPLEMENT"
    kind = act.object if act.object != "any" else (obj or "application")
    moved = _after(name, case, at)
    if act.target is None:
        return Outcome(act, state, None)
    return Outcome(act, state, deadline_in(kind, state, moved, rules, calendar, at))


def _check_state(act: Act, case: Case) -> None:
    if act.name in ("recalculate", "suppress_content"):
        if case.state is None or (act.name == "recalculate" and case.state in TERMINAL):
            raise ProcedureError("wrong_state", N_("当前状态下不能办理此事项"), act.article)
        return
    creates = not act.sources
    if creates != (case.state is None) or (not creates and case.state not in act.sources):
        raise ProcedureError("wrong_state", N_("当前状态下不能办理此事项"), act.article, {"state": case.state or ""})


def _after(name: str, case: Case, at: datetime) -> Case:
    """The case with the moments that the act itself fixes."""
    if name == "submit":
        return Case(kind=case.kind, receipt=at)
    if name == "accept":
        return Case(kind=case.kind, receipt=case.receipt, accepted=at)
    return case


def acts_for(obj: str, state: str, kind: str, roles: frozenset[str]) -> tuple[Act, ...]:
    """Return the acts that some of these roles could take on an object in this state, guards aside."""
    return tuple(
        act
        for act in TABLE.values()
        if act.object == obj and state in act.sources and kind in act.kinds and (roles & act.roles)
    )

"""THE transition table (design appendix A) and the one pure function that reads it.

An act is one row. `decide` answers: may this act happen now, what state follows, which deadline begins? Who may act on
which object is a question of roles (here) and of scope (selectors); what the paper must look like is in `checks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from .calendar import Calendar, Deadline, shanghai_date


def N_(text: str) -> str:  # noqa: N802 - marks a message id for extraction
    """Mark a Chinese message id."""
    return text


class Rules(Protocol):
    """What `decide` needs of a rulebook."""

    def get(self, key: str) -> object:
        """Return the value of a key, None where the law gives none."""


KINDS = ("first", "change", "rectification", "cancellation", "renewal")
KIND_LABELS = {
    "first": N_("首次登记"),
    "change": N_("变更登记"),
    "rectification": N_("更正登记"),
    "cancellation": N_("注销登记"),
    "renewal": N_("续展"),
}
STATES: dict[str, dict[str, str]] = {
    "application": {
        "DRAFT": N_("草稿"),
        "BUSINESS_REVIEW": N_("业务审核中"),
        "SUBMITTED": N_("已提交，待受理"),
        "SUPPLEMENT": N_("待补正"),
        "ACCEPTED": N_("已受理"),
        "DECLINED": N_("不予受理"),
        "UNDER_REVIEW": N_("形式审核中"),
        "REVIEW_PASSED": N_("审核通过"),
        "REJECTED": N_("审核不通过"),
        "NOTICE": N_("公示中"),
        "NOTICE_SUSPENDED": N_("公示中止"),
        "CODING": N_("待赋码"),
        "CODING_REFUSED": N_("赋码被退回"),
        "REGISTERED": N_("已登记"),
        "COMPLETED": N_("已办结"),
        "TERMINATED": N_("终止登记"),
        "WITHDRAWN": N_("已撤回"),
    },
    "objection": {
        "LODGED": N_("已提出"),
        "RETRACTED": N_("已撤回"),
        "VERIFIED": N_("已核实身份"),
        "INADMISSIBLE": N_("不予受理"),
        "UPHELD": N_("成立"),
        "DISMISSED": N_("不成立"),
        "MOOT": N_("因登记终止而终结"),
    },
    "registration": {"VALID": N_("有效"), "CANCELLED": N_("已注销"), "REVOKED": N_("已撤销")},
    "complaint": {"RECEIVED": N_("已收到"), "ANSWERED": N_("已答复")},
    "recheck": {"DRAWN": N_("已抽中"), "CONFORMING": N_("合规"), "DEFICIENT": N_("存在问题")},
    "register": {"HOSTED": N_("代为受理"), "OWN": N_("自有平台")},
}
TERMINAL = frozenset({"DECLINED", "REJECTED", "TERMINATED", "WITHDRAWN", "REGISTERED", "COMPLETED"})
OPEN_OBJECTION = frozenset({"LODGED", "VERIFIED"})
_BEFORE_NOTICE = frozenset(
    {"DRAFT", "BUSINESS_REVIEW", "SUBMITTED", "SUPPLEMENT", "ACCEPTED", "UNDER_REVIEW", "REVIEW_PASSED"}
)
_CLERKS = frozenset({"clerk", "agent", "interested_party"})


@dataclass(frozen=True)
class Act:
    """One row of the table. `target` None leaves the state as it is; `sources` empty creates the object."""

    name: str
    label: str
    object: str
    sources: frozenset[str]
    target: str | None
    roles: frozenset[str]
    article: str
    public: bool
    reasoned: bool = False
    kinds: frozenset[str] = frozenset(KINDS)
    guards: tuple[str, ...] = ()


def _row(
    name: str,
    label: str,
    obj: str,
    sources: str,
    target: str | None,
    roles: str,
    article: str,
    entry: str,
    *,
    reasoned: bool = False,
    kinds: str = "first change rectification cancellation renewal",
    guards: str = "",
) -> Act:
    return Act(
        name,
        label,
        obj,
        _BEFORE_NOTICE if sources == "<NOTICE" else frozenset(sources.split()),
        target,
        frozenset(roles.split()),
        article,
        entry == "P",
        reasoned,
        frozenset(kinds.split()),
        tuple(guards.split()),
    )


_A, _O, _R = "application", "objection", "registration"
_NOT_FIRST = "change rectification cancellation renewal"

TABLE: dict[str, Act] = {
    act.name: act
    for act in (
        _row("create_application", N_("新建申请"), _A, "", "DRAFT", "clerk agent interested_party importer", "7", "S"),
        _row("confirm_joint", N_("共同登记确认"), _A, "DRAFT", None, "co_registrant", "7", "S"),
        _row(
            "submit_for_business_review",
            N_("提交业务审核"),
            _A,
            "DRAFT SUPPLEMENT",
            "BUSINESS_REVIEW",
            "clerk agent interested_party",
            "7",
            "S",
            guards="fix_in_time joint_confirmed",
        ),
        _row(
            "return_to_clerk",
            N_("退回经办人"),
            _A,
            "BUSINESS_REVIEW",
            "DRAFT",  # SUPPLEMENT where the agency had asked for a supplement
            "business_reviewer",
            "7",
            "S",
            reasoned=True,
        ),
        _row(
            "submit",
            N_("提交登记申请"),
            _A,
            "BUSINESS_REVIEW",
            "SUBMITTED",
            "business_reviewer clerk agent interested_party",
            "7、9",
            "S",
            guards="second_person secrecy_review preview renewal_window",
        ),
        _row("accept", N_("受理"), _A, "SUBMITTED", "ACCEPTED", "acceptor", "10", "S"),
        _row(
            "request_supplement",
            N_("一次性告知补正"),
            _A,
            "SUBMITTED",
            "SUPPLEMENT",
            "acceptor",
            "10",
            "S",
            guards="rounds",
        ),
        _row("decline", N_("不予受理"), _A, "SUBMITTED", "DECLINED", "acceptor", "10", "S", reasoned=True),
        _row(
            "begin_review",
            N_("开始形式审核"),
            _A,
            "ACCEPTED",
            "UNDER_REVIEW",
            "reviewer",
            "11",
            "S",
            guards="acceptor_differs",
        ),
        _row(
            "pass_review",
            N_("审核通过"),
            _A,
            "UNDER_REVIEW",
            "REVIEW_PASSED",
            "reviewer",
            "11",
            "S",
            guards="overdue_explained rectification_basis",
        ),
        _row(
            "reject",
            N_("审核不通过"),
            _A,
            "UNDER_REVIEW",
            "REJECTED",
            "reviewer",
            "11",
            "S",
            reasoned=True,
            guards="overdue_explained",
        ),
        _row(
            "explain_overdue",
            N_("逾期说明"),
            _A,
            "UNDER_REVIEW",
            None,
            "reviewer",
            "11",
            "S",
            reasoned=True,
            guards="overdue",
        ),
        _row(
            "open_notice",
            N_("开始公示"),
            _A,
            "REVIEW_PASSED",
            "NOTICE",
            "notice_opener",
            "12",
            "P",
            guards="notice_required secrecy_review opener_differs hits_cleared",
        ),
        _row(
            "suspend_notice",
            N_("中止公示"),
            _A,
            "NOTICE",
            "NOTICE_SUSPENDED",
            "agency_supervisor",
            "4",
            "P",
            reasoned=True,
        ),
        _row("resume_notice", N_("恢复公示"), _A, "NOTICE_SUSPENDED", "NOTICE", "agency_supervisor", "4", "P"),
        _row(
            "close_notice",
            N_("公示期满"),
            _A,
            "NOTICE",
            "CODING",
            "clock",
            "12、13",
            "P",
            kinds="first",
            guards="notice_over no_open_objection",
        ),
        _row(
            "terminate",
            N_("终止登记"),
            _A,
            "NOTICE NOTICE_SUSPENDED CODING CODING_REFUSED",
            "TERMINATED",
            "follows agency_supervisor",
            "12",
            "P",
            reasoned=True,
        ),
        _row(
            "request_code",
            N_("请求赋码"),
            _A,
            "CODING CODING_REFUSED",
            "CODING",
            "gateway agency_supervisor",
            "13、14",
            "P",
        ),
        _row("cancel_request", N_("撤回赋码请求"), _A, "CODING", None, "gateway agency_supervisor", "13、14", "P"),
        _row(
            "assign_code",
            N_("赋码"),
            _A,
            "CODING",
            "REGISTERED",
            "issuer gateway",
            "13",
            "P",
            kinds="first",
            guards="no_open_objection",
        ),
        _row("refuse_code", N_("退回赋码请求"), _A, "CODING", "CODING_REFUSED", "gateway", "14", "P", reasoned=True),
        _row(
            "complete",
            N_("办结"),
            _A,
            "REVIEW_PASSED NOTICE",
            "COMPLETED",
            "reviewer agency_supervisor",
            "9、15",
            "P",
            kinds=_NOT_FIRST,
            guards="notice_settled no_open_objection renewal_in_time",
        ),
        _row(
            "withdraw",
            N_("撤回申请"),
            _A,
            "<NOTICE",
            "WITHDRAWN",
            "clerk agent interested_party business_reviewer",
            "",
            "S",
            guards="withdraw_open",
        ),
        _row("recalculate", N_("重新计算期限"), _A, "", None, "clock", "", "S"),
        _row(
            "lodge", N_("提出异议"), _O, "", "LODGED", "objector objection_officer", "12", "S", guards="objection_open"
        ),
        _row("retract", N_("撤回异议"), _O, "LODGED VERIFIED", "RETRACTED", "objector objection_officer", "12", "S"),
        _row("verify", N_("核实异议人身份"), _O, "LODGED", "VERIFIED", "objection_officer", "12", "S"),
        _row(
            "find_inadmissible",
            N_("异议不予受理"),
            _O,
            "LODGED",
            "INADMISSIBLE",
            "objection_officer",
            "12",
            "S",
            reasoned=True,
        ),
        _row(
            "uphold",
            N_("异议成立"),
            _O,
            "VERIFIED",
            "UPHELD",
            "objection_officer agency_supervisor",
            "12",
            "S",
            reasoned=True,
        ),
        _row(
            "dismiss",
            N_("异议不成立"),
            _O,
            "VERIFIED",
            "DISMISSED",
            "objection_officer agency_supervisor",
            "12",
            "S",
            reasoned=True,
        ),
        _row("close_moot", N_("异议终结"), _O, "LODGED VERIFIED", "MOOT", "follows", "12", "S"),
        _row("adopt", N_("承接既有登记"), _R, "", "VALID", "agency_supervisor importer", "14", "P"),
        _row("revise", N_("登记结果更新"), _R, "VALID", None, "follows", "9、15", "P"),
        _row(
            "cancel",
            N_("注销"),
            _R,
            "VALID",
            "CANCELLED",
            "follows agency_supervisor clock",
            "9、15",
            "P",
            guards="expired",
        ),
        _row(
            "revoke",
            N_("撤销登记"),
            _R,
            "VALID",
            "REVOKED",
            "agency_supervisor",
            "20",
            "P",
            reasoned=True,
            guards="investigated",
        ),
        _row("suppress_content", N_("屏蔽内容"), "any", "", None, "agency_supervisor", "4", "P", reasoned=True),
        _row("hand_over", N_("登记簿移交"), "register", "HOSTED", "OWN", "gateway", "14", "P"),
        _row("file_complaint", N_("投诉举报"), "complaint", "", "RECEIVED", "anyone", "18", "S"),
        _row(
            "answer_complaint",
            N_("答复投诉"),
            "complaint",
            "RECEIVED",
            "ANSWERED",
            "agency_supervisor",
            "18",
            "S",
            reasoned=True,
        ),
        _row("draw_recheck", N_("抽查"), "recheck", "", "DRAWN", "authority_supervisor agency_supervisor", "18", "S"),
        _row(
            "find_conforming",
            N_("抽查合规"),
            "recheck",
            "DRAWN",
            "CONFORMING",
            "authority_supervisor agency_supervisor",
            "18",
            "S",
        ),
        _row(
            "find_deficient",
            N_("抽查发现问题"),
            "recheck",
            "DRAWN",
            "DEFICIENT",
            "authority_supervisor agency_supervisor",
            "18",
            "S",
            reasoned=True,
        ),
    )
}

#: Which limit runs in a state, and from which moment of the case it is counted. `cancellation` has its own row.
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
_CANCELLATION_STATES = frozenset({"ACCEPTED", "UNDER_REVIEW", "REVIEW_PASSED"})


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


def limit_for(obj: str, state: str, kind: str) -> tuple[str, str] | None:
    """Return (rulebook key, counted from) of the limit that runs in a state, or None (Measures Arts. 9–12)."""
    if obj == "application" and kind == "cancellation" and state in _CANCELLATION_STATES:
        return "limits.cancel_wd", "accepted"
    return LIMITS.get((obj, state))


def deadline_in(obj: str, state: str, case: Case, rules: Rules, calendar: Calendar, at: datetime) -> Deadline | None:
    """Return the deadline that runs in a state, None where the law gives none.

    The day of the event is not counted; the period ends at 24:00 Shanghai time of its last working day (R36, R38).
    """
    limit = limit_for(obj, state, case.kind)
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
    kind = act.object if act.object != "any" else (obj or _A)
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

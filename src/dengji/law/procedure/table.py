"""THE transition table (design appendix A): an act is one row."""

from __future__ import annotations

from dataclasses import dataclass


def N_(text: str) -> str:  # noqa: N802 - marks a message id for extraction
    """Mark a Chinese message id."""
    return text


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
        _row("confirm_joint", N_("共同登记确认"), _A, "DRAFT SUPPLEMENT", None, "co_registrant", "7", "S"),
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

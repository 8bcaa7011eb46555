"""The kinds of application and the states of every object, with their Chinese names (design appendix A)."""

from __future__ import annotations


def N_(text: str) -> str:  # noqa: N802 - marks a message id for extraction
    """Mark a Chinese message id."""
    return text


def C_(context: str, text: str) -> str:  # noqa: N802
    """Mark a Chinese message id that means different things in other languages: an act, not the state it leads to."""
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
BEFORE_NOTICE = frozenset(
    {"DRAFT", "BUSINESS_REVIEW", "SUBMITTED", "SUPPLEMENT", "ACCEPTED", "UNDER_REVIEW", "REVIEW_PASSED"}
)

"""THE table of messages (R60): what each event says, and the way out it names.

Chinese is the language of the message ids; English comes through gettext. A text names serial or code, act, deadline
and what to do next; it never names a record or a person. The words of a reason are fetched when the text is made.
"""

from __future__ import annotations

from dataclasses import dataclass

from dengji.core.errors import N_

_DEADLINE = N_("办理期限：{deadline}。")
_NOTICE_ENDS = N_("公示期至{deadline}止。")
_WORKSPACE = N_("请登录登记平台，在“我的登记”中查看。")
_MEND = N_("请登录登记平台，在“我的登记”中办理。")
_DESK = N_("请登录登记平台，在“待办事项”中办理。")


@dataclass(frozen=True)
class Message:
    """One event's text. `reason`: `inside` shows the decision's reason in the system only, `mail` also outside."""

    subject: str
    body: str
    way_out: str = _WORKSPACE
    reason: str = ""
    deadline: str = _DEADLINE


REASON = N_("理由：{reason}")
PROVISIONAL = N_("{deadline}（暂定，以国务院办公厅公布的节假日安排为准）")
#: How the object is called, and its number before it has one.
OBJECTS: dict[str, str] = {
    "application": N_("登记申请{serial}"),
    "registration": N_("登记结果{code}"),
    "objection": N_("对登记申请{serial}的异议"),
    "complaint": N_("投诉举报{serial}"),
}
UNNUMBERED = N_("（尚未编号）")
DEMONSTRATION = N_("演示数据 非登记结果")

MESSAGES: dict[str, Message] = {
    # to the registrant
    "business_review_wanted": Message(
        N_("有登记申请待业务审核"),
        N_("贵单位有一件登记申请待业务审核。"),
        N_("请登录登记平台，审核后提交或退回经办人。"),
    ),
    "returned_to_clerk": Message(N_("业务审核退回"), N_("登记申请{serial}已由业务审核人退回。"), _MEND, "inside"),
    "submitted": Message(N_("登记申请已提交"), N_("登记申请{serial}已提交，等待受理。")),
    "accepted": Message(N_("登记申请已受理"), N_("登记申请{serial}已受理，进入形式审核。")),
    "supplement": Message(
        N_("登记申请需要补正"),
        N_("登记申请{serial}的材料需要补正，登记机构已一次性告知补正事项。"),
        N_("请登录登记平台，按补正事项逐项修改后重新提交。"),
        "inside",
        N_("补正期限：{deadline}。"),
    ),
    "declined": Message(
        N_("登记申请不予受理"),
        N_("登记申请{serial}不予受理。"),
        N_("请登录登记平台查看理由；补齐条件后可以复制原申请重新提出。"),
        "inside",
    ),
    "review_passed": Message(N_("形式审核通过"), N_("登记申请{serial}已通过形式审核。")),
    "rejected": Message(
        N_("形式审核不通过"),
        N_("登记申请{serial}未通过形式审核。"),
        N_("请登录登记平台查看理由；修改后可以复制原申请重新提出。"),
        "inside",
    ),
    "overdue_explained": Message(
        N_("审核逾期说明"), N_("登记申请{serial}未能在规定期限内办结形式审核，登记机构说明如下。"), _WORKSPACE, "mail"
    ),
    "notice_opened": Message(N_("登记申请开始公示"), N_("登记申请{serial}开始公示。"), deadline=_NOTICE_ENDS),
    "notice_closed": Message(N_("公示期满"), N_("登记申请{serial}公示期满，等待赋码。")),
    "notice_suspended": Message(
        N_("公示中止"), N_("登记申请{serial}的公示已中止，内容已停止公开。"), _WORKSPACE, "inside"
    ),
    "notice_resumed": Message(N_("恢复公示"), N_("登记申请{serial}恢复公示，公示期重新计算。"), deadline=_NOTICE_ENDS),
    "objection_to_registrant": Message(
        N_("公示期间收到异议"),
        N_("对登记申请{serial}的公示，有人提出异议；异议处理完毕前不予赋码。"),
        N_("请登录登记平台查看异议事项，可以提交说明材料。"),
    ),
    "objection_upheld_registrant": Message(
        N_("异议成立"), N_("对登记申请{serial}的异议经复核成立，本次登记终止。"), _WORKSPACE, "inside"
    ),
    "objection_dismissed_registrant": Message(N_("异议不成立"), N_("对登记申请{serial}的异议经复核不成立。")),
    "objection_settled_registrant": Message(N_("异议已处理"), N_("对登记申请{serial}的一件异议已处理完毕。")),
    "terminated": Message(
        N_("登记终止"),
        N_("登记申请{serial}已终止登记。"),
        N_("请登录登记平台查看理由；情况变化后可以重新申请。"),
        "inside",
    ),
    "coded": Message(
        N_("已赋登记结果查询码"),
        N_("登记申请{serial}已完成登记，登记结果查询码为{code}。"),
        N_("请登录登记平台查看登记结果；任何人可以凭查询码在查询页面核验。"),
    ),
    "completed": Message(N_("申请已办结"), N_("申请{serial}已办结。")),
    "revised": Message(N_("登记结果已更新"), N_("登记结果{code}已更新为第{version}版。")),
    "cancelled": Message(N_("登记已注销"), N_("登记结果{code}已注销。")),
    "revoked": Message(
        N_("登记已撤销"),
        N_("登记结果{code}已被登记机构撤销。"),
        N_("请登录登记平台查看理由；不服的，可以依法申请行政复议或者提起行政诉讼。"),
        "inside",
    ),
    "content_suppressed": Message(
        N_("内容已屏蔽"), N_("{object}的公开内容已依法屏蔽，编号和办理记录保留。"), _WORKSPACE, "inside"
    ),
    "rectification_asked": Message(
        N_("利害关系人申请更正登记"),
        N_("利害关系人对贵单位的登记结果{code}提出更正申请（{serial}）。"),
        N_("请登录登记平台核对有关内容，并向登记机构说明是否同意更正。"),
    ),
    "reminder": Message(
        N_("登记即将到期"),
        N_("登记结果{code}将于{valid_to}到期，还有{days}天。"),
        N_("需要继续的，请在到期前登录登记平台申请续展；不再需要的，请申请注销。到期后不能续展。"),
    ),
    "expired": Message(
        N_("登记已到期"),
        N_("登记结果{code}已于{valid_to}到期，未续展的将由登记机构注销。"),
        N_("仍需登记的，请重新申请首次登记。"),
    ),
    "fix_warning": Message(
        N_("补正期限将至"), N_("登记申请{serial}的补正期限将至。"), N_("请登录登记平台，补正后重新提交。")
    ),
    "fix_overdue": Message(
        N_("补正期限已过"), N_("登记申请{serial}的补正期限已过。"), N_("请登录登记平台，复制原申请重新提出。")
    ),
    # to the agency
    "to_accept": Message(N_("待受理"), N_("新收到登记申请{serial}，待受理。"), _DESK),
    "to_review": Message(N_("待审核"), N_("登记申请{serial}已受理，待形式审核。"), _DESK),
    "to_publish": Message(N_("待公示"), N_("登记申请{serial}已通过审核，待公示或办结。"), _DESK),
    "to_code": Message(N_("待赋码"), N_("登记申请{serial}公示期满，待请求赋码。"), _DESK),
    "code_refused": Message(N_("赋码被退回"), N_("登记申请{serial}的赋码请求被退回。"), _DESK, "inside"),
    "to_complete": Message(N_("公示期满待办结"), N_("申请{serial}公示期满，待办结。"), _DESK),
    "objection_to_agency": Message(N_("收到异议"), N_("对登记申请{serial}的公示收到异议，须先核实异议人身份。"), _DESK),
    "objection_verified": Message(N_("异议待复核"), N_("对登记申请{serial}的异议已核实身份，待复核。"), _DESK),
    "complaint_received": Message(N_("收到投诉举报"), N_("收到投诉举报{serial}。"), _DESK),
    "warning": Message(N_("办理期限将至"), N_("{object}的办理期限将至。"), _DESK),
    "overdue": Message(
        N_("办理已逾期"),
        N_("{object}已超过办理期限。"),
        N_("请登录登记平台办理；审核逾期的，须先向登记主体说明理由。"),
    ),
    "to_cancel": Message(N_("到期待注销"), N_("登记结果{code}已于{valid_to}到期未续展，待确认注销。"), _DESK),
    # to the objector
    "objection_received": Message(
        N_("异议已收到"),
        N_("您对登记申请{serial}的公示提出的异议已收到，登记机构将核实身份。"),
        N_("请登录登记平台，在“我的异议”中查看进展。"),
    ),
    "objection_inadmissible": Message(
        N_("异议不予受理"),
        N_("您对登记申请{serial}提出的异议不予受理。"),
        N_("请登录登记平台查看理由；公示期内补齐后可以重新提出。"),
        "inside",
    ),
    "objection_upheld": Message(
        N_("异议成立"), N_("您对登记申请{serial}提出的异议成立，该登记已终止。"), reason="inside"
    ),
    "objection_dismissed": Message(
        N_("异议不成立"),
        N_("您对登记申请{serial}提出的异议经复核不成立。"),
        N_("请登录登记平台查看理由；仍有意见的，可以向登记机构投诉。"),
        "inside",
    ),
    "objection_moot": Message(
        N_("异议终结"), N_("登记申请{serial}已终止登记，您提出的异议随之终结。"), N_("无需再办理。")
    ),
}

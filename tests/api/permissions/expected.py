"""Who may do what, written by hand from the Measures, the facts (R1–R3, R29, R60–R68) and the design (§3, §4, A).

Not derived from the code: whoever is not named here must be refused. A word in capitals stands for a group, a minus
takes out. `own_agency` belongs to the registrant and to the agency: the registrant's rights, none of the agency's.
"""

from __future__ import annotations

from dataclasses import dataclass

from .people import ACCOUNTS, CALLERS

_SYSTEM = ("clock", "issuer", "importer")
GROUPS: dict[str, frozenset[str]] = {
    "REGISTRANT": frozenset({"clerk", "business_reviewer", "own_agency"}),
    "PREPARERS": frozenset({"clerk", "own_agency", "agent"}),
    "FILE": frozenset({"clerk", "business_reviewer", "own_agency", "agent", "co_registrant"}),
    "DESK": frozenset({"acceptor", "reviewer", "notice_opener", "objection_officer", "agency_supervisor", "gateway"}),
    "SUPERVISORS": frozenset({"agency_supervisor", "authority_supervisor"}),
    "ACCOUNTS": ACCOUNTS,
    "EVERYBODY": ACCOUNTS | {"nobody"},
}


@dataclass(frozen=True)
class Rule:
    """One line of the table: what, in both languages, who may, and where that is written."""

    key: str
    zh: str
    en: str
    allowed: frozenset[str]
    cite: str


def _who(words: str) -> frozenset[str]:
    """Names and groups; a name with a minus is taken out again."""
    found: set[str] = set()
    for word in words.split():
        name = word.removeprefix("-")
        members = GROUPS.get(name, frozenset({name}))
        if not members <= {*CALLERS, *_SYSTEM}:
            raise ValueError(word)
        found = found - members if word.startswith("-") else found | members
    return frozenset(found)


def _rules(*rows: tuple[str, str, str, str, str]) -> tuple[Rule, ...]:
    return tuple(Rule(key, zh, en, _who(allowed), cite) for key, zh, en, allowed, cite in rows)


#: Acts: key is `<object>.<act>`, with a word behind a space where one act is tried in several situations.
ACTS = _rules(
    ("application.create_application", "新建申请", "open a draft", "clerk own_agency importer", "7; A"),
    (
        "application.create_application agent",
        "代理新建申请",
        "open a draft as agent",
        "PREPARERS stranger_agent",
        "7; R1",
    ),
    (
        "application.create_application rectification",
        "利害关系人申请更正",
        "apply for a rectification as interested party",
        "ACCOUNTS",
        "9(3); R29",
    ),
    ("application.confirm_joint", "共同登记确认", "confirm a joint application", "co_registrant", "7; A"),
    ("application.submit_for_business_review", "提交业务审核", "hand over for business review", "PREPARERS", "7; A"),
    (
        "application.submit_for_business_review rectification",
        "提交业务审核（利害关系人的更正）",
        "hand over for business review (interested party's rectification)",
        "interested_party",
        "9(3); R29",
    ),
    ("application.return_to_clerk", "退回经办人", "return to the clerk", "business_reviewer", "7; A"),
    ("application.submit", "提交登记申请", "submit", "business_reviewer", "7; A"),
    (
        "application.submit signed",
        "提交登记申请（附负责人签章的业务审核表）",
        "submit, with the head's signed review form on file",
        "PREPARERS business_reviewer",
        "7; ADR 5",
    ),
    (
        "application.submit rectification",
        "提交登记申请（利害关系人的更正）",
        "submit (interested party's rectification)",
        "interested_party",
        "9(3); R29",
    ),
    ("application.withdraw", "撤回申请", "withdraw", "PREPARERS business_reviewer", "R21; A"),
    (
        "application.withdraw rectification",
        "撤回申请（利害关系人的更正）",
        "withdraw (interested party's rectification)",
        "interested_party",
        "R21, R29",
    ),
    ("application.accept", "受理", "accept", "acceptor", "10; A"),
    ("application.request_supplement", "一次性告知补正", "request a supplement", "acceptor", "10; A"),
    ("application.decline", "不予受理", "decline", "acceptor", "10; A"),
    ("application.begin_review", "开始形式审核", "begin the review", "reviewer", "11; A"),
    ("application.pass_review", "审核通过", "pass the review", "reviewer", "11; A"),
    ("application.reject", "审核不通过", "reject", "reviewer", "11; A"),
    ("application.explain_overdue", "逾期说明", "explain an overrun", "reviewer", "11; A"),
    ("application.open_notice", "开始公示", "open the notice", "notice_opener", "12; A"),
    ("application.suspend_notice", "中止公示", "suspend the notice", "agency_supervisor", "4; A"),
    ("application.resume_notice", "恢复公示", "resume the notice", "agency_supervisor", "4; A"),
    ("application.close_notice", "公示期满", "close the notice", "clock", "12, 13; A"),
    ("application.terminate", "终止登记", "terminate", "agency_supervisor", "12; A"),
    ("application.terminate refused", "终止登记（赋码被退回）", "terminate (code refused)", "agency_supervisor", "A"),
    ("application.request_code", "请求赋码", "request a code", "gateway agency_supervisor", "13, 14; R20; A"),
    ("application.request_code again", "重新请求赋码", "request a code again", "gateway agency_supervisor", "14; A"),
    (
        "application.cancel_request",
        "撤回赋码请求",
        "cancel a code request",
        "gateway agency_supervisor",
        "13, 14; R20; A",
    ),
    ("application.assign_code", "赋码", "assign the code", "gateway issuer", "13; A"),
    ("application.refuse_code", "退回赋码请求", "refuse a code", "gateway", "14; A"),
    ("application.complete", "办结", "complete", "reviewer agency_supervisor", "9, 15; A"),
    ("application.suppress_content", "屏蔽内容（申请）", "suppress content (application)", "agency_supervisor", "4; A"),
    ("objection.lodge", "提出异议", "lodge an objection", "EVERYBODY -own_agency", "12; A; §4"),
    (
        "objection.lodge late",
        "补录期内收到的异议",
        "enter an objection received in time",
        "objection_officer",
        "12; §3",
    ),
    ("objection.retract", "撤回异议", "retract an objection", "objector", "12; A"),
    ("objection.retract key", "撤回异议（凭查询密钥）", "retract an objection, with its key", "EVERYBODY", "12; A; §4"),
    ("objection.verify", "核实异议人身份", "verify the objector", "objection_officer", "12; A"),
    ("objection.find_inadmissible", "异议不予受理", "find inadmissible", "objection_officer", "12; A"),
    ("objection.uphold", "异议成立", "uphold", "objection_officer agency_supervisor", "12; A"),
    ("objection.dismiss", "异议不成立", "dismiss", "objection_officer agency_supervisor", "12; A"),
    ("registration.adopt", "承接既有登记", "adopt", "agency_supervisor own_agency importer", "14; A; §8"),
    ("registration.cancel", "注销（期满）", "cancel after expiry", "agency_supervisor", "15; R31; A"),
    ("registration.revoke", "撤销登记", "revoke", "agency_supervisor", "20; A"),
    (
        "registration.suppress_content",
        "屏蔽内容（登记）",
        "suppress content (registration)",
        "agency_supervisor",
        "4; A",
    ),
    ("complaint.file_complaint", "投诉举报", "file a complaint", "EVERYBODY", "R68"),
    ("complaint.answer_complaint", "答复投诉", "answer a complaint", "agency_supervisor", "R68"),
    ("recheck.draw_recheck", "抽查", "draw re-checks", "SUPERVISORS", "18; R67"),
    ("recheck.find_conforming", "抽查合规", "find conforming", "SUPERVISORS", "18; R67"),
    ("recheck.find_deficient", "抽查发现问题", "find deficient", "SUPERVISORS", "18; R67"),
)

#: Everything else that is offered; key is `<method> <path>`, with a word behind where it is tried more than once.
ENDPOINTS = _rules(
    ("GET /registrations", "查询登记", "find registrations", "EVERYBODY", "14; R54"),
    ("GET /registrations/{code}", "登记结果页", "page of a code", "EVERYBODY", "14; R55"),
    ("GET /suggestions", "检索提示", "suggestions", "EVERYBODY", "14; R54"),
    ("GET /registers", "登记簿", "registers", "EVERYBODY", "14"),
    ("GET /statistics", "统计", "statistics", "EVERYBODY", "17–19; R66"),
    ("GET /statistics/catalogue", "登记统计", "figures of the catalogue", "EVERYBODY", "14"),
    ("GET /statistics/months", "逐月统计", "figures by month", "EVERYBODY", "14"),
    ("GET /statistics/disclosure", "信息披露", "disclosure of a period", "EVERYBODY", "R58"),
    ("GET /notices", "公示列表", "notices", "EVERYBODY", "12"),
    ("GET /notices/{id}", "公示详情", "one notice", "EVERYBODY", "12"),
    ("GET /calendars", "工作日历", "calendar", "EVERYBODY", "R37"),
    ("GET /rulebooks", "规则集列表", "rulebooks", "EVERYBODY", "R74"),
    ("GET /rulebooks/{id}", "规则集", "one rulebook", "EVERYBODY", "R74"),
    ("GET /procedure", "办理流程表", "transition table", "EVERYBODY", "8; A"),
    ("POST /calendars", "更新工作日历", "set the calendar", "system_admin", "R37, R41"),
    ("GET /access-log", "访问日志", "access log", "audit_admin", "R62; §3"),
    ("GET /me", "我的账号", "own account", "ACCOUNTS", "§8"),
    ("GET /tokens", "我的令牌", "own tokens", "ACCOUNTS", "§8"),
    ("POST /tokens", "新建本人令牌", "new token of one's own", "ACCOUNTS", "§8"),
    ("DELETE /tokens/{id}", "撤销经办人的令牌", "revoke the clerk's token", "clerk", "§8"),
    ("GET /followers", "经办人的关注", "the clerk's followers", "clerk", "issue: webhooks"),
    ("POST /followers", "关注检索", "follow a search", "ACCOUNTS", "issue: webhooks"),
    ("DELETE /followers/{follower_id}", "取消关注（经办人的）", "end the clerk's follower", "clerk", "issue: webhooks"),
    ("GET /notifications", "经办人的站内消息", "the clerk's message", "clerk", "R60"),
    ("POST /notifications/{notification_id}/read", "标为已读（经办人的消息）", "mark it as read", "clerk", "R60"),
    (
        "GET /documents",
        "文书列表：列出受理通知书",
        "list holds a document",
        "FILE DESK authority_supervisor",
        "10; issue: documents",
    ),
    ("GET /documents/{id}", "文书", "a document", "FILE DESK authority_supervisor", "10; issue: documents"),
    ("GET /documents/{id}/file", "下载文书", "its file", "FILE DESK authority_supervisor", "10; issue: documents"),
    ("POST /documents/{id}/make", "制作文书", "make a document now", "DESK", "issue: documents"),
    ("POST /documents/{id}/remake", "重新制作文书", "make a document anew", "DESK", "issue: documents"),
    ("POST /documents/{id}/seal", "文书用印", "seal a document", "DESK", "issue: documents"),
    ("POST /documents/{id}/scan", "收存盖章扫描件", "file a stamped scan", "DESK", "issue: documents"),
    ("POST /documents/{id}/service", "登记送达情况", "enter a step of service", "DESK", "issue: documents"),
    (
        "POST /document-wording",
        "发布文书用语",
        "publish wording",
        "agency_supervisor own_agency",
        "issue: documents",
    ),
    (
        "POST /registrations/{id}/hearing-notice",
        "撤销前陈述申辩告知书",
        "notice of the right to be heard",
        "agency_supervisor",
        "20; R32",
    ),
    ("GET /applications/{id}/forms/{form}", "下载承诺书等空白件", "papers to be stamped", "FILE", "7"),
    (
        "POST /applications/{id}/forms/{form}",
        "上传盖章扫描件",
        "file a stamped paper",
        "PREPARERS business_reviewer",
        "7; R51",
    ),
    ("GET /queue", "待办：列出待受理件", "desk lists a file to accept", "acceptor", "§0"),
    ("GET /applications draft", "申请列表：列出草稿", "list holds a draft", "FILE", "R3"),
    ("GET /applications", "申请列表：列出已提交件", "list holds a file", "FILE DESK authority_supervisor", "R3; 18"),
    ("GET /applications/{id} draft", "申请详情（草稿）", "a draft", "FILE", "R3"),
    ("GET /applications/{id}", "申请详情（已提交）", "a submitted file", "FILE DESK authority_supervisor", "R3; 18"),
    (
        "GET /applications/{id} rectification draft",
        "申请详情（利害关系人的草稿）",
        "an interested party's draft",
        "interested_party",
        "R3, R29",
    ),
    (
        "GET /applications/{id} rectification",
        "申请详情（利害关系人的更正，已提交）",
        "an interested party's submitted file",
        "interested_party DESK authority_supervisor own_agency",
        "R3, R29; 18",
    ),
    ("PATCH /applications/{id}", "保存草稿", "save a draft", "PREPARERS", "7; R8"),
    (
        "PATCH /applications/{id} rectification",
        "保存草稿（利害关系人的更正）",
        "save an interested party's draft",
        "interested_party",
        "R29",
    ),
    ("GET /applications/{id}/preview", "信息确认", "preview", "FILE DESK authority_supervisor", "R8; §4"),
    ("GET /applications/{id}/findings", "形式检查", "findings", "FILE DESK authority_supervisor", "11; §4"),
    ("GET /applications/{id}/decisions", "办理过程", "history", "FILE DESK authority_supervisor", "R3; 18"),
    ("GET /applications/{id}/materials", "申请材料列表", "files of a file", "FILE DESK authority_supervisor", "R3; 18"),
    ("GET /applications/{id}/materials draft", "草稿材料列表", "files of a draft", "FILE", "R3"),
    ("POST /applications/{id}/materials", "上传申请材料", "attach a file", "PREPARERS business_reviewer", "7; R51"),
    ("DELETE /materials/{id}", "移除草稿材料", "remove a file", "PREPARERS business_reviewer", "R5"),
    (
        "GET /registrations/{id}/materials",
        "登记的材料列表",
        "files of a registration",
        "REGISTRANT DESK authority_supervisor",
        "R3; 20",
    ),
    (
        "POST /registrations/{id}/materials statement",
        "上传登记主体陈述",
        "attach the registrant's statement",
        "REGISTRANT agency_supervisor",
        "20; R32",
    ),
    (
        "POST /registrations/{id}/materials investigation",
        "上传撤销核实记录",
        "attach an investigation",
        "agency_supervisor",
        "20; R32; §4",
    ),
    (
        "GET /objections",
        "异议列表：列出该异议",
        "list holds the objection",
        "REGISTRANT objection_officer agency_supervisor objector",
        "12; §4",
    ),
    (
        "GET /objections/{id}",
        "异议详情（隐去身份）",
        "the objection, masked",
        "REGISTRANT objection_officer agency_supervisor objector",
        "12; §4",
    ),
    (
        "GET /objections/{id}/decisions",
        "异议办理过程",
        "history of the objection",
        "REGISTRANT objection_officer agency_supervisor objector",
        "12; §4",
    ),
    (
        "GET /objections/{id}/materials",
        "异议证据列表",
        "evidence of the objection",
        "REGISTRANT objection_officer agency_supervisor objector",
        "12; §4",
    ),
    ("POST /objections/{id}/materials", "补充异议证据", "add evidence", "objection_officer objector", "12; §4"),
    ("GET /complaints", "投诉列表：列出该件", "list holds the complaint", "SUPERVISORS", "R68; 18"),
    ("GET /complaints/{id}", "投诉详情", "the complaint", "SUPERVISORS", "R68; 18"),
    ("GET /rechecks", "抽查列表：列出该件", "list holds the re-check", "SUPERVISORS own_agency", "R67; 18"),
    ("GET /registrations/{code}/receipt", "登记回执", "receipt of a registration", "EVERYBODY", "14; §5"),
    ("GET /entries/{index}/receipt", "日志条目回执", "receipt of an entry, sealed", "EVERYBODY", "§5"),
    ("GET /consistency", "日志一致性证明", "consistency of the log", "EVERYBODY", "§5"),
    (
        "receipt application",
        "申请办理事项回执（启封）",
        "receipt of a private act on a file, opened",
        "FILE DESK authority_supervisor",
        "R3; 18; §5",
    ),
    ("receipt application public", "公示等公开事项回执", "receipt of a public act on a file", "EVERYBODY", "12; §5"),
    ("receipt registration", "登记办理事项回执", "receipt of an act on a registration", "EVERYBODY", "14; §5"),
    (
        "receipt objection",
        "异议办理事项回执（启封）",
        "receipt of an act on an objection, opened",
        "objection_officer agency_supervisor objector",
        "12; §4, §5",
    ),
    ("receipt objection key", "异议办理事项回执（凭查询密钥）", "the same, with the key", "EVERYBODY", "12; §4, §5"),
    (
        "receipt complaint",
        "投诉办理事项回执（启封）",
        "receipt of an act on a complaint, opened",
        "SUPERVISORS",
        "R68; §5",
    ),
    ("receipt complaint key", "投诉办理事项回执（凭查询密钥）", "the same, with the key", "EVERYBODY", "R68; §5"),
    (
        "receipt recheck",
        "抽查办理事项回执（启封）",
        "receipt of an act on a re-check, opened",
        "SUPERVISORS own_agency",
        "R67; §5",
    ),
    (
        "words application",
        "申请办理事项的理由及盐值",
        "salted words of a private act on a file",
        "FILE DESK authority_supervisor",
        "R3; 18; §5",
    ),
    ("words registration", "登记办理事项的理由（均为公开事项，无此项）", "the same of a registration: none", "", "§5"),
    (
        "words objection",
        "异议办理事项的理由及盐值",
        "the same of an objection",
        "objection_officer agency_supervisor objector",
        "12; §4, §5",
    ),
    ("words complaint", "投诉答复及盐值", "the same of a complaint", "SUPERVISORS", "R68; §5"),
    ("words recheck", "抽查结论理由及盐值", "the same of a re-check", "SUPERVISORS own_agency", "R67; §5"),
    ("POST /directory", "导入政务数据目录", "import the directory of government data", "SUPERVISORS own_agency", "14"),
    ("POST /directory/match", "查找目录对应的登记", "propose matches of the directory", "SUPERVISORS own_agency", "14"),
    ("POST /directory/decisions", "确认或否定匹配", "decide on a match", "SUPERVISORS", "14"),
    ("GET /directory/proposals", "匹配建议", "proposed matches", "SUPERVISORS own_agency", "14"),
    ("GET /directory/counts", "目录、登记、开放数量", "counts of the directory", "SUPERVISORS own_agency", "14"),
    ("GET /directory/gaps", "缺口清单", "gaps of the directory", "SUPERVISORS own_agency", "14"),
    ("POST /imports", "导入草稿", "import drafts", "clerk own_agency", "7; §8"),
    ("GET /imports/template", "下载导入模板", "import template", "ACCOUNTS", "§8"),
    ("GET /imports/{id}", "查看导入（经办人的）", "the clerk's import", "clerk", "§8"),
    ("GET /imports/{id}/report", "导入报告（经办人的）", "its report", "clerk", "§8"),
)

#: What is confidential even among those who may see the object: who gets the words themselves.
SENSITIVE = _rules(
    ("personal draft", "草稿的个人信息字段", "personal fields of a draft", "REGISTRANT agent", "R64; §3"),
    (
        "personal opened",
        "已提交件的个人信息字段（申请打开，留痕）",
        "personal fields of a file, opened on request and logged",
        "REGISTRANT agent acceptor reviewer",
        "R62, R64; §3",
    ),
    ("personal unasked", "已提交件的个人信息字段（未申请打开）", "the same, not asked for", "REGISTRANT agent", "R64"),
    ("secrecy reviewer", "保密审查人姓名", "name of the secrecy reviewer", "REGISTRANT agent acceptor reviewer", "§4"),
    (
        "secrecy reviewer words",
        "同上，取回执所附理由时",
        "the same, by the salted words",
        "REGISTRANT agent acceptor reviewer",
        "§4, §5",
    ),
    ("reasons", "不予受理、补正等理由", "reasons of a decision", "FILE DESK authority_supervisor", "10, 11; R3; 18"),
    ("unsubmitted words", "补正期间尚未提交的修改", "changes not yet submitted", "FILE", "R3; §3"),
    ("unsubmitted files", "补正期间尚未提交的材料", "files not yet submitted", "FILE", "R3; §3"),
    ("material draft", "草稿的材料原文", "a draft's file", "FILE", "R3, R62"),
    ("material", "已提交件的材料原文", "a submitted file's material", "FILE DESK authority_supervisor", "R3, R62; 18"),
    (
        "investigation",
        "撤销核实记录原文",
        "the investigation's record",
        "REGISTRANT DESK authority_supervisor",
        "20; R3, R62",
    ),
    ("objector", "异议人身份", "the objector's identity", "objection_officer agency_supervisor objector", "§4"),
    ("objector by key", "异议人身份（凭查询密钥）", "the same, with the key", "EVERYBODY", "§4"),
    ("evidence", "异议证据原文", "the objector's evidence", "objection_officer agency_supervisor objector", "§4"),
    (
        "evidence name",
        "异议证据的文件名",
        "file names of the evidence",
        "objection_officer agency_supervisor objector",
        "§4",
    ),
    ("complainant", "投诉人联系方式", "the complainant's contact", "agency_supervisor", "R68"),
    ("complainant by key", "投诉人联系方式（凭查询密钥）", "the same, with the key", "EVERYBODY", "R68"),
    ("access log", "访问日志条目", "lines of the access log", "audit_admin", "R62; §3"),
)

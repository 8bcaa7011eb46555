"""THE table of acts at the desk: one row gives an act its page. Services and their targets stand in the API's table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dengji.core.errors import N_
from dengji.registration.api.acts import ACTS

from . import forms


@dataclass(frozen=True)
class Row:
    """The page of one act: its form, what follows from it, whether it is dangerous, whether one click may do it."""

    form: type[forms.ActForm]
    follows: str
    danger: bool = False
    direct: bool = False
    batch: bool = False


FORMS: dict[tuple[str, str], Row] = {
    ("application", "accept"): Row(
        forms.NothingForm, N_("受理后开始计算审核期限，登记主体即收到受理通知。"), direct=True, batch=True
    ),
    ("application", "request_supplement"): Row(
        forms.SupplementForm, N_("材料退回登记主体补正；请一次列全，补正后重新计算受理期限。")
    ),
    ("application", "decline"): Row(forms.ReasonForm, N_("申请就此办结，登记主体收到理由。"), danger=True),
    ("application", "begin_review"): Row(
        forms.NothingForm, N_("由您开始形式审核；受理人员不得审核。"), direct=True, batch=True
    ),
    ("application", "pass_review"): Row(forms.OpinionForm, N_("审核通过后进入公示或办结。")),
    ("application", "reject"): Row(forms.ReasonForm, N_("申请就此办结，登记主体收到理由。"), danger=True),
    ("application", "explain_overdue"): Row(forms.ReasonForm, N_("登记主体收到逾期的说明；说明后才能作出审核结论。")),
    ("application", "open_notice"): Row(forms.OpeningForm, N_("下列内容将向社会公开，公示期间不能修改。"), batch=True),
    ("application", "suspend_notice"): Row(
        forms.SuspensionForm, N_("公示内容立即从全部公开页面撤下；恢复时公示期重新计算。"), danger=True
    ),
    ("application", "resume_notice"): Row(forms.NothingForm, N_("恢复后公示期重新计算，期限完整。")),
    ("application", "terminate"): Row(forms.ReasonForm, N_("登记就此终止，不能恢复。"), danger=True),
    ("application", "request_code"): Row(forms.WayForm, N_("向赋码平台请求登记结果查询码。")),
    ("application", "cancel_request"): Row(forms.NothingForm, N_("撤回后可以改用其他途径赋码。")),
    ("application", "assign_code"): Row(forms.CodeForm, N_("录入国家平台赋予的登记结果查询码，登记即告完成。")),
    ("application", "refuse_code"): Row(forms.ReasonForm, N_("记录赋码平台退回请求的原因。")),
    ("application", "complete"): Row(forms.NothingForm, N_("办结后登记结果即按本申请更新或注销。")),
    ("application", "suppress_content"): Row(
        forms.SuppressionForm, N_("名称、内容、材料与往来文字从本节点和相邻节点删除，只留墓碑页。"), danger=True
    ),
    ("registration", "cancel"): Row(forms.NothingForm, N_("有效期届满未续展的登记就此注销。"), danger=True),
    ("registration", "revoke"): Row(
        forms.RevocationForm, N_("登记就此撤销并公开事由；须先附核实记录和登记主体的陈述申辩。"), danger=True
    ),
    ("registration", "suppress_content"): Row(
        forms.SuppressionForm, N_("名称、内容、材料与往来文字从本节点和相邻节点删除，只留墓碑页。"), danger=True
    ),
    ("objection", "verify"): Row(forms.NothingForm, N_("确认异议人身份真实，开始复核。")),
    ("objection", "find_inadmissible"): Row(forms.ReasonForm, N_("异议不予受理，异议人收到理由。"), danger=True),
    ("objection", "uphold"): Row(
        forms.ReasonForm, N_("登记终止，其余未决异议一并终结；异议人和登记主体收到理由。"), danger=True
    ),
    ("objection", "dismiss"): Row(forms.ReasonForm, N_("异议不成立，异议人和登记主体收到理由。")),
    ("complaint", "answer_complaint"): Row(forms.ReasonForm, N_("答复发给投诉举报人，不能修改。")),
    ("recheck", "find_conforming"): Row(forms.NothingForm, N_("记录抽查合规。"), direct=True),
    ("recheck", "find_deficient"): Row(forms.ReasonForm, N_("记录抽查发现的问题，供督促整改或撤销登记。")),
}
_SERVICES = {(row.object, row.act): row for row in ACTS}


def row_of(kind: str, act: str) -> Row | None:
    """Return the row of an act on a kind of object, None where the desk has no such act."""
    return FORMS.get((kind, act))


def do(kind: str, act: str, pk: Any, **words: Any) -> dict[str, Any]:
    """Do an act by its service: `actor`, `transaction_id` and the form's words; raises what the service raises."""
    row = _SERVICES[kind, act]
    service: Callable[..., dict[str, Any]] = row.service
    return service(**{row.target or f"{kind}_id": pk}, **words)


def batch_acts() -> list[str]:
    """Return the acts that may be done to several applications at once."""
    return [act for (kind, act), row in FORMS.items() if kind == "application" and row.batch]

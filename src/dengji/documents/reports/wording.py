"""What each figure of a report is called and how it is counted; both languages go into the snapshot itself."""

from __future__ import annotations

from typing import Any

from dengji.core.errors import N_

from ..composing import english

#: figure → (name, how it is counted)
FIGURES: dict[str, tuple[str, str]] = {
    "submitted": (N_("新收申请"), N_("期间内首次提交的登记申请；补正后再次提交不另计。")),
    "in_notice": (N_("期末公示中"), N_("期末时最后一项决定使其处于公示状态的申请。")),
    "valid": (N_("期末有效登记"), N_("期末前已登记、期末时未注销也未撤销的登记结果，含承接的既有登记。")),
    "notices": (N_("开始公示"), N_("期间内开始的公示；暂停后恢复的不另计。")),
    "coded": (N_("赋码"), N_("期间内赋予登记结果查询码的申请。")),
    "completed": (N_("变更等办结"), N_("期间内办结的变更、更正、注销和续展申请。")),
    "cancelled": (N_("注销"), N_("期间内注销的登记。")),
    "revoked": (N_("撤销"), N_("期间内撤销的登记。")),
    "declined": (N_("不予受理"), N_("期间内决定不予受理的申请。")),
    "rejected": (N_("审核不通过"), N_("期间内审核不通过的申请。")),
    "withdrawn": (N_("撤回"), N_("期间内由登记主体撤回的申请。")),
    "returned": (N_("要求补正的申请"), N_("期间内至少被要求补正一次的申请。")),
    "rounds": (N_("补正轮次"), N_("期间内要求补正的次数；同一申请每次各计。")),
    "objections": (N_("异议"), N_("期间内提出的异议。")),
    "upheld": (N_("异议成立"), N_("期间内复核认定成立的异议。")),
    "complaints": (N_("投诉举报"), N_("期间内收到的投诉举报。")),
}
#: stage → its on-time rate
STAGES: dict[str, str] = {
    "acceptance": N_("受理按期率"),
    "review": N_("审核按期率"),
    "objection_verification": N_("异议核实按期率"),
    "objection_decision": N_("异议复核按期率"),
    "complaint": N_("投诉答复按期率"),
}
_ON_TIME = N_("期间内作出的决定中，作出时间早于当时期限届满的；期限以该决定之前最后确定的为准。")
#: Definitions that stand beside lists.
NOTES: dict[str, str] = {
    "industries": N_("期末有效登记所填行业大类（GB/T 4754—2017，共97个）；一项登记涉及多个大类的各计。"),
    "regions": N_("期末有效登记按登记主体所在地（GB/T 2260）归入辖区的下一级行政区划；直属单位等不在其列的单独计数。"),
    "units": N_(
        "曾向本登记簿提交申请的单位，以及所在地在辖区内、制作报告时设有经办人或业务审核人的单位；其中期末没有有效登记的列名。"
    ),
    "period": N_("期间为北京时间首日零时至末日二十四时；全部数字由决定记录逐项计得，任何持有决定记录者可以复算。"),
}


def glossary() -> dict[str, Any]:
    """Return the names and definitions that a snapshot keeps: {figures|stages|notes: {name: {zh, en, …}}}."""
    return {
        "figures": {name: _two(label) | {"how": _two(how)} for name, (label, how) in FIGURES.items()},
        "stages": {name: _two(label) | {"how": _two(_ON_TIME)} for name, label in STAGES.items()},
        "notes": {name: _two(text) for name, text in NOTES.items()},
    }


def _two(text: str) -> dict[str, Any]:
    return {"zh": text, "en": english(text)}

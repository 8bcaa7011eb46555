"""THE table of documents (文书): which act yields which, for whom, numbered in which series; one row each.

A kind has a layout (`layouts/<layout>.typ`) and shipped words (`wording/<kind>.toml`). The names are those that Chinese
administrative practice uses; the Measures name the duty (article), not the paper.
"""

from __future__ import annotations

from dataclasses import dataclass

from dengji.core.errors import N_
from dengji.law.procedure import KINDS as APPLICATION_KINDS

#: Who gets a document: the unit that applied or holds the registration, who objects, or everybody.
RECIPIENTS = {"registrant": N_("登记主体"), "objector": N_("异议人"), "public": N_("社会公众")}


@dataclass(frozen=True)
class Kind:
    """One kind of document. `act` is (object kind, act) it follows from; empty where it is made on request.

    `only` narrows to these kinds of application, `roles` to these roles of the deciding actor; `series` is the word
    that tells numbers (文号) of one kind from those of another, empty for what carries no number; `remedy` tells
    whether ways of redress (救济途径) are printed where the rulebook has any; `setting` is a switch of the rulebook.
    """

    name: str
    label: str
    act: tuple[str, str] | None
    recipient: str
    series: str
    article: str
    layout: str = "letter"
    only: frozenset[str] = frozenset(APPLICATION_KINDS)
    roles: frozenset[str] = frozenset()
    not_roles: frozenset[str] = frozenset()
    remedy: bool = False
    setting: str = ""


def _kind(name: str, label: str, on: str, recipient: str, series: str, article: str, **more: object) -> Kind:
    act = tuple(on.split(".")) if on else None
    sets = {key: frozenset(str(more.pop(key)).split()) for key in ("only", "roles", "not_roles") if key in more}
    return Kind(name, label, act, recipient, series, article, **sets, **more)  # type: ignore[arg-type]


_R, _O = "registrant", "objector"
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        _kind("acceptance_notice", N_("受理通知书"), "application.accept", _R, "受", "10"),
        _kind("supplement_notice", N_("一次性补正告知书"), "application.request_supplement", _R, "补", "10"),
        _kind("decline_notice", N_("不予受理通知书"), "application.decline", _R, "不受", "10", remedy=True),
        _kind("review_passed", N_("审核结果告知书（通过）"), "application.pass_review", _R, "审", "11"),
        _kind("review_rejected", N_("审核结果告知书（不通过）"), "application.reject", _R, "审", "11", remedy=True),
        _kind("overdue_explanation", N_("审核未完成情况说明"), "application.explain_overdue", _R, "说", "11"),
        _kind("notice_text", N_("公示文本"), "application.open_notice", "public", "示", "12"),
        _kind("notice_resumed", N_("公示文本（恢复公示）"), "application.resume_notice", "public", "示", "12"),
        _kind("objection_accepted", N_("异议受理告知书"), "objection.verify", _O, "异受", "12"),
        _kind("objection_inadmissible", N_("异议不予受理告知书"), "objection.find_inadmissible", _O, "异不", "12",
              remedy=True),
        _kind("objection_upheld", N_("异议复核结果告知书（成立）"), "objection.uphold", _O, "异复", "12"),
        _kind("objection_dismissed", N_("异议复核结果告知书（不成立）"), "objection.dismiss", _O, "异复", "12",
              remedy=True),
        _kind("termination_notice", N_("终止登记告知书"), "application.terminate", _R, "终", "12", remedy=True),
        _kind("change_result", N_("变更登记结果告知书"), "application.complete", _R, "变", "9", only="change"),
        _kind("rectification_result", N_("更正登记结果告知书"), "application.complete", _R, "更", "9",
              only="rectification"),
        _kind("cancellation_result", N_("注销登记结果告知书"), "application.complete", _R, "销", "9",
              only="cancellation"),
        _kind("renewal_result", N_("续展结果告知书"), "application.complete", _R, "续", "15", only="renewal"),
        _kind("expiry_notice", N_("到期注销登记告知书"), "registration.cancel", _R, "销", "15", not_roles="follows",
              remedy=True),
        _kind("hearing_notice", N_("撤销前陈述申辩告知书"), "", _R, "告", "20"),
        _kind("revocation_decision", N_("撤销登记决定书"), "registration.revoke", _R, "撤", "20", remedy=True),
        _kind("confirmation_sheet", N_("登记确认单"), "application.assign_code", _R, "", "13", layout="sheet",
              setting="output.confirmation_sheet"),
        _kind("confirmation_sheet_revised", N_("登记确认单（新版本）"), "registration.revise", _R, "", "13",
              layout="sheet", setting="output.confirmation_sheet"),
    )
}  # fmt: skip
#: What the registrant prints, stamps and uploads as a material; made from the draft, never stored: name → material.
FORMS: dict[str, str] = {
    "commitment_letter": "commitment_letter",
    "authority_letter": "agency_letter",
    "business_review_form": "business_review_form",
}
FORM_LABELS: dict[str, str] = {
    "commitment_letter": N_("登记承诺书"),
    "authority_letter": N_("授权委托书"),
    "business_review_form": N_("业务审核表"),
}
#: (object kind, act) → the kinds that may follow from it.
BY_ACT: dict[tuple[str, str], tuple[Kind, ...]] = {}
for _one in KINDS.values():
    if _one.act:
        BY_ACT[_one.act] = (*BY_ACT.get(_one.act, ()), _one)


def following(object_kind: str, act: str, *, application_kind: str = "", role: str = "") -> tuple[Kind, ...]:
    """Return the kinds of document that an act yields, before the rulebook says which are in use."""
    return tuple(
        kind
        for kind in BY_ACT.get((object_kind, act), ())
        if (not application_kind or application_kind in kind.only)
        and (not kind.roles or role in kind.roles)
        and role not in kind.not_roles
    )

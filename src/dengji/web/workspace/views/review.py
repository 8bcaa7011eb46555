"""From the filled form to the agency's door: 信息确认, business review, submission, return, withdrawal."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dengji.core.clock import legal_now
from dengji.law.calendar import shanghai_date
from dengji.law.record import FIELDS
from dengji.law.visibility import STAGES, TABLE, visible
from dengji.registration import services
from dengji.registration.queries import workspace
from dengji.web.access import actor_of, errors_into, transaction_of

from .. import flow, words
from ..forms import ConfirmForm, ReasonForm, ReviewForm
from .base import page, piece_of, show
from .files import held

#: What services.preview fills in; the two others are read from the same table.
_SHOWN = ("notice", "page", "search", "export")


def _stages() -> dict[str, str]:
    return {
        "notice": _("公示"),
        "page": _("登记结果页"),
        "search": _("检索"),
        "export": _("开放导出"),
        "neighbour": _("相邻登记平台"),
        "nation": _("国家平台"),
    }


def _seen(shown: bool, stage: str) -> str:
    """What a cell of the table says: neighbours and the nation are told, which is not the public."""
    if not shown:
        return ""
    return pgettext("seen", "公开") if stage in _SHOWN else pgettext("seen", "报送")


def disclosure(request: HttpRequest, piece: dict[str, Any]) -> dict[str, Any]:
    """Return the visibility table filled in: each field with its value and where it will be seen; what stays closed."""
    shown = services.preview(actor=actor_of(request), application_id=piece["id"])
    shown |= {stage: visible(piece["content"], stage) for stage in STAGES if stage not in _SHOWN}
    given = {name: words.show(name, value) for name, value in piece["content"].items() if name in FIELDS}
    rows = [
        {
            "label": words.label(name),
            "value": given[name],
            "stages": [_seen(name in shown[stage], stage) for stage in STAGES],
        }
        for name in FIELDS
        if given.get(name) and any(name in shown[stage] for stage in STAGES)
    ]
    return {
        "stages": [_stages()[stage] for stage in STAGES],
        "rows": rows,
        "notice": [
            {"label": words.label(name), "value": given.get(name, "")} for name in FIELDS if "notice" in TABLE[name]
        ],
        "closed": words.listed(words.label(name) for name in FIELDS if given.get(name) and not TABLE[name]),
    }


@page
def confirm(request: HttpRequest, pk: UUID) -> HttpResponse:
    """信息确认: what will be public where, then hand the draft to the unit's own reviewer."""
    piece = piece_of(request, pk)
    if not flow.editable(piece):
        return redirect("workspace:case", pk)
    form = ConfirmForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with errors_into(form):
            services.submit_for_business_review(
                actor=actor_of(request), transaction_id=transaction_of(request), application_id=pk
            )
        if form.is_valid():
            messages.success(request, _("已提交业务审核"))
            return redirect("workspace:case", pk)
        piece = piece_of(request, pk)
    context = {
        "piece": piece,
        "form": form,
        "table": disclosure(request, piece),
        "findings": [one for one in piece["findings"] or () if one.severity != "info"],
        "errors": sum(one.severity == "error" for one in piece["findings"] or ()),
        "changes": flow.differences(piece) if piece["kind"] != "first" else None,
    }
    return show(request, "preview.html", context, 422 if form.errors else 200)


@page
def review(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The business review with secrecy review, by a second person; then submission to the agency (Arts. 7, 9)."""
    piece = piece_of(request, pk)
    if piece["state"] != "BUSINESS_REVIEW" or "submit" not in piece["acts"]:
        return redirect("workspace:case", pk)
    form = ReviewForm(
        request.POST if request.method == "POST" else None, initial={"secrecy_date": shanghai_date(legal_now())}
    )
    if request.method == "POST" and form.is_valid():
        good = form.cleaned_data
        with errors_into(form):
            services.submit(
                actor=actor_of(request),
                transaction_id=transaction_of(request),
                application_id=pk,
                preview_acknowledged=good["acknowledged"],
                secrecy_conclusion=good["secrecy_conclusion"],
                secrecy_date=good["secrecy_date"],
                secrecy_reviewer=good["secrecy_reviewer"],
            )
        if form.is_valid():
            return redirect("workspace:submitted", pk)
    files = held(request, piece)
    context = {
        "piece": piece,
        "form": form,
        "table": disclosure(request, piece),
        "pages": flow.summary(piece, links=False),
        "materials": files,
        "findings": piece["findings"] or (),
        "changes": flow.differences(piece) if piece["kind"] != "first" else None,
        "alone": _alone(piece),
        "signed": any(row["kind"] == "business_review_form" for row in files),
        "may_return": "return_to_clerk" in piece["acts"],
        "single": bool(workspace.rules_for(pk, actor_of(request)).get("procedure.single_clerk_form")),
    }
    return show(request, "review.html", context, 422 if form.errors else 200)


def _alone(piece: dict[str, Any]) -> bool:
    """Whether the reader is the clerk of this file, who needs the head's signed form to submit it."""
    if "interested_party" in piece["roles"]:
        return False
    return piece["own_draft"] or "business_reviewer" not in piece["roles"]


@page
def give_back(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give the draft back to the clerk with a reason (退回经办人)."""
    piece = piece_of(request, pk)
    if "return_to_clerk" not in piece["acts"]:
        raise Http404
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with errors_into(form):
            services.return_to_clerk(
                actor=actor_of(request),
                transaction_id=transaction_of(request),
                application_id=pk,
                reason=form.cleaned_data["reason"],
            )
        if form.is_valid():
            messages.success(request, _("已退回经办人"))
            return redirect("workspace:case", pk)
    context = {
        "piece": piece,
        "form": form,
        "title": _("退回经办人"),
        "text": _("写明需要修改之处；经办人修改后可再次提交业务审核。"),
        "action": _("退回"),
        "back": flow.url("review", piece),
    }
    return show(request, "confirm_act.html", context, 422 if form.errors else 200)


@page
def submitted(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The confirmation panel: the serial and what happens next."""
    piece = piece_of(request, pk)
    if not piece["serial"]:
        return redirect("workspace:case", pk)
    return show(request, "submitted.html", {"piece": piece, "steps": flow.process(piece)})


@page
def withdraw(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take the application back, after asking (撤回)."""
    piece = piece_of(request, pk)
    if "withdraw" not in piece["acts"]:
        raise Http404
    needed = bool(workspace.rules_for(pk, actor_of(request)).get("withdrawal.reason_required"))
    form = ReasonForm(request.POST if request.method == "POST" else None, required=needed)
    if request.method == "POST" and form.is_valid():
        with errors_into(form):
            services.withdraw(
                actor=actor_of(request),
                transaction_id=transaction_of(request),
                application_id=pk,
                reason=form.cleaned_data["reason"],
            )
        if form.is_valid():
            messages.success(request, _("已撤回申请；可复制为新草稿再次申请"))
            return redirect("workspace:case", pk)
    context = {
        "piece": piece,
        "form": form,
        "title": _("撤回这件申请？"),
        "text": _("撤回后本件终结，流水号不再使用；内容保留，可复制为新草稿。"),
        "action": _("撤回申请"),
        "back": flow.url("case", piece),
        "danger": True,
    }
    return show(request, "confirm_act.html", context, 422 if form.errors else 200)

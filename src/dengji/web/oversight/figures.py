"""Figures per agency, region and territory, the way down to the cases, and what is overdue."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from dengji.core.clock import legal_now
from dengji.core.errors import N_, not_found
from dengji.law.calendar import SHANGHAI, shanghai_date
from dengji.parties.actor import supervised_registers
from dengji.registration import queries
from dengji.registration.api.base import act_label, state_label
from dengji.registration.models import Application
from dengji.registration.queries import supervision

from ..access import actor_of
from ..desk.words import role_label
from ..workspace.words import kind_label
from .base import for_authority, for_readers, frame

_BY = {
    "agency": (N_("按登记机构"), "agency"),
    "region": (N_("按行政区划"), "region"),
    "jurisdiction": (N_("按辖区"), "jurisdiction"),
}
_FIGURES = {
    "submitted": N_("新收申请"),
    "coded": N_("赋码"),
    "cancelled": N_("注销"),
    "revoked": N_("撤销"),
    "returned": N_("要求补正的申请"),
    "rounds": N_("补正轮次"),
    "objections": N_("异议"),
    "complaints": N_("投诉举报"),
}
_NOW = {"valid": N_("有效登记"), "in_notice": N_("公示中"), "overdue": N_("超期未办")}
_STAGES = {"acceptance": N_("受理按期率"), "review": N_("审核按期率"), "objection_decision": N_("异议复核按期率")}


class PeriodForm(forms.Form):
    """Which days are counted, and by what they are summed."""

    first = forms.DateField(label=_("起始日期"), required=False, widget=forms.DateInput({"type": "date"}))
    last = forms.DateField(label=_("截止日期"), required=False, widget=forms.DateInput({"type": "date"}))
    by = forms.ChoiceField(label=_("汇总方式"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["by"].choices = [(k, gettext(t)) for k, (t, _c) in _BY.items()]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse a period that ends before it begins."""
        given: dict[str, Any] = super().clean() or {}
        if given.get("first") and given.get("last") and given["last"] < given["first"]:
            self.add_error("last", gettext("截止日期不能早于起始日期"))
        return given


def rate(done: int, in_time: int) -> str:
    """Return a share in words: a dash where nothing was done."""
    return f"{100 * in_time / done:.1f}% ({in_time}/{done})" if done else "—"


def _period(form: PeriodForm) -> tuple[date, date]:
    today = shanghai_date(legal_now())
    given = form.cleaned_data if form.is_valid() else {}
    return given.get("first") or today.replace(month=1, day=1), given.get("last") or today


@for_readers
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show the figures of the agencies that the person supervises; lead an administrator to what is theirs."""
    actor = actor_of(request)
    if "authority_supervisor" not in actor.kinds():
        return redirect("oversight:audit" if "audit_admin" in actor.kinds() else "oversight:rules")
    form = PeriodForm(request.GET)
    first, last = _period(form)
    by = request.GET.get("by", "agency")
    by = by if by in _BY else "agency"
    rows = supervision.overview(actor, first, last)
    totals = _sum(rows)
    months = supervision.trend(actor, _year_back(last))
    columns = [{"title": gettext(_BY[by][0])}, *({"title": t, "number": True} for t in _titles())]
    shown = PeriodForm({"first": first, "last": last, "by": by}) if form.is_valid() else form
    context = frame(
        request,
        "oversight:home",
        form=shown,
        first=first,
        last=last,
        tiles=[{"label": gettext(title), "value": totals[name]} for name, title in (_NOW | _FIGURES).items()],
        columns=columns,
        rows=_table(rows, by),
        late=[row for row in rows if row["overdue"]],
        chart=_chart(months) if months else None,
        registers=rows,
    )
    return render(request, "web/oversight/home.html", context)


def _titles() -> list[str]:
    return [gettext(title) for title in (_NOW | _FIGURES | _STAGES).values()]


def _sum(rows: list[dict[str, Any]]) -> dict[str, Any]:
    whole: dict[str, Any] = {name: sum(row[name] for row in rows) for name in _NOW | _FIGURES}
    for stage in _STAGES:
        pairs = [row["on_time"][stage] for row in rows]
        whole[stage] = rate(sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs))
    return whole


def _table(rows: list[dict[str, Any]], by: str) -> list[list[dict[str, Any]]]:
    groups: dict[Any, list[dict[str, Any]]] = {}
    key = "region" if by == "region" else f"{by}_id"
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return [
        [
            {"text": group[0][_BY[by][1]], "zh": by != "region"},
            *({"text": value, "number": True} for value in _sum(group).values()),
        ]
        for group in groups.values()
    ]


def _year_back(day: date) -> date:
    return (day.replace(day=1) - timedelta(days=335)).replace(day=1)


def _chart(months: dict[str, dict[str, int]]) -> dict[str, Any]:
    labels = sorted(months)
    acts = ("accept", "assign_code", "request_supplement", "lodge")
    series = [{"name": act_label(act), "values": [months[m].get(act, 0) for m in labels]} for act in acts]
    return {"title": gettext("近一年每月办理情况"), "kind": "line", "labels": labels, "series": series}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@for_authority
@require_GET
def register(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the cases of one agency's register, or only those past their deadline."""
    actor = actor_of(request)
    if pk not in supervised_registers(actor):
        raise not_found()
    overdue = request.GET.get("overdue") == "1"
    found = supervision.cases(actor, pk, overdue=overdue, after=_uuid(request.GET.get("cursor", "")))
    today = shanghai_date(legal_now())
    (row,) = (one for one in supervision.overview(actor, today.replace(month=1, day=1), today) if one["id"] == pk)
    kept = {"overdue": "1"} if overdue else {}
    here = reverse("oversight:register", args=[pk])
    titles = (N_("流水号"), N_("申请类型"), N_("名称"), N_("登记主体"), N_("状态"), N_("期限末日"))
    context = frame(
        request,
        "oversight:home",
        row=row,
        tabs=[
            {"title": gettext("全部申请"), "url": here, "active": not overdue},
            {"title": gettext("超期"), "url": f"{here}?overdue=1", "active": overdue},
        ],
        columns=[{"title": gettext(title)} for title in titles],
        rows=[_line(one) for one in found["items"]],
        next_url=f"{here}?{urlencode({**kept, 'cursor': found['next']})}" if found["next"] else "",
    )
    return render(request, "web/oversight/register.html", context)


def _line(one: dict[str, Any]) -> list[dict[str, Any]]:
    day = one["deadline_day"].isoformat() if one["deadline_day"] else "—"
    return [
        {"text": one["serial"], "url": reverse("oversight:case", args=[one["id"]])},
        {"text": kind_label(one["kind"])},
        {"text": one["name"], "zh": True},
        {"text": one["registrant_name"], "zh": True},
        {"text": state_label("application", one["state"])},
        {"text": gettext("{day}（已超期）").format(day=day) if one["overdue"] else day},
    ]


@for_authority
@require_GET
def case(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one case of a supervised agency: where it stands and every decision; nothing of the personal fields."""
    actor = actor_of(request)
    row = queries.application_detail(actor, pk)
    if row["register_id"] not in supervised_registers(actor):
        raise not_found()
    history = queries.decisions(actor, Application, pk)
    titles = (N_("时间"), N_("事项"), N_("办理人角色"), N_("状态"), N_("期限末日"), N_("理由"))
    context = frame(
        request,
        "oversight:home",
        case=row,
        state=state_label("application", row["state"]),
        kind=kind_label(row["kind"]),
        columns=[{"title": gettext(title)} for title in titles],
        rows=[_decision(one) for one in history],
    )
    return render(request, "web/oversight/case.html", context)


def _decision(one: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"text": one["at"].astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")},
        {"text": act_label(one["act"])},
        {"text": role_label(one["role"])},
        {"text": state_label("application", one["state"])},
        {"text": one["deadline"].isoformat() if one["deadline"] else "—"},
        {"text": str(one["words"].get("reason", "")), "zh": True},
    ]

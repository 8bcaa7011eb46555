"""The queue: tabs with counts, filters, claims, and acts on several files at once."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from dengji.core.errors import N_, DomainError
from dengji.law.procedure import KINDS
from dengji.law.record import FIELDS
from dengji.registration import services
from dengji.registration.api.base import act_label, say, state_label
from dengji.registration.queries import agency, workbench
from dengji.registration.stages import OPEN

from ..access import actor_of, new_transaction, transaction_of
from ..workspace.words import kind_label, pick
from . import table
from .base import case_of, for_agency
from .words import case_label, frame, object_label, page_of, who

_TABS = {
    "todo": N_("待办"),
    "open": N_("办理中"),
    "soon": N_("即将超期"),
    "overdue": N_("超期"),
    "done": N_("已办"),
}
_EMPTY = {
    "todo": N_("没有等您办理的事项。"),
    "open": N_("没有在办事项。"),
    "soon": N_("没有即将超期的事项。"),
    "overdue": N_("没有超期事项。"),
    "done": N_("近三个月没有您办理过的事项。"),
}
_MOST = 100


class FilterForm(forms.Form):
    """What the queue may be narrowed to."""

    serial = forms.CharField(label=_("流水号"), required=False, max_length=64)
    registrant = forms.CharField(label=_("登记主体"), required=False, max_length=100)
    object = forms.ChoiceField(label=_("事项"), required=False)
    kind = forms.ChoiceField(label=_("申请类型"), required=False)
    type = forms.ChoiceField(label=_("登记类型"), required=False)
    state = forms.ChoiceField(label=_("状态"), required=False)
    mine = forms.BooleanField(label=_("只看我认领的"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        either = [("", gettext("全部"))]
        states = [(s, state_label("application", s)) for s in OPEN["application"]]
        for name, choices in (
            ("object", [(kind, object_label(kind)) for kind in OPEN]),
            ("kind", [(kind, kind_label(kind)) for kind in KINDS]),
            ("type", [(code, pick(row)) for code, row in FIELDS["data_type"].labels.items()]),
            ("state", states),
        ):
            self.fields[name].choices = either + choices  # type: ignore[attr-defined]


def _filters(request: HttpRequest) -> workbench.Filters:
    """What the address asks for; a value that no list knows counts as none."""
    form = FilterForm(request.GET)
    form.is_valid()
    given = {name: form.cleaned_data.get(name) or "" for name in form.fields if name != "mine"}
    return workbench.Filters(**given, mine=bool(form.cleaned_data.get("mine")))


@for_agency
@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """Show one tab of the queue."""
    actor = actor_of(request)
    tab = request.GET.get("tab", "todo")
    tab = tab if tab in _TABS else "todo"
    chosen, cursor = _filters(request), request.GET.get("cursor", "")
    kept = {name: str(value) for name, value in request.GET.items() if value and name in FilterForm.base_fields}
    if tab == "done":
        page: Any = agency.done(actor, after=int(cursor) if cursor.isdigit() else None)
        items = [_done(row) for row in page["items"]]
    else:
        page = workbench.listed(actor, tab, chosen, cursor=cursor)
        items = _items(page["items"])
    here = reverse("desk:queue")
    context = frame(
        request,
        "desk:queue",
        tab=tab,
        tabs=_tabs(actor, tab, kept),
        items=items,
        empty=gettext("没有符合条件的事项。") if chosen else gettext(_EMPTY[tab]),
        # Drawn only when asked for: a form costs more than the list.
        filters=FilterForm(request.GET) if chosen or "filter" in request.GET else None,
        filtered=bool(chosen),
        query=urlencode(kept),
        saved=[{**one, "url": f"{here}?{one['query']}"} for one in agency.filters(actor)],
        next_url=f"{here}?{urlencode({**kept, 'tab': tab, 'cursor': page['next']})}" if page["next"] else "",
        batch=[(act, act_label(act)) for act in table.batch_acts()],
        transaction_id=new_transaction(),
    )
    return render(request, "web/desk/queue.html", context)


def _tabs(actor: Any, tab: str, kept: dict[str, str]) -> list[dict[str, Any]]:
    numbers = workbench.counts(actor)
    return [
        {
            "title": gettext(title),
            "url": f"?{urlencode({**kept, 'tab': name})}",
            "count": numbers.get(name),
            "active": name == tab,
        }
        for name, title in _TABS.items()
    ]


def _items(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    held = agency.names(row["holder"] for row in rows if row["holder"] and not row["held_by_me"])
    return [
        {
            **row,
            "url": page_of(row["object"], row["id"]),
            "label": case_label(row),
            "who_next": who(row["next"]),
            "holder_name": held.get(row["holder"], ""),
        }
        for row in rows
    ]


def _done(row: dict[str, Any]) -> dict[str, Any]:
    known = row["object_kind"] in OPEN or row["object_kind"] == "registration"
    return {
        **row,
        "url": page_of(row["object_kind"], row["object_id"]) if known else "",
        "label": object_label(row["object_kind"]) if known else row["object_kind"],
        "state_label": state_label(row["object_kind"], row["to_state"]),
        "act_label": act_label(row["act"]),
    }


@for_agency
@require_POST
def keep_filter(request: HttpRequest) -> HttpResponse:
    """Keep the present filter under a name, or forget one."""
    actor = actor_of(request)
    if (gone := request.POST.get("drop", "")).isdigit():
        services.drop_filter(actor=actor, filter_id=int(gone))
    else:
        try:
            services.save_filter(actor=actor, name=request.POST.get("name", ""), query=request.POST.get("query", ""))
        except DomainError as error:
            messages.error(request, say(error.message, error.params))
    return redirect("desk:queue")


@for_agency
@require_POST
def batch(request: HttpRequest) -> HttpResponse:
    """Do one act to the files chosen: first shown for confirmation, then each told by itself, none half silent."""
    actor, act = actor_of(request), request.POST.get("act", "")
    if act not in table.batch_acts():
        messages.error(request, gettext("请选择要批量办理的事项"))
        return redirect("desk:queue")
    chosen = [pk for one in request.POST.getlist("case")[:_MOST] if (pk := _uuid(one))]
    if not chosen:
        messages.error(request, gettext("请先勾选要办理的申请"))
        return redirect("desk:queue")
    rows = []
    for pk in dict.fromkeys(chosen):
        rows.append(_one(request, actor, act, pk))
    done = sum(row["done"] for row in rows)
    context = frame(
        request,
        "desk:queue",
        act=act,
        act_label=act_label(act),
        rows=rows,
        confirmed=_sure(request),
        done=done,
        failed=len(rows) - done,
        transaction_id=transaction_of(request),
    )
    return render(request, "web/desk/batch.html", context)


def _sure(request: HttpRequest) -> bool:
    return request.POST.get("sure") == "1"


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _one(request: HttpRequest, actor: Any, act: str, pk: UUID) -> dict[str, Any]:
    """What one file of a batch is, or became; a repeat is harmless: its transaction id follows from the form's."""
    told: dict[str, Any] = {"pk": pk, "number": str(pk), "name": "", "url": "", "done": False, "error": ""}
    try:
        case = case_of(request, "application", pk)
        told |= {"number": case.number, "name": case.row.name, "url": page_of("application", pk)}
        if _sure(request):
            own = hashlib.sha256(f"{transaction_of(request)} {act} {pk}".encode()).hexdigest()
            table.do("application", act, pk, actor=actor, transaction_id=own)
            told["done"] = True
    except DomainError as error:
        told["error"] = say(error.message, error.params)
    return told

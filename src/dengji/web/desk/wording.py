"""A register's own reusable texts, by act (常用语模板)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from dengji.law.procedure import TABLE
from dengji.parties import selectors as parties
from dengji.registration import services
from dengji.registration.api.base import act_label
from dengji.registration.queries import agency

from ..access import actor_of, transaction_of
from . import table
from .base import attempt, for_agency, raise_refusal
from .words import frame


class WordingForm(forms.Form):
    """One text for one act."""

    register = forms.ChoiceField(label=_("登记簿"))
    act = forms.ChoiceField(label=_("用于"))
    title = forms.CharField(label=_("标题"), max_length=60)
    text = forms.CharField(label=_("文字"), widget=forms.Textarea(attrs={"rows": 5}), max_length=4000)

    def __init__(self, *args: Any, actor: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = [one for one in parties.registers() if one.pk in actor.registers()]
        held = actor.kinds()
        acts = {act for (_kind, act), row in table.FORMS.items() if row.form.text_field}
        may = [act for act in TABLE if act in acts and held & (TABLE[act].roles | {"agency_supervisor"})]
        self.fields["register"].choices = [(str(one.pk), one.name) for one in mine]  # type: ignore[attr-defined]
        self.fields["act"].choices = [(act, act_label(act)) for act in may]  # type: ignore[attr-defined]


@for_agency
@require_http_methods(["GET", "POST"])
def wordings(request: HttpRequest) -> HttpResponse:
    """List the texts of one's registers, and add one."""
    actor = actor_of(request)
    form = WordingForm(request.POST or None, actor=actor)
    if request.method == "POST" and form.is_valid():
        words = dict(form.cleaned_data)
        words["register_id"] = UUID(words.pop("register"))
        attempt(form, lambda: services.save_wording(actor=actor, transaction_id=transaction_of(request), **words))
        raise_refusal(form)
        if form.is_valid():
            messages.success(request, gettext("模板已保存"))
            return redirect("desk:wordings")
    rows = [{**row, "act_label": act_label(row["act"])} for row in agency.wordings(actor)]
    context = frame(request, "desk:wordings", form=form, rows=rows)
    return render(request, "web/desk/wordings.html", context, status=422 if form.errors else 200)


@for_agency
@require_POST
def drop(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Withdraw a text."""
    services.drop_wording(actor=actor_of(request), transaction_id=transaction_of(request), wording_id=pk)
    messages.success(request, gettext("模板已撤下"))
    return redirect("desk:wordings")

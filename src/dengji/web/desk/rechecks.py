"""Random re-checks: draw a period's share, and record what was found (抽查, R67)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from dengji.core.errors import forbidden
from dengji.parties import selectors as parties
from dengji.registration import queries, services

from ..access import actor_of, transaction_of
from .base import after_of, attempt, case_of, for_agency, raise_refusal
from .case import common
from .words import frame, page_of


class DrawForm(forms.Form):
    """Which register, which period."""

    register = forms.ChoiceField(label=_("登记簿"))
    period = forms.CharField(label=_("期次"), max_length=20, help_text=_("如 2026Q4；同一期次只抽一次"))

    def __init__(self, *args: Any, actor: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = actor.registers("agency_supervisor")
        choices = [(str(one.pk), one.name) for one in parties.registers() if one.pk in mine]
        self.fields["register"].choices = choices  # type: ignore[attr-defined]


@for_agency
@require_http_methods(["GET", "POST"])
def rechecks(request: HttpRequest) -> HttpResponse:
    """List the registrations drawn, and draw."""
    actor = actor_of(request)
    if not actor.registers("agency_supervisor"):
        raise forbidden(article="18")
    form = DrawForm(request.POST or None, actor=actor)
    if request.method == "POST" and form.is_valid():
        words = {"register_id": UUID(form.cleaned_data["register"]), "period": form.cleaned_data["period"]}
        drawn = attempt(
            form, lambda: services.draw_rechecks(actor=actor, transaction_id=transaction_of(request), **words)
        )
        raise_refusal(form)
        if drawn is not None:
            text = gettext("已从 {of} 项有效登记中抽取 {n} 项；随机种子 {seed} 已记录，任何人可以重算")
            messages.success(request, text.format(of=drawn["of"], n=len(drawn["drawn"]), seed=drawn["seed"]))
            return redirect("desk:rechecks")
    page = queries.rechecks(actor, after=after_of(request))
    here = reverse("desk:rechecks")
    rows = [{**row, "url": page_of("recheck", row["id"])} for row in page["items"]]
    more = f"{here}?after={page['next']}" if page["next"] else ""
    context = frame(request, "desk:rechecks", form=form, rows=rows, next_url=more)
    return render(request, "web/desk/rechecks.html", context, status=422 if form.errors else 200)


@for_agency
@require_GET
def recheck(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one re-check with the registration it is about."""
    loaded = case_of(request, "recheck", pk)
    row = loaded.row
    context = frame(
        request,
        "desk:rechecks",
        row=row,
        target=row.registration,
        target_url=page_of("registration", row.registration_id),
        **common(request, loaded),
    )
    return render(request, "web/desk/recheck.html", context)

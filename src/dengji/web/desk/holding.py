"""Who holds a case and who stands in for whom: claim, release, reassign, deputies (认领、退回、改派、AB 角)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from dengji.core.errors import DomainError, not_found
from dengji.parties import selectors as parties
from dengji.registration import services
from dengji.registration.api.base import say
from dengji.registration.queries import agency

from ..access import actor_of, transaction_of
from .base import attempt, for_agency, raise_refusal
from .words import frame, page_of


@for_agency
@require_POST
def hold(request: HttpRequest, kind: str, pk: UUID, change: str) -> HttpResponse:
    """Claim, release or reassign a case."""
    common: dict[str, Any] = {
        "actor": actor_of(request),
        "transaction_id": transaction_of(request),
        "object_kind": kind,
        "object_id": pk,
    }
    try:
        if change == "reassign":
            services.reassign(**common, person_id=_uuid(request.POST.get("person", "")))
        elif change == "claim":
            services.claim(**common)
        else:
            services.release(**common)
    except DomainError as error:
        if error.status in (403, 404):
            raise
        messages.error(request, say(error.message, error.params))
    else:
        done = {"claim": gettext("已认领"), "release": gettext("已退回待办"), "reassign": gettext("已改派")}
        messages.success(request, done[change])
    back = request.POST.get("back", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
    return redirect(back if safe else page_of(kind, pk))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise not_found() from None


class DeputyForm(forms.Form):
    """Who stands in for whom, and when."""

    register = forms.ChoiceField(label=_("登记簿"))
    person = forms.ChoiceField(label=_("被代办人（A角）"))
    deputy = forms.ChoiceField(label=_("代办人（B角）"))
    first_day = forms.DateField(label=_("起始日"), widget=forms.DateInput(attrs={"type": "date"}))
    last_day = forms.DateField(label=_("截止日"), widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, actor: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = [one for one in parties.registers() if one.pk in actor.registers()]
        people = {pk: name for one in mine for pk, name in agency.colleagues(actor, one.pk)}
        heads = actor.registers("agency_supervisor")
        either = [("", gettext("请选择")), *((str(pk), name) for pk, name in people.items())]
        self.fields["register"].choices = [(str(one.pk), one.name) for one in mine]  # type: ignore[attr-defined]
        self.fields["deputy"].choices = either  # type: ignore[attr-defined]
        own = [(str(actor.person_id), people.get(actor.person_id, ""))]
        self.fields["person"].choices = either if heads else own  # type: ignore[attr-defined]

    def words(self) -> dict[str, Any]:
        """Return the arguments of the service."""
        data = self.cleaned_data
        ids = {name: UUID(data[key]) for name, key in _KEYS}
        return {**ids, "first_day": data["first_day"], "last_day": data["last_day"]}


_KEYS = (("register_id", "register"), ("person_id", "person"), ("deputy_id", "deputy"))


@for_agency
@require_http_methods(["GET", "POST"])
def deputies(request: HttpRequest) -> HttpResponse:
    """List who stands in for whom, and name another."""
    actor = actor_of(request)
    form = DeputyForm(request.POST or None, actor=actor)
    if request.method == "POST" and form.is_valid():
        words = form.words()
        attempt(form, lambda: services.set_deputy(actor=actor, transaction_id=transaction_of(request), **words))
        raise_refusal(form)
        if form.is_valid():
            messages.success(request, gettext("已安排代办"))
            return redirect("desk:deputies")
    context = frame(request, "desk:deputies", form=form, rows=agency.deputies(actor))
    return render(request, "web/desk/deputies.html", context, status=422 if form.errors else 200)


@for_agency
@require_POST
def end_deputy(request: HttpRequest, pk: int) -> HttpResponse:
    """End a deputyship today."""
    services.end_deputy(actor=actor_of(request), transaction_id=transaction_of(request), deputy_id=pk)
    messages.success(request, gettext("代办已提前结束"))
    return redirect("desk:deputies")

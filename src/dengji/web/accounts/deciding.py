"""The agency decides about requests for accounts, at /desk/signups/."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from dengji.core.errors import DomainError
from dengji.law.record import FIELDS
from dengji.parties import selectors
from dengji.parties.access import log_read
from dengji.parties.accounts import selectors as accounts
from dengji.parties.accounts.services import opening_key
from dengji.parties.models import SignUp
from dengji.parties.roles import KINDS
from dengji.parties.services import OPERATOR
from dengji.parties.sign_up import services
from dengji.registration.api.base import say

from ..access import actor_of, errors_into, for_roles, transaction_of
from . import identity

OFFICERS = ("agency_supervisor", "system_admin", "security_admin")
_STATES = {"PENDING": _("待审核"), "APPROVED": _("已通过"), "REFUSED": _("未通过")}


class Refusal(forms.Form):
    """Why a request is refused."""

    reason = forms.CharField(
        label=_("不通过的理由"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("申请人可以看到；请写明如何补正"),
    )


@for_roles(*OFFICERS)
def listed(request: HttpRequest) -> HttpResponse:
    """List requests in a state, oldest first."""
    actor = actor_of(request)
    state = request.GET.get("state", "PENDING")
    if state not in _STATES:
        raise Http404
    tabs = [
        {"title": title, "url": f"{reverse('desk-signups')}?state={code}", "active": code == state}
        for code, title in _STATES.items()
    ]
    context = {"rows": accounts.sign_ups(actor, state=state), "tabs": tabs, "state": state}
    return render(request, "web/accounts/signups.html", context)


@for_roles(*OFFICERS)
def one(request: HttpRequest, sign_up_id: UUID) -> HttpResponse:
    """Show one request with what it would make; approve or refuse it."""
    actor = actor_of(request)
    row = accounts.sign_up(actor, sign_up_id)
    form = Refusal(request.POST or None) if request.POST.get("act") == "refuse" else Refusal()
    if request.method == "POST":
        if request.POST.get("act") == "approve":
            try:
                services.approve(
                    actor=actor, transaction_id=transaction_of(request), sign_up_id=sign_up_id, bind=identity.bind
                )
            except DomainError as error:
                messages.error(request, say(error.message, error.params))
            else:
                messages.success(request, _("申请已通过，账户已开通"))
            return redirect("desk-signup", sign_up_id=sign_up_id)
        if form.is_valid():
            with errors_into(form):
                services.refuse(
                    actor=actor,
                    transaction_id=transaction_of(request),
                    sign_up_id=sign_up_id,
                    reason=form.cleaned_data["reason"],
                )
            if form.is_valid():
                messages.success(request, _("已告知申请人不通过的理由"))
                return redirect("desk-signup", sign_up_id=sign_up_id)
    else:
        log_read(actor=actor.key, what="sign_up", object_id=row.pk, object_kind="sign_up", register_id=row.register_id)
    return render(request, "web/accounts/signup.html", _shown(request, row) | {"form": form})


def _shown(request: HttpRequest, row: SignUp) -> dict[str, Any]:
    words = accounts.sign_up_words(row)
    unit = words.get("unit") or {}
    kind = FIELDS["registrant_type"].labels.get(unit.get("kind", ""), {})
    people = [{**person, "label": gettext(KINDS[person["role"]].label)} for person in words["people"]]
    if row.state == SignUp.State.APPROVED:
        for person in people:
            person["link"] = _link(request, person["username"])
    return {
        "row": row,
        "unit": unit,
        "kind": kind.get("en" if request.LANGUAGE_CODE == "en" else "zh", ""),
        "people": people,
        "letter": words.get("letter"),
        "identity": words.get("identity"),
        "reason": accounts.sign_up_reason(row),
    }


def _link(request: HttpRequest, username: str) -> str:
    """The address at which somebody whose account has no password yet sets one; nothing once it is set."""
    person = selectors.person_by_username(username)
    if person.has_usable_password():
        return ""
    key = opening_key(actor=OPERATOR, person=person)
    return request.build_absolute_uri(reverse("accounts-open", args=(person.pk, key)))


@for_roles(*OFFICERS)
def letter(request: HttpRequest, sign_up_id: UUID) -> HttpResponse:
    """Send the letter of authority as a download, never as a page."""
    actor = actor_of(request)
    row = accounts.sign_up(actor, sign_up_id)
    data, about = accounts.sign_up_letter(row), accounts.sign_up_words(row).get("letter")
    if data is None or not about:
        raise Http404
    log_read(actor=actor.key, what="sign_up", object_id=row.pk, object_kind="sign_up", register_id=row.register_id)
    return HttpResponse(
        data,
        content_type=about["content_type"],
        headers={
            "Content-Disposition": f'attachment; filename="letter-{row.pk}"',
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
        },
    )

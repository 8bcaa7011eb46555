"""The guided tour of a demonstration node: its accounts, and the legal clock that may be moved (design §3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from dengji.core import clock
from dengji.law.calendar import shanghai_date
from dengji.parties.models import Role
from dengji.parties.roles import KINDS
from dengji.parties.selectors import current_roles
from dengji.registration import services

from ..access import for_roles
from ..forms import PartForm
from ..marks import is_demonstration
from ..navigation import address

_MOST_DAYS = 120
#: How much of what falls due is done at once; the worker's schedule does the rest.
_AT_ONCE = 200


class Days(PartForm):
    """By how many days the legal clock is moved on."""

    days = forms.IntegerField(label=gettext_lazy("向前移动的天数"), min_value=1, max_value=_MOST_DAYS, initial=1)


def accounts(roles: Iterable[Role]) -> list[dict[str, Any]]:
    """Return the accounts of a demonstration with what each does, in the order of the roles' table."""
    order = {kind: n for n, kind in enumerate(KINDS)}
    found: dict[str, dict[str, Any]] = {}
    for role in roles:
        row = found.setdefault(role.person.username, {"username": role.person.username, "kinds": {}})
        row["kinds"][role.kind] = _(KINDS[role.kind].label)
    rows = sorted(found.values(), key=lambda row: min(order[kind] for kind in row["kinds"]))
    return [{"username": row["username"], "roles": list(row["kinds"].values())} for row in rows]


def _only_here() -> None:
    if not is_demonstration():
        raise Http404


@require_safe
def tour(request: HttpRequest, form: Days | None = None) -> HttpResponse:
    """Show the tour; a production node has no such page."""
    _only_here()
    context = {
        "accounts": accounts(current_roles()),
        "today": shanghai_date(clock.legal_now()),
        "now": clock.legal_now(),
        "form": Days(),
        **{area: address(area) for area in ("workspace", "desk", "oversight")},
    }
    return render(request, "web/public/tour.html", context)


@require_POST
@for_roles()
def move(request: HttpRequest) -> HttpResponseBase:
    """Move the legal clock on, and do at once what falls due by it; for whoever is signed in on a demonstration."""
    _only_here()
    form = Days(request.POST)
    if not form.is_valid():
        messages.error(request, _("天数应为 1 至 {n}").format(n=_MOST_DAYS))
        return redirect("tour")
    with transaction.atomic():
        clock.advance_to(clock.legal_now() + timedelta(days=form.cleaned_data["days"]))
    done = services.tick(limit=_AT_ONCE)
    day = shanghai_date(clock.legal_now())
    acts = sum(count for phase, count in done.items() if phase != "failed")
    messages.success(request, _("法定日期现在是 {day}；到期事项已办理 {n} 件。").format(day=day, n=acts))
    return redirect("tour")

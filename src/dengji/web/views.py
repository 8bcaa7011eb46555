"""The pages that belong to no room: home."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext

from dengji.catalogue import lists
from dengji.catalogue.selectors import home_figures, latest
from dengji.content.selectors import pages_of
from dengji.core.clock import legal_now
from dengji.core.errors import N_
from dengji.registration.queries.following import NoticeFilters, notice_list
from dengji.registration.services.suppression import SUPPRESSED_NAME

from .public.notices import shown
from .public.objecting import language_of

_LISTED, _NOTICES, _NEWS = 10, 10, 5


def _tiles(figures: dict[str, int]) -> list[dict[str, Any]]:
    """The four figures, each with what it counts and the list that proves it."""
    search, month = reverse("search"), lists.this_month()
    valid = N_("现在有效")
    rows = (
        (N_("已登记资源"), figures["resources"], valid, f"{search}?type=resource&type=open&state=VALID"),
        (N_("产品和服务"), figures["products"], valid, f"{search}?type=product&state=VALID"),
        (N_("登记主体"), lists.holders_count(), N_("持有有效登记的单位"), reverse("registrants")),
        (N_("本月新增"), lists.coded_count(month), N_("本月赋码"), f"{reverse('coded')}?month={month}"),
    )
    return [
        {"label": gettext(label), "value": value, "note": gettext(note), "url": url} for label, value, note, url in rows
    ]


def home(request: HttpRequest) -> HttpResponse:
    """Show what the register holds, the notices that run now, and where to go next."""
    found = notice_list(NoticeFilters(), limit=_NOTICES)
    context = {
        "tiles": _tiles(home_figures()),
        "as_of": legal_now(),
        "items": shown(found["items"]),
        "more": found["next"] is not None,
        "running": True,
        "news": pages_of("policy", language_of(request))[:_NEWS],
        "suppressed": SUPPRESSED_NAME,
        "registrations": latest(_LISTED),
    }
    return render(request, "web/home.html", context)

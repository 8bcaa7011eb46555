"""The pages that belong to no room: home."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext

from dengji.catalogue.selectors import home_figures, latest
from dengji.core.errors import N_
from dengji.registration.selectors import running_notices
from dengji.registration.services.suppression import SUPPRESSED_NAME

_LISTED = 20


def _tiles(figures: dict[str, int]) -> list[dict[str, Any]]:
    """The four figures, each with the list that proves it."""
    search = reverse("search")
    rows = (
        (N_("已登记资源"), "resources", f"{search}?type=resource&type=open&state=VALID"),
        (N_("产品和服务"), "products", f"{search}?type=product&state=VALID"),
        (N_("开放获取"), "accessible", f"{search}?access=open&state=VALID"),
        (N_("正在公示"), "notices", "#notices"),
    )
    return [{"label": gettext(label), "value": figures[name], "url": url} for label, name, url in rows]


def home(request: HttpRequest) -> HttpResponse:
    """Show what the register holds, the notices that run now, and where to go next."""
    context = {
        "tiles": _tiles(home_figures()),
        "notices": running_notices()[:_LISTED],
        "suppressed": SUPPRESSED_NAME,
        "registrations": latest(_LISTED),
    }
    return render(request, "web/home.html", context)

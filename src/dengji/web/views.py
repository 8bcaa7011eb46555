"""The pages that belong to no room: home."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dengji.catalogue.selectors import home_figures, latest
from dengji.registration.selectors import running_notices
from dengji.registration.services.suppression import SUPPRESSED_NAME

_LISTED = 20


def home(request: HttpRequest) -> HttpResponse:
    """Show what the register holds, the notices that run now, and where to go next."""
    figures = home_figures()
    context = {
        "figures": figures,
        "notices": running_notices()[:_LISTED],
        "suppressed": SUPPRESSED_NAME,
        "registrations": latest(_LISTED),
    }
    return render(request, "web/home.html", context)

"""The pages that belong to no room: home."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dengji.core.errors import DomainError
from dengji.registration.selectors import home_figures, running_notices

_LISTED = 20


def home(request: HttpRequest) -> HttpResponse:
    """Show what the register holds, the notices that run now, and where to go next."""
    try:
        figures = home_figures()
    except DomainError:
        figures = {}
    return render(request, "web/home.html", {"figures": figures, "notices": running_notices()[:_LISTED]})

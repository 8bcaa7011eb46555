"""A person's own account."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dengji.parties import selectors

from ..access import for_roles


@for_roles()
def own(request: HttpRequest) -> HttpResponse:
    """Show who is signed in and with which roles."""
    assert request.user.is_authenticated  # noqa: S101 - for_roles
    context = {"name": selectors.name_of(request.user), "roles": selectors.current_roles(request.user)}
    return render(request, "web/accounts/own.html", context)

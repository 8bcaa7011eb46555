"""The addresses under /accounts/."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path, re_path

from . import views


def _nothing(request: HttpRequest, **_kwargs: str) -> HttpResponse:
    raise Http404


urlpatterns = [
    path("", views.own, name="accounts"),
    # What django-allauth offers and this platform does not: accounts come from an approved request only.
    re_path(
        r"^(?:email|confirm-email|signup|password/set|password/reset|login/code|3rdparty/signup)(?:/.*)?$", _nothing
    ),
    re_path(r"^social/", _nothing),
    path("", include("allauth.urls")),
]

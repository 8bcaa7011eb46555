"""The addresses under /accounts/."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path, re_path

from . import certificates, openid, people, registering, views


def _nothing(request: HttpRequest, **_kwargs: str) -> HttpResponse:
    raise Http404


urlpatterns = [
    path("", views.own, name="accounts"),
    path("login/", views.Login.as_view()),
    path("profile/", views.profile, name="accounts-profile"),
    path("sessions/", views.sessions, name="accounts-sessions"),
    path("tokens/", views.tokens, name="accounts-tokens"),
    path("tokens/<int:token_id>/revoke/", views.revoke, name="accounts-token-revoke"),
    path("audit/", views.audit, name="accounts-audit"),
    path("open/<uuid:person_id>/<str:key>/", views.open_account, name="accounts-open"),
    path("certificate/", certificates.sign_in, name="accounts-certificate"),
    path("oidc/<str:provider_id>/login/callback/", openid.callback),
    path("register/", registering.register, name="accounts-register"),
    path("register/status/", registering.status, name="accounts-register-status"),
    path("people/", people.listed, name="accounts-people"),
    path("people/<uuid:person_id>/", people.one, name="accounts-person"),
    path("people/<uuid:person_id>/act/", people.act, name="accounts-person-act"),
    # What django-allauth offers and this platform does not: accounts come from an approved request only.
    re_path(r"^(?:email|confirm-email|signup|social|3rdparty/signup)(?:/.*)?$", _nothing),
    re_path(r"^(?:password/set|password/reset|login/code)(?:/.*)?$", _nothing),
    path("", include("allauth.urls")),
]

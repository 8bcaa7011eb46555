"""What stands before every page of somebody signed in: idle time, allowed addresses, second factor, password age."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from dengji.core.clock import real_now
from dengji.parties.access import log_refusal
from dengji.parties.accounts.services import password_is_due
from dengji.parties.actor import Actor
from dengji.parties.roles import ADMINISTRATORS, AGENCY_ROLES, ORGANISATION_ROLES
from dengji.parties.sessions import SEEN

from .. import limits
from ..access import actor_of
from . import factor

#: Addresses that know no sessions, or must stay open to somebody who still has to put their account in order.
_NO_SESSION = ("/api/", "/log/", "/static/", "/healthz", "/metrics")
_OPEN = ("/accounts/2fa/", "/accounts/logout/", "/accounts/reauthenticate/", "/accounts/password/change/")
_TOUCH = timedelta(seconds=60)
#: Kinds of DENGJI_ALLOWED_NETWORKS → the roles they cover.
_KINDS = {
    "agency": AGENCY_ROLES,
    "authority": frozenset({"authority_supervisor"}),
    "administrator": ADMINISTRATORS,
    "registrant": ORGANISATION_ROLES,
}


class Guard:
    """Asks nothing of visitors: without a session's cookie a request passes at once."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let the request through, or lead the person where their account needs them."""
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or request.path_info.startswith(_NO_SESSION):
            return self.get_response(request)
        if not request.user.is_authenticated:
            return self.get_response(request)
        _place(request)
        return _idle(request) or _in_order(request) or self.get_response(request)


def _idle(request: HttpRequest) -> HttpResponse | None:
    now = real_now()
    seen = request.session.get(SEEN)
    since = now - datetime.fromisoformat(seen) if seen else timedelta(0)
    if settings.DENGJI_SESSION_IDLE_SECONDS and since > timedelta(seconds=settings.DENGJI_SESSION_IDLE_SECONDS):
        logout(request)
        messages.info(request, _("您已较长时间未操作，为安全起见已退出登录"))
        return redirect("account_login")
    if not seen or since > _TOUCH:
        request.session[SEEN] = now.isoformat()
    return None


def _place(request: HttpRequest) -> None:
    actor = actor_of(request)
    if settings.DENGJI_ALLOWED_NETWORKS and not allowed_from(actor, limits.caller(request)):
        log_refusal(actor=actor.key, act="sign_in", outcome="network", object_id=actor.person_id, object_kind="person")
        raise PermissionDenied


def allowed_from(actor: Actor, address: str) -> bool:
    """Tell whether a person may act from an address: within the networks of every kind of role they hold."""
    held = actor.kinds()
    for kind, networks in settings.DENGJI_ALLOWED_NETWORKS.items():
        if not held & _KINDS.get(kind, frozenset()):
            continue
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        if not any(found in ipaddress.ip_network(network) for network in networks):
            return False
    return True


def _in_order(request: HttpRequest) -> HttpResponse | None:
    if request.path_info.startswith(_OPEN) or not request.user.is_authenticated:
        return None
    if factor.required(actor_of(request)) and not factor.present(request.user):
        messages.warning(request, _("您的角色需要第二重验证：请先设置，再继续办理"))
        return redirect("mfa_index")
    if password_is_due(request.user):
        messages.warning(request, _("您的密码已到期或由他人设置：请先修改密码，再继续办理"))
        return redirect("account_change_password")
    return None

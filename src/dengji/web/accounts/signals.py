"""Sign-ins, sign-outs and failures are written to the access log: pointers and codes, never a name."""

from __future__ import annotations

from typing import Any

from allauth.mfa import signals as factors
from axes.signals import user_locked_out
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from dengji.core.clock import real_now
from dengji.parties.access import log_refusal, log_work
from dengji.parties.models import Person
from dengji.parties.sessions import PLACE, SEEN, STARTED

from .. import limits

_AGENT = 200


def _work(person: Any, act: str) -> None:
    log_work(actor=f"person:{person.pk}", act=act, object_id=person.pk, object_kind="person")


@receiver(user_logged_in)
def signed_in(sender: Any, request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    """Remember when and from where a session began."""
    now = real_now().isoformat()
    request.session[STARTED] = request.session[SEEN] = now
    agent = request.META.get("HTTP_USER_AGENT", "")[:_AGENT]
    request.session[PLACE] = {"address": limits.caller(request), "agent": agent}
    request.__dict__.pop("dengji_actor", None)
    _work(user, "sign_in")


@receiver(user_logged_out)
def signed_out(sender: Any, request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    """Note the end of a session."""
    if user is not None:
        _work(user, "sign_out")


def _known(credentials: dict[str, Any]) -> Any:
    name = str(credentials.get("username") or "").replace("\0", "")
    return Person.objects.filter(username__iexact=name).values_list("pk", flat=True).first() if name else None


@receiver(user_login_failed)
def failed(sender: Any, credentials: dict[str, Any], **_kwargs: Any) -> None:
    """Note a failure; whose account it was where there is one, never the name that was typed."""
    log_refusal(
        actor="public", act="sign_in", outcome="credentials", object_id=_known(credentials), object_kind="person"
    )


@receiver(user_locked_out)
def locked(sender: Any, **_kwargs: Any) -> None:
    """Note that signing in was locked."""
    log_refusal(actor="public", act="sign_in", outcome="locked_out", object_kind="person")


@receiver(factors.authentication_failed)
def factor_failed(sender: Any, user: Any, **_kwargs: Any) -> None:
    """Note a second factor that was wrong."""
    log_refusal(actor=f"person:{user.pk}", act="second_factor", outcome="code", object_id=user.pk, object_kind="person")


@receiver(factors.authenticator_added)
def factor_added(sender: Any, user: Any, **_kwargs: Any) -> None:
    """Note a new second factor."""
    _work(user, "second_factor_added")


@receiver(factors.authenticator_removed)
def factor_removed(sender: Any, user: Any, **_kwargs: Any) -> None:
    """Note that a second factor was removed."""
    _work(user, "second_factor_removed")

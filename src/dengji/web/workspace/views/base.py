"""What every page of the workspace needs: who, side navigation, and a service's error as words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from dengji.core.errors import DomainError
from dengji.notify.selectors import unread_count
from dengji.registration.api.base import NOTICE, finding, say
from dengji.registration.queries import workspace
from dengji.web.access import TRANSACTION, actor_of, for_roles, new_transaction

from .. import words

View = Callable[..., HttpResponseBase]


def page(view: View) -> View:
    """A page for anyone signed in; what they find is decided by scope, and a foreign id is not found."""

    @for_roles()
    @wraps(view)
    def inner(*args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(*args, **kwargs)
        except DomainError as error:
            if error.status == 404:
                raise Http404 from error
            if error.status == 403:
                raise PermissionDenied from error
            raise

    return inner


def piece_of(request: HttpRequest, pk: UUID) -> dict[str, Any]:
    """Return the file an address names; not found for whoever has no part in preparing it."""
    return workspace.workpiece(actor_of(request), pk)


def say_error(request: HttpRequest, error: DomainError) -> None:
    """Put a service's refusal, with its article and first findings, on the next page."""
    text = say(error.message, error.params)
    if error.article:
        text += _("（依据《暂行办法》第{article}条）").format(article=error.article)
    messages.error(request, text)
    for found in [one for one in error.findings if one.severity == "error"][:10]:
        told = finding(found)
        messages.error(request, f"{told['message']} — {told['fix']}")


def attempt(request: HttpRequest, act: Callable[..., dict[str, Any]], **what: Any) -> dict[str, Any] | None:
    """Do an act; return its result, or None where a rule refused it, whose words stand on the next page."""
    try:
        return act(actor=actor_of(request), **what)
    except DomainError as error:
        if error.status in (404, 403):
            raise
        say_error(request, error)
        return None


def side(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the side navigation of the workspace."""
    here = request.path
    rows = [
        (_("我的登记工作"), reverse("workspace:home")),
        (_("我要登记"), reverse("workspace:new")),
        (_("已办结的申请"), reverse("workspace:ended")),
        (_("我的文书"), reverse("workspace:documents")),
        (_("申请更正他人的登记"), reverse("workspace:rectify")),
    ]
    found: list[dict[str, Any]] = [{"title": title, "url": url, "active": url == here} for title, url in rows]
    letters = reverse("workspace:messages")
    count = unread_count(actor_of(request)) or ""
    return [*found, {"title": _("站内消息"), "url": letters, "active": letters == here, "count": count}]


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    """Render a page of the workspace with a fresh transaction id for each of its forms."""
    piece = (context or {}).get("piece")
    more: dict[str, Any] = {"side": side(request), TRANSACTION: new_transaction(), "notice_text": _(NOTICE)}
    if piece:
        more["heading"] = piece["name"] or _("未命名的申请")
        more["kind_text"], more["type_text"] = words.kind_label(piece["kind"]), words.type_label(piece["data_type"])
        more["who"] = words.who_next(piece["state"])
    return render(request, f"web/workspace/{template}", {**more, **(context or {})}, status=status)

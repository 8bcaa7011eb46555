"""Who is at the page, what they may open, and how an error of a service becomes words in a form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec
from uuid import uuid4

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.forms import BaseForm
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from dengji.core.errors import DomainError
from dengji.core.frame import MAX_TRANSACTION_ID
from dengji.parties.actor import NOBODY, Actor, for_person
from dengji.registration.api.base import say

P = ParamSpec("P")
#: The hidden field of every form that acts; a form sent twice does the act once.
TRANSACTION = "transaction_id"


def actor_of(request: HttpRequest) -> Actor:
    """Return the actor of the person signed in, with all current roles; NOBODY for a visitor."""
    known: Actor | None = getattr(request, "dengji_actor", None)
    if known is None:
        known = for_person(request.user) if request.user.is_authenticated else NOBODY
        request.dengji_actor = known  # type: ignore[attr-defined]
    return known


def for_roles(*kinds: str) -> Callable[[Callable[P, HttpResponseBase]], Callable[P, HttpResponseBase]]:
    """Let only people with one of these roles see a page (anyone signed in without any); others sign in or get 403.

    What they see on it is decided by the selectors' scope, never here.
    """

    def wrap(view: Callable[P, HttpResponseBase]) -> Callable[P, HttpResponseBase]:
        @wraps(view)
        def inner(*args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            request: Any = args[0]
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if kinds and not actor_of(request).kinds() & set(kinds):
                raise PermissionDenied
            response = view(*args, **kwargs)
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return inner

    return wrap


def new_transaction() -> str:
    """Return a fresh transaction id for a form's hidden field."""
    return uuid4().hex


def transaction_of(request: HttpRequest) -> str:
    """Return the transaction id a form came with, or a fresh one where it is missing or no such id."""
    sent = request.POST.get(TRANSACTION, "")
    return sent if sent and len(sent) <= MAX_TRANSACTION_ID and sent.isascii() and sent.isprintable() else uuid4().hex


@contextmanager
def errors_into(form: BaseForm) -> Iterator[None]:
    """Turn a DomainError of a service into an error of the form: at its field where the form has it, else at the top.

    After the block `form.is_valid()` is False where there was one. The findings it carries stay in `form.findings`.
    """
    try:
        yield
    except DomainError as error:
        field = error.field if error.field in form.fields else None
        form.add_error(field, say(error.message, error.params))
        form.findings = list(error.findings)  # type: ignore[attr-defined]
        form.article = error.article  # type: ignore[attr-defined]

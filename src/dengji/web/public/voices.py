"""What the forms of people without an account share: limits, the credential to follow a case, privacy of answers."""

from __future__ import annotations

import math
import re
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from dengji.law.rulebook import Rulebook, vocabulary
from dengji.registration.services import Upload

from ..access import actor_of
from ..limits import charge

#: Prefix of a credential → the page that it opens.
PAGES = {"YY": "objection", "TS": "complaint", "GR": "privacy-followed"}
_CREDENTIAL = re.compile(r"(YY|TS|GR)-?([0-9a-f]{32})-?([0-9a-f]{32})")


def credential(kind: str, pk: Any, key: str) -> str:
    """Return the one text by which somebody follows a case: kind, object and key."""
    return f"{kind}-{UUID(str(pk)).hex}-{key}"


def address(kind: str, pk: Any, key: str) -> str:
    """Return the address of the page on which a case is followed."""
    return f"{reverse(PAGES[kind], args=[UUID(str(pk))])}?{urlencode({'key': key})}"


def opened(text: str) -> str:
    """Return the address that a credential opens, nothing for a text that is none."""
    found = _CREDENTIAL.fullmatch("".join(text.split()).replace("－", "-"))
    return address(found[1], found[2], found[3]) if found else ""


def private(response: HttpResponse) -> HttpResponse:
    """Keep a page with one's own case out of caches and search engines.

    Other sites never see its address: all pages go by Referrer-Policy same-origin. A stricter one would take the origin
    from posts, by which forgery is told.
    """
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def too_many(request: HttpRequest, form: forms.BaseForm) -> int:
    """Charge one post; return 0, or the seconds to wait, with an error in the form that says so."""
    person = actor_of(request).person_id
    wait = math.ceil(charge(request, str(person or ""), voice=True))
    if wait:
        form.add_error(None, _("提交过于频繁：请在 {n} 秒后再试，已填写的内容仍在本页").format(n=wait))
    return wait


def too_large(request: HttpRequest, form: forms.BaseForm) -> bool:
    """Tell whether more was sent than this node takes at once, of which nothing arrived; the form then says so."""
    try:
        size = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        size = 0
    if size <= settings.FILE_UPLOAD_MAX_MEMORY_SIZE:
        return False
    limit = settings.FILE_UPLOAD_MAX_MEMORY_SIZE // (1 << 20)
    form.add_error(None, _("一次上传的文件合计不能超过 {n} MB，请减少文件后再提交").format(n=limit))
    return True


def answer(
    request: HttpRequest, template: str, context: dict[str, Any], form: forms.BaseForm | None = None, wait: int = 0
) -> HttpResponse:
    """Render a form's page; 422 with errors, 429 with the seconds to wait."""
    wrong = form is not None and form.is_bound and bool(form.errors)
    response = render(request, template, {**context, "form": form}, status=429 if wait else 422 if wrong else 200)
    if wait:
        response.headers["Retry-After"] = str(wait)
    # A refusal is an answer, not an event for the server's log.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return private(response)


def document_choices(rulebook: Rulebook, language: str) -> list[tuple[str, str]]:
    """Return the documents by which a person may prove who they are, in the page's language."""
    words = vocabulary("identity_type")
    kinds = [kind for kind in rulebook.get("objection.identity_types") if kind != "credit_code"]
    return [("", _("请选择")), *((kind, words[kind]["en" if language.startswith("en") else "zh"]) for kind in kinds)]


class FilesInput(forms.ClearableFileInput):
    """A choice of several files."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files, each as its name and bytes."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[Upload]:
        """Return the uploads; raises ValidationError where one is required and none came."""
        given = data if isinstance(data, list | tuple) else [data] if data else []
        if not given:
            super().clean(None, initial)
        return [Upload(one.name, one.read()) for one in (super(FilesField, self).clean(f, initial) for f in given)]

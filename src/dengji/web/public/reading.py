"""What one reads: the agency's texts, the filling notes of every field, and where a code leads."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_safe

from dengji.content import markdown, selectors
from dengji.content.sections import SECTIONS
from dengji.law.procedure import KIND_LABELS
from dengji.law.record import FIELDS, GROUPS
from dengji.law.visibility import TABLE
from dengji.registration import queries, rules
from dengji.registration.api.base import say

from .objecting import language_of


@require_safe
def section(request: HttpRequest, name: str) -> HttpResponse:
    """Show a section: its own text, and the pages that the agency has put in it."""
    language = language_of(request)
    shown = selectors.section_page(name, language)
    context = {
        "page": shown,
        "body": markdown.html(shown.body),
        "pages": selectors.pages_of(name, language),
        "section": name,
        "sections": [(code, say(label)) for code, label in SECTIONS.items()],
    }
    return render(request, "web/public/section.html", context)


@require_safe
def page(request: HttpRequest, name: str, slug: str) -> HttpResponse:
    """Show one page of a section."""
    shown = selectors.page(name, slug, language_of(request))
    context = {
        "page": shown,
        "body": markdown.html(shown.body),
        "section": name,
        "section_title": say(SECTIONS[name]),
        "sections": [(code, say(label)) for code, label in SECTIONS.items()],
    }
    return render(request, "web/public/section.html", context)


@require_safe
def fields(request: HttpRequest) -> HttpResponse:
    """List every field of the form with its filling note, and the rulebook of each register."""
    english = language_of(request) == "en"
    groups: dict[str, list[dict[str, Any]]] = {}
    for field in FIELDS.values():
        groups.setdefault(field.group, []).append(
            {
                "name": field.name,
                "label": field.label_en if english else field.label,
                "note": field.note_en if english else field.note,
                "required": [say(KIND_LABELS[kind]) for kind in field.required_for if kind in KIND_LABELS],
                "length": field.max_length,
                "public": "notice" in TABLE[field.name],
                "result": "page" in TABLE[field.name],
                "choices": [row["en" if english else "zh"] for row in field.labels.values()],
            }
        )
    tongue = "en" if english else "zh"
    registers = queries.registers()
    books = [{"agency": row["agency_name"], "rulebook": rules.rules_of_register(row["id"])} for row in registers]
    context = {
        "groups": [(GROUPS[group][tongue], rows) for group, rows in groups.items()],
        "books": [{"agency": b["agency"], "id": b["rulebook"].id, "version": b["rulebook"].version} for b in books],
    }
    return render(request, "web/public/fields.html", context)


@require_safe
def code(request: HttpRequest) -> HttpResponseBase:
    """Lead from the box on the home page to what verifies a code, or back where none was given."""
    text = "".join(request.GET.get("code", "").split())[:64].strip("/")
    if not text:
        return redirect("home")
    try:
        return redirect(f"{reverse('verify')}?{urlencode({'code': text})}")
    except NoReverseMatch:
        return redirect("record", text)

"""The agency's side: its pages with preview and history, and requests about personal data with their answers."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dengji.content import markdown, privacy, selectors, services
from dengji.content.sections import LANGUAGES, SECTIONS, shipped
from dengji.content.services import EDITOR
from dengji.law.rulebook import vocabulary
from dengji.registration import queries
from dengji.registration.api.base import say

from ..access import actor_of, errors_into, for_roles, transaction_of
from . import voices
from .forms import PageText, PrivacyAnswer

_NAMES = {"zh": "中文", "en": "English"}


def _own(request: HttpRequest) -> list[dict[str, Any]]:
    mine = actor_of(request).registers(EDITOR)
    return [row for row in queries.registers() if row["id"] in mine]


@require_safe
@for_roles(EDITOR)
def pages(request: HttpRequest) -> HttpResponse:
    """List the pages of the editor's registers, and the sections still as shipped."""
    found = selectors.editable(actor_of(request))
    rows = [
        {
            "section": say(SECTIONS[one["page"].section]),
            "slug": one["page"].slug,
            "register": one["page"].register.name,
            "versions": [
                {"language": language, "name": _NAMES[language], "row": row, "edit": _edit(one["page"], language)}
                for language, row in one["versions"].items()
            ],
        }
        for one in found
    ]
    known = {one["page"].section for one in found if not one["page"].slug}
    context = {
        "rows": rows,
        "shipped": [
            {"title": say(title), "edit": f"{reverse('desk-page')}?{urlencode({'section': code, 'language': 'zh'})}"}
            for code, title in SECTIONS.items()
            if code not in known
        ],
    }
    return render(request, "web/public/desk_pages.html", context)


def _edit(page: Any, language: str) -> str:
    asked = {"register": page.register_id, "section": page.section, "slug": page.slug, "language": language}
    return f"{reverse('desk-page')}?{urlencode(asked)}"


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(EDITOR)
def page(request: HttpRequest) -> HttpResponseBase:
    """Edit one page in one language: preview, publish, withdraw; with its history."""
    own = _own(request)
    choices = [(str(row["id"]), row["name"]) for row in own]
    past = _history(request, own)
    form = PageText(request.POST or None, initial=_initial(request, own, past))
    field: Any = form.fields["register"]
    field.choices = choices
    languages: Any = form.fields["language"]
    languages.choices = [(code, _NAMES[code]) for code in LANGUAGES]
    preview = None
    if form.is_bound and form.is_valid():
        if "preview" in request.POST:
            preview = markdown.html(form.cleaned_data["body"])
        else:
            with errors_into(form):
                return _published(request, form)
    context = {"form": form, "preview": preview, "history": past, "withdrawable": bool(past) and past[0]["published"]}
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "web/public/desk_page.html", context, status=status)


def _where(request: HttpRequest, own: list[dict[str, Any]]) -> dict[str, Any]:
    given = request.POST if request.method == "POST" else request.GET
    ids = {str(row["id"]) for row in own}
    register = given.get("register", "")
    return {
        "register": register if register in ids else str(own[0]["id"]),
        "section": given.get("section", "") if given.get("section", "") in SECTIONS else "help",
        "slug": given.get("slug", "")[:60],
        "language": given.get("language", "") if given.get("language", "") in LANGUAGES else LANGUAGES[0],
    }


def _history(request: HttpRequest, own: list[dict[str, Any]]) -> list[dict[str, Any]]:
    at = _where(request, own)
    return selectors.history(actor_of(request), UUID(at["register"]), at["section"], at["slug"], at["language"])


def _initial(request: HttpRequest, own: list[dict[str, Any]], past: list[dict[str, Any]]) -> dict[str, Any]:
    """What the form begins with: the newest version, an older one where `version` names it, else the shipped text."""
    at = _where(request, own)
    wanted = request.GET.get("version", "")
    row = next((one for one in past if str(one["number"]) == wanted), past[0] if past else None)
    newest = {"based_on": past[0]["number"] if past else 0}
    if row is not None and row["published"]:
        return at | newest | {"title": row["title"], "body": row["body"]}
    if at["slug"] or "section" not in request.GET or "new" in request.GET:
        return at | newest
    text = shipped(at["section"], at["language"])
    return at | newest | {"title": text.title, "body": text.body}


def _published(request: HttpRequest, form: PageText) -> HttpResponseBase:
    values = form.cleaned_data
    services.publish_page(
        actor=actor_of(request),
        transaction_id=transaction_of(request),
        register_id=UUID(values["register"]),
        section=values["section"],
        slug=values["slug"],
        language=values["language"],
        title=values["title"],
        body=values["body"],
        based_on=values["based_on"],
    )
    messages.success(request, _("已发布，公众现在可以看到。"))
    return redirect("desk-pages")


@require_POST
@for_roles(EDITOR)
def withdraw(request: HttpRequest) -> HttpResponseBase:
    """Take a page off the public side, after a page that asks whether one is sure."""
    at = _where(request, _own(request))
    if request.POST.get("sure") != "1":
        return render(request, "web/public/desk_withdraw.html", {"at": at, "section": say(SECTIONS[at["section"]])})
    services.withdraw_page(
        actor=actor_of(request),
        transaction_id=transaction_of(request),
        register_id=UUID(at["register"]),
        section=at["section"],
        slug=at["slug"],
        language=at["language"],
    )
    messages.success(request, _("页面已撤下，历史版本仍保留。"))
    return redirect("desk-pages")


@require_safe
@for_roles(EDITOR)
def asked(request: HttpRequest) -> HttpResponse:
    """List requests about personal data, without a word of what was said."""
    state = request.GET.get("state", "OPEN")
    after = request.GET.get("after", "")
    try:
        place = UUID(after) if after else None
    except ValueError:
        place = None
    found = privacy.requests(actor_of(request), state="" if state == "all" else state, after=place)
    for item in found["items"]:
        item["kind_label"] = say(privacy.KINDS[item["kind"]])
    following = f"?{urlencode({'state': state, 'after': found['next']})}" if found["next"] else ""
    context = {"items": found["items"], "next_url": following, "state": state}
    return render(request, "web/public/desk_privacy.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(EDITOR)
def answered(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """Show one request and answer it; every opening is logged."""
    form = PrivacyAnswer(request.POST or None)
    if form.is_bound and form.is_valid():
        with errors_into(form):
            privacy.answer_request(
                actor=actor_of(request),
                transaction_id=transaction_of(request),
                request_id=pk,
                outcome=form.cleaned_data["outcome"],
                words=form.cleaned_data["words"],
            )
            messages.success(request, _("已答复，请求人凭查询凭证可以看到。"))
            return redirect("desk-privacy")
    found = privacy.request_detail(actor_of(request), pk)
    english = request.LANGUAGE_CODE.startswith("en")
    document = vocabulary("identity_type").get(found["who"].get("document_type", ""), {})
    context = {
        "r": found,
        "kind": say(privacy.KINDS[found["kind"]]),
        "outcome": say(privacy.OUTCOMES[found["outcome"]]) if found["outcome"] else "",
        "document": document.get("en" if english else "zh", ""),
    }
    return voices.answer(request, "web/public/desk_privacy_one.html", context, form)

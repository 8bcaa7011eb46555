"""Objections (异议, Art. 12): who one is and how one is concerned, the objection itself, and following it by key."""

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
from django.views.decorators.http import require_http_methods, require_POST

from dengji.content.sections import LANGUAGES
from dengji.content.selectors import section_page
from dengji.core.errors import N_, DomainError
from dengji.law.rulebook import Rulebook
from dengji.registration import queries, rules, services
from dengji.registration.queries.following import objection_end

from ..access import actor_of, errors_into, transaction_of
from . import voices
from .forms import PersonObjection, Standing, UnitObjection, relation_choices

_FORMS: dict[str, type[PersonObjection] | type[UnitObjection]] = {"person": PersonObjection, "unit": UnitObjection}
#: What becomes of an objection, for who lodged it; in the order in which it comes.
_STEPS = (N_("提出"), N_("核验身份和材料"), N_("复核"), N_("作出决定"))
_REACHED = {"LODGED": 1, "VERIFIED": 2}


def language_of(request: HttpRequest) -> str:
    """Return the language of the page as texts are stored: zh or en."""
    return LANGUAGES[1] if request.LANGUAGE_CODE.startswith("en") else LANGUAGES[0]


def told(request: HttpRequest) -> Any:
    """Return the notice on personal information in the page's language."""
    return section_page("privacy", language_of(request))


@require_http_methods(["GET", "HEAD", "POST"])
def lodge(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """Ask for the standing first, then for the objection; whoever is no party is led to a complaint."""
    notice = queries.notice(pk)
    if notice["state"] != "RUNNING":
        return redirect("notice", pk)
    rulebook = rules.rules_of_register(notice["register_id"])
    relations = relation_choices(rulebook, request.LANGUAGE_CODE)
    asked = request.GET if "relation" in request.GET or "kind" in request.GET else None
    standing = Standing(asked, relations=relations)
    context: dict[str, Any] = {"n": notice}
    if asked is None or not standing.is_valid():
        return voices.answer(request, "web/public/object_start.html", context, standing)
    if standing.cleaned_data["relation"] == "none":
        messages.info(request, _("异议由与登记事项有直接关系的人提出。您发现的问题可以在这里投诉或举报，也可以匿名。"))
        return redirect(f"{reverse('complaint-new')}?{urlencode({'code': notice['serial']})}")
    return _objection(request, notice, standing.cleaned_data, dict(relations), rulebook)


def _objection(
    request: HttpRequest,
    notice: dict[str, Any],
    standing: dict[str, Any],
    relations: dict[str, str],
    rulebook: Rulebook,
) -> HttpResponseBase:
    given = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    form = _FORMS[standing["kind"]](*given, rulebook=rulebook, language=request.LANGUAGE_CODE)
    relation, wait = relations[standing["relation"]], 0
    if request.method == "POST" and not voices.too_large(request, form) and form.is_valid():
        wait = voices.too_many(request, form)
        if not wait:
            with errors_into(form):
                return _lodged(request, notice, standing["kind"], relation, form)
    context = {
        "n": notice,
        "relation": relation,
        "told": told(request),
        "restart": reverse("notice-object", args=[notice["id"]]),
        "most_mb": int(rulebook.get("materials.max_bytes")) >> 20,
    }
    return voices.answer(request, "web/public/object.html", context, form, wait)


def _lodged(
    request: HttpRequest, notice: dict[str, Any], kind: str, relation: str, form: PersonObjection | UnitObjection
) -> HttpResponseBase:
    values = form.cleaned_data
    letters = values.get("letter") or [None]
    result = services.lodge(
        actor=actor_of(request),
        transaction_id=transaction_of(request),
        notice_id=notice["id"],
        objector_kind=kind,
        identity=form.identity(),
        relation=f"{relation}：{values['relation']}"[:200],
        grounds=values["grounds"],
        evidence=[*values["evidence"], *letters[1:]],
        letter=letters[0],
    )
    return redirect(f"{voices.address('YY', result['id'], result['key'])}&new=1")


def followed(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one's own objection by its key: state, clock, decision; and the credential once it is lodged."""
    key = request.GET.get("key", "")
    found = queries.objection_by_key(pk, key)
    end = objection_end(pk, key)
    reached = 4 if end or found["ended_at"] else _REACHED.get(found["state"], 1)
    names = ["done" if n < reached else "now" if n == reached else "next" for n in range(len(_STEPS))]
    context = {
        "o": found,
        "end": end,
        "key": key,
        "new": bool(request.GET.get("new")),
        "credential": voices.credential("YY", pk, key),
        "steps": [{"title": _(title), "state": state} for title, state in zip(_STEPS, names, strict=True)],
        "own": voices.address("YY", pk, key),
    }
    return voices.private(render(request, "web/public/objection.html", context))


@require_POST
def retract(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """Take one's objection back, after a page that asks whether one is sure."""
    key = request.POST.get("key", "")
    found = queries.objection_by_key(pk, key)
    back = voices.address("YY", pk, key)
    if request.POST.get("sure") != "1":
        context = {"o": found, "key": key, "back": back}
        return voices.private(render(request, "web/public/retract.html", context))
    try:
        services.retract(actor=actor_of(request), transaction_id=transaction_of(request), objection_id=pk, key=key)
        messages.success(request, _("异议已经撤回。"))
    except DomainError as error:
        if error.status != 409:
            raise
        messages.error(request, _("此异议已经办结，不能撤回。"))
    return redirect(back)

"""Filling in: a page of the form, what is asked for, and saving without losing what somebody typed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dengji.core.errors import DomainError, conflict
from dengji.law.checks import Finding
from dengji.law.record import FIELDS, GROUPS
from dengji.registration import services
from dengji.registration.queries import workspace
from dengji.web.access import actor_of, errors_into, new_transaction, transaction_of

from .. import advice, flow, words
from ..fields import EXCUSE, SectionForm
from ..forms import RequestForm
from ..sections import SECTIONS, Section, fields_of, pages_of, required
from .base import attempt, page, piece_of, show

_TRIES = 3


def _form(request: HttpRequest, section: Section, piece: dict[str, Any], rulebook: Any) -> SectionForm:
    form = SectionForm(
        request.POST if request.method == "POST" else None,
        names=fields_of(section, piece),
        content=piece["content"],
        limits={"intro": rulebook.get("record.intro_max"), "name": rulebook.get("record.name_max")},
        excuse=section.excusable if piece["kind"] == "first" else "",
    )
    if "coverage_regions" in form.fields:
        given = request.POST if request.method == "POST" else request.GET
        form.fields["coverage_regions"].widget.at = given.get("open") or advice.nearest(piece["content"])
    return form


def _save(request: HttpRequest, form: SectionForm, piece: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Save what this page changed; return the conflicts {field: what is stored}, empty where all went well.

    Whoever saved in between on other fields is no conflict: their entries and these both stand.
    """
    pk, transaction = piece["id"], transaction_of(request)
    for _attempt in range(_TRIES):
        changes, clashes = form.merge(piece["content"])
        changes |= more
        if clashes or not changes:
            return clashes
        try:
            services.save_draft(
                actor=actor_of(request),
                transaction_id=transaction,
                application_id=pk,
                content=changes,
                revision=piece["revision"],
            )
        except DomainError as error:
            if error.code not in ("draft_changed", "transaction_id_reused"):
                raise
            transaction = new_transaction() if error.code == "transaction_id_reused" else transaction
            piece = piece_of(request, pk)
        else:
            return {}
    raise conflict("draft_changed", _("草稿正被多人同时修改：请稍后再保存"))


def _asked_more(request: HttpRequest, piece: dict[str, Any], rulebook: Any) -> dict[str, Any]:
    """What a button of the page puts into the form: never anything that nobody pressed for (R49)."""
    given = request.POST
    if "use_name" in given:
        return {"name": given["use_name"][:400]}
    if "use_intro" in given:
        return {"intro": advice.sentence(piece["content"], rulebook)}
    if "add_industry" in given:
        chosen = [*given.getlist("industries"), given["add_industry"]]
        return {"industries": list(dict.fromkeys(chosen))}
    return {}


@page
def section(request: HttpRequest, pk: UUID, key: str) -> HttpResponse:
    """One page of the form."""
    piece = piece_of(request, pk)
    found = SECTIONS.get(key)
    if found is None or found not in pages_of(piece):
        raise Http404
    if not flow.editable(piece):
        return redirect("workspace:case", pk)
    rulebook = workspace.rules_for(pk, actor_of(request))
    form = _form(request, found, piece, rulebook)
    if request.method != "POST":
        return _page(request, form, found, piece, rulebook)
    form.is_valid()
    more = _asked_more(request, piece, rulebook)
    clashes: dict[str, Any] = {}
    with errors_into(form):
        clashes = _save(request, form, piece, more)
    if "auto" in request.GET:
        return _saved_quietly(request, form, found, pk, clashes, rulebook)
    if form.errors or clashes:
        fresh = piece_of(request, pk)
        _remark(form, fresh, clashes)
        return _page(request, form, found, fresh, rulebook, clashes, 409 if clashes else 422)
    return _onward(request, found, piece)


def _remark(form: SectionForm, fresh: dict[str, Any], clashes: dict[str, Any]) -> None:
    """Let the page shown again know what is stored now, so that saving it once more is a decision."""
    form.content = fresh["content"]
    form.data = _with(form)
    for name, there in clashes.items():
        shown = words.show(name, there) if name in FIELDS else str(there or "")
        form.add_error(
            name, _("他人刚把此项改为：{value}。再次保存以您填写的为准。").format(value=shown or _("（空）"))
        )


def _with(form: SectionForm) -> QueryDict:
    given: QueryDict = form.data.copy()  # type: ignore[attr-defined]
    given["seen"] = form.marks()
    return given


def _onward(request: HttpRequest, found: Section, piece: dict[str, Any]) -> HttpResponse:
    """Where a button leads after saving."""
    here = reverse("workspace:section", args=[piece["id"], found.key])
    given = request.POST
    if "region" in given:
        return redirect(f"{here}?open={given['region'][:6]}#id_coverage_regions")
    if "use_name" in given or "use_intro" in given or "add_industry" in given or "stay" in given:
        messages.success(request, _("已保存"))
        anchor = next((a for k, a in _ANCHORS.items() if k in given), "")
        return redirect(here + anchor)
    pages = pages_of(piece)
    place = pages.index(found)
    if "next" in given:
        if place + 1 < len(pages):
            return redirect("workspace:section", piece["id"], pages[place + 1].key)
        return redirect("workspace:materials", piece["id"])
    messages.success(request, _("已保存“{title}”").format(title=found.title))
    return redirect("workspace:case", piece["id"])


_ANCHORS = {
    "use_name": "#id_name",
    "use_intro": "#id_intro",
    "add_industry": "#id_industries",
    "stay": "",
}


def _rows(form: SectionForm, piece: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the fields as the page draws them, what the checks found beside each.

    Only here a field is marked as required: saving takes every page as far as it goes.
    """
    found = [one for one in piece["findings"] or () if one.field != EXCUSE or _in_group(one, form.excuse)]
    form.findings = found  # type: ignore[attr-defined]
    for name in form.names:
        form.fields[name].required = required(name, piece)
    form.use_required_attribute = False
    asked = (*form.names, EXCUSE) if form.excuse else form.names
    return [{"field": form[name], "name": name, "findings": [o for o in found if o.field == name]} for name in asked]


def _in_group(found: Finding, group: str) -> bool:
    return bool(group) and found.params.get("group") == GROUPS[group]["zh"]


def _page(
    request: HttpRequest,
    form: SectionForm,
    found: Section,
    piece: dict[str, Any],
    rulebook: Any,
    clashes: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    pages = pages_of(piece)
    place = pages.index(found)
    context = {
        "piece": piece,
        "form": form,
        "section": found,
        "rows": _rows(form, piece),
        "clashes": clashes,
        "advice": advice.about(piece["content"], rulebook) if found.key == "basic" else None,
        "previous": pages[place - 1] if place else None,
        "number": place + 1,
        "count": len(pages),
        "back": _supplement(request, piece),
    }
    return show(request, "section.html", context, status)


def _supplement(request: HttpRequest, piece: dict[str, Any]) -> str:
    return _("返回补正清单") if piece["state"] == "SUPPLEMENT" else _("返回任务清单")


def _saved_quietly(
    request: HttpRequest, form: SectionForm, found: Section, pk: UUID, clashes: dict[str, Any], rulebook: Any
) -> HttpResponse:
    """Answer an autosave with what changes on the page: the time, the findings, and what the form knows as stored."""
    piece = piece_of(request, pk)
    form.content = piece["content"]
    context = {
        "piece": piece,
        "form": form,
        "seen": form.data.get("seen", "") if clashes else form.marks(),
        "rows": _rows(form, piece),
        "clashes": words.listed(str(form.fields[name].label) for name in clashes),
        "wrong": words.listed(str(form.fields[n].label) for n in form.errors if n in form.fields and n not in clashes),
        "section": found,
        "advice": advice.about(piece["content"], rulebook) if found.key == "basic" else None,
    }
    return show(request, "saved.html", context)


@page
def asked(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What a change, rectification, cancellation or renewal asks for beside the content."""
    piece = piece_of(request, pk)
    if piece["kind"] == "first":
        raise Http404
    if not flow.editable(piece):
        return redirect("workspace:case", pk)
    rulebook = workspace.rules_for(pk, actor_of(request))
    given = request.POST if request.method == "POST" else None
    form = RequestForm(given, kind=piece["kind"], rulebook=rulebook, stored=piece["request"])
    if request.method == "POST" and form.is_valid():
        with errors_into(form):
            services.save_draft(
                actor=actor_of(request),
                transaction_id=transaction_of(request),
                application_id=pk,
                content={},
                request=form.request(),
            )
        if form.is_valid():
            messages.success(request, _("已保存申请事项"))
            return redirect("workspace:case", pk)
    return show(request, "request.html", {"piece": piece, "form": form}, 422 if form.errors else 200)


@require_POST
@page
def rebase(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Put the draft's own changes onto the version of the registration that is there now."""
    piece = piece_of(request, pk)
    if attempt(
        request,
        services.save_draft,
        transaction_id=transaction_of(request),
        application_id=pk,
        content={},
        revision=piece["revision"],
        rebase=True,
    ):
        messages.success(request, _("已按最新版本合并您的改动：请再核对一遍"))
    return redirect("workspace:case", pk)

"""Materials: what is asked for, what is there, adding, removing, reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from dengji.law.rulebook import vocabulary
from dengji.registration import services
from dengji.registration.queries import workspace
from dengji.web.access import actor_of, errors_into, transaction_of

from .. import flow, templates, words
from ..forms import FileForm
from .base import attempt, page, piece_of, show

#: Where a file may still be added: the signed review form comes in at the business review (Art. 7).
_OPEN = frozenset({"DRAFT", "SUPPLEMENT", "BUSINESS_REVIEW"})
#: Of other objects, or brought by the agency.
_ELSEWHERE = frozenset({"objection_evidence", "complaint_evidence", "revocation_investigation", "registrant_statement"})


def may_add(piece: Mapping[str, Any]) -> bool:
    """Tell whether the reader may add and remove files now."""
    return piece["state"] in _OPEN and bool(
        piece["roles"] & {"clerk", "agent", "interested_party", "business_reviewer"}
    )


def held(request: HttpRequest, piece: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the files of an application with their addresses."""
    rows = services.list_materials(actor=actor_of(request), owner_kind="application", owner_id=piece["id"])
    change = may_add(piece)
    for row in rows:
        row["label"] = words.material_label(row["kind"])
        row["url"] = reverse("workspace:material", args=[row["id"]])
        row["remove_url"] = reverse("workspace:remove", args=[piece["id"], row["id"]]) if change else ""
    return rows


def wanted(piece: Mapping[str, Any], rulebook: Any) -> list[str]:
    """Return the kinds of material that a file must or may well hold, required ones first (Art. 9)."""
    key = f"materials.required.{piece['kind']}"
    kinds = list(rulebook.get(f"{key}.{piece['data_type']}" if piece["kind"] == "first" else key, ()))
    if piece["applicant_kind"] == "interested_party":
        kinds += rulebook.get("materials.required.rectification_interested")
    if piece["kind"] == "rectification":
        kinds += rulebook.get("materials.any_of.rectification")
    kinds += [str(one.params["kind"]) for one in piece["findings"] or () if one.params.get("kind")]
    return list(dict.fromkeys(kinds))


def _slots(request: HttpRequest, piece: Mapping[str, Any], rulebook: Any) -> list[dict[str, Any]]:
    rows = held(request, piece)
    asked = wanted(piece, rulebook)
    kinds = [*asked, *(row["kind"] for row in rows if row["kind"] not in asked)]
    missing = {str(one.params.get("kind", "")) for one in piece["findings"] or () if one.severity == "error"}
    return [
        {
            "kind": kind,
            "label": words.material_label(kind),
            "required": kind in missing or kind in asked,
            "missing": kind in missing,
            "files": [row for row in rows if row["kind"] == kind],
            "template": template_of(piece, kind),
        }
        for kind in dict.fromkeys(kinds)
    ]


def template_of(piece: Mapping[str, Any], kind: str) -> str:
    """Return where a form for a material can be had, pre-filled from the draft; empty where there is none."""
    return reverse("workspace:template", args=[piece["id"], kind]) if kind in templates.KINDS else ""


@page
def materials(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The files of an application: one place for each kind that is asked for, and one for any other."""
    piece = piece_of(request, pk)
    if not may_add(piece):
        return redirect("workspace:case", pk)
    rulebook = workspace.rules_for(pk, actor_of(request))
    form = FileForm(request.POST or None, request.FILES or None) if request.method == "POST" else FileForm()
    if request.method == "POST":
        if _too_large(request, rulebook):
            form.add_error("file", _("文件超过 {limit} MB，未上传").format(limit=_megabytes(rulebook)))
        elif form.is_valid():
            with errors_into(form):
                _add(request, form, piece)
            if form.is_valid():
                return redirect(f"{reverse('workspace:materials', args=[pk])}#material-{form.cleaned_data['kind']}")
    slots = _slots(request, piece, rulebook)
    others = [(k, words.material_label(k)) for k in vocabulary("material") if k not in _ELSEWHERE]
    types = [vocabulary("content_type")[t] for t in rulebook.get("materials.content_types")]
    context = {
        "piece": piece,
        "form": form,
        "slots": slots,
        "kinds": others,
        "limit": _megabytes(rulebook),
        "types": words.listed(words.pick(row) for row in types),
        "findings": [one for one in piece["findings"] or () if flow.page_of(one) == "materials"],
    }
    return show(request, "materials.html", context, 422 if form.errors else 200)


def _megabytes(rulebook: Any) -> int:
    return int(rulebook.get("materials.max_bytes")) // (1024 * 1024)


def _too_large(request: HttpRequest, rulebook: Any) -> bool:
    """What is larger than the server takes into memory arrives as no file at all."""
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    return not request.FILES and length.isdigit() and int(length) > int(rulebook.get("materials.max_bytes"))


def _add(request: HttpRequest, form: FileForm, piece: Mapping[str, Any]) -> None:
    file, kind = form.cleaned_data["file"], form.cleaned_data["kind"]
    done = services.add_material(
        actor=actor_of(request),
        transaction_id=transaction_of(request),
        owner_kind="application",
        owner_id=piece["id"],
        kind=kind,
        upload=services.Upload(file.name, file.read()),
    )
    messages.success(
        request,
        _("已上传“{label}”：{name}，SHA-256 {sha256}").format(
            label=words.material_label(kind), name=file.name, sha256=done["sha256"]
        ),
    )


@page
def remove(request: HttpRequest, pk: UUID, material: UUID) -> HttpResponse:
    """Take a file off the draft, after asking."""
    piece = piece_of(request, pk)
    file = next((row for row in held(request, piece) if row["id"] == str(material)), None)
    if file is None or not may_add(piece):
        raise Http404
    back = f"{reverse('workspace:materials', args=[pk])}#material-{file['kind']}"
    if request.method == "POST":
        if attempt(request, services.remove_material, transaction_id=transaction_of(request), material_id=material):
            messages.success(request, _("已移除：{name}").format(name=file["name"]))
        return redirect(back)
    context = {
        "piece": piece,
        "title": _("移除这份材料？"),
        "text": f"{file['label']}：{file['name']}",
        "action": _("移除"),
        "back": back,
    }
    return show(request, "confirm_act.html", context)


@page
def read(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Hand out one file, never to be run in the page; the reading is logged."""
    about, data = services.read_material(actor=actor_of(request), material_id=pk)
    response = HttpResponse(data, content_type=about["content_type"])
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(about['name'], safe='')}"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    return response


@page
def template(request: HttpRequest, pk: UUID, kind: str) -> HttpResponse:
    """Hand out the form of a material as .docx, what is known filled in."""
    piece = piece_of(request, pk)
    if kind not in templates.KINDS:
        raise Http404
    response = HttpResponse(templates.make(kind, piece), content_type=templates.CONTENT_TYPE)
    name = quote(f"{words.material_label(kind)}.docx", safe="")
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
    return response

"""The page of one application, and of one registration: everything an officer needs, on one page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods

from dengji.core.errors import DomainError
from dengji.registration import queries, services
from dengji.registration.api.base import act_label, say
from dengji.registration.models import Application, Registration
from dengji.registration.queries import agency, casefile, cases
from dengji.registration.stages import OPEN

from ..workspace.words import kind_label, material_label, type_label
from . import table
from .base import Case, case_of, for_agency
from .fields import differences, elsewhere, groups
from .forms import target_label
from .notes import note_context
from .words import frame, page_of, role_label, who

P = ParamSpec("P")


def framing(view: Callable[P, HttpResponseBase]) -> Callable[P, HttpResponseBase]:
    """Let a page frame pages of this node: materials are shown beside the fields."""

    @wraps(view)
    def inner(*args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        response = view(*args, **kwargs)
        response._csp_update = {"frame-src": ["'self'"]}  # type: ignore[attr-defined]
        return response

    return inner


@framing
@for_agency
@require_GET
def case(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one application."""
    loaded = case_of(request, "application", pk)
    row, actor = loaded.row, loaded.actor
    detail = queries.application_detail(actor, pk, personal=request.GET.get("personal") == "1")
    findings = queries.findings(actor, pk) if row.version and not detail["suppressed"] else []
    changed = casefile.changed_from_registration(row) if row.kind != "first" and row.version else set()
    context = frame(
        request,
        "",
        row=row,
        kind_label=kind_label(row.kind),
        type_label=type_label(row.data_type),
        detail=detail,
        groups=groups(detail["content"], findings, changed),
        loose=elsewhere(findings),
        errors=sum(found.severity == "error" for found in findings),
        warnings=sum(found.severity != "error" for found in findings),
        versions=[{**v, "changes": differences(v["changes"])} for v in casefile.versions(row)],
        alike=_alike(row),
        materials=_materials(request, loaded),
        notice=casefile.notice_of(row),
        objections=_objections(loaded),
        may_read_contact=bool({"acceptor", "reviewer"} & actor.kinds()),
        **common(request, loaded),
    )
    return render(request, "web/desk/case.html", context)


def common(request: HttpRequest, loaded: Case) -> dict[str, Any]:
    """Return what the page of every kind of case shows: clock, acts, who holds it, timeline, notes."""
    row, actor = loaded.row, loaded.actor
    clock = casefile.clock_of(row)
    holder = casefile.holder(row)
    return {
        "kind": loaded.kind,
        "number": loaded.number,
        "clock": clock,
        "who_next": who(clock["next"]),
        "acts": buttons(loaded),
        "holder": holder,
        "held_by_me": holder is not None and holder["person"] == actor.person_id,
        "open": row.state in OPEN.get(loaded.kind, ()),
        "head": row.register_id in actor.registers("agency_supervisor"),
        "colleagues": _others(loaded),
        "timeline": timeline(cases.decisions(actor, type(row), row.pk)),
        **note_context(request, loaded),
    }


def _others(loaded: Case) -> list[tuple[UUID, str]]:
    return [pair for pair in agency.colleagues(loaded.actor, loaded.register) if pair[0] != loaded.actor.person_id]


def buttons(loaded: Case) -> list[dict[str, Any]]:
    """Return the acts open to the actor: those that need no word are done by one click, the others have a page."""
    found = []
    for act in loaded.acts():
        row = table.row_of(loaded.kind, act)
        if row is not None:
            url = reverse("desk:act", args=[loaded.kind, loaded.row.pk, act])
            label = gettext("紧急撤下") if act == "suspend_notice" else act_label(act)
            found.append({"act": act, "label": label, "url": url, "danger": row.danger, "direct": row.direct})
    return found


def timeline(decisions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the decisions on a case as events, the newest first, with reasons and items."""
    return [
        {
            "at": one["at"],
            "title": act_label(one["act"]),
            "who": role_label(one["role"]),
            "text": _said(one),
        }
        for one in reversed(decisions)
    ]


def _said(one: Mapping[str, Any]) -> str:
    """The words of a decision: reason or opinion, the items of a supplement, what was cleared."""
    words = one["words"]
    lines = [str(words[name]) for name in ("reason", "opinion") if words.get(name)]
    lines += [f"{target_label(item['field'])}：{item['text']}" for item in words.get("items", [])]
    lines += [f"{target_label(item.get('field') or '')}：{item['reason']}" for item in words.get("cleared", [])]
    if late := one["data"].get("previously_visible"):
        told = "、".join(target_label(name) for name in late)
        lines.append(gettext("（上一轮已存在且未改动：{fields}）").format(fields=told))
    if one["words_removed"]:
        lines.append(gettext("（文字已依法删除）"))
    return "\n".join(lines)


def _alike(row: Application) -> list[dict[str, Any]]:
    found = casefile.look_alikes(row)
    kinds = casefile.similar_targets(found)
    return [{"one": one, "url": page_of(kinds[one.id], one.id)} for one in found]


def _materials(request: HttpRequest, loaded: Case) -> dict[str, Any]:
    """The files of a case, and the one that is looked at; a file is read, and its reading logged, only when chosen."""
    held = services.list_materials(actor=loaded.actor, owner_kind=loaded.kind, owner_id=loaded.row.pk)
    here = page_of(loaded.kind, loaded.row.pk)
    chosen = request.GET.get("material", "")
    rows = [
        {**one, "url": f"{here}?material={one['id']}#materials", "label": material_label(one["kind"])} for one in held
    ]
    looked = next((one for one in rows if one["id"] == chosen), None)
    return {"rows": rows, "looked": looked}


def _objections(loaded: Case) -> list[dict[str, Any]]:
    if not {"objection_officer", "agency_supervisor"} & loaded.actor.kinds():
        return []
    return queries.objections(loaded.actor, application_id=loaded.row.pk)["items"]


@framing
@for_agency
@require_GET
def registration(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one registration: what the agency may do with it, and what a revocation needs."""
    loaded = case_of(request, "registration", pk)
    found = casefile.registration(loaded.actor, pk)
    context = frame(
        request,
        "desk:registrations",
        found=found,
        type_label=type_label(found["data_type"]),
        files=[{**one, "kind_label": kind_label(one["kind"])} for one in found["applications"]],
        kind="registration",
        number=found["code"],
        acts=buttons(loaded),
        materials=_materials(request, loaded),
        timeline=timeline(cases.decisions(loaded.actor, Registration, pk)),
        may_attach="revoke" in found["acts"],
        attach=[(kind, material_label(kind)) for kind in ("revocation_investigation", "registrant_statement")],
        **note_context(request, loaded),
    )
    return render(request, "web/desk/registration.html", context)


@for_agency
@require_http_methods(["GET"])
def registrations(request: HttpRequest) -> HttpResponse:
    """Find a registration by its code or local number."""
    code = request.GET.get("code", "").strip()
    if code:
        try:
            return redirect("desk:registration", pk=queries.registration(code)["id"])
        except DomainError as error:
            messages.error(request, say(error.message, error.params))
    return render(request, "web/desk/registrations.html", frame(request, "desk:registrations", code=code))

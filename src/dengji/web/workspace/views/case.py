"""One file: the task list while it is being filled in, afterwards its state, messages and history with receipts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dengji.core.errors import DomainError
from dengji.parties.roles import KINDS as ROLES
from dengji.registration import queries, receipts, services
from dengji.registration.api.base import act_label, state_label
from dengji.registration.models import Application
from dengji.registration.queries import workspace
from dengji.web.access import actor_of, transaction_of

from .. import flow, words
from .base import attempt, page, piece_of, say_error, show
from .files import held

#: Files that came to nothing and may begin anew (R23).
_COPYABLE = frozenset({"REJECTED", "TERMINATED", "DECLINED", "WITHDRAWN"})
#: Acts whose words are shown as a message of the agency.
_TELLING = frozenset({"decline", "reject", "explain_overdue", "terminate", "return_to_clerk", "suspend_notice"})


@page
def case(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a file: its task list to those who fill it in, else where it stands."""
    piece = piece_of(request, pk)
    history = queries.decisions(actor_of(request), Application, pk)
    context = {
        "piece": piece,
        "steps": flow.process(piece),
        "supplement": flow.supplement(history, piece) if piece["state"] == "SUPPLEMENT" else None,
        "told": _told(history),
        "events": _events(piece, history),
        "left": flow.left(piece),
        "overdue": flow.overdue(piece),
        "may_withdraw": "withdraw" in piece["acts"],
        "may_confirm": "confirm_joint" in piece["acts"],
        "documents": reverse("workspace:documents-of", args=[pk]),
    }
    if flow.editable(piece):
        return show(request, "tasks.html", context | _draft(request, piece))
    return show(request, "case.html", context | _shown(request, piece))


def _draft(request: HttpRequest, piece: dict[str, Any]) -> dict[str, Any]:
    groups = flow.steps(piece, held(request, piece))
    tasks = [task for group in groups for task in group["tasks"]]
    return {
        "groups": groups,
        "done": sum(task["status"] == "done" for task in tasks),
        "total": len(tasks),
        "general": [one for one in piece["findings"] or () if not flow.page_of(one)],
        "changed": len(flow.differences(piece)) if piece["kind"] != "first" else None,
    }


def _shown(request: HttpRequest, piece: dict[str, Any]) -> dict[str, Any]:
    return {
        "pages": flow.summary(piece, links=False),
        "materials": held(request, piece),
        "may_copy": piece["state"] in _COPYABLE and bool(piece["roles"] & {"clerk", "agent", "interested_party"}),
        "may_review": piece["state"] == "BUSINESS_REVIEW" and "submit" in piece["acts"],
        "objections": _objections(request, piece),
        "changes": flow.differences(piece) if piece["kind"] != "first" else None,
        "record_url": _record_url(piece["code"]),
    }


def _record_url(code: str) -> str:
    try:
        return reverse("record", args=[code]) if code else ""
    except NoReverseMatch:
        return ""


def _told(history: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The reasons the agency (or the unit's own reviewer) gave, the newest first."""
    rows = []
    for row in reversed(history):
        text = row["words"].get("reason") or row["words"].get("text") or ""
        if row["act"] in _TELLING and (text or row["words_removed"]):
            rows.append({"title": act_label(row["act"]), "at": row["at"], "text": text or _("（内容已依法删除）")})
    return rows


def _events(piece: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "at": row["at"],
            "title": act_label(row["act"]),
            "who": _(ROLES[row["role"]].label) if row["role"] in ROLES else "",
            "text": _said(row),
            "receipt_url": flow.url("receipt", piece, row["n"]),
        }
        for row in reversed(history)
    ]


def _said(row: Mapping[str, Any]) -> str:
    said = []
    if row["state"] and row["state"] != row["from_state"]:
        said.append(state_label("application", row["state"]))
    if row["deadline"]:
        said.append(_("期限至 {day}").format(day=words.day(row["deadline"])))
    if row["words"].get("reason"):
        said.append(str(row["words"]["reason"]))
    return "\n".join(said)


def _objections(request: HttpRequest, piece: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Objections as the registrant may see them: grounds and state, never who objects (design §4)."""
    actor = actor_of(request)
    rows = []
    for item in queries.objections(actor, application_id=piece["id"])["items"]:
        seen = queries.objection_detail(actor, item["id"])
        label = state_label("objection", seen["state"])
        rows.append({"at": seen["lodged_at"], "title": _("异议：{state}").format(state=label), "text": seen["grounds"]})
    return rows


@page
def changes(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The difference view: field by field, old and new (R28)."""
    piece = piece_of(request, pk)
    if piece["kind"] == "first":
        return redirect("workspace:case", pk)
    return show(request, "changes.html", {"piece": piece, "changes": flow.differences(piece)})


@page
def receipt(request: HttpRequest, pk: UUID, n: int) -> HttpResponse:
    """The receipt of one act as a file; while no checkpoint covers it yet, say when to come back."""
    try:
        made = receipts.of_decision(actor=actor_of(request), model=Application, object_id=pk, n=n)
    except DomainError as error:
        if error.code != "receipt_pending":
            raise
        say_error(request, error)
        return redirect("workspace:case", pk)
    response = HttpResponse(made.data, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{made.file_name}"'
    return response


@require_POST
@page
def joint(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Confirm a joint application for one's own unit (共同登记确认)."""
    if attempt(request, services.confirm_joint, transaction_id=transaction_of(request), application_id=pk):
        messages.success(request, _("已确认共同登记；草稿再有改动须重新确认"))
    return redirect("workspace:case", pk)


@require_POST
@page
def copy(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Begin anew with the content of a file that came to nothing (R23)."""
    piece = piece_of(request, pk)
    source = workspace.origin(actor_of(request), pk)
    made = attempt(
        request,
        services.create_application,
        transaction_id=transaction_of(request),
        copied_from=pk,
        kind=piece["kind"],
        data_type=piece["data_type"],
        interested_party=piece["applicant_kind"] == "interested_party",
        **source,
    )
    if made is None:
        return redirect("workspace:case", pk)
    messages.success(request, _("已复制为新草稿；材料请重新上传"))
    return redirect("workspace:case", made["id"])

"""Complaints and reports: the list, and one with its clock and answer (投诉举报, R68)."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from dengji.core.errors import forbidden
from dengji.registration import queries

from ..access import actor_of
from .base import after_of, case_of, for_agency
from .case import common
from .words import frame, page_of


@for_agency
@require_GET
def complaints(request: HttpRequest) -> HttpResponse:
    """List the complaints about one's registers, the open ones first by their clock."""
    actor = actor_of(request)
    if not actor.registers("agency_supervisor"):
        raise forbidden(article="18")
    page = queries.complaints(actor, state=request.GET.get("state", ""), after=after_of(request))
    here = reverse("desk:complaints")
    rows = [{**row, "url": page_of("complaint", row["id"])} for row in page["items"]]
    more = f"{here}?after={page['next']}" if page["next"] else ""
    return render(request, "web/desk/complaints.html", frame(request, "desk:complaints", rows=rows, next_url=more))


@for_agency
@require_GET
def complaint(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one complaint; the reading is logged."""
    loaded = case_of(request, "complaint", pk)
    found = queries.complaint_detail(loaded.actor, pk)
    context = frame(request, "desk:complaints", row=loaded.row, found=found, **common(request, loaded))
    return render(request, "web/desk/complaint.html", context)

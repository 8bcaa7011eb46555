"""Documents addressed to oneself: of one application or all, each to be looked at; the first look counts as opened."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from dengji.documents import selectors, services
from dengji.documents.table import KINDS
from dengji.registration.lookup import as_uuid
from dengji.web.access import actor_of

from ...downloads import handed
from .base import page, piece_of, show


@page
def documents(request: HttpRequest, pk: UUID | None = None) -> HttpResponse:
    """List the documents addressed to the reader, newest first; of one application where one is named."""
    piece = piece_of(request, pk) if pk is not None else None
    found = list(
        selectors.documents(
            actor_of(request),
            mine=True,
            object_id=pk,
            after=as_uuid(request.GET.get("after", "")),
            limit=selectors.PAGE + 1,
        )
    )
    shown, more = found[: selectors.PAGE], found[selectors.PAGE :]
    here = reverse("workspace:documents") if pk is None else reverse("workspace:documents-of", args=[pk])
    names = selectors.names(shown)
    rows = [{"row": row, "label": _(KINDS[row.kind].label), "name": names.get(row.object_id, "")} for row in shown]
    next_url = f"{here}?after={shown[-1].pk}" if more else ""
    return show(request, "my_documents.html", {"piece": piece, "rows": rows, "next_url": next_url})


@page
def file(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one document that is addressed to the reader; the reading is logged, the first one counts as opened."""
    return handed(*services.read(actor=actor_of(request), document_id=pk), keep="keep" in request.GET)

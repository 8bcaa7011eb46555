"""Internal remarks and the telephone log of a case; only the agency reads them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from dengji.registration import services
from dengji.registration.queries import casefile
from dengji.registration.services.notebook import NOTE_KINDS

from ..access import transaction_of
from .base import Case, attempt, case_of, for_agency, raise_refusal
from .words import page_of


class NoteForm(forms.Form):
    """A remark, or what was said on the telephone."""

    kind = forms.ChoiceField(label=_("类别"), choices=[(code, _(text)) for code, text in NOTE_KINDS.items()])
    text = forms.CharField(
        label=_("内容"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        help_text=_("仅登记机构可见，不能修改"),
    )


def note_context(request: HttpRequest, loaded: Case) -> dict[str, Any]:
    """Return the notes of a case with the form for another."""
    rows = casefile.notes(loaded.actor, loaded.row)
    told = [{**row, "kind_label": gettext(NOTE_KINDS[row["kind"]])} for row in rows]
    return {"notes": told, "note_form": NoteForm(auto_id="note_%s")}


@for_agency
@require_POST
def add(request: HttpRequest, kind: str, pk: UUID) -> HttpResponse:
    """Note something on a case."""
    loaded = case_of(request, kind, pk)
    form = NoteForm(request.POST)
    if form.is_valid():
        words = {"object_kind": kind, "object_id": pk, **form.cleaned_data}
        attempt(
            form,
            lambda: services.add_note(actor=loaded.actor, transaction_id=transaction_of(request), **words),
        )
        raise_refusal(form)
    for said in form.errors.values():
        messages.error(request, " ".join(str(one) for one in said))
    if form.is_valid():
        messages.success(request, gettext("已记录"))
    return redirect(f"{page_of(kind, pk)}#notes")

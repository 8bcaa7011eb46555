"""Complaints and reports (投诉举报, R68), also anonymous; requests about one's own data; following a case."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dengji.content import privacy
from dengji.registration import queries, rules, services

from ..access import actor_of, errors_into, transaction_of
from . import voices
from .forms import Complaint, Follow, Privacy
from .objecting import told

_BOTH = ["GET", "HEAD", "POST"]


def _registers(form: forms.BaseForm) -> list[dict[str, Any]]:
    """Offer the registers of this node; where it holds one alone there is nothing to choose."""
    rows = queries.registers()
    field: Any = form.fields["register"]
    field.choices = [(str(row["id"]), f"{row['agency_name']}（{row['name']}）") for row in rows]
    if len(rows) == 1:
        field.widget, field.required = forms.HiddenInput(), False
        field.initial = str(rows[0]["id"])
    else:
        field.choices = [("", _("请选择")), *field.choices]
    return rows


def _register(form: forms.BaseForm, rows: list[dict[str, Any]]) -> UUID:
    return UUID(form.cleaned_data["register"] or str(rows[0]["id"]))


@require_http_methods(_BOTH)
def complain(request: HttpRequest) -> HttpResponseBase:
    """Take a complaint; a name and a way to be reached are welcome, not asked for."""
    form = Complaint(request.POST or None, initial={"subject_code": request.GET.get("code", "")[:64]})
    rows, wait = _registers(form), 0
    if not rows:
        return _nowhere(request)
    if form.is_bound and form.is_valid():
        wait = voices.too_many(request, form)
        if not wait:
            with errors_into(form):
                return _complained(request, form, rows)
    return voices.answer(request, "web/public/complain.html", {"told": told(request)}, form, wait)


def _complained(request: HttpRequest, form: Complaint, rows: list[dict[str, Any]]) -> HttpResponseBase:
    contact = {name: form.cleaned_data[name] for name in ("name", "phone", "email") if form.cleaned_data[name]}
    result = services.file_complaint(
        actor=actor_of(request),
        transaction_id=transaction_of(request),
        register_id=_register(form, rows),
        text=form.cleaned_data["text"],
        subject_code=form.cleaned_data["subject_code"],
        contact=contact,
    )
    return redirect(f"{voices.address('TS', result['id'], result['key'])}&new=1")


def complaint(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one's own complaint by its key, with the answer."""
    key = request.GET.get("key", "")
    found = queries.complaint_detail(actor_of(request), pk, key or "-")
    context = {"c": found, "new": bool(request.GET.get("new")), "credential": voices.credential("TS", pk, key)}
    return voices.private(render(request, "web/public/complaint.html", context))


@require_http_methods(_BOTH)
def ask(request: HttpRequest) -> HttpResponseBase:
    """Take a request about one's own personal data, with real name."""
    form = Privacy(request.POST or None)
    rows, wait = _registers(form), 0
    if not rows:
        return _nowhere(request)
    documents: Any = form.fields["document_type"]
    documents.choices = voices.document_choices(rules.rules_of_register(rows[0]["id"]), request.LANGUAGE_CODE)
    if form.is_bound and form.is_valid():
        wait = voices.too_many(request, form)
        if not wait:
            with errors_into(form):
                return _asked(request, form, rows)
    return voices.answer(request, "web/public/privacy_ask.html", {"told": told(request)}, form, wait)


def _asked(request: HttpRequest, form: Privacy, rows: list[dict[str, Any]]) -> HttpResponseBase:
    values = form.cleaned_data
    result = privacy.open_request(
        actor=actor_of(request),
        transaction_id=transaction_of(request),
        register_id=_register(form, rows),
        kind=values["kind"],
        who={name: values[name] for name in ("name", "document_type", "document_number", "phone", "email")},
        text=values["text"],
    )
    return redirect(f"{voices.address('GR', result['id'], result['key'])}&new=1")


def asked(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one's own request by its key, with the answer."""
    key = request.GET.get("key", "")
    found = privacy.request_by_key(pk, key)
    context = {
        "r": found,
        "kind": _(privacy.KINDS[found["kind"]]),
        "outcome": _(privacy.OUTCOMES[found["outcome"]]) if found["outcome"] else "",
        "new": bool(request.GET.get("new")),
        "credential": voices.credential("GR", pk, key),
    }
    return voices.private(render(request, "web/public/privacy_request.html", context))


@require_http_methods(_BOTH)
def follow(request: HttpRequest) -> HttpResponseBase:
    """Open the page of one's own case by its credential."""
    form = Follow(request.POST or None)
    if form.is_bound and form.is_valid():
        if address := voices.opened(form.cleaned_data["credential"]):
            return redirect(address)
        form.add_error("credential", _("这不是查询凭证：请核对是否完整，不要手工改动"))
    return voices.answer(request, "web/public/follow.html", {}, form)


def _nowhere(request: HttpRequest) -> HttpResponse:
    return render(request, "web/public/nowhere.html", status=503)

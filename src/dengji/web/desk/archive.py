"""The archive at the desk: what is due, what is kept, each package, and the batches handed over (归档、移交)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from dengji.documents import archived, filing, handover
from dengji.documents.models import ArchivePackage
from dengji.law.rulebook import vocabulary
from dengji.registration.api.base import say
from dengji.registration.models import Application

from ..access import actor_of, transaction_of
from ..downloads import attached
from ..forms import PartForm
from ..workspace.words import pick
from .base import after_of, attempt, for_agency, raise_refusal
from .words import frame, page_of

_HERE = "desk:archive"
_SHOWN = 20


class HandOverForm(PartForm):
    """Which packages go, and to whom."""

    package = forms.MultipleChoiceField(label=_("归档包"), widget=forms.MultipleHiddenInput)
    receiver = forms.CharField(label=_("接收单位"), max_length=200, help_text=_("接收归档包的档案馆或者档案部门的全称"))

    def __init__(self, *args: Any, rows: list[ArchivePackage], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["package"].choices = [(str(row.pk), row.number) for row in rows]  # type: ignore[attr-defined]


@for_agency
@require_GET
def archive(request: HttpRequest) -> HttpResponse:
    """Show what is due and the packages made, newest first."""
    actor = actor_of(request)
    year = request.GET.get("year", "")
    year = year if year.isascii() and year.isdigit() and len(year) == 4 else ""
    rows = list(
        archived.packages(actor, year=int(year) if year else None, after=after_of(request))[: archived.PAGE + 1]
    )
    shown, more = rows[: archived.PAGE], rows[archived.PAGE :]
    due = archived.due(actor)
    context = frame(
        request,
        _HERE,
        due=[{"row": row, "url": page_of("application", row.pk)} for row in due[:_SHOWN]],
        due_count=due.count(),
        batch=filing.MOST,
        heads=bool(actor.registers("agency_supervisor")),
        packages=_lines(shown),
        year=year,
        next_url=f"{reverse(_HERE)}?after={shown[-1].pk}&year={year}" if more else "",
    )
    return render(request, "web/desk/archive.html", context)


def _lines(rows: list[ArchivePackage]) -> list[dict[str, Any]]:
    cases = Application.objects.in_bulk([row.object_id for row in rows])
    return [_line(row) | {"case": cases.get(row.object_id)} for row in rows]


def _line(row: ArchivePackage) -> dict[str, Any]:
    batch = row.transferred.transfer if hasattr(row, "transferred") else None
    return {
        "row": row,
        "url": reverse("desk:package", args=[row.pk]),
        "retention": pick(vocabulary("retention_class")[row.retention]),
        "transfer": batch,
        "transfer_url": reverse("desk:transfer", args=[batch.pk]) if batch else "",
        "free": batch is None and row.suppressed_at is None,
    }


@for_agency
@require_POST
def make(request: HttpRequest) -> HttpResponse:
    """Archive the oldest cases that are due, and tell what was done, what failed and what is left."""
    done = filing.make_due(actor=actor_of(request))
    text = gettext("已归档 {made} 件，还有 {left} 件待归档").format(made=done["made"], left=done["left"])
    messages.success(request, text)
    for one in done["failed"][:_SHOWN]:
        messages.warning(request, f"{one['serial']}  {say(one['message'], one['params'])}")
    return redirect(_HERE)


@for_agency
@require_GET
def package(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one package: its number, its digest and every file in it."""
    actor = actor_of(request)
    row = archived.get(pk, actor)
    context = frame(
        request,
        _HERE,
        line=_lines([row])[0],
        row=row,
        case_url=page_of("application", row.object_id),
        files=[{"name": name, **said} for name, said in sorted(archived.files_of(row).items())],
        may_take=row.register_id in actor.registers("agency_supervisor") and row.suppressed_at is None,
    )
    return render(request, "web/desk/package.html", context)


@for_agency
@require_GET
def package_file(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Hand a package over as a file; the reading is logged."""
    name, data = filing.read(actor=actor_of(request), package_id=pk)
    return attached(name, data, "application/zip")


@for_agency
@require_POST
def hand_over(request: HttpRequest) -> HttpResponse:
    """Show the chosen packages for confirmation with the receiver's name, then hand them over in one batch."""
    actor = actor_of(request)
    chosen = [one for text in request.POST.getlist("package")[: archived.PAGE] if (one := _uuid(text))]
    rows = list(archived.packages(actor).filter(pk__in=chosen).order_by("number"))
    if not rows:
        messages.error(request, gettext("请先勾选要移交的归档包"))
        return redirect(_HERE)
    if len({row.register_id for row in rows}) > 1:
        messages.error(request, gettext("一个批次只能包含同一登记簿的归档包，请重新选择"))
        return redirect(_HERE)
    sent = "receiver" in request.POST
    form = HandOverForm(request.POST if sent else None, rows=rows, initial={"package": [row.pk for row in rows]})
    if sent and form.is_valid():
        made = attempt(
            form,
            lambda: filing.transfer(
                actor=actor,
                transaction_id=transaction_of(request),
                register_id=rows[0].register_id,
                package_ids=[row.pk for row in rows],
                receiver=form.cleaned_data["receiver"],
            ),
        )
        raise_refusal(form)
        if made is not None:
            messages.success(request, gettext("已登记移交批次 {number}").format(number=made["number"]))
            return redirect("desk:transfer", pk=made["id"])
    context = frame(request, _HERE, form=form, packages=_lines(rows))
    return render(request, "web/desk/hand_over.html", context, status=422 if form.errors else 200)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@for_agency
@require_GET
def transfers(request: HttpRequest) -> HttpResponse:
    """List the batches handed over, newest first."""
    rows = list(archived.transfers(actor_of(request), after=after_of(request))[: archived.PAGE + 1])
    shown, more = rows[: archived.PAGE], rows[archived.PAGE :]
    here = reverse("desk:transfers")
    context = frame(request, _HERE, rows=shown, next_url=f"{here}?after={shown[-1].pk}" if more else "")
    return render(request, "web/desk/transfers.html", context)


@for_agency
@require_GET
def transfer(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the list of one batch, to read, print and sign."""
    row = archived.transfer(pk, actor_of(request))
    words = vocabulary("retention_class")
    listed = [{**one, "retention": pick(words[one["retention"]])} for one in archived.items(row)]
    return render(request, "web/desk/transfer.html", frame(request, _HERE, row=row, items=listed))


@for_agency
@require_GET
def transfer_sheet(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Hand the list of a batch over as a worksheet."""
    name, content_type, data = handover.sheet(archived.transfer(pk, actor_of(request)))
    return attached(name, data, content_type)

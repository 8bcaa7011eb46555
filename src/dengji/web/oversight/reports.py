"""Reports of a period: made by the agency's head or the authority, read from what was signed, taken along as a file."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from dengji.core.clock import legal_now
from dengji.core.errors import N_, DomainError, not_found
from dengji.documents.reports import files, periods, selectors, services, tables
from dengji.law.calendar import SHANGHAI, shanghai_date
from dengji.parties.actor import Actor
from dengji.parties.roles import AGENCY_ROLES

from ..access import actor_of, errors_into, for_roles, transaction_of
from ..desk.words import frame as desk_frame
from ..forms import PartForm
from ..workspace.words import english
from .base import frame as authority_frame

for_reporters = for_roles("authority_supervisor", *sorted(AGENCY_ROLES))
_OWN_DAYS = "own"


class ReportForm(PartForm):
    """Whose report, and on which days."""

    subject = forms.ChoiceField(label=_("报告范围"))
    preset = forms.ChoiceField(label=_("期间"))
    first_day = forms.DateField(label=_("起始日期"), required=False, widget=forms.DateInput({"type": "date"}))
    last_day = forms.DateField(label=_("截止日期"), required=False, widget=forms.DateInput({"type": "date"}))

    def __init__(self, *args: Any, subjects: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        days = [(name, gettext(title)) for name, title in periods.PRESETS.items()]
        self.fields["subject"].choices = subjects  # type: ignore[attr-defined]
        self.fields["preset"].choices = [*days, (_OWN_DAYS, gettext("自选日期"))]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Take the days of the preset, or those given, both of which must be there then."""
        given: dict[str, Any] = super().clean() or {}
        if given.get("preset") in periods.PRESETS:
            given["first_day"], given["last_day"] = periods.preset(given["preset"], shanghai_date(legal_now()))
        elif given.get("preset") == _OWN_DAYS:
            for name in ("first_day", "last_day"):
                if not given.get(name) and name not in self.errors:
                    self.add_error(name, gettext("自选日期时须填写起止日期"))
        return given


def _frame(request: HttpRequest, **more: Any) -> dict[str, Any]:
    """The side navigation of whoever reads: the authority's, else the desk's."""
    of_authority = "authority_supervisor" in actor_of(request).kinds()
    return (authority_frame if of_authority else desk_frame)(request, "oversight:reports", **more)


def _subjects(actor: Actor) -> list[tuple[str, str]]:
    registers = [(f"register:{row.pk}", row.name) for row in selectors.registers(actor)]
    return registers + [(f"jurisdiction:{row.code}", row.name) for row in selectors.jurisdictions(actor)]


def _language() -> str:
    return "en" if english() else "zh"


@for_reporters
@require_http_methods(["GET", "HEAD", "POST"])
def reports(request: HttpRequest) -> HttpResponse:
    """List the reports one may read; make a new one where one may."""
    actor = actor_of(request)
    subjects = _subjects(actor)
    form = ReportForm(request.POST or None, subjects=subjects)
    if request.method == "POST" and form.is_valid() and (made := _make(request, actor, form)):
        return redirect("oversight:report", pk=made)
    rows = list(selectors.reports(actor, after=_cursor(request), limit=selectors.PAGE + 1))
    shown, more = rows[: selectors.PAGE], rows[selectors.PAGE :]
    here = reverse("oversight:reports")
    context = _frame(
        request,
        form=form if subjects else None,
        columns=[{"title": gettext(title)} for title in (N_("报告"), N_("期间"), N_("制作时间"))],
        rows=[
            [
                {
                    "text": tables.title(row.snapshot, _language()),
                    "url": reverse("oversight:report", args=[row.pk]),
                },
                {"text": tables.days(row.snapshot, _language())},
                {"text": row.at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")},
            ]
            for row in shown
        ],
        next_url=f"{here}?cursor={shown[-1].pk}" if more else "",
    )
    return render(request, "web/oversight/reports.html", context, status=422 if form.errors else 200)


def _cursor(request: HttpRequest) -> UUID | None:
    try:
        return UUID(request.GET.get("cursor", ""))
    except ValueError:
        return None


def _make(request: HttpRequest, actor: Actor, form: ReportForm) -> str:
    """Make what the form asks for; return its id, nothing where the form has an error now."""
    kind, _colon, which = form.cleaned_data["subject"].partition(":")
    about = {"register_id": UUID(which)} if kind == "register" else {"jurisdiction": which}
    made: dict[str, Any] = {"id": ""}
    with errors_into(form):
        made = services.make_report(
            actor=actor,
            transaction_id=transaction_of(request),
            first_day=form.cleaned_data["first_day"],
            last_day=form.cleaned_data["last_day"],
            **about,
        )
    return str(made["id"])


@for_reporters
@require_GET
def report(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one report as it was signed, and whether the signature still fits."""
    row = selectors.get(pk, actor_of(request))
    language = _language()
    try:
        signers = selectors.check(row)
    except DomainError as error:
        if error.code != "report_altered":
            raise
        signers = []
    context = _frame(
        request,
        report=row,
        title=tables.title(row.snapshot, language),
        days=tables.days(row.snapshot, language),
        agency=row.snapshot["subject"].get("agency", ""),
        tables=[_shown(table) for table in tables.tables(row.snapshot, language)],
        notice=tables.notice(language),
        signers=signers,
        forms=[
            {
                "title": form.upper() if form != "docx" else "Word",
                "url": reverse("oversight:report-file", args=[pk, form]),
            }
            for form in files.FORMS
        ],
    )
    return render(request, "web/oversight/report.html", context)


def _shown(table: tables.Table) -> dict[str, Any]:
    numbers = [isinstance(cell, int) for cell in table.rows[0]] if table.rows else [False] * len(table.heads)
    return {
        "title": table.title,
        "note": table.note,
        "columns": [{"title": head, "number": n} for head, n in zip(table.heads, numbers, strict=True)],
        "rows": [[{"text": cell, "number": isinstance(cell, int)} for cell in row] for row in table.rows],
    }


@for_reporters
@require_GET
def report_file(request: HttpRequest, pk: UUID, form: str) -> HttpResponse:
    """Hand out a report as PDF, Word, Excel or the signed JSON."""
    row = selectors.get(pk, actor_of(request))
    if form not in files.FORMS:
        raise not_found()
    name, content_type, data = files.file_of(row, form, _language())
    answer = HttpResponse(data, content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer

"""Every act of appendix A that the agency does, by one view: the table gives form and words."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from dengji.core.errors import not_found
from dengji.registration.api.base import act_label
from dengji.registration.queries import agency, casefile, cases

from ..access import transaction_of
from . import table
from .base import Case, attempt, case_of, for_agency, raise_refusal, say_done
from .fields import shown
from .forms import ActForm
from .words import frame, page_of


@for_agency
@require_http_methods(["GET", "POST"])
def act(request: HttpRequest, kind: str, pk: UUID, name: str) -> HttpResponse:
    """Show the form of one act, or do it."""
    row = table.row_of(kind, name)
    if row is None:
        raise not_found()
    case = case_of(request, kind, pk)
    form = _form(request, row, case, name)
    ready = request.method == "POST" and form.is_valid()
    if ready and name == "suppress_content" and not _confirmed(case, form):
        return _page(request, case, name, row, form, confirming=True)
    if ready:
        transaction_id = transaction_of(request)
        result = attempt(
            form, lambda: table.do(kind, name, pk, actor=case.actor, transaction_id=transaction_id, **form.words())
        )
        raise_refusal(form)
        if result is not None:
            say_done(request, name, case.number)
            return redirect(page_of(kind, pk))
    return _page(request, case, name, row, form, status=422 if request.method == "POST" else 200)


def _confirmed(case: Case, form: ActForm) -> bool:
    """What cannot be undone is confirmed twice: the second time by typing the number of the case."""
    given = form.cleaned_data.get("number", "").strip()
    if given and given != case.number:
        form.add_error("number", gettext("编号不符"))
    return bool(given == case.number)


def _form(request: HttpRequest, row: table.Row, case: Case, name: str) -> ActForm:
    initial = {}
    if (chosen := request.GET.get("wording")) and row.form.text_field:
        found = [w for w in agency.wordings(case.actor, case.register, name) if str(w["id"]) == chosen]
        initial = {row.form.text_field: found[0]["text"]} if found else {}
    data = request.POST if request.method == "POST" else None
    return row.form(data, rulebook=case.rulebook, facts=_facts(case, name), initial=initial)


def _facts(case: Case, name: str) -> dict[str, Any]:
    """What the form of an act shows of the case."""
    if case.kind != "application":
        return {}
    if name == "request_supplement":
        return {"findings": cases.findings(case.actor, case.row.pk), "late": casefile.late_fields(case.row)}
    return casefile.notice_preview(case.row) if name == "open_notice" and case.row.version else {}


def _page(
    request: HttpRequest,
    case: Case,
    name: str,
    row: table.Row,
    form: ActForm,
    *,
    confirming: bool = False,
    status: int = 200,
) -> HttpResponse:
    preview = _facts(case, name).get("fields") if name == "open_notice" else None
    context = frame(
        request,
        "",
        form=form,
        act=name,
        title=act_label(name),
        follows=gettext(row.follows),
        danger=row.danger,
        confirming=confirming,
        number=case.number,
        name=getattr(case.row, "name", ""),
        back=page_of(case.kind, case.row.pk),
        open=name in case.acts(),
        preview=shown(preview) if preview else None,
        supplement=form.drawn() if hasattr(form, "drawn") else None,
        rounds=getattr(case.row, "rounds", 0),
        wordings=agency.wordings(case.actor, case.register, name) if row.form.text_field else [],
    )
    return render(request, "web/desk/act.html", context, status=status)

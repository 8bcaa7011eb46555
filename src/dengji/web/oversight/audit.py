"""The audit trail for the audit administrator: the access log and the decisions, filtered, paged, exported."""

from __future__ import annotations

import csv
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from dengji.core.errors import N_
from dengji.law.calendar import SHANGHAI
from dengji.registration.queries import supervision

from ..access import actor_of
from .base import for_auditors, frame

_LINES, _EXPORTED = 50, 10_000
_COLUMNS = (N_("编号"), N_("时间"), N_("操作者标识"), N_("事项代码"), N_("对象类型"), N_("对象标识"), N_("结果"))


class TrailForm(forms.Form):
    """What the trail is narrowed to."""

    source = forms.ChoiceField(label=_("日志"), required=False)
    act = forms.CharField(label=_("事项代码"), required=False, max_length=60)
    actor = forms.CharField(label=_("操作者标识"), required=False, max_length=120)
    object = forms.UUIDField(label=_("对象标识"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("access", gettext("访问日志")), ("decisions", gettext("办理决定"))]
        self.fields["source"].choices = choices  # type: ignore[attr-defined]


@for_auditors
@require_GET
def trail(request: HttpRequest) -> HttpResponse:
    """Show or export one page of the trail; each view is a line of the access log itself."""
    form = TrailForm(request.GET)
    valid = form.is_valid()
    given = {name: str(form.cleaned_data.get(name) or "") for name in form.fields} if valid else {}
    source = given.pop("source", "") or "access"
    cursor, export = request.GET.get("cursor", ""), request.GET.get("export") == "csv"
    after = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 19 else None
    found: dict[str, Any] = {"items": [], "next": None}
    if valid:
        limit = _EXPORTED if export else _LINES
        found = supervision.audit_lines(actor_of(request), source, given, after=after, limit=limit)
    lines = [_cells(row) for row in found["items"]]
    if export and valid:
        return _csv(lines)
    here = reverse("oversight:audit")
    kept = {"source": source} | {name: value for name, value in given.items() if value}
    context = frame(
        request,
        "oversight:audit",
        form=form if request.GET else TrailForm({"source": source}),
        columns=[{"title": gettext(title)} for title in _COLUMNS],
        rows=[[{"text": text} for text in line] for line in lines],
        next_url=f"{here}?{urlencode({**kept, 'cursor': found['next']})}" if found["next"] else "",
        export_url=f"{here}?{urlencode({**kept, 'export': 'csv'})}",
    )
    return render(request, "web/oversight/audit.html", context)


def _cells(row: dict[str, Any]) -> list[str]:
    at = row["at"].astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
    target = str(row["object_id"]) if isinstance(row["object_id"], UUID) else "—"
    return [str(row["id"]), at, row["actor"], row["act"], row["object_kind"], target, row["outcome"]]


def _csv(lines: list[list[str]]) -> HttpResponse:
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="audit.csv"'
    answer.write("\ufeff")
    writer = csv.writer(answer)
    writer.writerow([gettext(title) for title in _COLUMNS])
    writer.writerows(lines)
    return answer

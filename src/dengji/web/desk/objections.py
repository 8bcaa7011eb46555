"""Objections: the list, one with its evidence and clock, identity on request, and one received on paper (Art. 12)."""

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

from dengji.core.errors import forbidden, not_found
from dengji.registration import queries, services
from dengji.registration.queries import casefile

from ..access import actor_of, transaction_of
from .base import after_of, attempt, case_of, for_agency, raise_refusal, say_done
from .case import _materials, common, framing
from .words import frame, page_of, terms

_NAMES = {
    "name": _("姓名或名称"),
    "document_type": _("证件类型"),
    "document_number": _("证件号码"),
    "credit_code": _("统一社会信用代码"),
    "agent": _("经办人"),
    "phone": _("联系电话"),
    "email": _("电子邮箱"),
}
_HANDLING = ("objection_officer", "agency_supervisor")


def _handling(request: HttpRequest) -> Any:
    actor = actor_of(request)
    if not actor.registers(*_HANDLING):
        raise forbidden(article="12")
    return actor


@for_agency
@require_GET
def objections(request: HttpRequest) -> HttpResponse:
    """List the objections of one's registers."""
    page = queries.objections(_handling(request), after=after_of(request))
    here = reverse("desk:objections")
    rows = [{**row, "url": page_of("objection", row["id"])} for row in page["items"]]
    more = f"{here}?after={page['next']}" if page["next"] else ""
    return render(request, "web/desk/objections.html", frame(request, "desk:objections", rows=rows, next_url=more))


@framing
@for_agency
@require_GET
def objection(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one objection: grounds, evidence and clock; who objects only when asked for, and then it is logged."""
    _handling(request)
    loaded = case_of(request, "objection", pk)
    asked = request.GET.get("identity") == "1"
    found = queries.objection_detail(loaded.actor, pk) if asked else casefile.objection(loaded.actor, pk)
    identity = [
        {"label": _NAMES[name], "value": value}
        for name, value in (found.get("identity") or {}).items()
        if name in _NAMES
    ]
    context = frame(
        request,
        "desk:objections",
        row=loaded.row,
        found=found,
        identity=identity,
        asked=asked,
        file=loaded.row.application,
        file_url=page_of("application", loaded.row.application_id),
        materials=_materials(request, loaded),
        **common(request, loaded),
    )
    return render(request, "web/desk/objection.html", context)


class PaperForm(forms.Form):
    """An objection that came on paper within the period, entered by staff."""

    objector_kind = forms.ChoiceField(label=_("异议人"), choices=[("person", _("自然人")), ("unit", _("单位"))])
    name = forms.CharField(label=_NAMES["name"], max_length=200)
    document_type = forms.ChoiceField(label=_NAMES["document_type"], required=False, help_text=_("自然人填写"))
    document_number = forms.CharField(label=_NAMES["document_number"], max_length=60, required=False)
    credit_code = forms.CharField(label=_NAMES["credit_code"], max_length=18, required=False, help_text=_("单位填写"))
    agent = forms.CharField(label=_NAMES["agent"], max_length=60, required=False, help_text=_("单位填写"))
    phone = forms.CharField(label=_NAMES["phone"], max_length=30, required=False)
    relation = forms.CharField(label=_("与登记事项的关系"), max_length=200)
    grounds = forms.CharField(label=_("异议理由"), widget=forms.Textarea(attrs={"rows": 5}), max_length=4000)
    received_on = forms.DateField(
        label=_("收到日期"), widget=forms.DateInput(attrs={"type": "date"}), help_text=_("以收到纸质材料之日为准")
    )
    evidence = forms.FileField(label=_("证据材料（扫描件）"), help_text=_("PDF、图片、表格或文档"))

    def __init__(self, *args: Any, kinds: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["document_type"].choices = [("", gettext("请选择")), *terms("identity_type", kinds)]  # type: ignore[attr-defined]

    def words(self) -> dict[str, Any]:
        """Return the arguments of `lodge`."""
        data = self.cleaned_data
        named = ("name", "document_type", "document_number", "credit_code", "agent", "phone")
        file = data["evidence"]
        return {
            "objector_kind": data["objector_kind"],
            "identity": {name: data[name] for name in named if data[name]},
            "relation": data["relation"],
            "grounds": data["grounds"],
            "received_on": data["received_on"],
            "evidence": [services.Upload(file.name, file.read())],
        }


@for_agency
@require_http_methods(["GET", "POST"])
def paper(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Enter an objection received on paper to the latest notice of an application."""
    actor = actor_of(request)
    if not actor.registers("objection_officer"):
        raise forbidden(article="12")
    loaded = case_of(request, "application", pk)
    notice = casefile.notice_of(loaded.row)
    if notice is None:
        raise not_found()
    kinds = list(loaded.rulebook.get("objection.identity_types"))
    form = PaperForm(request.POST or None, request.FILES or None, kinds=kinds)
    if request.method == "POST" and form.is_valid():
        words = form.words()
        transaction_id = transaction_of(request)
        result = attempt(
            form,
            lambda: services.lodge(actor=actor, transaction_id=transaction_id, notice_id=notice["id"], **words),
        )
        raise_refusal(form)
        if result is not None:
            say_done(request, "lodge", loaded.number)
            return redirect("desk:objection", pk=result["id"])
    context = frame(
        request, "desk:objections", form=form, notice=notice, number=loaded.number, back=page_of("application", pk)
    )
    return render(request, "web/desk/paper.html", context, status=422 if form.errors else 200)

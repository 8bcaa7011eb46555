"""Documents at the desk: what waits for a seal or for service, and one document with all that was done with it."""

from __future__ import annotations

from collections.abc import Callable
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

from dengji.core.errors import N_, not_found
from dengji.documents import sealing, selectors, services, serving
from dengji.documents.models import Document
from dengji.documents.table import KINDS, RECIPIENTS
from dengji.registration.services import Upload

from ..access import actor_of, transaction_of
from ..downloads import handed
from ..forms import PartForm
from .base import after_of, attempt, for_agency, raise_refusal
from .words import PAGES, frame, page_of

_HERE = "desk:documents"
STATES = {
    "MAKING": N_("制作中"),
    "MADE": N_("已制作"),
    "SEALED": N_("已用印"),
    "VOID": N_("已作废"),
}
#: What an officer enters of service: channel.event of `serving.BY_HAND`, in the words of the desk.
_STEPS = {
    "paper.served": N_("书面送达：已签收（须上传送达回证）"),
    "paper.sent": N_("书面送达：已寄出"),
    "paper.delivered": N_("书面送达：已到达"),
    "paper.failed": N_("书面送达：未送达"),
    "telephone.served": N_("电话告知：已告知本人"),
    "telephone.failed": N_("电话告知：未接通"),
}
CHANNELS = {
    "in_system": N_("平台送达"),
    "mail": N_("电子邮件"),
    "sms": N_("短信"),
    "telephone": N_("电话告知"),
    "paper": N_("书面送达"),
}
EVENTS = {
    "sent": N_("已发出"),
    "delivered": N_("已到达"),
    "opened": N_("已查阅"),
    "failed": N_("未送达"),
    "served": N_("已签收"),
}
SEALS = {"test": N_("测试印章，无法律效力"), "adapter": N_("电子印章"), "paper": N_("纸质用印")}


class ScanForm(PartForm):
    """The scan of a document that was printed and stamped."""

    file = forms.FileField(label=_("盖章后的扫描件"), help_text=_("PDF、PNG 或者 JPEG，须为盖章后的完整文书"))
    note = forms.CharField(label=_("说明（可不填）"), max_length=2000, required=False)


class ServeForm(PartForm):
    """One step of serving a document."""

    step = forms.ChoiceField(label=_("送达情况"))
    at = forms.DateTimeField(
        label=_("发生时间"),
        required=False,
        help_text=_("不填即为现在"),
        widget=forms.DateTimeInput({"type": "datetime-local"}),
    )
    note = forms.CharField(label=_("接听人、签收人或者未送达的原因"), max_length=2000, required=False)
    file = forms.FileField(label=_("送达回证扫描件"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["step"].choices = [(key, gettext(text)) for key, text in _STEPS.items()]  # type: ignore[attr-defined]


def _upload(form: forms.Form) -> Upload | None:
    file = form.cleaned_data.get("file")
    return Upload(str(file.name), file.read()) if file else None


@for_agency
@require_GET
def documents(request: HttpRequest) -> HttpResponse:
    """List documents: those to be sealed, those not yet served, or all, newest first."""
    actor, show = actor_of(request), request.GET.get("show", "")
    rows = selectors.documents(actor, after=after_of(request), limit=None)
    if show == "seal":
        rows = rows.filter(state=Document.State.MADE)
    elif show == "serve":
        rows = serving.unserved(actor, rows)
    found = list(rows[: selectors.PAGE + 1])
    shown, more = found[: selectors.PAGE], found[selectors.PAGE :]
    here, names = reverse(_HERE), selectors.names(shown)
    tabs = [
        {"title": gettext(title), "url": f"{here}?show={name}" if name else here, "active": show == name}
        for name, title in (("", N_("全部文书")), ("seal", N_("待用印")), ("serve", N_("待送达")))
    ]
    context = frame(
        request,
        _HERE,
        tabs=tabs,
        rows=[
            line(row) | {"url": reverse("desk:document", args=[row.pk]), "name": names.get(row.object_id, "")}
            for row in shown
        ],
        next_url=f"{here}?show={show}&after={shown[-1].pk}" if more else "",
    )
    return render(request, "web/desk/documents.html", context)


def line(row: Document) -> dict[str, Any]:
    """Return what a list of documents says of one."""
    return {
        "row": row,
        "label": gettext(KINDS[row.kind].label),
        "recipient": gettext(RECIPIENTS[row.recipient_kind]),
        "state": gettext(STATES[row.state]),
    }


@for_agency
@require_GET
def document(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one document, its seals and how it was served."""
    return _page(request, selectors.get(pk, actor_of(request)))


def _page(request: HttpRequest, row: Document, **given: forms.Form) -> HttpResponse:
    handled = Document.objects.filter(selectors.scope(actor_of(request), "handle"), pk=row.pk).exists()
    out = row.state in selectors.READY
    served = serving.served_at(row)
    context = frame(
        request,
        _HERE,
        line=line(row) | {"name": selectors.names([row]).get(row.object_id, "")},
        row=row,
        case_url=page_of(row.object_kind, row.object_id) if row.object_kind in PAGES else "",
        seals=[{"row": one, "label": gettext(SEALS[one.kind])} for one in row.seals.order_by("pk")],
        events=[
            one | {"channel": gettext(CHANNELS[one["channel"]]), "event": gettext(EVENTS[one["event"]])}
            for one in (serving.events(row) if handled else [])
        ],
        out=out,
        handled=handled,
        has_words=KINDS[row.kind].layout == "letter",
        served=served,
        to_seal=handled and row.state == Document.State.MADE,
        to_serve=handled and out and row.recipient_kind != "public",
        scan_form=given.get("scan") or ScanForm(),
        serve_form=given.get("serve") or ServeForm(),
    )
    wrong = any(form.errors for form in given.values())
    return render(request, "web/desk/document.html", context, status=422 if wrong else 200)


@for_agency
@require_GET
def document_file(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a document as sealed or made, or hand over its words as .docx; the reading is logged."""
    form = services.DOCX if request.GET.get("form") == services.DOCX else services.PDF
    return handed(*services.read(actor=actor_of(request), document_id=pk, form=form), keep="keep" in request.GET)


@for_agency
@require_GET
def proof(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the receipt of service that was filed; the reading is logged."""
    content_type, data = serving.proof(actor=actor_of(request), event_id=pk)
    return handed(f"proof-{pk}", content_type, data)


def _done(
    request: HttpRequest, row: Document, name: str, form: PartForm, call: Callable[[], Any], text: str
) -> HttpResponse:
    """Answer an act of the page: back to the document with a word, or the page again with what is wrong."""
    if form.is_valid():
        attempt(form, call)
        raise_refusal(form)
    if not form.is_valid():
        return _page(request, selectors.get(row.pk, actor_of(request)), **{name: form})
    messages.success(request, text)
    return redirect("desk:document", pk=row.pk)


@for_agency
@require_POST
def seal(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Put the seal of this node on a document."""
    row, common = _asked(request, pk)
    form = PartForm(request.POST)
    return _done(request, row, "seal", form, lambda: sealing.seal(**common), gettext("已用印"))


@for_agency
@require_POST
def scan(request: HttpRequest, pk: UUID) -> HttpResponse:
    """File the scan of a document that was stamped on paper."""
    row, common = _asked(request, pk)
    form = ScanForm(request.POST, request.FILES)

    def call() -> Any:
        upload = _upload(form)
        if upload is None:  # the form asks for it
            raise not_found()
        return sealing.seal_on_paper(**common, upload=upload, note=form.cleaned_data["note"])

    return _done(request, row, "scan", form, call, gettext("已收存盖章扫描件"))


@for_agency
@require_POST
def serve(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Enter one step of serving a document."""
    row, common = _asked(request, pk)
    form = ServeForm(request.POST, request.FILES)

    def call() -> Any:
        channel, _dot, event = form.cleaned_data["step"].partition(".")
        at, note = form.cleaned_data["at"], form.cleaned_data["note"]
        return serving.serve(**common, channel=channel, event=event, at=at, note=note, proof=_upload(form))

    return _done(request, row, "serve", form, call, gettext("已登记送达情况"))


@for_agency
@require_POST
def make(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Make a document that waits, now."""
    row, common = _asked(request, pk)
    form = PartForm(request.POST)
    common.pop("transaction_id")
    return _done(request, row, "make", form, lambda: services.make(**common), gettext("已制作或者已排入制作"))


def _asked(request: HttpRequest, pk: UUID) -> tuple[Document, dict[str, Any]]:
    """The document in the actor's scope, and what every act on it is called with."""
    actor = actor_of(request)
    row = selectors.get(pk, actor)
    return row, {"actor": actor, "transaction_id": transaction_of(request), "document_id": pk}

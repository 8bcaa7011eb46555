"""Documents over the API: one's own list, one document, its file, its wording, the registrant's papers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from ninja import Query, Router, Schema
from pydantic import Field

from dengji.registration.api.base import PUBLIC, actor_of, from_base64, transaction_id
from dengji.registration.api.schemas import Limit
from dengji.registration.services import Upload

from . import forms, sealing, selectors, services, serving

# ruff: noqa: A002 - a path names its object `id`
router = Router(tags=["documents"])
Form = Literal["pdf", "docx"]
Paper = Literal["commitment_letter", "authority_letter", "business_review_form"]


class DocumentOut(Schema):
    """One document; its file is fetched apart."""

    id: UUID
    kind: str
    label: str
    number: str
    object_kind: str
    object_id: UUID
    recipient_kind: str
    state: str
    error: str
    at: datetime
    made_at: datetime | None
    sha256: str
    size: int | None
    pages: int | None
    wording_version: int
    layout_version: str


class DocumentsOut(Schema):
    """A page of documents, newest first."""

    items: list[DocumentOut]
    next: UUID | None


class MadeOut(Schema):
    """How a document stands after it was asked for."""

    id: UUID
    state: str
    error: str = ""
    number: str = ""
    wording_version: int | None = None


class SealedOut(Schema):
    """How a document stands after it was sealed."""

    id: UUID
    state: str
    seal: str
    sha256: str


class ScanIn(Schema):
    """The scan of a stamped document."""

    name: str = Field(max_length=255)
    data: str = Field(description="base64")
    note: str = Field(default="", max_length=2000)


class ServiceIn(Schema):
    """One step of service: when it happened (now, if left out), what was said, the scan of the receipt."""

    channel: Literal["telephone", "paper"]
    event: Literal["sent", "delivered", "served", "failed"]
    at: datetime | None = None
    note: str = Field(default="", max_length=2000)
    proof: str = Field(default="", description="base64")


class ServedOut(Schema):
    """The step entered, and since when the document counts as served; empty while it does not."""

    id: UUID
    event: UUID
    served_at: str


class WordingIn(Schema):
    """An agency's own wording of a kind of document: {zh: {…}, en: {…}} as the shipped files have it."""

    register_id: UUID
    kind: str = Field(max_length=40)
    texts: dict[str, dict[str, Any]]


class WordingOut(Schema):
    """The version that is now in force."""

    kind: str
    version: int


class HearingIn(Schema):
    """The ground and reasons of an intended revocation, and the last day for a statement."""

    ground: str = Field(max_length=60)
    reason: str = Field(max_length=10000)
    until: date


class StampedIn(Schema):
    """The stamped scan of a paper, and what its stamp bears."""

    unit: str = Field(max_length=200)
    signed_on: date
    name: str = Field(max_length=255)
    data: str = Field(description="base64")


class MaterialOut(Schema):
    """The material that the scan became."""

    id: UUID
    kind: str
    sha256: str
    size: int
    content_type: str


def _shown(row: Any) -> dict[str, Any]:
    told = dict(selectors.described(row))
    return {**told, "label": gettext(told["label"])}


def _file(made: tuple[str, str, bytes]) -> HttpResponse:
    name, content_type, data = made
    ascii_name = name if name.isascii() else "document." + name.rpartition(".")[2]
    return HttpResponse(
        data,
        content_type=content_type,
        headers={
            "Content-Disposition": f'attachment; filename="{ascii_name}"',
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


@router.get("/documents", response=DocumentsOut, summary="文书列表")
def list_documents(
    request: HttpRequest,
    object: UUID | None = None,
    kind: Annotated[str, Query(max_length=40)] = "",
    state: Annotated[str, Query(max_length=10)] = "",
    mine: bool = False,
    cursor: UUID | None = None,
    limit: Limit = selectors.PAGE,
) -> dict[str, Any]:
    """Return the documents that the caller may see, newest first; `mine` those addressed to the caller."""
    rows = list(
        selectors.documents(
            actor_of(request), object_id=object, kind=kind, state=state, mine=mine, after=cursor, limit=limit + 1
        )
    )
    more = rows[limit - 1].pk if len(rows) > limit else None
    return {"items": [_shown(row) for row in rows[:limit]], "next": more}


@router.get("/documents/{id}", response=DocumentOut, summary="文书", auth=PUBLIC)
def get_document(request: HttpRequest, id: UUID) -> dict[str, Any]:
    """Return what is known of one document."""
    return _shown(selectors.get(id, actor_of(request)))


@router.get("/documents/{id}/file", summary="下载文书", auth=PUBLIC)
def document_file(
    request: HttpRequest, id: UUID, form: Form = "pdf", key: Annotated[str, Query(max_length=64)] = ""
) -> HttpResponse:
    """Return the file: as sealed, else as made; staff may take its words as .docx. The reading is logged."""
    return _file(services.read(actor=actor_of(request), document_id=id, form=form, key=key))


@router.post("/documents/{id}/make", response=MadeOut, summary="制作文书")
def make_document(request: HttpRequest, id: UUID) -> dict[str, Any]:
    """Make a waiting document now."""
    transaction_id(request)
    return services.make(actor=actor_of(request), document_id=id)


@router.post("/documents/{id}/remake", response=MadeOut, summary="重新制作文书")
def remake_document(request: HttpRequest, id: UUID) -> dict[str, Any]:
    """Compose a document anew in the wording in force, under its number."""
    return services.remake(actor=actor_of(request), transaction_id=transaction_id(request), document_id=id)


@router.post("/documents/{id}/seal", response=SealedOut, summary="文书用印")
def seal_document(request: HttpRequest, id: UUID) -> dict[str, Any]:
    """Put the seal of this node on a made document."""
    return sealing.seal(actor=actor_of(request), transaction_id=transaction_id(request), document_id=id)


@router.post("/documents/{id}/scan", response=SealedOut, summary="收存盖章扫描件")
def scan_document(request: HttpRequest, id: UUID, body: ScanIn) -> dict[str, Any]:
    """File the scan of a document that was printed and stamped."""
    return sealing.seal_on_paper(
        actor=actor_of(request),
        transaction_id=transaction_id(request),
        document_id=id,
        upload=Upload(body.name, from_base64(body.data)),
        note=body.note,
    )


@router.post("/documents/{id}/service", response=ServedOut, summary="登记送达情况")
def serve_document(request: HttpRequest, id: UUID, body: ServiceIn) -> dict[str, Any]:
    """Enter one step of serving a document by telephone or on paper."""
    return serving.serve(
        actor=actor_of(request),
        transaction_id=transaction_id(request),
        document_id=id,
        channel=body.channel,
        event=body.event,
        at=body.at,
        note=body.note,
        proof=Upload("proof", from_base64(body.proof)) if body.proof else None,
    )


@router.post("/document-wording", response=WordingOut, summary="发布文书用语")
def publish_wording(request: HttpRequest, body: WordingIn) -> dict[str, Any]:
    """Put an agency's own wording of a kind of document into force."""
    return services.publish_wording(
        actor=actor_of(request),
        transaction_id=transaction_id(request),
        register_id=body.register_id,
        kind=body.kind,
        texts=body.texts,
    )


@router.post("/registrations/{id}/hearing-notice", response=MadeOut, summary="撤销前陈述申辩告知书")
def hearing_notice(request: HttpRequest, id: UUID, body: HearingIn) -> dict[str, Any]:
    """Draw up the notice that the registrant may be heard before a revocation (Art. 20)."""
    return services.prepare_hearing_notice(
        actor=actor_of(request),
        transaction_id=transaction_id(request),
        registration_id=id,
        ground=body.ground,
        reason=body.reason,
        until=body.until,
    )


@router.get("/applications/{id}/forms/{form}", summary="下载承诺书、委托书、业务审核表")
def draft_form(request: HttpRequest, id: UUID, form: Paper, file: Form = "pdf") -> HttpResponse:
    """Return a paper filled in from the draft, to be stamped and uploaded (Art. 7)."""
    return _file(forms.form_of_draft(actor=actor_of(request), application_id=id, form=form, file=file))


@router.post("/applications/{id}/forms/{form}", response=MaterialOut, summary="上传盖章扫描件")
def stamped_form(request: HttpRequest, id: UUID, form: Paper, body: StampedIn) -> dict[str, Any]:
    """Attach the stamped scan of a paper, once the unit and the day that it bears are right (Art. 7)."""
    return forms.file_stamped_form(
        actor=actor_of(request),
        transaction_id=transaction_id(request),
        application_id=id,
        form=form,
        unit=body.unit,
        signed_on=body.signed_on,
        upload=Upload(body.name, from_base64(body.data)),
    )

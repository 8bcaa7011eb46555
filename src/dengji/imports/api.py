"""Imports over the API: hand a file in, follow it, fetch its report and the workbook to fill in."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from ninja import Router
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dengji.core.errors import N_, DomainError
from dengji.parties.selectors import only_register, organisation_by_code, register_by_slug
from dengji.registration.api.base import actor_of, transaction_id
from dengji.registration.services.engine import perform

from . import selectors, services, tasks
from .report import lines
from .services import Order
from .template import template

router = Router(tags=["imports"])
R = TypeVar("R", bound=HttpResponseBase)
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DataType = Literal["resource", "product", "open"]
Kind = Literal["drafts", "adoption"]


class Ordered(BaseModel):
    """What is wanted of the file; every value comes as a part of the form."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind = "drafts"
    organisation: str = Field("", max_length=18)
    register_slug: str = Field("", max_length=40, alias="register")
    data_type: DataType = "resource"
    dry_run: bool = False
    allow_duplicates: bool = False


class Counts(BaseModel):
    """How many rows there were and what became of them; `passes` counts rows of a dry run that could be imported."""

    rows: int = 0
    created: int = 0
    known: int = 0
    refused: int = 0
    skipped: int = 0
    passes: int = 0
    warned: int = 0


class ImportError_(BaseModel):  # noqa: N801 - ImportError is Python's own
    """Why a file could not be read."""

    code: str
    message: str
    field: str | None = None
    params: dict[str, Any] = Field(default_factory=dict)


class Job(BaseModel):
    """One import as it stands."""

    id: UUID
    kind: Kind
    data_type: DataType
    dry_run: bool
    state: Literal["QUEUED", "RUNNING", "DONE", "FAILED"]
    next_row: int
    counts: Counts
    unknown_headings: list[str]
    error: ImportError_ | None
    created_at: datetime
    finished_at: datetime | None


def _binary(kind: str) -> dict[str, Any]:
    schema = {"type": "string", "format": "binary"}
    return {"responses": {200: {"description": "OK", "content": {kind: {"schema": schema}}}}}


_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        **Ordered.model_json_schema()["properties"],
                    },
                    "required": ["file"],
                }
            }
        },
    }
}


def _ordered(request: HttpRequest) -> tuple[Ordered, bytes]:
    if request.content_type != "multipart/form-data":
        raise DomainError("media_type", N_("请以 multipart/form-data 上传文件"), status=415)
    file = request.FILES.get("file")
    if file is None or isinstance(file, list):
        raise DomainError("file_required", N_("请上传文件"), "file")
    given = {name: value for name, value in request.POST.items() if value != ""}
    try:
        return Ordered.model_validate(given), file.read()
    except ValidationError as error:
        place = error.errors()[0]["loc"]
        raise DomainError("invalid_input", N_("填写的内容不符合要求"), str(place[0]) if place else None) from None


@router.post("/imports", response={202: Job}, openapi_extra=_FORM, summary="导入文件")
def start_import(request: HttpRequest) -> Any:
    """Hand in an .xlsx, .csv or .jsonl file: drafts of one registrant, or adopted registrations of a register.

    The worker carries it out; the same file for the same purpose is always the same import.
    """
    actor, key = actor_of(request), transaction_id(request)
    given, data = _ordered(request)
    register = register_by_slug(given.register_slug) if given.register_slug else only_register()
    organisation = organisation_by_code(given.organisation) if given.organisation else None
    order = Order(
        register_id=register.pk,
        kind=given.kind,
        organisation_id=organisation.pk if organisation and given.kind == "drafts" else None,
        data_type=given.data_type,
        allow_duplicates=given.allow_duplicates,
    )

    def work(at: datetime) -> dict[str, Any]:
        job = services.submit_file(actor=actor, order=order, data=data, dry=given.dry_run)
        if job.finished_at is None:
            tasks.run_import.defer(job_id=str(job.pk))
        return {"id": job.pk}

    wanted = {**given.model_dump(), "digest": services.digest_of_bytes(data)}
    made = perform("import_file", actor=actor, transaction_id=key, request=wanted, work=work)
    return selectors.describe(selectors.get(UUID(made["id"]), actor))


@router.get("/imports/template", openapi_extra=_binary(_XLSX), summary="下载导入模板")
def import_template(request: HttpRequest, data_type: DataType = "resource", kind: Kind = "drafts") -> HttpResponse:
    """Download the workbook to fill in, for one data type."""
    return _attachment(HttpResponse(template(data_type, adoption=kind == "adoption"), content_type=_XLSX), data_type)


def _attachment(response: R, name: str, ending: str = "xlsx") -> R:
    response["Content-Disposition"] = f'attachment; filename="dengji-{name}.{ending}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


@router.get("/imports/{id}", response=Job, summary="查看导入")
def read_import(request: HttpRequest, id: UUID) -> Any:  # noqa: A002
    """Tell how far an import is and what became of its rows."""
    return selectors.describe(selectors.get(id, actor_of(request)))


@router.get("/imports/{id}/report", openapi_extra=_binary("text/csv"), summary="下载导入报告")
def import_report(request: HttpRequest, id: UUID) -> StreamingHttpResponse:  # noqa: A002
    """Download the report: a line for each finding of each row, in Chinese and English."""
    job = selectors.get(id, actor_of(request))
    stream = (line.encode() for line in lines(selectors.results(job)))
    return _attachment(StreamingHttpResponse(stream, content_type="text/csv; charset=utf-8"), f"import-{job.pk}", "csv")

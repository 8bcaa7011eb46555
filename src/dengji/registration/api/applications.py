"""Applications: open, save, read, their history and their files."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from dengji.core.errors import N_, DomainError
from dengji.parties.selectors import only_register_id

from .. import queries, services
from ..models import Application, Objection
from ..models.cases import CaseBase
from . import schemas as s
from .base import act_label, actor_of, finding, state_label, transaction_id

router = Router(tags=["applications"])
_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "kind": {"type": "string", "minLength": 1, "maxLength": 40},
                        "file": {"type": "string", "format": "binary"},
                    },
                    "required": ["kind", "file"],
                }
            }
        },
    }
}
_FILE = {
    "responses": {
        200: {"description": "OK", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
    }
}


def _labelled(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "state_label": state_label("application", item["state"])}


@router.post("/applications", response={201: s.Done}, summary="新建申请")
def create_application(request: HttpRequest, body: s.NewApplication) -> Any:
    """Open a draft for an organisation one is clerk or agent of (Art. 7)."""
    register_id = body.register_id or only_register_id()
    return services.create_application(
        actor=actor_of(request),
        transaction_id=transaction_id(request),
        register_id=register_id,
        organisation_id=body.organisation_id,
        kind=body.kind,
        data_type=body.data_type,
        registration_id=body.registration_id,
        agent_id=body.agent_id,
        copied_from=body.copied_from,
        content=body.content,
        request=body.request.model_dump(exclude_none=True) if body.request else None,
        interested_party=body.interested_party,
    )


@router.get("/applications", response=s.Applications, summary="申请列表")
def list_applications(
    request: HttpRequest,
    serial: Annotated[str, Query(max_length=14)] = "",
    state: Annotated[str, Query(max_length=20)] = "",
    kind: Annotated[str, Query(max_length=16)] = "",
    register_id: UUID | None = None,
    cursor: UUID | None = None,
    limit: s.Limit = 50,
) -> Any:
    """List the applications one may see, newest first."""
    page = queries.applications(
        actor_of(request),
        serial=serial,
        state=state,
        kind=kind,
        register_id=register_id,
        after=cursor,
        limit=limit,
    )
    return {**page, "items": [_labelled(item) for item in page["items"]]}


@router.get("/applications/{id}", response=s.ApplicationOut, summary="申请详情")
def get_application(
    request: HttpRequest,
    id: UUID,  # noqa: A002
    personal: Annotated[
        bool, Query(description="打开个人信息字段；查看将被记录。Opens personal fields; logged.")
    ] = False,
) -> Any:
    """Show one application: the draft to its own people, the submitted version to the agency and the authority."""
    row = _labelled(queries.application_detail(actor_of(request), id, personal=personal))
    found = row["findings"]
    return {**row, "findings": None if found is None else [finding(f) for f in found]}


@router.patch("/applications/{id}", response=s.Saved, summary="保存草稿")
def save_draft(request: HttpRequest, id: UUID, body: s.DraftChange) -> Any:  # noqa: A002
    """Save the form."""
    return services.save_draft(
        actor=actor_of(request),
        transaction_id=transaction_id(request),
        application_id=id,
        content=body.content,
        request=body.request.model_dump(exclude_none=True) if body.request else None,
        revision=body.revision,
        replace=body.replace,
        rebase=body.rebase,
    )


@router.get("/applications/{id}/preview", response=s.Preview, summary="信息确认")
def preview(request: HttpRequest, id: UUID) -> Any:  # noqa: A002
    """Show exactly what would be public at each stage."""
    return services.preview(actor=actor_of(request), application_id=id)


@router.get("/applications/{id}/findings", response=s.Findings, summary="形式检查")
def findings(request: HttpRequest, id: UUID) -> Any:  # noqa: A002
    """Run the formal-review checks."""
    return {"items": [finding(f) for f in queries.findings(actor_of(request), id)]}


def _history(request: HttpRequest, model: type[CaseBase], pk: UUID) -> dict[str, Any]:
    rows = queries.decisions(actor_of(request), model, pk)
    return {"items": [{**row, "label": act_label(row["act"])} for row in rows]}


@router.get("/applications/{id}/decisions", response=s.Decisions, summary="办理过程")
def application_decisions(request: HttpRequest, id: UUID) -> Any:  # noqa: A002
    """Show what happened to an application, with the reasons."""
    return _history(request, Application, id)


@router.get("/objections/{id}/decisions", response=s.Decisions, summary="异议办理过程", tags=["objections"])
def objection_decisions(request: HttpRequest, id: UUID) -> Any:  # noqa: A002
    """Show what happened to an objection, with the reasons."""
    return _history(request, Objection, id)


def _files(request: HttpRequest, kind: str, pk: UUID) -> dict[str, Any]:
    return {"items": services.list_materials(actor=actor_of(request), owner_kind=kind, owner_id=pk)}


def _upload(request: HttpRequest, owner_kind: str, pk: UUID) -> Any:
    if request.content_type != "multipart/form-data":
        raise DomainError("media_type", N_("请以 multipart/form-data 上传文件"), status=415)
    key = transaction_id(request)
    file = request.FILES.get("file")
    kind = str(request.POST.get("kind", ""))
    name = getattr(file, "name", None) or ""
    if file is None or not 0 < len(kind) <= 40:
        raise DomainError("invalid_input", N_("请上传文件并写明材料种类"), "file" if file is None else "kind")
    if "\0" in kind + name:
        raise DomainError("invalid_input", N_("文本中有不能使用的字符"), "kind")
    return services.add_material(
        actor=actor_of(request),
        transaction_id=key,
        owner_kind=owner_kind,
        owner_id=pk,
        kind=kind,
        upload=services.Upload(name, file.read()),
    )


def _mount_files(kind: str) -> None:
    """The files of one kind of object: a list and a way in."""

    def list_files(request: HttpRequest, id: UUID) -> Any:  # noqa: A002
        """List the files an object holds."""
        return _files(request, kind, id)

    def add_file(request: HttpRequest, id: UUID) -> Any:  # noqa: A002
        """Attach one file; its type is recognised by its content alone."""
        return _upload(request, kind, id)

    path, tags = f"/{kind}s/{{id}}/materials", ["materials"]
    router.get(path, response=s.Materials, operation_id=f"{kind}_materials", summary="材料列表", tags=tags)(list_files)
    router.post(
        path,
        response={201: s.Stored},
        operation_id=f"{kind}_add_material",
        summary="上传材料",
        openapi_extra=_UPLOAD,
        tags=tags,
    )(add_file)


for _kind in ("application", "registration", "objection"):
    _mount_files(_kind)


@router.get("/materials/{id}", summary="下载材料", tags=["materials"], openapi_extra=_FILE)
def read_material(request: HttpRequest, id: UUID) -> HttpResponse:  # noqa: A002
    """Download one file; the reading is logged."""
    about, data = services.read_material(actor=actor_of(request), material_id=id)
    response = HttpResponse(data, content_type=about["content_type"])
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(about['name'], safe='')}"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


@router.delete("/materials/{id}", response=s.Removed, summary="移除材料", tags=["materials"])
def remove_material(request: HttpRequest, id: UUID) -> Any:  # noqa: A002
    """Take a file off a draft; submitted versions keep it."""
    return services.remove_material(actor=actor_of(request), transaction_id=transaction_id(request), material_id=id)

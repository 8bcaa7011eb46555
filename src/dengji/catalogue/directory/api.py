"""The directory over the API; mounted by `web`."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from dengji.core.errors import N_, DomainError
from dengji.parties.selectors import only_register, register_by_slug
from dengji.registration.api.base import actor_of, say, transaction_id
from dengji.registration.api.schemas import Limit, Out

from . import selectors, services

router = Router(tags=["directory"])
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "register_slug": {"type": "string", "maxLength": 40},
                        "mapping": {"type": "string", "description": '{"heading": "field"}'},
                    },
                    "required": ["file"],
                }
            }
        },
    }
}


class Refused(Schema):
    """A row that was not taken."""

    row: int
    message: str


class Imported(Out):
    """What became of a file's rows; the first hundred refused are named."""

    added: int
    updated: int
    refused: int
    refusals: list[Refused]


class Matching(Schema):
    """Where to go on, and how many entries to look at."""

    model_config = ConfigDict(extra="forbid")

    register_slug: Annotated[str, Field(max_length=40)] = ""
    after: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=2000)] = 2000


class Matched(Out):
    """How many entries were looked at and how many proposals were made; `next` is where to go on."""

    looked: int
    identifier: int
    name: int
    next: UUID | None = None


class Decided(Schema):
    """What is decided about proposals."""

    model_config = ConfigDict(extra="forbid")

    act: Literal["confirm", "reject", "undo"]
    proposals: Annotated[list[UUID], Field(min_length=1, max_length=500)]
    reason: Annotated[str, Field(max_length=500)] = ""


class DecidedOut(Out):
    """How many were decided."""

    decided: int


class EntryShown(Schema):
    """An entry of the directory beside a proposal."""

    id: UUID
    identifier: str
    name: str
    unit_name: str
    region: str


class RegistrationShown(Schema):
    """A registration beside a proposal."""

    id: UUID
    code: str
    name: str
    registrant_name: str
    state: str


class ProposalOut(Schema):
    """A registration that an entry might be, and why."""

    id: UUID
    state: str
    basis: str
    percent: int
    same_unit: bool
    same_region: bool
    reason: str
    entry: EntryShown
    registration: RegistrationShown | None


class Proposals(Out):
    """A page of proposals."""

    items: list[ProposalOut]
    next: UUID | None


class Total(Schema):
    """How much is in the directory, registered, proposed, to be opened, open."""

    catalogued: int
    registered: int
    proposed: int
    to_open: int
    open: int


class Unit(Total):
    """The same of one unit."""

    unit_name: str
    unit_code: str


class Counts(Out):
    """Counts by unit and in all."""

    units: list[Unit]
    total: Total
    uncatalogued: int


class Gap(Schema):
    """An entry that lacks something, or a registration that the directory lacks."""

    id: UUID
    identifier: str = ""
    code: str | None
    name: str
    unit_name: str
    unit_code: str = ""
    region: str = ""
    sharing: str = ""
    openness: str = ""
    proposed: bool = False


class Gaps(Out):
    """A page of gaps."""

    kind: str
    items: list[Gap]
    next: str | None


def _register(slug: str) -> UUID:
    register = register_by_slug(slug) if slug else only_register()
    pk: UUID = register.pk
    return pk


def _mapping(text: str) -> dict[str, str]:
    try:
        found = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(v, str) and "\0" not in k + v for k, v in found.items()):
        raise DomainError("directory_mapping", N_("列的对应关系应为 JSON 对象：列名到栏目"), "mapping")
    return found


@router.post("/directory", response={201: Imported}, openapi_extra=_FORM, summary="导入政务数据目录")
def import_directory(request: HttpRequest) -> Any:
    """Take an .xlsx, .csv or .jsonl file of the directory of government data (GB/T 21063)."""
    actor, key = actor_of(request), transaction_id(request)
    if request.content_type != "multipart/form-data":
        raise DomainError("media_type", N_("请以 multipart/form-data 上传文件"), status=415)
    file = request.FILES.get("file")
    if file is None or isinstance(file, list):
        raise DomainError("file_required", N_("请上传文件"), "file")
    made = services.import_file(
        actor=actor,
        transaction_id=key,
        register_id=_register(request.POST.get("register_slug", "")),
        data=file.read(),
        source=file.name or "",
        mapping=_mapping(request.POST.get("mapping", "")),
    )
    refusals = [{"row": one["row"], "message": say(one["message"], _told(one["params"]))} for one in made["refusals"]]
    return {**made, "refusals": refusals}


def _told(params: dict[str, Any]) -> dict[str, Any]:
    return {name: say(value) if name == "label" else value for name, value in params.items()}


@router.post("/directory/match", response=Matched, summary="查找目录对应的登记")
def match(request: HttpRequest, body: Matching) -> Any:
    """Propose registrations for entries that have none; a person then confirms or rejects each."""
    return services.propose(
        actor=actor_of(request),
        transaction_id=transaction_id(request),
        register_id=_register(body.register_slug),
        after=body.after,
        limit=body.limit,
    )


@router.post("/directory/decisions", response=DecidedOut, summary="确认或否定匹配")
def decide(request: HttpRequest, body: Decided) -> Any:
    """Confirm, reject or reopen proposals, all or none."""
    return services.decide(
        actor=actor_of(request),
        transaction_id=transaction_id(request),
        act=body.act,
        proposals=body.proposals,
        reason=body.reason,
    )


@router.get("/directory/proposals", response=Proposals, summary="匹配建议")
def list_proposals(
    request: HttpRequest,
    state: Literal["open", "confirmed", "rejected"] = "open",
    cursor: UUID | None = None,
    limit: Limit = 50,
) -> Any:
    """List proposals, entry and registration side by side."""
    return selectors.proposals(actor_of(request), state=state, after=cursor, limit=limit)


@router.get("/directory/counts", response=Counts, summary="目录、登记、开放数量")
def counts(request: HttpRequest) -> Any:
    """How much is catalogued, registered and open, by unit (Art. 14)."""
    return selectors.counts(actor_of(request))


@router.get("/directory/gaps", response=Gaps, summary="缺口清单")
def gaps(
    request: HttpRequest,
    kind: Literal["unregistered", "unopened", "uncatalogued"] = "unregistered",
    unit: Annotated[str, Query(max_length=200)] = "",
    cursor: Annotated[str, Query(max_length=40)] = "",
    limit: Limit = 50,
) -> Any:
    """List what the directory has and the register lacks, what should be open and is not, what no directory names."""
    return selectors.gaps(actor_of(request), kind=kind, unit=unit, after=cursor, limit=limit)

"""What anyone may find: registrations, the registers of this node, statistics."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Path, Query, Router

from .. import queries
from . import schemas_public as s
from .base import PUBLIC, state_label, with_notice
from .schemas import Limit

router = Router(tags=["public"], auth=PUBLIC)


def _labelled(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "state_label": state_label("registration", item["state"])}


@router.get("/registrations", response=s.Registrations, summary="查询登记")
def list_registrations(
    request: HttpRequest,
    q: Annotated[str, Query(max_length=100, description="名称、登记主体或登记结果查询码中的一段")] = "",
    industry: Annotated[str, Query(max_length=4, description="GB/T 4754")] = "",
    region: Annotated[str, Query(max_length=6, description="GB/T 2260")] = "",
    type: Annotated[str, Query(max_length=10)] = "",  # noqa: A002 - the contract's own name
    state: Annotated[str, Query(max_length=20)] = "",
    registrant: Annotated[str, Query(max_length=200)] = "",
    cursor: UUID | None = None,
    limit: Limit = 20,
) -> Any:
    """Find registrations, newest first; total and facets come with the first page."""
    page = queries.registrations(
        q=q.strip(),
        industry=industry,
        region=region,
        data_type=type,
        state=state,
        registrant=registrant.strip(),
        after=cursor,
        limit=limit,
    )
    return with_notice({**page, "items": [_labelled(item) for item in page["items"]]})


@router.get("/registrations/{code}", response=s.RegistrationOut, summary="按登记结果查询码查询")
def get_registration(request: HttpRequest, code: Annotated[str, Path(min_length=1, max_length=64)]) -> Any:
    """Show the page of one code (R55); a cancelled or revoked one is a tombstone."""
    return with_notice(_labelled(queries.registration(code)))


@router.get("/registers", response=s.Registers, summary="登记簿")
def list_registers(request: HttpRequest) -> Any:
    """List the registers of this node."""
    return {"items": queries.registers()}


@router.get("/statistics", response=s.Statistics, summary="统计")
def statistics(request: HttpRequest, register_id: UUID | None = None) -> Any:
    """Figures of one register, or of the node (Arts. 17–19, R66)."""
    return with_notice(queries.statistics(register_id))

"""Objections as their officers, their objector and the registrant see them."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router

from .. import queries
from . import schemas_voices as v
from .base import PUBLIC, actor_of, state_label
from .schemas import Limit

router = Router(tags=["objections"])


def _labelled(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "state_label": state_label("objection", item["state"])}


@router.get("/objections", response=v.Objections, summary="异议列表")
def list_objections(
    request: HttpRequest,
    application_id: UUID | None = None,
    state: Annotated[str, Query(max_length=20)] = "",
    cursor: UUID | None = None,
    limit: Limit = 50,
) -> Any:
    """List the objections one may see, newest first, without identity or grounds."""
    page = queries.objections(actor_of(request), application_id=application_id, state=state, after=cursor, limit=limit)
    return {**page, "items": [_labelled(item) for item in page["items"]]}


@router.get("/objections/{id}", response=v.ObjectionOut, auth=PUBLIC, summary="异议详情")
def get_objection(
    request: HttpRequest,
    id: UUID,  # noqa: A002
    key: Annotated[str, Query(max_length=64, description="提出异议时给出的查询密钥")] = "",
) -> Any:
    """Show one objection: by the key given at lodging, or within one's scope; an officer's reading is logged."""
    if key:
        return _labelled(queries.objection_by_key(id, key))
    return _labelled(queries.objection_detail(actor_of(request), id))

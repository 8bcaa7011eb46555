"""Public notices, and the way an objection to one comes in (Art. 12)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router

from .. import queries, services
from . import schemas_public as s
from . import schemas_voices as v
from .base import PUBLIC, VOICE, actor_of, from_base64, transaction_id, with_notice
from .schemas import Done, Limit

router = Router(tags=["public"], auth=PUBLIC)


@router.get("/notices", response=s.Notices, summary="登记公示")
def list_notices(
    request: HttpRequest, register_id: UUID | None = None, cursor: UUID | None = None, limit: Limit = 20
) -> Any:
    """List the notices that run now."""
    return with_notice(dict(queries.notices(register_id=register_id, after=cursor, limit=limit)))


@router.get("/notices/{id}", response=s.NoticeOut, summary="公示详情")
def get_notice(request: HttpRequest, id: UUID) -> Any:  # noqa: A002
    """Show one notice; only a running one shows its content."""
    return with_notice(queries.notice(id))


@router.post("/notices/{id}/objections", response={201: Done}, auth=VOICE, summary="提出异议")
def lodge(request: HttpRequest, id: UUID, body: v.NewObjection) -> Any:  # noqa: A002
    """Lodge an objection with real name, grounds and evidence; the answer holds the key to follow it."""
    return services.lodge(
        actor=actor_of(request),
        transaction_id=transaction_id(request),
        notice_id=id,
        objector_kind=body.objector_kind,
        identity=body.identity.model_dump(),
        relation=body.relation,
        grounds=body.grounds,
        evidence=[services.Upload(e.name, from_base64(e.data)) for e in body.evidence],
        received_on=body.received_on,
    )

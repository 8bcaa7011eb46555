"""What anyone may find besides registrations: the registers of this node, statistics."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router

from .. import queries
from . import schemas_public as s
from .base import PUBLIC, with_notice

router = Router(tags=["public"], auth=PUBLIC)


@router.get("/registers", response=s.Registers, summary="登记簿")
def list_registers(request: HttpRequest) -> Any:
    """List the registers of this node."""
    return {"items": queries.registers()}


@router.get("/statistics", response=s.Statistics, summary="统计")
def statistics(request: HttpRequest, register_id: UUID | None = None) -> Any:
    """Figures of one register, or of the node (Arts. 17–19, R66)."""
    return with_notice(queries.statistics(register_id))

"""What anyone may find besides registrations: the registers of this node."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router

from .. import queries
from . import schemas_public as s
from .base import PUBLIC

router = Router(tags=["public"], auth=PUBLIC)


@router.get("/registers", response=s.Registers, summary="登记簿")
def list_registers(request: HttpRequest) -> Any:
    """List the registers of this node."""
    return {"items": queries.registers()}

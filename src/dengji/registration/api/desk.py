"""My desk: what waits for me, nearest deadline first."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router

from .. import queries
from . import schemas_voices as v
from .base import actor_of, state_label
from .schemas import Limit

router = Router(tags=["desk"])


@router.get("/queue", response=v.Queue, summary="待办")
def queue(request: HttpRequest, cursor: Annotated[str, Query(max_length=80)] = "", limit: Limit = 50) -> Any:
    """List what waits for one's roles, with deadline, overdue mark and possible acts."""
    page = queries.queue(actor_of(request), cursor=cursor, limit=limit)
    items = [{**item, "state_label": state_label(item["object"], item["state"])} for item in page["items"]]
    return {**page, "items": items}

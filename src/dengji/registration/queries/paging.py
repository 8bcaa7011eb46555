"""Keyset paging by id, newest first: ids are UUIDv7, so their order is that of creation; no offsets anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict
from uuid import UUID


class Page(TypedDict):
    """One page: the items, and the cursor of the next page or None at the end."""

    items: list[dict[str, Any]]
    next: str | None


def page(rows: Any, columns: Sequence[str], *, after: UUID | None, limit: int) -> Page:
    """Return `limit` rows of a queryset after a cursor as dicts of the named columns."""
    if after is not None:
        rows = rows.filter(pk__lt=after)
    items = list(rows.order_by("-pk").values(*columns)[: limit + 1])
    more = len(items) > limit
    return {"items": items[:limit], "next": str(items[limit - 1]["id"]) if more else None}

"""Search, record and suggestions over the API; answers are written as bytes at once, for they are asked for most."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from django.http import HttpRequest, HttpResponse
from ninja import Path, Query, Router

from dengji.registration import queries
from dengji.registration.api.base import PUBLIC, state_label, with_notice

from . import filters as conditions
from . import schemas as s
from . import selectors
from .exports.http import demonstration

router = Router(tags=["public"], auth=PUBLIC)


def _written(answer: dict[str, Any]) -> HttpResponse:
    data = orjson.dumps({**answer, "demonstration": demonstration() or None})
    return HttpResponse(data, content_type="application/json")


def _labelled(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "state_label": state_label("registration", item["state"])}


# The framework cannot have a parameter of this name; `filters.from_query` reads it.
_REGISTER = {
    "in": "query",
    "name": "register",
    "required": False,
    "schema": {"type": "array", "items": {"type": "string", "format": "uuid"}, "maxItems": 50},
    "description": "登记簿 / ids of registers",
}


@router.get("/registrations", response=s.Registrations, summary="查询登记", openapi_extra={"parameters": [_REGISTER]})
def list_registrations(request: HttpRequest, asked: Query[s.Asked]) -> Any:
    """Find registrations: by relevance where there are words, else newest first; total and facets on the first page.

    Nothing found: what holds most of the words, with `near`. `cursor_outdated` (409): search again from the start.
    """
    found = selectors.search(
        q=asked.q,
        filters=conditions.from_query(request.GET),
        order=asked.order,
        cursor=asked.cursor,
        limit=asked.limit,
        facets=not asked.cursor,
    )
    first = not asked.cursor
    answer = {
        "items": [_labelled(item) for item in found.items],
        "total": found.total if first else None,
        "facets": found.facets if first else None,
        "near": found.near,
        "next": found.next,
    }
    return _written(with_notice(answer))


@router.get("/registrations/{code}", response=s.RegistrationOut, summary="按登记结果查询码查询")
def get_registration(request: HttpRequest, code: Annotated[str, Path(min_length=1, max_length=64)]) -> Any:
    """Show the page of one code (R55); a cancelled or revoked one is a tombstone."""
    return _written(with_notice(_labelled(queries.registration(code))))


@router.get("/suggestions", response=s.Suggestions, summary="检索提示")
def suggest(
    request: HttpRequest,
    q: Annotated[str, Query(description="已输入的文字 / what was typed")] = "",
    limit: Annotated[int, Query(ge=1, le=20)] = 10,
) -> Any:
    """Return titles, then registrants, that begin with or hold what was typed."""
    items = [{"text": one.text, "kind": one.kind} for one in selectors.suggestions(q, limit)]
    return _written({"items": items})

"""Followers over the API; mounted by `web`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import ConfigDict, Field

from dengji.registration.api.base import actor_of, transaction_id

from . import selectors, services

router = Router(tags=["followers"])
_Values = Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=50)]


class Wanted(Schema):
    """The filters of a search, as in its address; each value of a facet suffices, every facet must be met."""

    model_config = ConfigDict(extra="forbid")

    industry: _Values = ()
    region: _Values = ()
    type: _Values = ()
    state: _Values = ()
    year: _Values = ()
    access: _Values = ()
    registrant: _Values = ()
    registers: Annotated[_Values, Field(alias="register")] = ()


class NewFollower(Schema):
    """What to follow, and the https address on the public internet that is told."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["record", "search"]
    url: Annotated[str, Field(min_length=10, max_length=500)]
    code: Annotated[str, Field(max_length=64)] = ""
    filters: Wanted = Wanted()


class FollowerOut(Schema):
    """One follower, as its owner sees it."""

    id: UUID
    kind: str
    code: str
    filters: dict[str, list[str]]
    url: str
    state: str
    note: str
    failures: int
    error: str
    created_at: datetime
    confirmed_at: datetime | None
    stopped_at: datetime | None


class MadeOut(FollowerOut):
    """A new follower, with the key that signs what it is told (HMAC-SHA256 over RFC 9421)."""

    secret: str


class FollowersOut(Schema):
    """All of one's own."""

    items: list[FollowerOut]


class EndedOut(Schema):
    """A follower that has been ended."""

    id: UUID
    removed: bool


@router.get("/followers", response=FollowersOut, summary="我的关注")
def list_followers(request: HttpRequest) -> dict[str, Any]:
    """Return the caller's own followers."""
    return {"items": selectors.followers(actor_of(request))}


@router.post("/followers", response={201: MadeOut}, summary="关注登记或检索")
def follow(request: HttpRequest, body: NewFollower) -> Any:
    """Have an address told of changes; it is asked to confirm first."""
    return services.subscribe(
        actor=actor_of(request),
        transaction_id=transaction_id(request),
        kind=body.kind,
        url=body.url,
        code=body.code,
        filters=body.filters.model_dump(by_alias=True),
    )


@router.delete("/followers/{follower_id}", response=EndedOut, summary="取消关注")
def unfollow(request: HttpRequest, follower_id: UUID) -> Any:
    """End one of one's own; nothing more is sent."""
    return services.unsubscribe(
        actor=actor_of(request), transaction_id=transaction_id(request), follower_id=follower_id
    )

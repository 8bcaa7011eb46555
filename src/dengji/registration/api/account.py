"""One's own account: who am I, my tokens."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from django.utils.translation import gettext
from ninja import Path, Router

from dengji.core.errors import not_found
from dengji.parties import services as parties
from dengji.parties.roles import KINDS

from .. import queries
from . import schemas_voices as v
from .base import actor_of, transaction_id
from .schemas import Removed

router = Router(tags=["account"])


@router.get("/me", response=v.Me, summary="我的账号")
def me(request: HttpRequest) -> Any:
    """Show one's login name and current roles."""
    profile = queries.profile(actor_of(request))
    return {**profile, "roles": [{**r, "label": gettext(KINDS[r["kind"]].label)} for r in profile["roles"]]}


@router.get("/tokens", response=v.Tokens, summary="我的令牌")
def list_tokens(request: HttpRequest) -> Any:
    """List one's own API tokens."""
    return {"items": queries.tokens(actor_of(request))}


@router.post("/tokens", response={201: v.TokenMade}, summary="新建令牌")
def create_token(request: HttpRequest, body: v.NewToken) -> Any:
    """Make a further token for oneself; the secret is shown once and not remembered: a retry is told which it made."""
    actor = actor_of(request)
    token = parties.create_token(
        actor=actor,
        person=queries.own_person(actor),
        label=body.label,
        days=body.days,
        transaction_id=transaction_id(request),
    )
    return {"token": token}


@router.delete("/tokens/{id}", response=Removed, summary="撤销令牌")
def revoke_token(request: HttpRequest, id: Annotated[int, Path(ge=1, le=2**63 - 1)]) -> Any:  # noqa: A002
    """Revoke one of one's own tokens at once."""
    transaction_id(request)
    actor = actor_of(request)
    if id not in {row["id"] for row in queries.tokens(actor)}:
        raise not_found()
    parties.revoke_token(actor=actor, token_id=id)
    return {"id": id, "removed": True}

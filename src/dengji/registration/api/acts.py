"""Every act that a person may do, one row each: the object, the service, the shape of its body.

A row gives one documented path, POST /{objects}/{id}/acts/{act}; adding an act is adding a row.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Body, Router
from ninja.constants import NOT_SET
from pydantic import BaseModel

from dengji.law.procedure import TABLE

from .. import services
from . import bodies
from .base import VOICE, actor_of, transaction_id
from .schemas import Done


@dataclass(frozen=True)
class Row:
    """One act: on which object, by which service, with which body; `public` where a key may stand for an account."""

    object: str
    act: str
    service: Callable[..., dict[str, Any]]
    body: type[BaseModel]
    #: The name of the service's argument that takes the id.
    target: str = ""
    public: bool = False


_A, _R, _O = "application", "registration", "objection"


def _suppress(kind: str) -> Callable[..., dict[str, Any]]:
    return partial(services.suppress_content, object_kind=kind)


ACTS: tuple[Row, ...] = (
    Row(_A, "confirm_joint", services.confirm_joint, bodies.Nothing),
    Row(_A, "submit_for_business_review", services.submit_for_business_review, bodies.Nothing),
    Row(_A, "return_to_clerk", services.return_to_clerk, bodies.Reasoned),
    Row(_A, "submit", services.submit, bodies.Submission),
    Row(_A, "withdraw", services.withdraw, bodies.MaybeReason),
    Row(_A, "accept", services.accept, bodies.Nothing),
    Row(_A, "request_supplement", services.request_supplement, bodies.Supplement),
    Row(_A, "decline", services.decline, bodies.Reasoned),
    Row(_A, "begin_review", services.begin_review, bodies.Nothing),
    Row(_A, "pass_review", services.pass_review, bodies.Opinion),
    Row(_A, "reject", services.reject, bodies.Reasoned),
    Row(_A, "explain_overdue", services.explain_overdue, bodies.Reasoned),
    Row(_A, "open_notice", services.open_notice, bodies.Opening),
    Row(_A, "suspend_notice", services.suspend_notice, bodies.Grounded),
    Row(_A, "resume_notice", services.resume_notice, bodies.Nothing),
    Row(_A, "terminate", services.terminate, bodies.Reasoned),
    Row(_A, "request_code", services.request_code, bodies.Way),
    Row(_A, "cancel_request", services.cancel_request, bodies.Nothing),
    Row(_A, "assign_code", services.assign_code, bodies.Assigned),
    Row(_A, "refuse_code", services.refuse_code, bodies.Reasoned),
    Row(_A, "complete", services.complete, bodies.Nothing),
    Row(_A, "suppress_content", _suppress(_A), bodies.Suppression, target="object_id"),
    Row(_R, "cancel", services.cancel, bodies.Nothing),
    Row(_R, "revoke", services.revoke, bodies.Grounded),
    Row(_R, "suppress_content", _suppress(_R), bodies.Suppression, target="object_id"),
    Row(_O, "retract", services.retract, bodies.FollowKey, public=True),
    Row(_O, "verify", services.verify, bodies.Nothing),
    Row(_O, "find_inadmissible", services.find_inadmissible, bodies.Reasoned),
    Row(_O, "uphold", services.uphold, bodies.Reasoned),
    Row(_O, "dismiss", services.dismiss, bodies.Reasoned),
    Row("complaint", "answer_complaint", services.answer_complaint, bodies.Reasoned),
    Row("recheck", "find_conforming", partial(services.find_recheck, conforming=True), bodies.Nothing),
    Row("recheck", "find_deficient", partial(services.find_recheck, conforming=False), bodies.Reasoned),
)
router = Router(tags=["acts"])


def _view(row: Row) -> Callable[..., dict[str, Any]]:
    def view(request: HttpRequest, id: UUID, body: BaseModel) -> dict[str, Any]:  # noqa: A002 - the path's own name
        words = {name: getattr(body, name) for name in type(body).model_fields}
        words = {name: _plain(value) for name, value in words.items()}
        return row.service(
            actor=actor_of(request),
            transaction_id=transaction_id(request),
            **{row.target or f"{row.object}_id": id},
            **words,
        )

    optional = not any(field.is_required() for field in row.body.model_fields.values())
    body: Any = Body(row.body() if optional else ...)  # type: ignore[type-arg]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    view.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("request", kind),
            inspect.Parameter("id", kind, annotation=UUID),
            inspect.Parameter("body", kind, annotation=row.body, default=body),
        ]
    )
    view.__name__ = f"{row.object}_{row.act}"
    view.__doc__ = TABLE[row.act].label
    return view


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.model_dump(exclude_none=True) if isinstance(value, BaseModel) else value


def _mount(row: Row) -> None:
    router.post(
        f"/{row.object}s/{{id}}/acts/{row.act}",
        auth=VOICE if row.public else NOT_SET,
        response=Done,
        operation_id=f"{row.object}_{row.act}",
        summary=TABLE[row.act].label,
        description=(row.service.func if isinstance(row.service, partial) else row.service).__doc__,
    )(_view(row))


for _each in ACTS:
    _mount(_each)

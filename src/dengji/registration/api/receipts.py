"""Receipts as files: of a public act for anyone, of a private one for those it concerns; checked by `dengji verify`.

The answer's bytes are the receipt. `Dengji-Time-Stamp` says whether an RFC 3161 authority vouches for its time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Path, Query, Router
from pydantic import BaseModel, ConfigDict, Field

from .. import receipts
from ..models import Application, Complaint, Objection, Recheck, Registration
from ..models.cases import CaseBase
from .base import PUBLIC, actor_of
from .schemas import Out

router = Router(tags=["receipts"], auth=PUBLIC)
_SAFE = 2**53 - 1
_OBJECTS: tuple[type[CaseBase], ...] = (Application, Registration, Objection, Complaint, Recheck)
Size = Annotated[
    int | None,
    Query(
        ge=1,
        le=_SAFE,
        description="检查点的条数：与手中另存的检查点相同时即可直接核对。 Size of the checkpoint wanted.",
    ),
]
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="该对象的第几项办理，自 1 起")]
Key = Annotated[str, Query(max_length=64, description="提出异议或投诉时给出的查询密钥")]
PENDING = (
    "尚无检查点涵盖该记录时答 409 receipt_pending，并以 Retry-After 告知何时再取。"
    " 409 receipt_pending with Retry-After until a checkpoint covers the entry."
)


class ReceiptOut(BaseModel):
    """A receipt: the entry, its place and proof under a signed checkpoint, and what it opens."""

    model_config = ConfigDict(extra="forbid")

    v: int
    entry: dict[str, Any]
    index: int
    proof: list[str] = Field(description="SHA-256 hashes in base64, the lowest first (RFC 6962 §2.1.1)")
    checkpoint: str = Field(description="C2SP tlog-checkpoint with its signatures")
    content: dict[str, Any] | None = None
    opening: dict[str, Any] | None = None


class WordsOut(Out):
    """The words of a private act with their salt: their digest stands in the opened receipt."""

    salt: str
    words: dict[str, Any]


class ConsistencyOut(Out):
    """That the log of `new` entries extends that of `old` entries."""

    old: int
    new: int
    proof: list[str]
    checkpoint: str


def _file(made: receipts.Made) -> HttpResponse:
    return HttpResponse(
        made.data,
        content_type="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="{made.file_name}"',
            # Content may have to disappear within a minute; what is opened belongs to one reader (Art. 4).
            "Cache-Control": "public, max-age=30" if made.public else "private, no-store",
            "Vary": "Authorization",
            "Dengji-Time-Stamp": made.time_stamp,
        },
    )


@router.get("/registrations/{code}/receipt", response=ReceiptOut, summary="登记回执", description=PENDING)
def registration_receipt(
    request: HttpRequest,
    code: Annotated[str, Path(min_length=1, max_length=64)],
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="登记的第几版；不写则为现状")] = None,
    size: Size = None,
) -> Any:
    """The receipt of the act behind a registration's present state, or behind one of its versions."""
    return _file(receipts.of_registration(code, version=version, size=size))


@router.get("/entries/{index}/receipt", response=ReceiptOut, summary="日志条目回执", description=PENDING)
def entry_receipt(request: HttpRequest, index: Annotated[int, Path(ge=0, le=_SAFE)], size: Size = None) -> Any:
    """The receipt of an entry by its place in the log; what is sealed stays sealed."""
    return _file(receipts.of_entry(index, size=size))


@router.get("/consistency", response=ConsistencyOut, summary="日志一致性证明")
def consistency(
    request: HttpRequest,
    old: Annotated[int, Query(ge=1, le=_SAFE, description="较早检查点的条数")],
    new: Annotated[int | None, Query(ge=1, le=_SAFE, description="较晚检查点的条数；不写则为最新")] = None,
) -> Any:
    """Prove that a later checkpoint extends an earlier one (RFC 6962 §2.1.2)."""
    return receipts.consistency(old, new)


def _decision_receipt(model: type[CaseBase]) -> Callable[..., Any]:
    def view(
        request: HttpRequest,
        id: UUID,  # noqa: A002 - the path's own name
        n: Number,
        key: Key = "",
        size: Size = None,
    ) -> Any:
        """The receipt of the nth act on an object: public acts for anyone, all others opened for those in scope."""
        made = receipts.of_decision(actor=actor_of(request), model=model, object_id=id, n=n, key=key, size=size)
        return _file(made)

    return view


def _decision_words(model: type[CaseBase]) -> Callable[..., Any]:
    def view(request: HttpRequest, id: UUID, n: Number, key: Key = "") -> Any:  # noqa: A002
        """The salted words of a private act, for those who may read all of them."""
        return receipts.words_of(actor=actor_of(request), model=model, object_id=id, n=n, key=key)

    return view


for _model in _OBJECTS:
    _path = f"/{_model.OBJECT}s/{{id}}/decisions/{{n}}"
    router.get(
        f"{_path}/receipt",
        response=ReceiptOut,
        summary="办理事项回执",
        description=PENDING,
        operation_id=f"{_model.OBJECT}_decision_receipt",
    )(_decision_receipt(_model))
    router.get(
        f"{_path}/words",
        response=WordsOut,
        summary="办理事项的理由及其盐值",
        operation_id=f"{_model.OBJECT}_decision_words",
    )(_decision_words(_model))

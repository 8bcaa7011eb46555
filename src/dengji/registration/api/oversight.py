"""Supervision: complaints (R68), random re-checks (R67), the calendar (R41), the rules and the access log (R62)."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import get_language, gettext
from ninja import Path, Query, Router

from dengji.core.errors import N_, not_found
from dengji.law import procedure as law
from dengji.law import rulebook as rulebooks
from dengji.law.rulebook import Rulebook
from dengji.parties import selectors as parties

from .. import queries, services
from . import schemas_voices as v
from .base import PUBLIC, VOICE, act_label, actor_of, state_label, transaction_id
from .schemas import Done, Limit

router = Router(tags=["oversight"])


def _labelled(page: Any, kind: str) -> dict[str, Any]:
    return {**page, "items": [{**i, "state_label": state_label(kind, i["state"])} for i in page["items"]]}


@router.post("/complaints", response={201: Done}, auth=VOICE, summary="投诉举报")
def file_complaint(request: HttpRequest, body: v.NewComplaint) -> Any:
    """File a complaint or report, also anonymously; the answer holds the key to follow it."""
    return services.file_complaint(
        actor=actor_of(request),
        transaction_id=transaction_id(request),
        register_id=body.register_id or parties.only_register().pk,
        text=body.text,
        subject_code=body.subject_code,
        contact={k: w for k, w in body.contact.model_dump().items() if w} if body.contact else None,
    )


@router.get("/complaints", response=v.Complaints, summary="投诉列表")
def list_complaints(
    request: HttpRequest,
    state: Annotated[str, Query(max_length=20)] = "",
    cursor: UUID | None = None,
    limit: Limit = 50,
) -> Any:
    """List the complaints one may see."""
    return _labelled(queries.complaints(actor_of(request), state=state, after=cursor, limit=limit), "complaint")


@router.get("/complaints/{id}", response=v.ComplaintOut, auth=PUBLIC, summary="投诉详情")
def get_complaint(
    request: HttpRequest,
    id: UUID,  # noqa: A002
    key: Annotated[str, Query(max_length=64, description="投诉时给出的查询密钥")] = "",
) -> Any:
    """Show one complaint with its answer: by the complainant's key, or within one's scope."""
    row = queries.complaint_detail(actor_of(request), id, key)
    return {**row, "state_label": state_label("complaint", row["state"])}


@router.get("/rechecks", response=v.Rechecks, summary="抽查列表")
def list_rechecks(
    request: HttpRequest,
    period: Annotated[str, Query(max_length=20)] = "",
    cursor: UUID | None = None,
    limit: Limit = 50,
) -> Any:
    """List the random re-checks one may see."""
    return _labelled(queries.rechecks(actor_of(request), period=period, after=cursor, limit=limit), "recheck")


@router.post("/rechecks", response={201: v.Drawn}, summary="抽查")
def draw_rechecks(request: HttpRequest, body: v.Drawing) -> Any:
    """Draw a period's share of valid registrations for re-examination."""
    return services.draw_rechecks(
        actor=actor_of(request),
        transaction_id=transaction_id(request),
        register_id=body.register_id,
        period=body.period,
    )


@router.get("/calendars", response=v.CalendarOut, auth=PUBLIC, summary="工作日历")
def get_calendar(request: HttpRequest) -> Any:
    """Show the working-day calendar in force and this node's overrides."""
    return queries.calendar_in_force()


@router.post("/calendars", response={201: v.CalendarSet}, summary="更新工作日历")
def set_calendar(request: HttpRequest, body: v.NewCalendar) -> Any:
    """Put a new version into force and recalculate running deadlines; none is ever shortened."""
    return services.set_calendar(
        actor=actor_of(request),
        transaction_id=transaction_id(request),
        version=body.version,
        overrides=[{"day": o.day.isoformat(), "working": o.working, "source": o.source} for o in body.overrides],
    )


def _english() -> bool:
    return (get_language() or "").startswith("en")


def _rulebook(book: Rulebook) -> dict[str, Any]:
    return {
        "id": book.id,
        "title": book.title_en if _english() else book.title,
        "version": book.version,
        "region": book.region,
        "status": book.status,
        "parents": list(book.parents),
        "digest": book.digest,
    }


@router.get("/rulebooks", response=v.Rulebooks, auth=PUBLIC, summary="规则集列表")
def list_rulebooks(request: HttpRequest) -> Any:
    """List the shipped rulebooks."""
    return {"items": [_rulebook(rulebooks.load(name)) for name in rulebooks.ids()]}


@router.get("/rulebooks/{id}", response=v.RulebookOut, auth=PUBLIC, summary="规则集")
def get_rulebook(request: HttpRequest, id: Annotated[str, Path(min_length=1, max_length=40)]) -> Any:  # noqa: A002
    """Show every value of a rulebook with its citation and how sure we are of it (R74, R75)."""
    if id not in rulebooks.ids():
        raise not_found(N_("没有这一规则集"))
    book = rulebooks.load(id)
    language = "en" if _english() else "zh"
    return {
        **_rulebook(book),
        "instrument": book.instrument,
        "effective_from": book.effective_from,
        "effective_to": book.effective_to,
        "notes": list(book.notes),
        "values": [
            {
                "key": value.key,
                "label": value.label[language],
                "value": rulebooks.thaw(value.value),
                "cite": value.cite,
                "sure": value.sure,
                "note": value.note,
                "set_by": value.set_by,
            }
            for value in book.items()
        ],
    }


@router.get("/procedure", response=v.Procedure, auth=PUBLIC, summary="办理流程表")
def get_procedure(request: HttpRequest) -> Any:
    """Show the transition table: states, acts, who, article, limits."""
    return {
        "states": {kind: {name: gettext(label) for name, label in rows.items()} for kind, rows in law.STATES.items()},
        "acts": [
            {
                "name": act.name,
                "label": act_label(act.name),
                "object": act.object,
                "sources": sorted(act.sources),
                "target": act.target,
                "roles": sorted(act.roles),
                "kinds": sorted(act.kinds),
                "article": act.article,
                "public": act.public,
                "reasoned": act.reasoned,
                "guards": list(act.guards),
            }
            for act in law.TABLE.values()
        ],
        "limits": [
            {"object": kind, "state": state, "key": key, "since": since}
            for (kind, state), (key, since) in law.LIMITS.items()
        ],
    }


@router.get("/access-log", response=v.AccessLogOut, summary="访问日志")
def access_log(request: HttpRequest, cursor: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0, limit: Limit = 100) -> Any:
    """Show refused attempts and reads of restricted content, to audit administrators."""
    rows = parties.access_log(actor_of(request), after=cursor, limit=limit)
    return {"items": rows, "next": rows[-1]["id"] if len(rows) == limit else None}

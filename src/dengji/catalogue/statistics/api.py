"""Figures over the API; mounted by `web`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext
from ninja import Query, Router, Schema

from dengji.registration import queries
from dengji.registration.api.base import PUBLIC, with_notice
from dengji.registration.api.schemas import Out
from dengji.registration.api.schemas_public import Statistics

from . import disclosure, selectors, words
from .selectors import Asked

router = Router(tags=["public"], auth=PUBLIC)


class Meant(Schema):
    """What a figure is called and what it means."""

    label: str
    definition: str


class Period(Schema):
    """What happened between two days."""

    opening: int
    added: int
    cancelled: int
    revoked: int
    closing: int


class Line(Schema):
    """One line of figures; `search` is the address of the list that proves today's."""

    value: str
    label: str
    states: dict[str, int]
    types: dict[str, int]
    count: int
    period: Period | None
    search: str | None


class Frame(Out):
    """Of what the figures are: the register, the type, the days, when they were summed, the place in the log."""

    register_id: UUID | None
    type: str
    first: date | None
    last: date
    as_of: datetime
    position: int
    behind: int
    definition: str
    columns: dict[str, Meant]
    notice: str


class Table(Frame):
    """The figures of every value of a dimension, and of the whole."""

    dimension: str
    parent: str
    rows: list[Line]
    total: Line


class Month(Period):
    """One month."""

    month: str


class Months(Frame):
    """The figures of every month, of everything or of one value of a dimension."""

    dimension: str
    value: str
    months: list[Month]


class Counted(Schema):
    """A count by its name."""

    name: str
    label: str
    count: int | None


class Plain(Schema):
    """A table of the disclosure."""

    dimension: str
    rows: list[Line]
    total: Line


class Disclosure(Out):
    """What is disclosed for a period."""

    register_id: UUID | None
    period: str
    first: date
    last: date
    ended: bool
    cycle: str
    cite: str
    as_of: datetime
    position: int
    stated: list[Counted]
    tables: list[Plain]
    acts: list[Counted]
    definition: str
    notice: str


class Exact(Statistics):
    """Figures of a register or of the node; those of registrations exact at a place in the log."""

    position: int
    behind: int


_PERIOD = ("opening", "added", "cancelled", "revoked", "closing")


def _shown(found: dict[str, Any], dimension: str, *columns: str) -> dict[str, Any]:
    return with_notice(
        {
            **found,
            "register_id": found["register"],
            "definition": gettext(words.DIMENSIONS[dimension][1]),
            "columns": words.definitions(*columns),
        }
    )


@router.get("/statistics", response=Exact, summary="统计")
def statistics(request: HttpRequest, register_id: UUID | None = None) -> Any:
    """Figures of one register, or of the node: the procedure's and, exact, the catalogue's (Arts. 17–19, R66)."""
    found = selectors.table("type", Asked(register=register_id))
    total = found["total"]
    exact = {
        "registrations": {state: n for state, n in total["states"].items() if n},
        "types": {name: n for name, n in total["types"].items() if n},
        "position": found["position"],
        "behind": found["behind"],
    }
    return with_notice({**queries.statistics(register_id), **exact})


@router.get("/statistics/catalogue", response=Table, summary="登记统计")
def table(
    request: HttpRequest,
    dimension: Annotated[str, Query(max_length=20, description="、".join(selectors.DIMENSIONS))] = "state",
    value: Annotated[str, Query(max_length=6, description="其下各行：地区代码或行业门类")] = "",
    register_id: Annotated[UUID | None, Query(alias="register")] = None,
    type: Annotated[str, Query(max_length=10)] = "",  # noqa: A002 - the contract's own name
    since: Annotated[date | None, Query(alias="from", description="YYYY-MM-DD")] = None,
    until: Annotated[date | None, Query(alias="to", description="YYYY-MM-DD")] = None,
) -> Any:
    """Exact figures by a dimension, now or at the end of a past day; with `from`, what happened since (Art. 14)."""
    found = selectors.table(dimension, Asked(register_id, type, since, until), value)
    columns = ("VALID", "CANCELLED", "REVOKED", "count", *(_PERIOD if since else ()))
    return _shown(found, dimension, *columns)


@router.get("/statistics/months", response=Months, summary="逐月统计")
def months(
    request: HttpRequest,
    dimension: Annotated[str, Query(max_length=20)] = "all",
    value: Annotated[str, Query(max_length=20)] = "",
    register_id: Annotated[UUID | None, Query(alias="register")] = None,
    type: Annotated[str, Query(max_length=10)] = "",  # noqa: A002
    since: Annotated[date | None, Query(alias="from", description="YYYY-MM-DD")] = None,
    until: Annotated[date | None, Query(alias="to", description="YYYY-MM-DD")] = None,
) -> Any:
    """Exact figures of every month, of everything or of one value of a dimension."""
    found = selectors.months(Asked(register_id, type, since, until), dimension, value)
    return _shown(found, "month", *_PERIOD)


@router.get("/statistics/disclosure", response=Disclosure, summary="信息披露")
def disclosed(
    request: HttpRequest,
    register_id: Annotated[UUID | None, Query(alias="register")] = None,
    period: Annotated[str, Query(max_length=7, description="2026、2026-H1、2026-Q3、2026-07")] = "",
) -> Any:
    """What a register discloses for a period, as its rulebook says (R58)."""
    found = disclosure.disclosure(register_id, period)
    return with_notice({**found, "register_id": found["register"]})

"""The shapes of what anyone may read besides registrations: notices, registers, statistics."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from .schemas import Out


class NoticeItem(BaseModel):
    """A public notice: the statutory items, its days and serial; only a running one shows content (Art. 12)."""

    id: UUID
    register_id: UUID
    register_name: str
    serial: str
    kind: str
    state: str
    run: int
    first_day: date
    last_day: date
    ends: datetime
    provisional: bool
    ended_at: datetime | None
    title: str | None
    fields: dict[str, Any] | None
    noindex: bool
    suppressed: bool


class Notices(Out):
    """A page of running notices."""

    items: list[NoticeItem]
    next: str | None
    notice: str


class NoticeOut(NoticeItem, Out):
    """One notice."""

    notice: str


class RegisterItem(BaseModel):
    """One register of this node."""

    id: UUID
    slug: str
    name: str
    agency_name: str
    agency_level: str
    platform_code: str
    on_behalf: bool
    jurisdiction_name: str
    region_code: str
    rulebook: str


class Registers(Out):
    """The registers of this node."""

    items: list[RegisterItem]


class OnTime(BaseModel):
    """How many were decided, and how many of them in time."""

    done: int
    on_time: int


class Supplements(BaseModel):
    """Applications submitted, those returned for a supplement, and all rounds together."""

    applications: int
    returned: int
    rounds: int


class Statistics(Out):
    """Figures of a register or of the node as of a stated time (Arts. 17–19)."""

    as_of: datetime
    applications: dict[str, int]
    application_kinds: dict[str, int]
    registrations: dict[str, int]
    types: dict[str, int]
    on_time: dict[str, OnTime]
    supplements: Supplements
    objections: dict[str, int]
    revocations: dict[str, int]
    notice: str

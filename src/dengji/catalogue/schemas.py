"""The shapes of what the catalogue answers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import BaseModel, Field

from dengji.registration.api.schemas import Limit, Out

_Values = Annotated[list[str], Field(max_length=50)]


class Asked(Schema):
    """A search: words, filters (each may stand several times, any value of one suffices), order, place."""

    q: str = Field("", description="检索词：空格分隔，全部符合；“引号”内连续；减号排除 / words; quotes; leading minus")
    industry: _Values = Field([], description="GB/T 4754：门类字母或两位大类 / section letter or division")
    region: _Values = Field([], description="GB/T 2260：2、4或6位 / 2, 4 or 6 digits")
    type: _Values = Field([], description="登记类型 / data type")
    state: _Values = Field([], description="登记状态 / state")
    year: _Values = Field([], description="赋码年份 / year of coding")
    access: _Values = Field([], description="获取方式 / access mode")
    registrant: _Values = Field([], description="登记主体名称中的词 / words of a registrant's name")
    order: Literal["relevance", "newest", "oldest"] = "relevance"
    cursor: str = Field("", max_length=100)
    limit: Limit = 20


class RegistrationItem(BaseModel):
    """One registration as the public may find it; `fields` by the stage `search` of the visibility table."""

    id: UUID
    code: str
    serial: str
    local_number: str
    data_type: str
    state: str
    state_label: str
    version: int
    name: str
    registrant_name: str
    agency_name: str
    agency_level: str
    coded_on: date
    valid_from: date
    valid_to: date
    adopted: bool
    fields: dict[str, Any]
    suppressed: str | None


class Hit(RegistrationItem):
    """One registration found; `highlights` name → [start, end) of what matched, in characters of the text."""

    highlights: dict[str, list[tuple[int, int]]]


class Registrations(Out):
    """A page of registrations; total and facets come with the first page. `near`: nothing holds all that was asked."""

    items: list[Hit]
    total: int | None
    facets: dict[str, dict[str, int]] | None
    near: bool
    next: str | None
    notice: str


class RegistrationVersionOut(BaseModel):
    """One version; `content` is the address of what it showed."""

    number: int
    at: datetime
    valid_from: date
    valid_to: date
    content: str
    suppressed: bool


class RegistrationOut(RegistrationItem, Out):
    """The page of a code; a cancelled or revoked registration keeps its dates and ground, not its fields."""

    register_id: UUID
    platform_code: str
    expired: bool
    ended_on: date | None
    ground: str
    successor: str | None = Field(description="同一主体就同一数据重新登记的查询码 / code of the same registered anew")
    versions: list[RegistrationVersionOut]
    notice: str


class SuggestionOut(BaseModel):
    """A title or a registrant."""

    text: str
    kind: Literal["title", "registrant"]


class Suggestions(Out):
    """What may be meant by what was typed."""

    items: list[SuggestionOut]

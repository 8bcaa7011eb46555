"""The shapes that go in and out; OpenAPI is made from them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from dengji.law.procedure import KINDS, STATES

from .content import Content

Kind = Literal["first", "change", "rectification", "cancellation", "renewal"]
DataType = Literal["resource", "product", "open"]
Words = Annotated[str, Field(max_length=4000)]
Reason = Annotated[str, Field(min_length=1, max_length=4000)]
Short = Annotated[str, Field(max_length=60)]
Name = Annotated[str, Field(max_length=200)]
Limit = Annotated[int, Field(ge=1, le=100)]
Code = Annotated[str, Field(min_length=1, max_length=64)]

if KINDS != ("first", "change", "rectification", "cancellation", "renewal") or "objection" not in STATES:
    raise RuntimeError("the API's words and the procedure table differ")


class In(BaseModel):
    """A request body; unknown members are refused, so that a misspelt one is not lost in silence."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """An answer; demonstration nodes add their mark."""

    demonstration: str | None = Field(None, description="演示数据 非登记结果; only on demonstration nodes")


class FindingOut(BaseModel):
    """One finding of the formal-review checks: what is wrong, where, by which article, and how to mend it."""

    code: str
    field: str | None
    severity: Literal["error", "warning", "info"]
    article: str
    message: str
    fix: str
    clearable: bool


class InvalidField(BaseModel):
    """One member of a request that does not fit its schema."""

    field: str
    code: str
    message: str


class Problem(BaseModel):
    """An error after RFC 9457, `title` in the caller's language."""

    type: str
    title: str
    status: int
    code: str
    field: str | None = None
    article: str | None = None
    instance: str | None = None
    findings: list[FindingOut] | None = None
    errors: list[InvalidField] | None = None
    demonstration: str | None = None


class RequestDetails(In):
    """What is asked for beside the content: categories of a change, ground of a cancellation, months of renewal."""

    categories: list[Short] | None = Field(None, max_length=50)
    ground: Short | None = None
    reason: Words | None = None
    months: int | None = Field(None, ge=1, le=1200)


class NewApplication(In):
    """A new draft. `register_id` may be left out on a node with one register."""

    register_id: UUID | None = None
    organisation_id: UUID
    kind: Kind = "first"
    data_type: DataType = "resource"
    registration_id: UUID | None = None
    agent_id: UUID | None = None
    copied_from: UUID | None = None
    content: Content = Field(default_factory=dict)
    request: RequestDetails | None = None
    interested_party: bool = False


class DraftChange(In):
    """What is saved: given fields replace the stored ones, null removes one, `replace` replaces all.

    `revision` is the one that was edited; another one in between is answered with 409 draft_changed. `rebase` first
    puts the draft's own changes onto the present version of the registration, after 409 registration_moved.
    """

    content: Content = Field(default_factory=dict)
    request: RequestDetails | None = None
    revision: int | None = Field(None, ge=1, le=2**31 - 1)
    replace: bool = False
    rebase: bool = False


class Saved(Out):
    """A saved draft and its revision."""

    id: UUID
    state: str
    revision: int


class Done(Out):
    """What an act answers: the object, its state, the day its deadline falls on, and what the act brought about."""

    id: UUID
    act: str
    state: str
    n: int
    at: datetime
    deadline: date | None = None
    deadline_provisional: bool | None = None
    revision: int | None = None
    serial: str | None = None
    version: int | None = None
    digest: str | None = None
    late_filing: bool | None = None
    previously_visible: list[str] | None = None
    notice: UUID | None = None
    first_day: date | None = None
    last_day: date | None = None
    local_number: str | None = None
    code: str | None = None
    registration: UUID | None = None
    registration_state: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    dependants: list[str] | None = None
    contents: list[str] | None = None
    elsewhere: list[str] | None = Field(None, description="Codes of registrations that copies led to; not suppressed")
    application_state: str | None = None
    number: str | None = None
    key: str | None = Field(None, description="With it one follows the object without an account; shown once")


class ApplicationItem(BaseModel):
    """One application in a list."""

    id: UUID
    serial: str
    kind: str
    data_type: str
    state: str
    state_label: str
    name: str
    registrant_name: str
    organisation_id: UUID
    register_id: UUID
    registration_id: UUID | None
    code: str
    local_number: str
    deadline_day: date | None
    deadline_ends: datetime | None
    deadline_provisional: bool
    created_at: datetime


class Applications(Out):
    """A page of applications within one's scope."""

    items: list[ApplicationItem]
    next: str | None


class ApplicationOut(ApplicationItem, Out):
    """One application; `shown` tells whether `content` is the draft or the version under decision."""

    version: int
    rounds: int
    receipt_at: datetime | None
    accepted_at: datetime | None
    notice_last_day: date | None
    ended_at: datetime | None
    late_filing: bool
    rulebook: str
    rulebook_digest: str
    shown: Literal["draft", "version"]
    content: dict[str, Any]
    request: dict[str, Any]
    revision: int | None
    suppressed: bool
    findings: list[FindingOut] | None
    acts: list[str]


class Preview(Out):
    """Exactly what would be public at each stage (信息确认)."""

    notice: dict[str, Any]
    page: dict[str, Any]
    search: dict[str, Any]
    export: dict[str, Any]


class Findings(Out):
    """What the formal-review checks found."""

    items: list[FindingOut]


class DecisionOut(BaseModel):
    """One act of an object's history, its words opened for those concerned."""

    n: int
    act: str
    label: str
    role: str
    at: datetime
    from_state: str
    state: str
    deadline: date | None
    deadline_provisional: bool
    rulebook: str
    rulebook_digest: str
    calendar: str
    data: dict[str, Any]
    words: dict[str, Any]
    words_removed: bool
    digest: str


class Decisions(Out):
    """The history of one object, oldest first."""

    items: list[DecisionOut]


class MaterialOut(BaseModel):
    """One stored file."""

    id: UUID
    kind: str
    name: str
    content_type: str
    size: int
    sha256: str
    added_at: datetime


class Materials(Out):
    """The files an object holds."""

    items: list[MaterialOut]


class Stored(Out):
    """A file as it was stored."""

    id: UUID
    kind: str
    sha256: str
    size: int
    content_type: str


class Removed(Out):
    """A file taken off a draft, or a token revoked."""

    id: UUID | int
    removed: bool

"""The shapes of objections, complaints, oversight, rules and accounts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from .schemas import In, Name, Out, Reason, Short


class Evidence(In):
    """One file of evidence: its name and its bytes in base64."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    data: str = Field(json_schema_extra={"contentEncoding": "base64"})


class Identity(In):
    """Who objects: a person gives name, document type and number; a unit its name, credit code and agent."""

    name: Name = ""
    document_type: Short = ""
    document_number: Short = ""
    credit_code: Short = ""
    agent: Name = ""
    phone: Short = ""
    email: Name = ""


class NewObjection(In):
    """An objection with real name, relation, grounds and evidence; staff add the day a paper one was received."""

    objector_kind: Literal["person", "unit"]
    identity: Identity
    relation: Annotated[str, Field(max_length=200)] = ""
    grounds: Reason
    evidence: list[Evidence] = Field(default_factory=list, max_length=20)
    received_on: date | None = None


class EvidenceOut(BaseModel):
    """One file of evidence, by its digest."""

    id: UUID
    content_type: str
    size: int
    sha256: str


class ObjectionItem(BaseModel):
    """One objection in a list, without identity or grounds."""

    id: UUID
    application_id: UUID
    notice_id: UUID
    register_id: UUID
    state: str
    state_label: str
    objector_kind: str
    lodged_at: datetime
    received_on: date | None
    deadline_day: date | None
    deadline_ends: datetime | None
    ended_at: datetime | None


class Objections(Out):
    """A page of objections."""

    items: list[ObjectionItem]
    next: str | None


class ObjectionOut(ObjectionItem, Out):
    """One objection; `shown` is full for its officers and its objector, masked for the registrant."""

    grounds: str
    evidence: list[EvidenceOut]
    relation: str | None
    identity: dict[str, str] | None
    shown: Literal["full", "masked"]
    acts: list[str]


class Contact(In):
    """How a complainant may be reached; may be left out."""

    name: Name = ""
    phone: Short = ""
    email: Name = ""


class NewComplaint(In):
    """A complaint or report, also anonymous (R68)."""

    register_id: UUID | None = None
    text: Reason
    subject_code: Annotated[str, Field(max_length=64)] = ""
    contact: Contact | None = None


class ComplaintItem(BaseModel):
    """One complaint in a list."""

    id: UUID
    number: str
    register_id: UUID
    state: str
    state_label: str
    subject_code: str
    deadline_day: date | None
    deadline_ends: datetime | None
    created_at: datetime


class Complaints(Out):
    """A page of complaints."""

    items: list[ComplaintItem]
    next: str | None


class ComplaintOut(ComplaintItem, Out):
    """One complaint with its answer; the contact only for the complainant and the one who answers."""

    text: str
    contact: dict[str, str] | None
    answer: str
    acts: list[str]


class Drawing(In):
    """A drawing of re-checks for a period, such as 2026-H1."""

    register_id: UUID
    period: Annotated[str, Field(min_length=1, max_length=20)]


class Drawn(Out):
    """What was drawn, with the seed by which anyone can repeat it."""

    period: str
    seed: str
    of: int
    drawn: list[UUID]


class RecheckItem(BaseModel):
    """One registration drawn for re-examination."""

    id: UUID
    register_id: UUID
    registration_id: UUID
    organisation_id: UUID
    code: str
    state: str
    state_label: str
    period: str
    seed: str
    created_at: datetime


class Rechecks(Out):
    """A page of re-checks."""

    items: list[RecheckItem]
    next: str | None


class DayOverride(In):
    """One day that differs from the shipped calendar, and the document that says so."""

    day: date
    working: bool
    source: Annotated[str, Field(min_length=1, max_length=200)]


class NewCalendar(In):
    """A new version of this node's working-day overrides; running periods are never shortened."""

    version: Annotated[str, Field(min_length=1, max_length=40)]
    overrides: list[DayOverride] = Field(max_length=1000)


class CalendarOut(Out):
    """The working-day calendar in force."""

    version: str
    base: str
    overrides: list[dict[str, Any]]


class CalendarSet(Out):
    """A calendar put into force, and how many deadlines it moved."""

    version: str
    recalculated: int


class RuleValue(BaseModel):
    """One setting: its value, its citation, and how sure we are of it."""

    key: str
    label: str
    value: Any
    cite: str
    sure: Literal["read", "excerpt", "assumed"]
    note: str
    set_by: str


class RulebookItem(BaseModel):
    """One rulebook."""

    id: str
    title: str
    version: str
    region: str
    status: str
    parents: list[str]
    digest: str


class Rulebooks(Out):
    """The rulebooks shipped with this node."""

    items: list[RulebookItem]


class RulebookOut(RulebookItem, Out):
    """A rulebook with every value, its citation and its certainty."""

    instrument: str
    effective_from: str | None
    effective_to: str | None
    notes: list[str]
    values: list[RuleValue]


class ActOut(BaseModel):
    """One row of the transition table."""

    name: str
    label: str
    object: str
    sources: list[str]
    target: str | None
    roles: list[str]
    kinds: list[str]
    article: str
    public: bool
    reasoned: bool
    guards: list[str]


class LimitOut(BaseModel):
    """Which limit runs in a state, and from which moment it is counted."""

    object: str
    state: str
    key: str
    since: str


class Procedure(Out):
    """The transition table: states, acts, limits (design appendix A)."""

    states: dict[str, dict[str, str]]
    acts: list[ActOut]
    limits: list[LimitOut]


class QueueItem(BaseModel):
    """One thing that waits for one's roles, with the acts that are possible now."""

    id: UUID
    object: str
    register_id: UUID
    serial: str
    number: str
    kind: str
    name: str
    registrant_name: str
    state: str
    state_label: str
    deadline_day: date | None
    deadline_ends: datetime | None
    deadline_provisional: bool
    overdue: bool
    acts: list[str]


class Queue(Out):
    """A page of one's desk, nearest deadline first."""

    items: list[QueueItem]
    next: str | None


class RoleOut(BaseModel):
    """One current role and what it is bound to."""

    kind: str
    label: str
    organisation_id: UUID | None
    organisation_name: str | None
    credit_code: str | None
    register_id: UUID | None
    register_name: str | None
    jurisdiction_code: str | None


class Me(Out):
    """One's own account."""

    id: UUID
    username: str
    language: str
    roles: list[RoleOut]


class NewToken(In):
    """A further token for oneself."""

    label: Annotated[str, Field(min_length=1, max_length=60)]
    days: int = Field(90, ge=1, le=366)


class TokenItem(BaseModel):
    """One of one's tokens."""

    id: int
    label: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class Tokens(Out):
    """One's tokens."""

    items: list[TokenItem]


class TokenMade(Out):
    """A new token; the secret is shown once."""

    token: str


class AccessLine(BaseModel):
    """One line of the access log: pointers and codes, never names."""

    id: int
    at: datetime
    actor: str
    act: str
    object_kind: str
    object_id: UUID | None
    outcome: str


class AccessLogOut(Out):
    """Lines of the access log in order."""

    items: list[AccessLine]
    next: int | None

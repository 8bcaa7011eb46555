"""A document's row: frozen inputs, number and recipient, drawn up once for each entry, kind and recipient."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from dengji.core.encryption import seal_json
from dengji.core.ids import new_id
from dengji.law.calendar import shanghai_date
from dengji.law.rulebook import Rulebook
from dengji.registration import rules
from dengji.registration.models import Application, Decision, Objection, Registration
from dengji.registration.models.cases import CaseBase

from . import numbers
from . import rules as settings
from .composing import Told, inputs
from .gathering import Gone, of_decision
from .models import Document
from .rendering import layout_version
from .table import KINDS, Kind
from .wordings import AGENCY, Words, in_force


def redraw(document: Document) -> bool:
    """Compose a document anew from its decision with the wording in force; return whether there was anything left.

    Number and recipient stay. One made on request keeps what it told; its wording alone is never gathered again.
    """
    row = case_of(document.object_kind, document.object_id)
    decision = Decision.objects.filter(pk=document.decision_id).first() if document.decision_id else None
    told = told_of(decision, row) if decision is not None and row is not None else None
    if row is None or told is None:
        return False
    fill_in(document, KINDS[document.kind], told, in_force(row.register_id, AGENCY), rulebook_of(row))
    return True


def recipient(kind: Kind, row: CaseBase) -> dict[str, Any]:
    """Return whom a document goes to: {recipient_kind, recipient, organisation_id, person_id}."""
    who: dict[str, Any] = {"recipient_kind": kind.recipient, "recipient": "", "organisation_id": None}
    who["person_id"] = None
    if kind.recipient == "objector" and isinstance(row, Objection):
        who["person_id"] = row.person_id
        who["recipient"] = str(row.pk)
    elif kind.recipient == "registrant":
        if isinstance(row, Application) and row.applicant_kind == "interested_party" and row.applicant_id:
            who["person_id"], who["recipient"] = row.applicant_id, str(row.applicant_id)
        elif isinstance(row, Application | Registration):
            who["organisation_id"], who["recipient"] = row.organisation_id, str(row.organisation_id)
    return who


def rulebook_of(row: CaseBase) -> Rulebook:
    """Return the rulebook that counts for a case."""
    if isinstance(row, Objection):
        row = row.application
    return rules.rules_of(row) if isinstance(row, Application) else rules.rules_of_register(row.register_id)


def agency_word(agency: Words) -> str:
    """Return the word that the agency's numbers begin with (机关代字)."""
    return str(agency.texts["zh"]["word"])


def draw_up(
    kind: Kind,
    row: CaseBase,
    at: datetime,
    told: Told | None,
    *,
    decision: Decision | None = None,
    index: int | None,
    later: bool = False,
) -> Document:
    """Return the new row of a document, waiting to be made; void from the start where its words are gone.

    `later` leaves what it tells to be gathered when it is made.
    """
    rulebook = rulebook_of(row)
    document = Document(
        id=new_id(),
        register_id=row.register_id,
        kind=kind.name,
        object_kind=row.OBJECT,
        object_id=row.pk,
        decision_id=decision.pk if decision else None,
        entry_index=index,
        layout_version=layout_version(kind.layout),
        at=at,
        **recipient(kind, row),
    )
    agency = in_force(row.register_id, AGENCY)
    day = shanghai_date(at)
    document.number = numbers.following(
        row.register_id, kind.series, day, settings.number_format(rulebook), agency_word(agency)
    )
    if later:
        return document
    if told is None:
        document.state, document.suppressed_at = Document.State.VOID, at
        return document
    fill_in(document, kind, told, agency, rulebook)
    return document


def fill_in(document: Document, kind: Kind, told: Told, agency: Words, rulebook: Rulebook) -> None:
    """Freeze into the row what it tells, in the wording in force."""
    words = in_force(document.register_id, kind.name)
    document.wording_version, document.layout_version = words.version, layout_version(kind.layout)
    freeze(document, compose(document, kind, told, words, agency, rulebook))


def compose(
    document: Document, kind: Kind, told: Told, words: Words, agency: Words, rulebook: Rulebook
) -> Mapping[str, Any]:
    """Return the inputs of a document."""
    return inputs(
        told,
        words,
        agency,
        number=document.number,
        mark=str(document.pk),
        remedies=settings.remedies(rulebook, kind.name) if kind.remedy else (),
    )


def freeze(document: Document, made: Mapping[str, Any]) -> None:
    """Seal the inputs into the row."""
    document.inputs = seal_json(made, context=document.pk.bytes)


def told_of(decision: Decision, row: CaseBase) -> Told | None:
    """Return what a decision's document tells, None where its words were lawfully removed."""
    try:
        return of_decision(decision, rulebook_of(row))
    except Gone:
        return None


def case_of(object_kind: str, object_id: UUID) -> CaseBase | None:
    """Return the object a decision is about, None for kinds that yield no document."""
    model = _MODELS.get(object_kind)
    related = ("register", "application") if model is Objection else ("register",)
    return model._default_manager.select_related(*related).filter(pk=object_id).first() if model else None


_MODELS: dict[str, type[CaseBase]] = {
    "application": Application,
    "registration": Registration,
    "objection": Objection,
}

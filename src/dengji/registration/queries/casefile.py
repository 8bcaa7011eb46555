"""One case as the agency's people see it: versions and their differences, look-alikes, what a notice would show, notes.

Everything here is the agency's own view: whoever has no role of the agency at the case, or is a party to it, is refused
as by `services.assignments.case_for`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from dengji.core.clock import legal_now
from dengji.core.encryption import unseal_json
from dengji.law.calendar import shanghai_date
from dengji.law.checks import Similar
from dengji.law.record import FIELDS
from dengji.law.visibility import visible
from dengji.parties.actor import Actor
from dengji.parties.roles import AGENCY_ROLES

from .. import inspection, rules, selectors
from ..models import Application, CaseAssignment, CaseNote, CaseNoteText, Notice, Objection, Registration
from ..models.cases import CaseBase
from ..services.assignments import case_for
from ..services.desk import late_items
from ..services.notices import changed_fields, notice_wanted
from ..stages import next_roles, stage_of
from .agency import called, names
from .cases import acts_on
from .voices import masked


def application(actor: Actor, application_id: UUID) -> Application:
    """Return an application on which the actor works for the agency; raises DomainError as `case_for`."""
    row = case_for(actor, Application.OBJECT, application_id)
    return cast(Application, row)


def registration(actor: Actor, registration_id: UUID) -> dict[str, Any]:
    """Return a registration as the agency sees it, with the acts open to the actor; raises DomainError not_found."""
    row = cast(Registration, case_for(actor, Registration.OBJECT, registration_id))
    columns = ("id", "code", "serial", "state", "name", "registrant_name", "data_type", "register_id", "version")
    dates = ("coded_on", "valid_from", "valid_to", "ground")
    found = {name: getattr(row, name) for name in (*columns, *dates)}
    past = row.valid_to < shanghai_date(legal_now())
    acts = [act for act in acts_on(actor, row) if act != "cancel" or past]
    files = Application.objects.filter(registration=row).exclude(serial="").order_by("-pk")
    return found | {
        "object": row.OBJECT,
        "acts": _with_suppression(acts, actor, row),
        "expired": row.state == "VALID" and past,
        "applications": list(files.values("id", "serial", "kind", "state")[:50]),
    }


def acts_at(actor: Actor, row: CaseBase) -> list[str]:
    """Return the acts open to the actor's roles of the agency now, guards aside, but for those a fact rules out."""
    roles = selectors.fit_roles(actor, row) & AGENCY_ROLES
    acts = acts_on(actor, row, frozenset(roles))
    if isinstance(row, Application):
        acts = [act for act in acts if _possible(act, row)]
        acts = _with_suppression(acts, actor, row)
    return acts


def _with_suppression(acts: list[str], actor: Actor, row: CaseBase) -> list[str]:
    may = "agency_supervisor" in selectors.fit_roles(actor, row)
    return [*acts, "suppress_content"] if may and "suppress_content" not in acts else acts


def _possible(act: str, row: Application) -> bool:
    """Leave out what the case itself rules out, so that nobody is offered an act that cannot be done."""
    late = row.deadline_ends is not None and legal_now() >= row.deadline_ends
    told = {
        "explain_overdue": late and not row.overdue_explained,
        "pass_review": not late or row.overdue_explained,
        "reject": not late or row.overdue_explained,
        "cancel_request": bool(row.code_way),
        "request_code": not row.code_way or row.state == "CODING_REFUSED",
    }
    if act in ("open_notice", "complete") and row.version:
        told |= _after_review(row)
    return told.get(act, True)


def _after_review(row: Application) -> dict[str, bool]:
    """Whether a reviewed file is to be published now, or can be completed."""
    rulebook = rules.rules_of(row)
    wanted = notice_wanted(row, rulebook, inspection.current_content(row)[0])
    grace = timedelta(minutes=int(rulebook.get("notice.close_grace_minutes")))
    over = row.state == "NOTICE" and row.notice_ends is not None and legal_now() >= row.notice_ends + grace
    return {"open_notice": wanted, "complete": over if wanted else row.state == "REVIEW_PASSED"}


def clock_of(row: CaseBase) -> dict[str, Any]:
    """Return the deadline of a case: last day, working days left, whether it is provisional or past, who acts next."""
    kind = row.kind if isinstance(row, Application) else "first"
    day = row.deadline_day
    return {
        "last_day": day,
        "working_days": None if day is None else rules.calendar().between(shanghai_date(legal_now()), day),
        "provisional": row.deadline_provisional,
        "overdue": row.deadline_ends is not None and legal_now() >= row.deadline_ends,
        "next": next_roles(row.OBJECT, row.state, kind),
    }


def versions(row: Application) -> list[dict[str, Any]]:
    """Return the submitted versions, newest first, each with the fields that differ from the one before (R5).

    The first version of a change is held against the registration it is about.
    """
    found: list[dict[str, Any]] = []
    before: Mapping[str, Any] | None = None
    if row.registration is not None:
        before = inspection.registration_fields(row.registration)
    for version in row.versions.order_by("number"):
        changes = [] if before is None else _changes(before, version.fields)
        found.append(
            {
                "number": version.number,
                "at": version.at,
                "digest": version.digest,
                "suppressed": version.suppressed_at is not None,
                "compared": before is not None,
                "changes": [] if version.suppressed_at else changes,
            }
        )
        before = version.fields
    return found[::-1]


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = [name for name in FIELDS if name in before or name in after]
    return [
        {"field": name, "before": before.get(name), "after": after.get(name)}
        for name in names
        if before.get(name) != after.get(name)
    ]


def look_alikes(row: Application) -> list[Similar]:
    """Return what the register already holds under the same or a like name (R48)."""
    if not row.version or not row.name:
        return []
    content, _ = inspection.current_content(row)
    if not content:
        return []
    skipped = {row.pk, row.registration_id} - {None}
    (found,) = inspection.similar_records(row.register_id, [content], rules.rules_of(row), exclude=skipped)  # type: ignore[arg-type]
    return found


def similar_targets(found: list[Similar]) -> dict[str, str]:
    """Return {id: object kind} of look-alikes, so that a page can lead to each."""
    ids = [UUID(one.id) for one in found]
    files = set(Application.objects.filter(pk__in=ids).values_list("pk", flat=True))
    return {str(pk): "application" if pk in files else "registration" for pk in ids}


def notice_preview(row: Application) -> dict[str, Any]:
    """Return exactly the fields that a notice would show, and the hits that a human must clear before (R50, R53)."""
    content, _ = inspection.current_content(row)
    hits = [f for f in inspection.inspect(row, content, at=legal_now()) if f.clearable]
    return {"fields": visible(content, "notice"), "hits": hits}


def late_fields(row: Application) -> set[str]:
    """Return the fields that a further round must not raise anew: there they stood unchanged before (R10)."""
    return set(late_items(row, [{"field": name} for name in FIELDS]))


def changed_from_registration(row: Application) -> set[str]:
    """Return the fields in which a change differs from what is registered."""
    return changed_fields(row, inspection.current_content(row)[0]) if row.registration is not None else set()


def notice_of(row: Application) -> dict[str, Any] | None:
    """Return the latest notice of an application: id, state, days; None where there was none."""
    latest = Notice.objects.filter(application=row).order_by("-run").first()
    columns = ("id", "state", "first_day", "last_day")
    return {name: getattr(latest, name) for name in columns} if latest else None


def objection(actor: Actor, objection_id: UUID) -> dict[str, Any]:
    """Return an objection's grounds and evidence for its handling officers, without who objects.

    Reading the identity is another thing, and logged: `voices.objection_detail`. Raises DomainError as `case_for`.
    """
    row = cast(Objection, case_for(actor, Objection.OBJECT, objection_id))
    return masked(row) | {"acts": acts_at(actor, row)}


def holder(row: CaseBase) -> dict[str, Any] | None:
    """Return who holds a case at its present stage: {person, name, since}; None where it is free."""
    held = CaseAssignment.objects.filter(
        object_id=row.pk, stage=stage_of(row.OBJECT, row.state), ended_at=None
    ).select_related("person")
    one = held.first()
    return {"person": one.person_id, "name": called(one.person), "since": one.since} if one else None


def notes(actor: Actor, row: CaseBase) -> list[dict[str, Any]]:
    """Return the remarks and calls on a case, newest first, for the agency alone; suppressed ones without words."""
    case_for(actor, row.OBJECT, row.pk)
    found = list(CaseNote.objects.filter(object_id=row.pk).order_by("-pk"))
    texts = {text.note_id: text.data for text in CaseNoteText.objects.filter(note__in=found)}
    authors = names(UUID(note.by.partition(":")[2]) for note in found if note.by.startswith("person:"))
    return [
        {
            "kind": note.kind,
            "at": note.at,
            "by": authors.get(UUID(note.by.partition(":")[2]), "") if note.by.startswith("person:") else note.by,
            "text": unseal_json(texts[note.pk], context=note.pk.bytes).get("text") if note.pk in texts else None,
        }
        for note in found
    ]

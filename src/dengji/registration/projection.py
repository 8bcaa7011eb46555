"""How a decision changes the projected row; the same fold serves every act and `dengji rebuild` (design §3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from dengji.law.procedure import OPEN_OBJECTION, TERMINAL

from .models import Application, Complaint, Decision, Objection, Recheck, Registration
from .models.cases import CaseBase

_BASE = ("state", "n", "deadline_day", "deadline_ends", "deadline_provisional")
#: The projected columns of each kind of object, compared by `rebuild`.
COLUMNS: dict[str, tuple[str, ...]] = {
    "application": (
        *_BASE,
        "serial",
        "version",
        "rounds",
        "in_supplement",
        "clerk_id",
        "business_reviewer_id",
        "acceptor_id",
        "reviewer_id",
        "secrecy_reviewed",
        "preview_acknowledged",
        "late_filing",
        "overdue_explained",
        "receipt_at",
        "accepted_at",
        "notice_opened_at",
        "notice_last_day",
        "notice_ends",
        "notice_runs",
        "code_way",
        "local_number",
        "code",
        "ended_at",
        "rulebook_digest",
    ),
    "registration": (*_BASE, "version", "valid_from", "valid_to", "ended_at", "ground"),
    "objection": (*_BASE, "ended_at"),
    "complaint": (*_BASE, "ended_at"),
    "recheck": (*_BASE, "ended_at"),
}
#: Acts that leave the running deadline as it is, or (recalculate) set it by their own rule.
KEEPS_DEADLINE = frozenset(
    {"confirm_joint", "explain_overdue", "recalculate", "cancel_request", "suppress_content", "revise"}
)


def _person(decision: Decision) -> UUID | None:
    kind, _, key = decision.actor.partition(":")
    return UUID(key) if kind == "person" else None


def _submitted_for_review(row: Application, decision: Decision) -> None:
    row.in_supplement = decision.from_state == "SUPPLEMENT"
    row.clerk_id = _person(decision)


def _submitted(row: Application, decision: Decision) -> None:
    data = decision.data
    row.serial = data["serial"]
    row.version = data["version"]
    row.business_reviewer_id = _person(decision)
    row.secrecy_reviewed = data["secrecy_reviewed"]
    row.preview_acknowledged = data["preview_acknowledged"]
    row.late_filing = data["late_filing"]
    row.rulebook_digest = decision.rulebook_digest
    row.receipt_at = decision.at
    row.in_supplement = False


def _supplement(row: Application, decision: Decision) -> None:
    row.rounds += 1
    row.in_supplement = True


def _accepted(row: Application, decision: Decision) -> None:
    row.accepted_at = decision.at
    row.acceptor_id = _person(decision)


def _reviewing(row: Application, decision: Decision) -> None:
    row.reviewer_id = _person(decision)


def _explained(row: Application, decision: Decision) -> None:
    row.overdue_explained = True


def _noticed(row: Application, decision: Decision) -> None:
    row.notice_opened_at = decision.at
    row.notice_last_day = decision.deadline_day
    row.notice_ends = decision.deadline_ends
    row.notice_runs += 1


def _suspended(row: Application, decision: Decision) -> None:
    row.notice_last_day = None
    row.notice_ends = None


def _recalculated(row: Application, decision: Decision) -> None:
    row.deadline_day = decision.deadline_day
    row.deadline_ends = decision.deadline_ends
    row.deadline_provisional = decision.deadline_provisional
    if decision.to_state == "NOTICE":
        row.notice_last_day = decision.deadline_day
        row.notice_ends = decision.deadline_ends


def _to_coding(row: Application, decision: Decision) -> None:
    row.local_number = decision.data["local_number"]


def _requested(row: Application, decision: Decision) -> None:
    row.code_way = decision.data["way"]


def _request_cancelled(row: Application, decision: Decision) -> None:
    row.code_way = ""


def _coded(row: Application, decision: Decision) -> None:
    row.code = decision.data["code"]


def _validity(row: Registration, decision: Decision) -> None:
    row.version = decision.data["version"]
    row.valid_from = date.fromisoformat(decision.data["valid_from"])
    row.valid_to = date.fromisoformat(decision.data["valid_to"])


def _ground(row: Registration, decision: Decision) -> None:
    row.ground = decision.data["ground"]


FOLDS: dict[str, Callable[[Any, Decision], None]] = {
    "submit_for_business_review": _submitted_for_review,
    "submit": _submitted,
    "request_supplement": _supplement,
    "accept": _accepted,
    "begin_review": _reviewing,
    "explain_overdue": _explained,
    "open_notice": _noticed,
    "resume_notice": _noticed,
    "suspend_notice": _suspended,
    "recalculate": _recalculated,
    "close_notice": _to_coding,
    "request_code": _requested,
    "cancel_request": _request_cancelled,
    "assign_code": _coded,
    "revise": _validity,
    "cancel": _ground,
    "revoke": _ground,
}
_ENDED: dict[str, Callable[[str], bool]] = {
    "application": TERMINAL.__contains__,
    "objection": lambda state: state not in OPEN_OBJECTION,
    "registration": lambda state: state != "VALID",
    "complaint": lambda state: state == "ANSWERED",
    "recheck": lambda state: state != "DRAWN",
}


def fold(row: CaseBase, decision: Decision) -> None:
    """Apply one decision to the projected columns of a row, in memory."""
    row.n = decision.n
    row.state = decision.to_state
    if decision.act not in KEEPS_DEADLINE:
        row.deadline_day = decision.deadline_day
        row.deadline_ends = decision.deadline_ends
        row.deadline_provisional = decision.deadline_provisional
    if special := FOLDS.get(decision.act):
        special(row, decision)
    if row.ended_at is None and _ENDED[row.OBJECT](row.state):
        row.ended_at = decision.at


MODELS: dict[str, type[CaseBase]] = {m.OBJECT: m for m in (Application, Registration, Objection, Complaint, Recheck)}


def blank(row: CaseBase) -> CaseBase:
    """Return a row of the same kind with every projected column at its beginning."""
    fresh = type(row)(id=row.pk)
    fresh.n = 0
    if isinstance(row, Registration):
        # By the application's id, which is indexed; a look into `data` would read every decision for every object.
        birth = Decision.objects.filter(object_id=row.pk, act="adopt").first() or Decision.objects.get(
            act="assign_code", object_id__in=row.versions.filter(number=1).values("application_id")
        )
        fresh.state = "VALID"
        _validity(fresh, birth)  # type: ignore[arg-type]
    return fresh


def differences(row: CaseBase) -> dict[str, tuple[Any, Any]]:
    """Fold the decisions of one object again and return the columns that differ: {column: (stored, folded)}."""
    folded = blank(row)
    for decision in Decision.objects.filter(object_id=row.pk).order_by("n"):
        fold(folded, decision)
    found = {}
    for column in COLUMNS[row.OBJECT]:
        stored, again = getattr(row, column), getattr(folded, column)
        if _plain(stored) != _plain(again):
            found[column] = (stored, again)
    if isinstance(row, Application) and (confirmed := _confirmed(row)):
        found["co_registrants"] = confirmed
    return found


def _confirmed(row: Application) -> tuple[dict[str, int], dict[str, int]] | None:
    """Confirmations of joint holders that no decision bears out, as (stored, folded) revisions of the draft (R7).

    A holder taken off the form and put on again has to confirm anew: less than was decided is no difference.
    """
    held = row.co_registrants.exclude(confirmed_revision=None).values_list("organisation_id", "confirmed_revision")
    stored = {str(organisation): revision for organisation, revision in held if revision is not None}
    if not stored:
        return None
    folded: dict[str, int] = {}
    for decision in Decision.objects.filter(object_id=row.pk, act="confirm_joint").order_by("n"):
        folded |= dict.fromkeys(decision.data["organisations"], decision.data["revision"])
    return None if stored.items() <= folded.items() else (stored, folded)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (date, datetime)) else value

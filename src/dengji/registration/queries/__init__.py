"""Reads for lists, desks and the public side; every one goes through the scopes of `selectors` or `law.visibility`."""

from .cases import application_detail, applications, decisions, findings
from .desk import queue
from .public import grounds, notice, notices, registers, registration
from .statistics import acts_in, statistics
from .voices import (
    calendar_in_force,
    complaint_detail,
    complaints,
    objection_by_key,
    objection_detail,
    objections,
    own_person,
    profile,
    rechecks,
    tokens,
)

__all__ = [
    "acts_in",
    "application_detail",
    "applications",
    "calendar_in_force",
    "complaint_detail",
    "complaints",
    "decisions",
    "findings",
    "grounds",
    "notice",
    "notices",
    "objection_by_key",
    "objection_detail",
    "objections",
    "own_person",
    "profile",
    "queue",
    "rechecks",
    "registers",
    "registration",
    "statistics",
    "tokens",
]

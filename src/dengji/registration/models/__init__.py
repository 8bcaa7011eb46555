"""What the main job stores; each module names one kind of object."""

from .application import Application, CoRegistrant, Draft, Material, Version, VersionPrivate
from .decision import Decision, DecisionDetail
from .registration import NameKey, Registration, RegistrationVersion
from .rules import CalendarVersion, ClockMark, RulebookSnapshot, SerialCounter
from .voices import Complaint, Notice, Objection, Recheck
from .workbench import CaseAssignment, CaseNote, CaseNoteText, Deputy, SavedFilter, Wording

__all__ = [
    "Application",
    "CalendarVersion",
    "CaseAssignment",
    "CaseNote",
    "CaseNoteText",
    "ClockMark",
    "CoRegistrant",
    "Complaint",
    "Decision",
    "DecisionDetail",
    "Deputy",
    "Draft",
    "Material",
    "NameKey",
    "Notice",
    "Objection",
    "Recheck",
    "Registration",
    "RegistrationVersion",
    "RulebookSnapshot",
    "SavedFilter",
    "SerialCounter",
    "Version",
    "VersionPrivate",
    "Wording",
]

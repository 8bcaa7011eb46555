"""What the main job stores; each module names one kind of object."""

from .application import Application, CoRegistrant, Draft, Material, Version, VersionPrivate
from .decision import Decision, DecisionDetail
from .registration import NameKey, Registration, RegistrationVersion
from .rules import CalendarVersion, ClockMark, RulebookSnapshot, SerialCounter
from .voices import Complaint, Notice, Objection, Recheck

__all__ = [
    "Application",
    "CalendarVersion",
    "ClockMark",
    "CoRegistrant",
    "Complaint",
    "Decision",
    "DecisionDetail",
    "Draft",
    "Material",
    "NameKey",
    "Notice",
    "Objection",
    "Recheck",
    "Registration",
    "RegistrationVersion",
    "RulebookSnapshot",
    "SerialCounter",
    "Version",
    "VersionPrivate",
]

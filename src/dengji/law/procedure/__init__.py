"""The procedure of the law: the table of acts and the function that decides by it (design appendix A)."""

from .decide import LIMITS, Case, Outcome, ProcedureError, Rules, acts_for, deadline_in, decide, limit_for
from .states import KIND_LABELS, KINDS, OPEN_OBJECTION, STATES, TERMINAL
from .table import TABLE, Act

__all__ = [
    "KINDS",
    "KIND_LABELS",
    "LIMITS",
    "OPEN_OBJECTION",
    "STATES",
    "TABLE",
    "TERMINAL",
    "Act",
    "Case",
    "Outcome",
    "ProcedureError",
    "Rules",
    "acts_for",
    "deadline_in",
    "decide",
    "limit_for",
]

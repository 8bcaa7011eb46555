"""Formal-review checks as pure functions: run(content, context) → findings with field, severity, article and mend."""

from ..similarity import normalise, tidy
from .industry import suggest_industries
from .model import DATA_TYPES, KINDS, SPECS, Check, Context, Finding, Similar
from .structure import schema_findings
from .table import CHECKS, run

__all__ = [
    "CHECKS",
    "DATA_TYPES",
    "KINDS",
    "SPECS",
    "Check",
    "Context",
    "Finding",
    "Similar",
    "normalise",
    "run",
    "schema_findings",
    "suggest_industries",
    "tidy",
]

"""What a check takes and gives: Context, Finding, and the table of every finding code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from datetime import date, datetime
from typing import Any, Literal, Protocol

Severity = Literal["error", "warning", "info"]
Params = Mapping[str, "str | int"]

KINDS = ("first", "change", "rectification", "cancellation", "renewal")
DATA_TYPES = ("resource", "product", "open")


MEASURES = "《公共数据资源登记管理暂行办法》"
OPERATION = "《公共数据资源授权运营实施规范（试行）》"


def N_(text: str) -> str:  # noqa: N802 - the name gettext extraction looks for
    """Mark a Chinese msgid for extraction; the caller translates and fills {params}."""
    return text


class Rulebook(Protocol):
    """The part of a rulebook that checks read; region is its six-digit territory."""

    @property
    def region(self) -> str: ...

    def get(self, key: str, default: Any = ...) -> Any: ...


class Calendar(Protocol):
    """The part of a working-day calendar that checks read; add() returns a Deadline with last_day."""

    def add(self, start: date, working_days: int) -> Any: ...


@dataclass(frozen=True)
class Finding:
    """One thing a check found: error blocks submit, a clearable hit must be cleared by a human before notice (R50)."""

    code: str
    field: str | None
    severity: Severity
    article: str
    message: str
    fix: str
    params: Params = default(default_factory=dict)
    clearable: bool = False


@dataclass(frozen=True)
class Similar:
    """A registration or application already in the register whose name is like the one checked (percent 0–100)."""

    id: str
    name: str
    registrant_name: str
    same_registrant: bool
    same_region: bool
    percent: int


@dataclass(frozen=True)
class Context:
    """What surrounds a record when it is checked; receipt is None while drafting and at import."""

    rulebook: Rulebook
    kind: str
    today: date
    receipt: datetime | None
    materials: frozenset[str]
    similar: Sequence[Similar]
    calendar: Calendar


CheckFunction = Callable[[Mapping[str, Any], Context], Iterator[Finding]]


@dataclass(frozen=True)
class Check:
    """One row of the table of checks: for which kinds of application and data types a function runs."""

    code: str
    kinds: frozenset[str]
    data_types: frozenset[str]
    function: CheckFunction


@dataclass(frozen=True)
class Spec:
    """The documentation of one finding code and the pattern its findings are made from."""

    code: str
    field: str | None
    severity: Severity
    article: str
    message: str
    fix: str
    clearable: bool = False

    def at(self, name: str | None = None, severity: Severity | None = None, /, **params: str | int) -> Finding:
        """Return a finding of this code, on another field or with another severity if given."""
        return Finding(
            self.code,
            name or self.field,
            severity or self.severity,
            self.article,
            self.message,
            self.fix,
            params,
            self.clearable,
        )


#: code → Spec: every finding that can occur, for the reference page.
SPECS: dict[str, Spec] = {}


def spec(
    code: str,
    name: str | None,
    severity: Severity,
    article: str,
    message: str,
    fix: str,
    *,
    clearable: bool = False,
) -> Spec:
    """Register a finding code in SPECS and return its Spec; ValueError when the code exists."""
    if code in SPECS:
        raise ValueError(f"finding code {code} defined twice")
    SPECS[code] = Spec(code, name, severity, article, message, fix, clearable)
    return SPECS[code]

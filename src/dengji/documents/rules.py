"""What the rulebook says of documents: which are in use, how numbered, what counts as served, how long kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dengji.law.rulebook import Rulebook, vocabulary

from .table import KINDS, Kind

#: (channel, event) by which a document counts as served where a rulebook pinned by an earlier release is silent.
_SERVED = ({"channel": "in_system", "event": "opened"}, {"channel": "paper", "event": "served"})
_NUMBER = "{word}{series}〔{year}〕{seq}号"
_ARCHIVE = "{word}-{year}-{retention}-{seq}"


def in_use(kind: Kind, rulebook: Rulebook) -> bool:
    """Tell whether the agency issues this kind of document; one with a switch of its own follows that alone."""
    if kind.setting:
        return bool(_SETTINGS[kind.setting](rulebook))
    kinds = rulebook.get("documents.kinds", tuple(KINDS))
    return kind.name in kinds


_SETTINGS = {"output.confirmation_sheet": lambda rulebook: rulebook.get("output.confirmation_sheet")}


def number_format(rulebook: Rulebook) -> str:
    """Return the pattern of numbers (文号): word of the agency, series, year, running number."""
    return str(rulebook.get("documents.number_format", _NUMBER))


def remedies(rulebook: Rulebook, kind: str) -> Sequence[Mapping[str, str]]:
    """Return the ways of redress (救济途径) to be printed on a kind of document: [{kind, zh, en, cite}]."""
    return tuple(row for row in rulebook.get("documents.remedies", ()) if row["kind"] == kind)


def served_by(rulebook: Rulebook) -> frozenset[tuple[str, str]]:
    """Return the (channel, event) pairs by which a document counts as served (送达)."""
    return frozenset((row["channel"], row["event"]) for row in rulebook.get("documents.served_when", _SERVED))


def retention_class(rulebook: Rulebook, outcome: str) -> str:
    """Return the retention class (保管期限) of a finished case by its last state; the longest where none is given."""
    rows = rulebook.get("documents.retention", ())
    return next((str(row["retention"]) for row in rows if row["outcome"] == outcome), "permanent")


def archive_number_format(rulebook: Rulebook) -> str:
    """Return the pattern of archive numbers (档号)."""
    return str(rulebook.get("documents.archive_number_format", _ARCHIVE))


def retention_label(retention: str) -> str:
    """Return what a retention class is called in Chinese."""
    return str(vocabulary("retention_class")[retention]["zh"])


def retention_code(retention: str) -> str:
    """Return the code of a retention class in archive numbers (DA/T 22, assumed)."""
    return str(vocabulary("retention_class")[retention]["code"])

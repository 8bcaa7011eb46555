"""The fields of a record as the desk reads them: in the order and groups of the form, each with its findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dengji.law.checks import Finding
from dengji.law.record import FIELDS, GROUPS

from ..workspace.words import label, pick, show


def shown(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return fields as rows of a summary list."""
    return [{"label": label(name), "value": show(name, fields[name]), "zh": True} for name in FIELDS if name in fields]


def groups(
    content: Mapping[str, Any], findings: Iterable[Finding], changed: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """Return the groups of the form with their filled fields and those that a finding speaks of."""
    by_field: dict[str, list[Finding]] = {}
    for found in findings:
        by_field.setdefault(found.field or "", []).append(found)
    marked = set(changed)
    result: dict[str, list[dict[str, Any]]] = {name: [] for name in GROUPS}
    for name, field in FIELDS.items():
        value, told = show(name, content.get(name)), by_field.get(name, [])
        if value or told:
            result[field.group].append(
                {"name": name, "label": label(name), "value": value, "findings": told, "changed": name in marked}
            )
    return [
        {"name": name, "title": pick(GROUPS[name]), "article": GROUPS[name].get("article", ""), "rows": rows}
        for name, rows in result.items()
        if rows
    ]


def elsewhere(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that belong to no field of the form: materials, and the record as a whole."""
    return [found for found in findings if not found.field or found.field not in FIELDS]


def differences(changes: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the changes of a version in words."""
    return [
        {
            "label": label(one["field"]),
            "before": show(one["field"], one["before"]),
            "after": show(one["field"], one["after"]),
        }
        for one in changes
    ]

"""The fields of a registration record, read from record.schema.json: the only source of their names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

SCHEMA: dict[str, Any] = json.loads(resources.files(__package__).joinpath("record.schema.json").read_text("utf-8"))


@dataclass(frozen=True)
class Field:
    """One field of the record, with its labels and the data types it applies to."""

    name: str
    label: str
    label_en: str
    note: str
    note_en: str
    group: str
    kind: str
    personal: bool
    data_types: tuple[str, ...]
    required_for: tuple[str, ...]
    max_length: int | None
    labels: Mapping[str, Mapping[str, str]]


def _field(name: str, spec: Mapping[str, Any]) -> Field:
    return Field(
        name=name,
        label=spec["title"],
        label_en=spec["x-title-en"],
        note=spec["description"],
        note_en=spec["x-description-en"],
        group=spec["x-group"],
        kind=spec.get("format", spec["type"]),
        personal=bool(spec.get("x-personal")),
        data_types=tuple(spec.get("x-types", ("resource", "product", "open"))),
        required_for=tuple(spec.get("x-required-for", ())),
        max_length=spec.get("maxLength"),
        labels=spec.get("x-labels", {}),
    )


FIELDS: dict[str, Field] = {name: _field(name, spec) for name, spec in SCHEMA["properties"].items()}
GROUPS: dict[str, dict[str, str]] = SCHEMA["x-groups"]
_PERSONAL = tuple(name for name, field in FIELDS.items() if field.personal)
PERSONAL: frozenset[str] = frozenset(_PERSONAL)


def heading(name: str) -> str:
    """Return the Chinese heading of a field, as used in import templates and exports."""
    return FIELDS[name].label


def split_personal(content: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split a record into (fields that may be stored in clear, personal fields to be encrypted)."""
    clear = dict(content)
    return clear, {name: clear.pop(name) for name in _PERSONAL if name in clear}

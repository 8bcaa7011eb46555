"""English for the words that findings and errors quote: labels of fields, options, groups, materials and industries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from .codes import DIVISIONS
from .record import FIELDS, GROUPS
from .rulebook import vocabulary

#: Parameters of messages that hold words of the form. What people wrote themselves is never translated.
QUOTED = frozenset(
    {"label", "labels", "start_label", "end_label", "field_label", "note", "group", "data_type", "choices", "chosen"}
    | {"suggested"}
)
_AND = "、"


@cache
def _english() -> Mapping[str, str]:
    pairs = [
        (text, en) for field in FIELDS.values() for text, en in ((field.label, field.label_en), *_of(field.labels))
    ]
    pairs += [(field.note, field.note_en) for field in FIELDS.values()]
    pairs += [*_of(GROUPS), *_of(vocabulary("material"))]
    pairs += [(row.name, row.name_en) for row in DIVISIONS.values()]
    return {zh: en for zh, en in reversed(pairs) if zh and en}


def _of(labels: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str]]:
    return [(row["zh"], row["en"]) for row in labels.values()]


def in_english(params: Mapping[str, Any], gettext: Callable[[str], str]) -> dict[str, Any]:
    """Return a message's parameters with the words of the form in English; `gettext` knows the words of no table.

    Lists joined by 、 are taken apart; a name that itself holds 、 is found first. Everything unknown stays.
    """
    return {
        name: _all(value, gettext) if name in QUOTED and isinstance(value, str) else value
        for name, value in params.items()
    }


def _all(text: str, gettext: Callable[[str], str]) -> str:
    parts, told, start = text.split(_AND), [], 0
    while start < len(parts):
        end = next((n for n in range(len(parts), start, -1) if _AND.join(parts[start:n]) in _english()), start + 1)
        word = _AND.join(parts[start:end])
        told.append(_english().get(word) or (gettext(word) if word else ""))
        start = end
    return ", ".join(told)

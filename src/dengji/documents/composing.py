"""From values and words to inputs: the frozen JSON a document is made from, in both languages."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils import translation
from django.utils.translation import gettext

from dengji.core.node import identity
from dengji.registration.api.base import NOTICE

from .wordings import PLACEHOLDERS, Words, fill

_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_SEAL = {"zh": "（印章）", "en": "(seal)"}
_REFERENCE = {"zh": "", "en": "English translation for reference; the Chinese text prevails."}


@dataclass(frozen=True)
class Told:
    """What a document tells: values by language, lists by language, and the day it bears."""

    zh: Mapping[str, str]
    en: Mapping[str, str]
    day: date
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def values(self, language: str) -> Mapping[str, str]:
        """Return the values of a language."""
        return self.zh if language == "zh" else self.en


def chinese_day(day: date) -> str:
    """Return a day as documents write it: 2026年11月3日."""
    return f"{day.year}年{day.month}月{day.day}日"


def english_day(day: date) -> str:
    """Return a day in English: 3 November 2026."""
    return f"{day.day} {day:%B} {day.year}"


def english(message: str) -> str:
    """Return a Chinese message id in English, whatever language is in use."""
    with translation.override("en"):
        return gettext(message)


def clean(text: str) -> str:
    """Return what people wrote without what no page can show: control characters, and marks that turn the direction."""
    return "".join(c for c in text if c == "\n" or (unicodedata.category(c) not in ("Cc", "Cs") and c not in _TURNING))


def inputs(
    told: Told,
    words: Words,
    agency: Words,
    *,
    number: str,
    mark: str,
    remedies: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """Return what a layout is given; nothing else decides what is printed. `mark` is printed at the foot."""
    made: dict[str, Any] = {
        "demonstration": identity()[1],
        "agency": told.zh["agency"],
        "date": told.day.isoformat(),
        "short-id": mark,
        "foot": {"zh": NOTICE, "en": english(NOTICE)},
    }
    for language in ("zh", "en"):
        made[language] = _part(language, told, words, agency, number, remedies)
    return made


def _part(
    language: str, told: Told, words: Words, agency: Words, number: str, remedies: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    texts, values = words.texts[language], told.values(language)
    lists = {**told.lists, "pledges": texts.get("pledges", ())}
    blocks = [one for text in texts["paragraphs"] if (one := _block(text, texts, values, lists, language))]
    return {
        "title": fill(texts["title"], values) or texts["title"],
        "number": number,
        "addressee": fill(texts["addressee"], values) or "",
        "blocks": blocks,
        "remedies": [row[language] for row in remedies],
        "closing": [said for text in texts["closing"] if (said := fill(text, values))],
        "signs": list(texts.get("signs", ())),
        "agency": values["agency"],
        "date": chinese_day(told.day) if language == "zh" else english_day(told.day),
        "contact": agency.texts[language]["contact"],
        "seal": _SEAL[language],
        "reference": _REFERENCE[language],
    }


def _block(
    text: str,
    texts: Mapping[str, Any],
    values: Mapping[str, str],
    lists: Mapping[str, Sequence[str]],
    language: str,
) -> dict[str, Any] | None:
    if text == "{facts}":
        column = 0 if language == "zh" else 1
        rows = [[PLACEHOLDERS[name][column], values[name]] for name in texts["facts"] if values.get(name)]
        return {"kind": "facts", "rows": rows} if rows else None
    if text in ("{items}", "{pledges}"):
        listed = list(lists.get(text[1:-1], ()))
        return {"kind": "list", "items": listed} if listed else None
    if text == "{space}":
        return {"kind": "space"}
    said = fill(text, values)
    return {"kind": "p", "text": said} if said else None

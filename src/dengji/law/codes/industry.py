"""Industries (国民经济行业分类), GB/T 4754-2017: 20 sections (门类), 97 divisions (大类); R44."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from .errors import N_, CodeError
from .text import normalise, read_table


@dataclass(frozen=True)
class Section:
    """A section: one letter A–T, Chinese and English names."""

    code: str
    name: str
    name_en: str


@dataclass(frozen=True)
class Division:
    """A division: two digits, Chinese and English names, the letter of its section."""

    code: str
    name: str
    name_en: str
    section: str


_TABLE: Final = read_table("industries.toml")["sections"]
SECTIONS: Final[Mapping[str, Section]] = MappingProxyType(
    {letter: Section(letter, row["name"], row["name_en"]) for letter, row in _TABLE.items()}
)
DIVISIONS: Final[Mapping[str, Division]] = MappingProxyType(
    {
        code: Division(code, name, name_en, letter)
        for letter, row in _TABLE.items()
        for code, (name, name_en) in row["divisions"].items()
    }
)
_CODE: Final = re.compile(r"([A-T]?)([0-9]{2})[0-9]{0,2}")
_MARKS: Final = str.maketrans({",": "、", " ": None, "\u3000": None})


def division(code: str) -> Division:
    """Return the division of a code of two to four digits ("54", "5412", "G5412"); CodeError when there is none."""
    match = _CODE.fullmatch(normalise(code))
    found = DIVISIONS.get(match[2]) if match else None
    if match and found and match[1] in ("", found.section):
        return found
    raise CodeError("industry_unknown", N_("不是国民经济行业分类（GB/T 4754）代码：{text}"), {"text": code})


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name).translate(_MARKS)


_BY_NAME: Final = {_plain(row.name): row for row in DIVISIONS.values()}


def division_by_name(text: str) -> Division | None:
    """Return the division with exactly this Chinese name, whatever its width, spaces and commas; None without one."""
    return _BY_NAME.get(_plain(text))

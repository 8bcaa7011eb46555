"""What one cell means under one field: numbers, dates, choices, lists; or a finding that says how to write it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from math import isfinite
from typing import Any

from dengji.core.errors import N_
from dengji.core.tables import MAX_CELL
from dengji.law.checks.model import Finding
from dengji.law.codes import CodeError, division, division_by_name, match_region_prefix, region
from dengji.law.record import FIELDS, GROUPS

from . import faults

#: Columns that a registration of another platform has besides its record: name → (Chinese, English, kind, required).
ADOPTION: dict[str, tuple[str, str, str, bool]] = {
    "serial": (N_("登记编号"), "Serial", "string", False),
    "code": (N_("登记结果查询码"), "Registration code", "string", True),
    "coded_on": (N_("赋码日期"), "Coded on", "date", True),
    "valid_from": (N_("有效期起"), "Valid from", "date", False),
    "valid_to": (N_("有效期至"), "Valid to", "date", True),
    "agency_name": (N_("登记机构"), "Agency", "string", False),
    "agency_level": (N_("登记机构层级"), "Agency level", "choice", False),
    "platform_code": (N_("平台代码"), "Platform code", "string", False),
}
LEVELS = {"national": "国家", "province": "省级", "city": "市级", "county": "县级"}

_SEPARATORS = re.compile(r"[；;、,，|\n]+")
_PARTS = re.compile(r"[；;\n]+")
_COLON = re.compile(r"[:：]")
_DATE = re.compile(r"([0-9]{4})\s*[-/.年]\s*([0-9]{1,2})\s*[-/.月]\s*([0-9]{1,2})\s*日?")
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_INTEGER = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+|[+-]?[0-9]+")
_CREDIT = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}")
#: What no stored text may hold: control characters but tab and line ends, and halves of surrogate pairs.
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_ERRORS = frozenset({"#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#GETTING_DATA"})
_TRUE = frozenset({"是", "有", "true", "yes", "y", "1", "√"})
_FALSE = frozenset({"否", "无", "false", "no", "n", "0", "×"})
#: Beyond this an integer kept as a floating-point number has lost digits.
_EXACT = 2**53


class CellError(Exception):
    """A cell that cannot be taken as its field wants it; carries the finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.code)
        self.finding = finding


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Return a heading or choice in the form in which it is compared: NFKC, no spaces, stars or brackets, one case."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\s*_＊]+|\([^()]*\)$", "", folded)


def _label(name: str) -> str:
    return FIELDS[name].label if name in FIELDS else ADOPTION[name][0]


def _bad(spec: Any, name: str, value: Any = "", **params: Any) -> CellError:
    shown = value if isinstance(value, str) else str(value)
    return CellError(spec.at(name, label=_label(name), value=shown[:60], **params))


def _text(name: str, cell: Any) -> str:
    """Return a cell as text: numbers as they are written, dates as ISO, stray spaces gone."""
    if isinstance(cell, str):
        text = cell.strip().strip("\u3000\ufeff")
    elif isinstance(cell, bool):
        text = "是" if cell else "否"
    elif isinstance(cell, (int, float)) and isfinite(cell):
        if abs(cell) >= _EXACT and isinstance(cell, float):
            raise _bad(faults.DIGITS_LOST, name)
        text = str(int(cell)) if cell == int(cell) else repr(cell)
    elif isinstance(cell, (datetime, date, time, timedelta)):
        text = cell.isoformat() if not isinstance(cell, timedelta) else str(cell)
    else:
        raise _bad(faults.NOT_TEXT, name)
    if len(text) > MAX_CELL:
        raise _bad(faults.TOO_LONG, name, limit=MAX_CELL)
    if _NOT_TEXT.search(text):
        raise _bad(faults.NOT_TEXT, name)
    if text in _ERRORS:
        raise _bad(faults.FORMULA_ERROR, name, text)
    return text


def _integer(name: str, cell: Any) -> Any:
    if isinstance(cell, float) and isfinite(cell) and cell == int(cell) and abs(cell) < _EXACT:
        return int(cell)
    if isinstance(cell, int) and not isinstance(cell, bool):
        return cell
    text = unicodedata.normalize("NFKC", _text(name, cell))
    if text and not (_INTEGER.fullmatch(text) and len(text) < 22):
        raise _bad(faults.NOT_INTEGER, name, text)
    return int(text.replace(",", "")) if text else None


def _date(name: str, cell: Any) -> Any:
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    text = unicodedata.normalize("NFKC", _text(name, cell))
    match = _DATE.fullmatch(text.removesuffix(" 00:00:00").removesuffix("T00:00:00")) or _COMPACT.fullmatch(text)
    try:
        return date(*map(int, match.groups())).isoformat() if match else _never(faults.NOT_DATE, name, text)
    except ValueError:
        raise _bad(faults.NOT_DATE, name, text) from None


def _never(spec: Any, name: str, text: str) -> None:
    if text:
        raise _bad(spec, name, text)


def _instant(name: str, cell: Any) -> Any:
    """Return RFC 3339; a time without zone is Shanghai's."""
    if isinstance(cell, datetime):
        return _zoned(cell)
    if isinstance(cell, date):
        return f"{cell.isoformat()}T00:00:00+08:00"
    text = unicodedata.normalize("NFKC", _text(name, cell))
    if not text:
        return None
    day, _, rest = text.replace("T", " ", 1).replace("t", " ", 1).partition(" ")
    try:
        return _zoned(datetime.fromisoformat(f"{_date(name, day)}T{rest.strip().upper() or '00:00:00'}"))
    except (ValueError, CellError):
        raise _bad(faults.NOT_TIME, name, text) from None


def _zoned(moment: datetime) -> str:
    text = moment.isoformat(timespec="seconds")
    return text if moment.tzinfo else f"{text}+08:00"


def _boolean(name: str, cell: Any) -> Any:
    if isinstance(cell, bool):
        return cell
    text = fold(_text(name, cell))
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    return _never(faults.NOT_BOOLEAN, name, str(cell).strip())


def _choice(name: str, choices: Mapping[str, str], shown: str) -> Callable[[Any], Any]:
    def one(cell: Any) -> Any:
        text = _text(name, cell)
        value = choices.get(fold(text))
        if value is None and text:
            raise _bad(faults.NOT_CHOICE, name, text, choices=shown)
        return value

    return one


def choices_of(name: str) -> dict[str, str]:
    """Return {folded text: code} of a field with fixed choices: code, Chinese and English label."""
    labels = FIELDS[name].labels if name in FIELDS else {code: {"zh": zh, "en": code} for code, zh in LEVELS.items()}
    return {fold(text): code for code, texts in labels.items() for text in (code, texts["zh"], texts["en"])}


def _shown(name: str) -> str:
    labels = FIELDS[name].labels if name in FIELDS else {}
    return "、".join(texts["zh"] for texts in labels.values()) or "、".join(LEVELS.values())


@lru_cache(maxsize=4096)
def _industry(text: str) -> str:
    head = re.match(r"\s*([A-T]?[0-9]{1,4})\s*[-—:：.、 ]*", text)
    found = division_by_name(text) or (division_by_name(text[head.end() :]) if head else None)
    if found:
        return found.code
    code = head[1].zfill(2) if head and head.end() == len(text) else text
    try:
        division(code)
    except CodeError:
        raise _bad(faults.NOT_INDUSTRY, "industries", text) from None
    return code.lstrip("ABCDEFGHIJKLMNOPQRST")


@lru_cache(maxsize=8192)
def _region_code(name: str, text: str) -> str:
    found = match_region_prefix(unicodedata.normalize("NFKC", text))
    if found and found[1] == len(text):
        return found[0].code
    try:
        return region(text).code
    except CodeError:
        raise _bad(faults.NOT_REGION, name, text) from None


def _list(name: str, cell: Any, each: Callable[[str], Any] | None = None) -> Any:
    if isinstance(cell, (list, tuple)):
        parts = [_text(name, part) for part in cell]
    else:
        parts = _SEPARATORS.split(_text(name, cell))
    values = [each(part.strip()) if each else part.strip() for part in parts if part.strip()]
    return list(dict.fromkeys(values))


def _partners(name: str, cell: Any) -> Any:
    if isinstance(cell, (list, tuple)):
        return _structure(name, cell)
    found = []
    for part in _PARTS.split(_text(name, cell)):
        code = _CREDIT.search(unicodedata.normalize("NFKC", part).upper())
        if part.strip() and not code:
            raise _bad(faults.NOT_PARTNER, name, part.strip())
        if code:
            title = unicodedata.normalize("NFKC", part).upper().replace(code[0], "").strip(" ()[],-:|")
            found.append({"name": title, "credit_code": code[0]})
    return found


def _items(name: str, cell: Any) -> Any:
    """Read data items, one a line or between semicolons: name, type, meaning, 是 where personal, between colons."""
    if isinstance(cell, (list, tuple)):
        return _structure(name, cell)
    found = []
    for part in _PARTS.split(_text(name, cell)):
        words = [word.strip() for word in _COLON.split(part)]
        if not words[0]:
            continue
        item: dict[str, Any] = {"name": words[0]}
        item |= {key: word for key, word in zip(("type", "description"), words[1:3], strict=False) if word}
        if len(words) > 3 and words[3] in _TRUE | _FALSE:
            item["personal"] = words[3] in _TRUE
        found.append(item)
    return found


def _reasons(name: str, cell: Any) -> Any:
    if isinstance(cell, dict):
        return _structure(name, cell)
    groups = {fold(text): key for key, row in GROUPS.items() for text in (key, row["zh"], row["en"])}
    found = {}
    for part in _PARTS.split(_text(name, cell)):
        head, *rest = _COLON.split(part, maxsplit=1)
        if not part.strip():
            continue
        if fold(head) not in groups or not rest:
            raise _bad(faults.NOT_GROUP, name, part.strip())
        found[groups[fold(head)]] = rest[0].strip()
    return found


def _structure(name: str, value: Any) -> Any:
    """Return a JSON value as it is, its texts stripped; the schema judges its form."""
    if isinstance(value, dict):
        return {str(k)[:100]: _structure(name, v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_structure(name, v) for v in value]
    return value if isinstance(value, (bool, int)) else _text(name, value)


_BY_KIND: dict[str, Callable[[str, Any], Any]] = {
    "integer": _integer,
    "date": _date,
    "date-time": _instant,
    "boolean": _boolean,
    "string": _text,
    "array": _list,
}


def _regions(name: str, cell: Any) -> Any:
    return _list(name, cell, lambda text: _region_code(name, text))


def _industries(name: str, cell: Any) -> Any:
    """Read divisions; a name of several (农、林、牧、渔业) may itself contain the separator, so it is tried whole."""
    text = _text(name, cell) if not isinstance(cell, (list, tuple)) else ""
    whole = division_by_name(text) if text else None
    return [whole.code] if whole else _list(name, cell, _industry)


_SPECIAL: dict[str, Callable[[str, Any], Any]] = {
    "industries": _industries,
    "coverage_regions": _regions,
    "registrant_region": lambda name, cell: (_regions(name, cell) or [None])[0],
    "registrant_credit_code": lambda name, cell: unicodedata.normalize("NFKC", _text(name, cell)).upper(),
    "evidence_digest": lambda name, cell: _text(name, cell).lower(),
    "co_registrants": _partners,
    "data_items": _items,
    "not_applicable": _reasons,
}


def _bind(name: str, kind: str) -> Callable[[Any], Any]:
    if special := _SPECIAL.get(name):
        return lambda cell: special(name, cell)
    if kind == "choice" or (name in FIELDS and FIELDS[name].labels and kind == "string"):
        return _choice(name, choices_of(name), _shown(name))
    if name in FIELDS and FIELDS[name].labels:
        one = _choice(name, choices_of(name), _shown(name))
        return lambda cell: _list(name, cell, one)
    reader = _BY_KIND[kind]
    return lambda cell: reader(name, cell)


#: Fields whose texts hardly ever come twice in a file: to remember them would cost more than to read them again.
_OWN = frozenset({"name", "intro", "evidence_digest", "alternative_identifiers", "serial", "code", "record_count"})


def _remembered(name: str, reader: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a reader that reads the same text, or list of texts, only once: most columns say few things."""
    if name in _OWN:
        return reader
    known = lru_cache(maxsize=_KNOWN)(reader)

    def read(cell: Any) -> Any:
        kind = type(cell)
        if kind is str and len(cell) <= _REMEMBERED:
            return known(cell)
        if kind is list and len(cell) <= _REMEMBERED and set(map(type, cell)) == _ONLY_TEXT:
            return known(tuple(cell))
        return reader(cell)

    return read


_REMEMBERED = 200
#: Somewhat more than the country has counties.
_KNOWN = 4096
_ONLY_TEXT = {str}


@lru_cache(maxsize=1)
def readers() -> dict[str, Callable[[Any], Any]]:
    """Return the reader of each field, by name; what it returns may be shared between rows and is not to be changed."""
    # A uri is text to an importer; the schema's pattern judges it.
    found = {name: _bind(name, field.kind) for name, field in FIELDS.items()}
    found |= {name: _bind(name, row[2]) for name, row in ADOPTION.items()}
    return {name: _remembered(name, reader) for name, reader in found.items()}

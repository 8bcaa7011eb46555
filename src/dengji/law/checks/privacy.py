"""Personal and sensitive detail in what notice and result page will show (R50, Measures Art. 4): a human clears hits.

Findings never repeat the detail itself, only a masked excerpt, because findings are stored and logged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

from stdnum import luhn
from stdnum.cn import ric

from ..record import FIELDS, SCHEMA
from ..similarity import normalise
from ..visibility import TABLE
from .model import MEASURES, N_, Context, Finding, Spec, spec
from .parties import valid_credit_code

_ARTICLE = f"{MEASURES}第四条；《中华人民共和国个人信息保护法》第二十八条"
_FIX = N_("删除或概括该内容；确属应当公开的，由审核人员核对后放行")

ID_NUMBER = spec(
    "personal_id_number",
    None,
    "warning",
    _ARTICLE,
    N_("将公开的“{label}”中有公民身份号码：{excerpt}"),
    _FIX,
    clearable=True,
)
MOBILE = spec(
    "personal_mobile",
    None,
    "warning",
    _ARTICLE,
    N_("将公开的“{label}”中有手机号码：{excerpt}"),
    _FIX,
    clearable=True,
)
LANDLINE = spec(
    "personal_landline",
    None,
    "warning",
    _ARTICLE,
    N_("将公开的“{label}”中有固定电话号码：{excerpt}"),
    _FIX,
    clearable=True,
)
BANK_CARD = spec(
    "personal_bank_card",
    None,
    "warning",
    _ARTICLE,
    N_("将公开的“{label}”中有银行卡号：{excerpt}"),
    _FIX,
    clearable=True,
)
EMAIL = spec(
    "personal_email",
    None,
    "warning",
    _ARTICLE,
    N_("将公开的“{label}”中有电子邮箱：{excerpt}"),
    _FIX,
    clearable=True,
)
PASSPORT = spec(
    "personal_passport",
    None,
    "warning",
    _ARTICLE,
    N_("将公开的“{label}”中有护照号码：{excerpt}"),
    _FIX,
    clearable=True,
)
PLATE = spec(
    "personal_plate",
    None,
    "warning",
    _ARTICLE,
    N_("将公开的“{label}”中有机动车号牌：{excerpt}"),
    _FIX,
    clearable=True,
)
SENSITIVE_WORD = spec(
    "sensitive_word",
    None,
    "warning",
    f"{MEASURES}第四条",
    N_("将公开的“{label}”中有敏感词“{word}”"),
    N_("确认不涉及国家秘密、工作秘密和敏感事项；由审核人员核对后放行"),
    clearable=True,
)

#: Free text that the public will see; code lists and dates cannot hold a person's details.
SCANNED: tuple[str, ...] = tuple(
    name
    for name, item in SCHEMA["properties"].items()
    if TABLE[name] & {"notice", "page"} and item["type"] == "string" and not {"enum", "format"} & item.keys()
    if item["maxLength"] > 6
)

# One pass; the order of the alternatives is the order of belief. Separators inside numbers do not hide them.
_PATTERN = re.compile(
    r"(?P<email>[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,})"
    r"|(?<![0-9A-Za-z.])(?:"
    r"(?P<id_number>\d{6}[ -]?\d{8}[ -]?\d{3}[0-9Xx])"
    r"|(?P<bank_card>\d{4}(?P<gap>[ -]?)\d{4}(?P=gap)\d{4}(?P=gap)\d{4}(?:(?P=gap)\d{1,3})?)"
    r"|(?P<mobile>(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4})"
    r"|(?P<landline>\(?0\d{2,3}\)?[ -]?\d{7,8})"
    r"|(?P<passport>(?:[EGDSP]\d{8}|E[A-HJ-NP-Z]\d{7}))"
    r")(?![0-9A-Za-z])"
    r"|(?P<plate>[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-HJ-NP-Z][· ]?"
    r"(?=[A-Z]*\d)[A-HJ-NP-Z0-9]{5,6})(?![0-9A-Za-z])"
)
#: Every pattern needs five letters or digits of any width in a row, or an @; most Chinese texts have neither.
_WORTH_SCANNING = re.compile(r"[\dA-Za-zＡ-Ｚａ-ｚ](?:[\s()（）‐-―－-]{0,2}[\dA-Za-zＡ-Ｚａ-ｚ]){4}|[@＠]")
_SEPARATORS = re.compile(r"[^0-9A-Za-z]")


def _is_id_number(number: str) -> bool:
    """Return whether 18 characters are a citizen number: plausible birth date and right check digit (GB 11643)."""
    number = number.upper()
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return number[:17].isdigit() and int(number[6:10]) >= 1900 and bool(ric.calc_check_digit(number) == number[17])


def _is_bank_card(number: str) -> bool:
    return (
        16 <= len(number) <= 19 and number[0] != "0" and bool(luhn.is_valid(number)) and not valid_credit_code(number)
    )


def _always(_: str) -> bool:
    return True


_KINDS: Mapping[str, tuple[Spec, Callable[[str], bool]]] = {
    "email": (EMAIL, _always),
    "id_number": (ID_NUMBER, _is_id_number),
    "bank_card": (BANK_CARD, _is_bank_card),
    "mobile": (MOBILE, _always),
    "landline": (LANDLINE, _always),
    "passport": (PASSPORT, _always),
    "plate": (PLATE, _always),
}


def mask(text: str) -> str:
    """Return a text with all but its first three and last two characters hidden."""
    return text[:3] + "*" * max(len(text) - 5, 3) + text[-2:]


def _hits(text: str) -> Iterator[tuple[Spec, str]]:
    for found in _PATTERN.finditer(text):
        kind = str(found.lastgroup)
        shown = found.group()
        number = _SEPARATORS.sub("", shown)
        spec_, test = _KINDS[kind]
        if test(number):
            yield spec_, shown
        elif kind == "id_number" and _is_bank_card(number):
            yield BANK_CARD, shown


def personal(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Find personal and sensitive detail in every text that notice or page will show (R50)."""
    rules = context.rulebook
    words = rules.get("record.sensitive_words", ())
    scan = rules.get("record.personal_scan", True)
    for name in SCANNED:
        text = content.get(name)
        if not text:
            continue
        if scan and _WORTH_SCANNING.search(text):
            for kind, shown in _hits(normalise(text)):
                yield kind.at(name, label=FIELDS[name].label, excerpt=mask(shown))
        for word in words:
            if word in text:
                yield SENSITIVE_WORD.at(name, label=FIELDS[name].label, word=word)

"""Unified social credit codes (统一社会信用代码), GB 32100-2015; R42."""

from __future__ import annotations

import re
from functools import lru_cache
from operator import mul
from typing import Final

from stdnum.cn import uscc

from .errors import N_, CodeError
from .text import normalise

_LENGTH: Final = 18
_ORDER: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ALPHABET: Final = frozenset(_ORDER)
# Department, category, six digits of region, nine of the organisation. The department may be a letter (N for rural
# collectives, A, Y), which stdnum's own validate() refuses; no department is 0, which keeps out a row of zeros.
_BODY: Final = re.compile(r"[1-9A-Y][0-9A-Y][0-9]{6}[0-9A-Y]{9}")
# A code that is right as it stands, which nearly all are; the check character makes the weighted sum a multiple of 31.
_WHOLE: Final = re.compile("[1-9A-HJ-NPQRTUWXY][0-9A-HJ-NPQRTUWXY][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_VALUE: Final = {character: value for value, character in enumerate(_ORDER)}
_WEIGHTS: Final = (*(pow(3, place, 31) for place in range(17)), 1)


def validate_credit_code(text: str) -> str:
    """Return a credit code in normal form (18 characters), or raise CodeError: length, characters, structure, check."""
    if _WHOLE.fullmatch(text) and sum(map(mul, map(_VALUE.__getitem__, text), _WEIGHTS)) % 31 == 0:
        return text
    return _validate(text)


# An import repeats one registrant's code on thousands of rows.
@lru_cache(maxsize=4096)
def _validate(text: str) -> str:
    number = uscc.compact(normalise(text))
    if len(number) != _LENGTH:
        raise CodeError("credit_code_length", N_("统一社会信用代码应为18位，现为{length}位"), {"length": len(number)})
    foreign = sorted(set(number) - _ALPHABET)
    if foreign:
        raise CodeError(
            "credit_code_characters",
            N_("统一社会信用代码含有不使用的字符：{characters}（不使用 I、O、S、V、Z）"),
            {"characters": "".join(foreign)},
        )
    if uscc.calc_check_digit(_body(number[:-1])) != number[-1]:
        raise CodeError(
            "credit_code_check", N_("统一社会信用代码{number}的校验码不符，请核对是否录入有误"), {"number": number}
        )
    return number


def make_credit_code(body17: str) -> str:
    """Complete the first 17 characters with their check character; CodeError when they cannot begin a code."""
    body = uscc.compact(normalise(body17))
    return body + str(uscc.calc_check_digit(_body(body)))


def _body(body: str) -> str:
    if _BODY.fullmatch(body) and _ALPHABET.issuperset(body):
        return body
    raise CodeError(
        "credit_code_structure",
        N_("统一社会信用代码前17位结构不符：第3至8位应为数字，首位不为0：{body}"),
        {"body": body},
    )

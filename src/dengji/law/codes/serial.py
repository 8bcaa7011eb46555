"""Serial numbers of applications (申请流水号): the Shanghai date and a running number, as in the national notices."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from .errors import N_, CodeError
from .text import normalise

_DIGITS: Final = 6
LAST_SEQUENCE: Final = 10**_DIGITS - 1
_PATTERN: Final = re.compile(rf"([0-9]{{4}})([0-9]{{2}})([0-9]{{2}})([0-9]{{{_DIGITS}}})")


def format_serial(day: date, sequence: int) -> str:
    """Return the 14 digits yyyyMMdd + sequence; CodeError unless 1 ≤ sequence ≤ 999999 and the year has four digits."""
    if not 1 <= sequence <= LAST_SEQUENCE:
        raise CodeError(
            "serial_exhausted",
            N_("当日流水号只能为1至{last}，现为{sequence}"),
            {"last": LAST_SEQUENCE, "sequence": sequence},
        )
    return f"{day.year:04d}{day.month:02d}{day.day:02d}{sequence:0{_DIGITS}d}"


def parse_serial(text: str) -> tuple[date, int]:
    """Split a serial into its Shanghai date and running number; CodeError when it is not one."""
    match = _PATTERN.fullmatch(normalise(text))
    try:
        if match:
            year, month, day, sequence = map(int, match.groups())
            if sequence:
                return date(year, month, day), sequence
    except ValueError:
        pass
    raise CodeError("serial_format", N_("流水号应为14位数字（年月日加6位顺序号）：{text}"), {"text": text})

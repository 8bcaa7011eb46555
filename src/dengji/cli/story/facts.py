"""The facts of the example as packaged: what was published, what was derived, what is made up (records.toml)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class Record:
    """One real public notice; `intro` is in our own words, `drafted` and `last_day` are derived, times in UTC."""

    key: str
    name: str
    registrant: str
    registrant_type: str
    region: str
    industries: list[str]
    published_serial: str
    drafted: datetime
    notice_from: datetime
    notice_to: datetime
    last_day: date
    intro: str
    content_is_example: bool = False


@dataclass(frozen=True)
class Unit:
    """A made-up organisation of the example (示例)."""

    key: str
    name: str
    kind: str
    region: str


@dataclass(frozen=True)
class Account:
    """One account of the example: named after its role, never after a person."""

    username: str
    name: str
    role: str


_TABLE: dict[str, Any] = tomllib.loads(resources.files(__package__).joinpath("records.toml").read_text("utf-8"))
ABOUT: dict[str, Any] = _TABLE["about"]
MARK = f"{ABOUT['mark']} / {ABOUT['mark_en']}"
#: Where the legal clock of a fresh demonstration node must begin for the example to keep its real dates.
LEGAL_START: datetime = ABOUT["legal_start"]
RECORDS: tuple[Record, ...] = tuple(Record(**row) for row in _TABLE["records"])
OTHERS: tuple[dict[str, Any], ...] = tuple(_TABLE["others"])
EXAMPLE: dict[str, str] = _TABLE["example"]
UNITS: tuple[Unit, ...] = tuple(Unit(**row) for row in _TABLE["units"])
ACCOUNTS: tuple[Account, ...] = tuple(Account(**row) for row in _TABLE["accounts"])

"""Registration codes (登记结果查询码): opaque, never parsed; issuers and checkers plug in (N26 Arts. 13–14, R70)."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, Protocol

from .errors import N_, CodeError
from .serial import parse_serial
from .text import read_table

_TABLE: Final = read_table("numbering.toml")
MAX_LENGTH: Final[int] = _TABLE["code"]["max_length"]
DEMONSTRATION_PREFIX: Final[str] = _TABLE["demonstration"]["prefix"]
LOCAL_PREFIX: Final[str] = _TABLE["local"]["prefix"]
_ALPHABET: Final[str] = _TABLE["random"]["alphabet"]
_PATTERN: Final = re.compile(_TABLE["code"]["pattern"])
_SLUG: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class Issuer(Protocol):
    """What assigns codes: every code begins with `prefix` and is never given twice."""

    @property
    def prefix(self) -> str:
        """The text with which each code of this issuer begins."""

    def issue(self, now: datetime, data_type: str, region: str) -> str:
        """Return a new code for a registration of this type and region, at this legal time."""


class Checker(Protocol):
    """What judges a code that somebody presents."""

    def check(self, text: str) -> str:
        """Return the code in normal form or raise CodeError."""


@dataclass(frozen=True)
class _RandomIssuer:
    """Codes of which nothing can be guessed or read off: at least 64 random bits from the system."""

    prefix: str
    groups: int
    group_length: int

    def issue(self, now: datetime, data_type: str, region: str) -> str:
        """Return a new random code; time, type and region deliberately leave no trace in it."""
        parts = ("".join(secrets.choice(_ALPHABET) for _ in range(self.group_length)) for _ in range(self.groups))
        return self.prefix + "-".join(parts)


class DemoIssuer(_RandomIssuer):
    """The issuer of demonstration nodes; production refuses its prefix for ever."""

    def __init__(self) -> None:
        table = _TABLE["demonstration"]
        super().__init__(table["prefix"], table["groups"], table["group_length"])


class NationalIssuer(_RandomIssuer):
    """The issuer of a node that plays the nation, until the national coding specification is public."""

    def __init__(self) -> None:
        table = _TABLE["national"]
        super().__init__(table["prefix"], table["groups"], table["group_length"])


@dataclass(frozen=True)
class OpaqueChecker:
    """Accepts every well-formed code of its side of the line between demonstration and production."""

    demonstration: bool

    def check(self, text: str) -> str:
        """Return the code in normal form or raise CodeError."""
        return check_code(text, demonstration=self.demonstration)


ISSUERS: Final[Mapping[str, Issuer]] = MappingProxyType({"demo": DemoIssuer(), "national": NationalIssuer()})
CHECKERS: Final[Mapping[str, Checker]] = MappingProxyType(
    {"demo": OpaqueChecker(demonstration=True), "national": OpaqueChecker(demonstration=False)}
)


def check_code(text: str, *, demonstration: bool) -> str:
    """Return a registration code in normal form (NFC, ≤ 64 characters), or raise CodeError.

    Production refuses the demonstration prefix in any case of letters; a demonstration accepts nothing else.
    """
    code = unicodedata.normalize("NFC", text).strip()
    if is_local_number(code):
        raise CodeError("code_is_local", N_("{text}是本地登记流水编码，不是登记结果查询码"), {"text": code})
    if not code or len(code) > MAX_LENGTH:
        raise CodeError("code_length", N_("登记结果查询码应为1至{max}个字符"), {"max": MAX_LENGTH})
    if not _PATTERN.fullmatch(code):
        raise CodeError("code_characters", N_("登记结果查询码含有不允许的字符：{text}"), {"text": code})
    is_demo = code.upper().startswith(DEMONSTRATION_PREFIX)
    if is_demo and not demonstration:
        raise CodeError("code_is_demonstration", N_("{text}是演示编码，不得用于正式登记"), {"text": code})
    if demonstration and not is_demo:
        raise CodeError(
            "code_not_demonstration", N_("演示系统只使用以{prefix}开头的编码"), {"prefix": DEMONSTRATION_PREFIX}
        )
    return code.upper() if is_demo else code


def local_number(register_slug: str, serial: str) -> str:
    """Return the local number (本地登记流水编码) of an application: unique per register, and never a code.

    The slug is lower-case ASCII words joined by hyphens, the serial 14 digits; CodeError otherwise.
    """
    if not _SLUG.fullmatch(register_slug):
        raise CodeError(
            "register_slug", N_("登记簿标识只能使用小写字母、数字和连字符：{slug}"), {"slug": register_slug}
        )
    parse_serial(serial)
    return f"{LOCAL_PREFIX}{register_slug}-{serial}"


def is_local_number(text: str) -> bool:
    """Tell a local number from a code by how it begins."""
    return text.startswith(LOCAL_PREFIX)

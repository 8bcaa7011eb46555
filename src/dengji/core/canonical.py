"""Canonical JSON (RFC 8785) for the subset the log allows: text in NFC, integers, booleans, arrays, objects."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import orjson

_MAX_SAFE = 2**53 - 1
#: By far the most frequent kinds, told before the dearer questions.
_AS_THEY_ARE = frozenset({str, bool, int})


class _UnfitError(ValueError):
    """A value that the log does not allow; learns its place on the way up, so that good values pay nothing for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = ""


def _check(value: Any) -> Any:
    kind = type(value)
    if kind is str:
        return value if value.isascii() else unicodedata.normalize("NFC", value)
    if kind is bool:
        return value
    if kind is int:
        if abs(value) > _MAX_SAFE:
            raise _UnfitError("integer beyond 2^53-1")
        return value
    if kind is dict:
        return _check_members(value)
    if kind in (list, tuple):
        try:
            return [_check(item) for item in value]
        except _UnfitError as unfit:
            unfit.path = "[]" + unfit.path
            raise
    raise _UnfitError(f"{kind.__name__} cannot stand in canonical JSON (absent, never null; integers only)")


def _check_members(value: dict[Any, Any]) -> dict[str, Any]:
    checked = {}
    for key, item in value.items():
        if type(key) is not str or not key.isascii():
            raise _UnfitError("object keys must be ASCII text")
        if type(item) is str and item.isascii():
            checked[key] = item
            continue
        try:
            checked[key] = _check(item)
        except _UnfitError as unfit:
            unfit.path = f".{key}{unfit.path}"
            raise
    return checked


def canonical(value: Any) -> bytes:
    """Return the RFC 8785 form of a value; raises ValueError for floats, nulls, non-ASCII keys, lone surrogates.

    With ASCII keys the byte order of orjson equals RFC 8785's UTF-16 order, and its escapes are the same.
    """
    try:
        checked = _check(value)
    except _UnfitError as unfit:
        raise ValueError(f"${unfit.path}: {unfit.reason}") from None
    try:
        return orjson.dumps(checked, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise ValueError(str(error)) from error


def digest(data: bytes, algorithm: str = "sha256") -> str:
    """Return `alg:hex` of some bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def salted_digest(salt: bytes, value: Any) -> str:
    """Return the `sha256:` commitment of salt ‖ JCS(value) that stands in a log in place of private content."""
    return digest(salt + canonical(value))


def timestamp(instant: datetime) -> str:
    """Return RFC 3339 UTC with three decimals and Z; raises ValueError for a naive datetime."""
    if instant.tzinfo is None:
        raise ValueError("a time in the log must carry its zone")
    # An eighth of what strftime takes; every entry that is made or checked has one.
    return instant.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def plain_dict(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy with dates as text and empty members left out, fit for `canonical` and for jsonb columns."""
    return {k: plain(v) for k, v in value.items() if v is not None}


def plain(value: Any) -> Any:
    """Return a value with dates as text and empty members of objects left out."""
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):  # last, because it is the dearest question
        return plain_dict(value)
    return value if isinstance(value, (str, bool, int)) else str(value)

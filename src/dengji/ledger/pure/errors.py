"""The one error of the pure half; whatever bytes a parser is given, it raises nothing else."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from dengji.core.errors import N_, DomainError


class LedgerError(DomainError):
    """Something from outside is not what it claims to be; `code` says what, `params` where."""


def unbase64(text: str, code: str) -> bytes:
    """Return the bytes of canonical base64 (RFC 4648 §4); raises LedgerError with `code` for any other text."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    # Two spellings of one value would let a byte of a signed file change unnoticed.
    if not data or base64.b64encode(data).decode() != text:
        raise LedgerError(code, N_("不是规范的 Base64 编码"))
    return data


def refuse(code: str, message: str, **params: Any) -> LedgerError:
    """Return the error to raise for `code`, a Chinese message id and its parameters."""
    return LedgerError(code, message, params=params or None)

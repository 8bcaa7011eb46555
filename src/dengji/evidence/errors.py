"""The one error of an evidence deposit."""

from __future__ import annotations

from typing import Any

from dengji.core.errors import DomainError

#: How the command line tells them apart: wrong use, an answer that is "no", failure (design §8).
WRONG_USE, NO, FAILED = 400, 422, 500


class EvidenceError(DomainError):
    """Files cannot be hashed, or a manifest is not what it claims to be; `code` says what, `params` where."""


def refuse(code: str, message: str, *, status: int = FAILED, **params: Any) -> EvidenceError:
    """Return the error to raise for `code`, a Chinese message id and its parameters."""
    return EvidenceError(code, message, status=status, params=params or None)

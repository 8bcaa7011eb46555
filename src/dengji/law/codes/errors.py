"""The one error of this package."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # noqa: N802 - marks a message id for extraction
    """Return the Chinese message id unchanged."""
    return text


class CodeError(ValueError):
    """A code, number or region that breaks its standard: a stable `code`, a Chinese msgid template, its parameters."""

    def __init__(self, code: str, message: str, params: Mapping[str, str | int] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.params: dict[str, str | int] = dict(params or {})

    def __str__(self) -> str:
        return self.message.format(**self.params)

"""The one error a rule may raise; only views, API and CLI translate it (design §2 rule 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def N_(text: str) -> str:  # noqa: N802 - the customary name by which extractors find message ids
    """Mark a Chinese message id for extraction without translating it."""
    return text


class DomainError(Exception):
    """A rule of the register was not met.

    `code` is stable and machine-readable, `message` a Chinese message id with `{params}`, `field` the form field
    concerned, `article` the article of the Measures where the law says so, `status` the HTTP status it maps to.
    """

    def __init__(
        self,
        code: str,
        message: str,
        field: str | None = None,
        *,
        status: int = 422,
        article: str = "",
        params: Mapping[str, Any] | None = None,
        findings: tuple[Any, ...] = (),
    ) -> None:
        super().__init__(message.format(**params) if params else message)
        self.code = code
        self.message = message
        self.field = field
        self.status = status
        self.article = article
        self.params = dict(params or {})
        self.findings = findings


def not_found(what: str = N_("找不到所请求的内容，或您无权查看")) -> DomainError:
    """Return the error for an object that does not exist or lies outside the caller's scope; both look the same."""
    return DomainError("not_found", what, status=404)


def forbidden(message: str = N_("您的角色不能办理此事项"), **kw: Any) -> DomainError:
    """Return the error for an act that the caller's roles do not include."""
    return DomainError("forbidden", message, status=403, **kw)


def conflict(code: str, message: str, **kw: Any) -> DomainError:
    """Return the error for an act that does not fit the object's present state."""
    return DomainError(code, message, status=409, **kw)

"""Errors as RFC 9457 problems in the caller's language; the only place where the API translates them (design §2)."""

from __future__ import annotations

import logging
import traceback
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError

from dengji.core.errors import N_, DomainError
from dengji.law.checks import Finding
from dengji.registration.api.base import TOKEN_REJECTED, finding, say
from dengji.registration.api.content import FIELD_TYPE, FIELD_UNKNOWN

from .marks import mark

log = logging.getLogger("dengji.api")
CONTENT_TYPE = "application/problem+json"
#: Statuses that any endpoint may answer with; the OpenAPI document names them all.
STATUSES: dict[int, str] = {
    400: N_("请求不正确"),
    401: N_("请先登录：需要访问令牌"),
    403: N_("您无权办理此事项"),
    404: N_("找不到所请求的内容，或您无权查看"),
    405: N_("此地址不支持这种请求方法"),
    409: N_("与当前状态冲突"),
    410: N_("此内容已依法屏蔽"),
    413: N_("请求内容过大"),
    415: N_("不支持这种内容类型"),
    422: N_("提交的内容不符合要求"),
    429: N_("请求过于频繁：请稍后再试"),
    500: N_("系统内部错误：已记录，请凭编号联系运行单位"),
    503: N_("服务暂不可用：请稍后重试"),
}
_CODES = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    410: "content_suppressed",
    413: "too_large",
    415: "media_type",
    422: "invalid_input",
    429: "too_many_requests",
    500: "internal",
    503: "unavailable",
}
#: What pydantic calls a fault → what we tell the person.
_FAULTS: dict[str, str] = {
    "missing": N_("必填"),
    "extra_forbidden": N_("没有这一项"),
    "string_too_short": N_("过短"),
    "string_too_long": N_("过长"),
    "too_long": N_("项数过多"),
    "too_short": N_("项数过少"),
    "literal_error": N_("不是允许的取值"),
    "greater_than_equal": N_("小于允许的最小值"),
    "less_than_equal": N_("大于允许的最大值"),
    "field_unknown": FIELD_UNKNOWN,
    "field_type": FIELD_TYPE,
}


def problem(
    request: HttpRequest,
    status: int,
    *,
    code: str = "",
    title: str = "",
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> HttpResponse:
    """Return a problem answer; members that are None or empty are left out."""
    body = {
        "type": "about:blank",
        "title": title or gettext(STATUSES[status]),
        "status": status,
        "code": code or _CODES[status],
        **{name: value for name, value in more.items() if value},
    }
    response = HttpResponse(
        orjson.dumps(mark(body)),
        status=status,
        content_type=CONTENT_TYPE,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )
    # A refusal is an answer, not an event for the server's log; /metrics counts it.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def of_domain(request: HttpRequest, error: Exception) -> HttpResponse:
    """Translate the one error that rules raise."""
    assert isinstance(error, DomainError)  # noqa: S101 - registered for this class alone
    status = error.status if error.status in STATUSES else 422
    found: Sequence[Any] = [finding(f) for f in error.findings if isinstance(f, Finding)]
    retry = error.params.get("retry_after", 5 if status == 503 else None)
    return problem(
        request,
        status,
        code=error.code,
        title=say(error.message, error.params),
        field=error.field,
        article=error.article,
        findings=found,
        headers={"Retry-After": str(retry)} if retry else {},
    )


def of_validation(request: HttpRequest, error: Exception) -> HttpResponse:
    """Name the members that do not fit; never quote what was sent."""
    assert isinstance(error, ValidationError)  # noqa: S101
    errors = [_fault(e) for e in error.errors]
    return problem(request, 422, field=errors[0]["field"] if errors else None, errors=errors)


def _fault(error: Mapping[str, Any]) -> dict[str, str]:
    kind, context = str(error.get("type", "")), error.get("ctx") or {}
    place = [str(part) for part in error.get("loc", ())]
    if place and place[0] in ("body", "query", "path", "header"):
        place = place[1:]
    if place and place[0] == "body":
        place = place[1:]
    return {
        "field": str(context.get("field") or ".".join(place))[:200],
        "code": kind,
        "message": say(_FAULTS.get(kind, N_("格式不正确")), context),
    }


def of_http(request: HttpRequest, error: Exception) -> HttpResponse:
    """Translate what django-ninja raises itself; a body that cannot be read carries its reason as the cause."""
    assert isinstance(error, HttpError)  # noqa: S101
    if isinstance(error.__cause__, DomainError):
        return of_domain(request, error.__cause__)
    status = error.status_code if error.status_code in STATUSES else 400
    return problem(request, status)


def of_authentication(request: HttpRequest, error: Exception) -> HttpResponse:
    """Ask for a token, or say that the one sent is not valid."""
    sent = request.headers.get("Authorization", "")
    return problem(
        request,
        401,
        code="token_invalid" if sent else "unauthenticated",
        title=gettext(TOKEN_REJECTED) if sent else "",
        headers={"WWW-Authenticate": "Bearer"},
    )


def of_throttled(request: HttpRequest, error: Exception) -> HttpResponse:
    """Say when to come again."""
    wait = getattr(error, "wait", None)
    return problem(request, 429, headers={"Retry-After": str(max(1, int(wait or 1)))})


def of_unknown(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer 500 with a number and nothing else; the log holds where it happened, never what was in it."""
    number = uuid.uuid4()
    log_unknown(request, error, number)
    return problem(request, 500, instance=f"urn:uuid:{number}")


def log_unknown(request: HttpRequest, error: Exception, number: uuid.UUID) -> None:
    """Log an unforeseen error by class and place; its message may quote personal data and is left out."""
    places = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-8:]]
    match = request.resolver_match
    log.error(
        "internal error %s %s %s %s at %s",
        number,
        request.method,
        match.route if match else "-",
        type(error).__name__,
        " > ".join(places),
    )


def plain(status: int, *, retry: bool = False) -> Any:
    """Return a handler that answers one status."""
    headers = {"Retry-After": "2"} if retry else {}
    return lambda request, error: problem(request, status, headers=headers)


HANDLERS: dict[type[Exception], Any] = {
    Exception: of_unknown,
    DomainError: of_domain,
    ValidationError: of_validation,
    HttpError: of_http,
    AuthenticationError: of_authentication,
    Throttled: of_throttled,
    Http404: plain(404),
    RequestDataTooBig: plain(413),
    SuspiciousOperation: plain(400),
    MultiPartParserError: plain(400),
    # What the database could not take is the sender's; what it could not do just now may be tried again unchanged.
    DataError: plain(422),
    IntegrityError: plain(409),
    OperationalError: plain(503, retry=True),
    InterfaceError: plain(503, retry=True),
}

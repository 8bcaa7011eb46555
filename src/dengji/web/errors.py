"""Errors as pages: the words of a rule that was not met, and what Django itself refuses, each with a way on."""

from __future__ import annotations

import sys
import uuid
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext

from dengji.core.errors import N_, DomainError
from dengji.registration.api.base import say

from .problems import STATUSES, log_unknown

#: Status → heading, and what the reader can do about it.
_WORDS: dict[int, tuple[str, str]] = {
    400: (N_("请求不正确"), N_("请返回上一页，检查后重新提交。")),
    403: (N_("您无权办理此事项"), N_("请确认登录的账户，或请本单位管理员授予相应角色。")),
    404: (N_("找不到此页"), N_("地址可能有误，或此页已移走。")),
    405: (N_("此地址不支持这种请求方法"), N_("请从页面上的链接或按钮进入。")),
    409: (N_("与当前状态冲突"), N_("他人可能刚刚办理过。请返回并重新打开该页，查看最新状态。")),
    410: (N_("此内容已依法屏蔽"), N_("登记、变动及其日期仍可核验。")),
    413: (N_("请求内容过大"), N_("请压缩或拆分文件后重新上传。")),
    422: (N_("提交的内容不符合要求"), N_("请返回上一页，按提示修改后重新提交。")),
    429: (N_("请求过于频繁"), N_("请稍后再试。")),
    500: (N_("系统内部错误"), N_("所提交的内容可能没有保存。请稍后重试；仍不成功的，请联系运行单位。")),
    503: (N_("服务暂不可用"), N_("请稍后重试，所填内容请勿关闭。")),
}


def page(request: HttpRequest, status: int, *, said: str = "", article: str = "", **more: Any) -> HttpResponse:
    """Return the page of an error; `said` are the words of the rule, in the place of the usual advice."""
    title, advice = _WORDS.get(status, _WORDS[400])
    heading = gettext(title)
    context = {"heading": heading, "said": said if said != heading else "", "article": article, **more}
    response = render(
        request, "web/error.html", {**context, "advice": gettext(advice), "status": status}, status=status
    )
    response.headers["Cache-Control"] = "no-store"
    # A refusal is an answer, not an event for the server's log.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def of_domain(request: HttpRequest, error: DomainError) -> HttpResponse:
    """Translate the one error that rules raise."""
    status = error.status if error.status in _WORDS else 422
    response = page(
        request,
        status,
        said=say(error.message, error.params),
        article=error.article,
        findings=error.findings,
    )
    retry = error.params.get("retry_after", 5 if status == 503 else None)
    if retry:
        response.headers["Retry-After"] = str(retry)
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer what Django cannot read, or will not because there is too much of it."""
    return page(request, 413 if isinstance(exception, RequestDataTooBig) else 400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer who lacks the role."""
    return page(request, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer an address that leads nowhere."""
    return page(request, 404)


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that did not come from a page of ours, or from one opened before signing in."""
    return page(request, 403, said=gettext(N_("本页已过期：请返回上一页，刷新后重新提交。浏览器须允许本站的 Cookie。")))


def bare(status: int, number: str = "") -> HttpResponse:
    """Return the page of an error in words that need neither database nor session, as those may be the trouble."""
    title, advice = _WORDS[status]
    context = {"heading": gettext(title), "advice": gettext(advice), "number": number, "status": status}
    response = HttpResponse(render_to_string("500.html", context), status=status, headers={"Cache-Control": "no-store"})
    if status == 503:
        response.headers["Retry-After"] = "2"
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def internal(request: HttpRequest) -> HttpResponse:
    """Answer 500 with a number; the log holds under it where it happened, never what was in it."""
    error = sys.exception()
    number = uuid.uuid4()
    if isinstance(error, Exception):
        log_unknown(request, error, number)
    return bare(500, str(number))


assert set(_WORDS) <= set(STATUSES)  # noqa: S101 - a page must not know a status that the API does not

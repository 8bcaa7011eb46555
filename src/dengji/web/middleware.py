"""What every request passes: marks of a demonstration node, problems for unknown API addresses, counts for /metrics."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from dengji.core.errors import DomainError

from . import errors, health
from .marks import is_demonstration
from .problems import CONTENT_TYPE, STATUSES, problem

_API = "/api/"
_OURS = (CONTENT_TYPE, "application/json")


class Demonstration:
    """Marks every answer of a demonstration node, and keeps search engines away from it (design §3)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Add the headers."""
        response = self.get_response(request)
        if is_demonstration():
            response.headers["Dengji-Demonstration"] = "1"
            response.headers["X-Robots-Tag"] = "noindex"
        return response


class ApiProblems:
    """Under /api/ every error is a problem, also those that Django itself answers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, or translate Django's answer."""
        if not request.path_info.startswith(_API):
            return self.get_response(request)
        started = time.perf_counter()
        response = problem(request, 404) if "\0" in request.path_info else self.get_response(request)
        status = response.status_code
        if status in STATUSES and not response.headers.get("Content-Type", "").startswith(_OURS):
            allow = response.headers.get("Allow")
            response = problem(request, status, headers={"Allow": allow} if allow else {})
        match = request.resolver_match
        route = match.route if match else "unknown"
        health.count(request.method or "", route, response.status_code, time.perf_counter() - started)
        return response


class PageErrors:
    """Outside /api/ a rule that was not met becomes a page that says so; what the database cannot do now, another."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer an error of a view; None leaves it to Django."""
        if request.path_info.startswith(_API):
            return None
        if isinstance(error, DomainError):
            return errors.of_domain(request, error)
        if isinstance(error, RequestDataTooBig):
            return errors.page(request, 413)
        if isinstance(error, OperationalError | InterfaceError):
            return errors.bare(503)
        return None

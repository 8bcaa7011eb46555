"""Is the node well, and what has it done: /healthz for a load balancer, /metrics for a monitor."""

from __future__ import annotations

import threading
from collections import defaultdict

import orjson
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse

from dengji.backup import archive
from dengji.core.errors import DomainError
from dengji.core.node import identity
from dengji.ledger import checkpointing

_METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"})
_GAUGES = """
SELECT (SELECT count(*) FROM ledger_pending),
       (SELECT coalesce(max(index) + 1, 0) FROM ledger_leaf),
       (SELECT count(*) FROM registration_application
        WHERE ended_at IS NULL
          AND deadline_ends <= now() + coalesce((SELECT legal_offset FROM core_node), interval '0'))
"""
_lock = threading.Lock()
_requests: dict[tuple[str, str, int], int] = defaultdict(int)
_seconds: dict[tuple[str, str], float] = defaultdict(float)


def count(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answered request by method, route pattern and status; never by what was asked for."""
    method = method if method in _METHODS else "other"
    with _lock:
        _requests[method, route, status] += 1
        _seconds[method, route] += seconds


def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 while the database answers and the node has its identity, else 503.

    A log that contradicts itself is told as `fault`, with 200: the node still serves what its operator must look at.
    `archive` is told as `behind` where nothing was archived for minutes, which stops no act.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        identity()
        fault = checkpointing.fault_code()
    except (DatabaseError, DomainError) as error:
        code = error.code if isinstance(error, DomainError) else "database_unavailable"
        return _json({"status": "unavailable", "code": code}, 503)
    if fault:
        return _json({"status": "fault", "code": "ledger_fault", "fault": fault}, 200)
    return _json({"status": "ok", **({"archive": "behind"} if archive.behind() else {})}, 200)


def _json(body: dict[str, str], status: int) -> HttpResponse:
    return HttpResponse(
        orjson.dumps(body), status=status, content_type="application/json", headers={"Cache-Control": "no-store"}
    )


def metrics(request: HttpRequest) -> HttpResponse:
    """Answer counts in the Prometheus text format; to this machine only, unless DENGJI_METRICS_OPEN."""
    local = request.META.get("REMOTE_ADDR", "") in ("127.0.0.1", "::1", "") and "X-Forwarded-For" not in request.headers
    if not (local or settings.DENGJI_METRICS_OPEN):
        raise Http404
    lines = ["# TYPE dengji_requests_total counter"]
    with _lock:
        requests, seconds = dict(_requests), dict(_seconds)
    lines += [
        f'dengji_requests_total{{method="{method}",route="{route}",status="{status}"}} {n}'
        for (method, route, status), n in sorted(requests.items())
    ]
    lines.append("# TYPE dengji_request_seconds_total counter")
    lines += [
        f'dengji_request_seconds_total{{method="{method}",route="{route}"}} {total:.6f}'
        for (method, route), total in sorted(seconds.items())
    ]
    lines += _gauges()
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; version=0.0.4; charset=utf-8")


def _gauges() -> list[str]:
    try:
        with connection.cursor() as cursor:
            cursor.execute(_GAUGES)
            values = cursor.fetchone()
    except DatabaseError:
        return ["# TYPE dengji_up gauge", "dengji_up 0"]
    names = ("dengji_ledger_pending", "dengji_ledger_size", "dengji_applications_overdue")
    pairs = [("dengji_up", 1), *zip(names, values, strict=True)]
    return [line for name, value in pairs for line in (f"# TYPE {name} gauge", f"{name} {value}")]

"""The page on which a registrant hashes files locally (存证, Measures Art. 7, R61): no byte of them is ever sent."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from pathlib import Path

from csp.decorators import csp_replace, csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dengji.evidence.construction import CHUNK_SIZE
from dengji.law.record import FIELDS

_WORKER = Path(__file__).parent / "static" / "web" / "evidence-worker.js"
_FIGURES = (
    "evidence_method",
    "evidence_algorithm",
    "evidence_digest",
    "evidence_size",
    "evidence_count",
    "evidence_time",
)
#: What the browser is told to enforce: neither the page nor its worker may send anything anywhere.
_SENDS_NOTHING = {"connect-src": ["'none'"], "form-action": ["'none'"]}


@require_safe
@csp_update({"worker-src": ["'self'"]})
@csp_replace(_SENDS_NOTHING)
def page(request: HttpRequest) -> HttpResponse:
    """Show the page; all its work is done in the browser."""
    english = request.LANGUAGE_CODE.startswith("en")
    figures = [(name, FIELDS[name].label_en if english else FIELDS[name].label) for name in _FIGURES]
    method = FIELDS["evidence_method"].labels["hash"]["en" if english else "zh"]
    context = {"figures": figures, "method": method, "chunk_size": CHUNK_SIZE, "version": version("dengji")}
    return render(request, "web/evidence.html", context)


@cache
def _script() -> bytes:
    return _WORKER.read_bytes()


@require_safe
@csp_replace(_SENDS_NOTHING)
def worker(request: HttpRequest) -> HttpResponse:
    """Send the worker's script; from here, because a worker obeys the policy of its own response."""
    headers = {"Cache-Control": "no-cache"}
    return HttpResponse(_script(), content_type="text/javascript; charset=utf-8", headers=headers)

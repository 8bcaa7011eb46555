"""Files handed over by a page: shown in a frame that loads and runs nothing, or kept as a file, never cached."""

from __future__ import annotations

from urllib.parse import quote

from django.http import HttpResponse

#: Sandboxed: no script, no form, no origin of ours. The PDF reader of a browser works within it; where an old one does
#: not, the file can still be downloaded.
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'none'; sandbox"
)
#: What a browser may show by itself; all else is only handed over.
SHOWN = ("application/pdf", "image/png", "image/jpeg")


def secure(response: HttpResponse) -> HttpResponse:
    """Let nothing in a file load, run, be sniffed for another type, or be kept by a browser."""
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def shown(content_type: str, data: bytes) -> HttpResponse:
    """Answer with a file of one of the types `SHOWN`, to be looked at in the browser."""
    return secure(HttpResponse(data, content_type=content_type, headers={"Content-Disposition": "inline"}))


def attached(name: str, data: bytes, content_type: str = "application/octet-stream") -> HttpResponse:
    """Answer with a file to be kept under a name, never opened in the page."""
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return secure(HttpResponse(data, content_type=content_type, headers={"Content-Disposition": disposition}))


def handed(name: str, content_type: str, data: bytes, *, keep: bool = False) -> HttpResponse:
    """Answer with a file: shown where the browser can and `keep` is not asked for, else attached."""
    if content_type in SHOWN and not keep:
        return shown(content_type, data)
    return attached(name, data, content_type)

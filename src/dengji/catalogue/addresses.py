"""Where a record's page is on this site, also under a path prefix and for codes that a route could not be made of."""

from __future__ import annotations

from urllib.parse import quote

from django.urls import get_script_prefix


def record(code: str) -> str:
    """Return the address of the page of a code."""
    return f"{get_script_prefix()}r/{quote(code, safe='')}"

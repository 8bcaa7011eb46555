"""Stable addresses: the same record has the same IRI in every export, whatever host it was asked at."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from django.conf import settings

_LOCAL = "http://127.0.0.1:8000"


def base() -> str:
    """Return the node's public address without a slash at the end.

    DENGJI_PUBLIC_URL, else https at the log's name, else, for a node that has no name yet, this machine.
    """
    if given := getattr(settings, "DENGJI_PUBLIC_URL", ""):
        return str(given).rstrip("/")
    origin = str(settings.DENGJI_ORIGIN)
    return f"https://{origin}" if "." in origin else _LOCAL


def host() -> str:
    """Return the host name of the public address."""
    return urlsplit(base()).hostname or "localhost"


def record(code: str) -> str:
    """Return the IRI of a registration: its page, and its DCAT record."""
    return f"{base()}/r/{quote(code, safe='')}"


def dataset(code: str) -> str:
    """Return the IRI of what is registered."""
    return f"{record(code)}#dataset"


def industry(code: str) -> str:
    """Return the IRI of a division of GB/T 4754."""
    return f"{base()}/id/industry/{code}"


def region(code: str) -> str:
    """Return the IRI of a region of GB/T 2260."""
    return f"{base()}/id/region/{code}"

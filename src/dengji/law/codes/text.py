"""How typed codes are brought into one form."""

from __future__ import annotations

import tomllib
import unicodedata
from importlib import resources
from typing import Any


def normalise(text: str) -> str:
    """Return a code in compatibility form (full width → half width), in capitals, without surrounding space."""
    return unicodedata.normalize("NFKC", text).strip().upper()


def read_table(name: str) -> dict[str, Any]:
    """Read one of this package's TOML tables."""
    return tomllib.loads(resources.files(__package__).joinpath(name).read_text("utf-8"))

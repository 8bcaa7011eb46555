"""The checks' own word lists, read once from words.toml."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any

_TABLE: dict[str, Any] = tomllib.loads(resources.files(__package__).joinpath("words.toml").read_text("utf-8"))

ORGAN_DIVISIONS: frozenset[str] = frozenset(_TABLE["organ_divisions"]["value"])
PLACEHOLDERS: frozenset[str] = frozenset(_TABLE["placeholders"]["value"])
SENTENCE_ENDS: tuple[str, ...] = tuple(_TABLE["sentence_ends"]["value"])
PERSONAL_ITEMS: tuple[str, ...] = tuple(_TABLE["personal_items"]["value"])
INDUSTRY_SCORE: int = _TABLE["industry_score"]["value"]
EMPTY_DIGESTS: frozenset[str] = frozenset(_TABLE["empty_digests"]["value"])

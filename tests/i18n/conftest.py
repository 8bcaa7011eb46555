"""The English catalogue: as it stands in the tree, as the sources want it, and compiled where it is not."""

from __future__ import annotations

import gettext
import os
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.utils.translation import trans_real

ROOT = Path(__file__).resolve().parents[2]
PO = ROOT / "src/dengji/locale/en/LC_MESSAGES/django.po"
KEYWORDS = {**DEFAULT_KEYWORDS, "N_": None, "C_": ((1, "c"), 2), "_": None, "gettext": None, "gettext_lazy": None}
#: A message is told apart by its context and its text.
Key = tuple[str | None, str]


@pytest.fixture(scope="session")
def extracted() -> dict[Key, str]:
    """Every message of the sources as `make messages` finds it, with the place of one of its uses."""
    with (ROOT / "babel.cfg").open() as mapping:
        methods, options = parse_mapping_cfg(mapping)
    found: dict[Key, str] = {}
    for file, line, message, _, context in extract_from_dir(ROOT / "src", _under_src(methods), options, KEYWORDS):
        assert isinstance(message, str), f"{file}:{line}: plural forms are not in use"
        found[context, message] = f"src/{file}:{line}"
    return found


def _under_src(methods: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(pattern.removeprefix("src/"), method) for pattern, method in methods]


@pytest.fixture(scope="session")
def catalogue() -> Catalog:
    """The English catalogue of the tree."""
    with PO.open("rb") as file:
        return read_po(file, locale="en")


@pytest.fixture(scope="session", autouse=True)
def _compiled(catalogue: Catalog) -> None:
    """Compile the catalogue where it is missing or older than its source; put in place at once, for other workers."""
    mo = PO.with_suffix(".mo")
    if not mo.exists() or mo.stat().st_mtime < PO.stat().st_mtime:
        made = mo.with_suffix(f".{os.getpid()}")
        with made.open("wb") as file:
            write_mo(file, catalogue)
        made.replace(mo)
        trans_real._translations.clear()
        gettext._translations.clear()  # type: ignore[attr-defined]

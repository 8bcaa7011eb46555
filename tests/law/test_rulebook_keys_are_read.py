"""Every setting of a rulebook does something, or says of itself that it is words for people to read."""

from __future__ import annotations

from pathlib import Path

import pytest

import dengji
from dengji.law.procedure import KINDS
from dengji.law.record import FIELDS
from dengji.law.rulebook import KEYS

SOURCES = "\n".join(path.read_text("utf-8") for path in Path(dengji.__file__).parent.rglob("*.py"))
#: Keys that the code puts together from the kind of application or of data.
COMPOSED = {
    *(f"notice.{kind}" for kind in KINDS),
    *(f"materials.required.{kind}" for kind in KINDS),
    *(f"materials.required.first.{kind}" for kind in FIELDS["data_type"].labels),
}
COMPOSED_BY = ('f"notice.{', 'f"materials.required.{')


def read(key: str) -> bool:
    """Whether the program asks for this setting by name."""
    return f'"{key}"' in SOURCES or key in COMPOSED


@pytest.mark.parametrize("key", sorted(KEYS))
def test_a_setting_acts_or_says_that_it_does_not(key: str) -> None:
    assert read(key) != KEYS[key].stated


def test_composed_keys_are_still_composed() -> None:
    assert all(prefix in SOURCES for prefix in COMPOSED_BY)


def test_a_setting_that_nobody_reads_is_found() -> None:
    assert not read("notice.of_nothing")

"""Who sees which field when: default closed, and the statutory four at the notice (Arts. 6, 12, 19)."""

from __future__ import annotations

import importlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dengji.law import record, visibility
from dengji.law.visibility import STAGES, TABLE, visible, visible_fields

FOUR = {"registrant_name", "data_type", "name", "intro"}
FULL = dict.fromkeys(record.FIELDS, "x")


def test_the_notice_shows_the_four_statutory_items_and_nothing_else() -> None:
    assert set(visible(FULL, "notice")) == FOUR
    assert set(visible_fields("notice")) == FOUR


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_shows_a_personal_field_or_where_data_lie(stage: str) -> None:
    shown = set(visible(FULL, stage))
    assert not shown & record.PERSONAL
    assert not shown & {"storage_location", "storage_mode", "agreement_party", "grade", "risk_assessment_conclusion"}


def test_every_field_has_a_row_and_every_row_known_stages() -> None:
    assert TABLE.keys() == record.FIELDS.keys()
    assert all(stages <= set(STAGES) for stages in TABLE.values())


def test_what_the_notice_shows_stays_visible_later() -> None:
    for stage in STAGES:
        assert set(visible(FULL, stage)) >= FOUR


@given(st.dictionaries(st.text(max_size=12), st.integers()), st.text(max_size=8))
def test_unknown_fields_and_stages_are_closed(content: dict[str, int], stage: str) -> None:
    unknown = {k: v for k, v in content.items() if k not in record.FIELDS}
    assert all(visible(unknown, s) == {} for s in STAGES)
    if stage not in STAGES:
        assert visible(FULL, stage) == {}


def test_a_field_without_a_row_stops_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(record.FIELDS, "undecided", record.FIELDS["name"])
        with pytest.raises(RuntimeError, match="undecided"):
            importlib.reload(visibility)
    importlib.reload(visibility)

"""Canonical JSON: one form for one value, and nothing that has two (RFC 8785, design §5)."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dengji.core.canonical import canonical, digest, plain, plain_dict, salted_digest, timestamp

ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ASCII, inner, max_size=4),
    max_leaves=12,
)


def normal(value: Any) -> Any:
    """A value with every text in NFC."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, list):
        return [normal(v) for v in value]
    return {k: normal(v) for k, v in value.items()} if isinstance(value, dict) else value


@given(VALUES)
def test_it_says_the_same_in_sorted_order_without_spaces(value: Any) -> None:
    text = canonical(value)
    expected = json.dumps(normal(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert json.loads(text) == normal(value)
    # Python escapes DEL and the like as RFC 8785 does; compare where both write plain text.
    if expected.isprintable():
        assert text.decode() == expected


@given(VALUES)
def test_the_canonical_form_is_its_own(value: Any) -> None:
    assert canonical(json.loads(canonical(value))) == canonical(value)


@pytest.mark.parametrize(
    "value", [1.5, None, {"a": None}, [None], {1: "x"}, {"键": 1}, 2**53, -(2**53), b"x", {"a": {"b": 0.0}}, "\ud800"]
)
def test_what_has_no_single_form_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical(value)


def test_composed_and_decomposed_text_are_one() -> None:
    assert canonical("é") == canonical("e\u0301")


def test_digests_name_their_algorithm() -> None:
    assert digest(b"abc") == "sha256:" + hashlib.sha256(b"abc").hexdigest()
    assert digest(b"abc", "sm3").startswith("sm3:")
    one, two = salted_digest(b"\0" * 32, {"a": 1}), salted_digest(b"\1" * 32, {"a": 1})
    assert one != two and one == "sha256:" + hashlib.sha256(b"\0" * 32 + b'{"a":1}').hexdigest()


def test_times_are_utc_with_three_decimals() -> None:
    shanghai = timezone(timedelta(hours=8))
    assert timestamp(datetime(2026, 9, 17, 8, 0, 0, 123999, shanghai)) == "2026-09-17T00:00:00.123Z"
    with pytest.raises(ValueError, match="zone"):
        timestamp(datetime(2026, 9, 17))  # noqa: DTZ001


def test_plain_leaves_out_what_is_absent() -> None:
    made = plain(
        {
            "none": None,
            "day": date(2026, 9, 17),
            "at": datetime(2026, 9, 17, tzinfo=UTC),
            "id": UUID(int=1),
            "list": (1, {"x": None, "y": True}),
        }
    )
    assert made == {
        "day": "2026-09-17",
        "at": "2026-09-17T00:00:00.000Z",
        "id": str(UUID(int=1)),
        "list": [1, {"y": True}],
    }
    assert plain_dict({"a": None, "b": date(2026, 1, 2)}) == {"b": "2026-01-02"}
    canonical(made)

"""The reference pages say what the code's tables say."""

from __future__ import annotations

import pytest

from tools import reference


@pytest.mark.parametrize("name", sorted(reference.PAGES))
def test_the_page_is_up_to_date(name: str) -> None:
    assert (reference.HERE / name).read_text("utf-8") == reference.text(name), "run `make reference`"

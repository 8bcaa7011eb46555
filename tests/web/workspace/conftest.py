"""Static files straight from the sources: nothing need be collected for a page."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _static(settings: Any) -> None:
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True

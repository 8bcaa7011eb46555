"""The pages of the figures in a real browser, without JavaScript: no barrier is found, nothing runs off the screen."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIServer, make_server

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.wsgi import get_wsgi_application
from playwright.sync_api import sync_playwright

from dengji.core.clock import legal_now
from tests.browser.test_evidence import ARGS, CHROMIUM, _Quiet
from tests.catalogue import kit
from tests.factories import world as w

pytestmark = pytest.mark.browser


@pytest.fixture
def address(committed: str, settings: Any) -> Iterator[str]:
    """A server of this process on a port of its own, over a database in which acts are committed."""
    settings.DENGJI_RATE_LIMITS = False
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    server = make_server("127.0.0.1", 0, get_wsgi_application(), WSGIServer, _Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.long
def test_no_barrier_is_found_on_the_pages_of_figures(address: str, tmp_path: Path, settings: Any) -> None:
    for _ in kit.mixed(w.build()):
        kit.catch_up()
    shots = Path(os.environ.get("DENGJI_SHOTS") or tmp_path)
    paths = {
        "figures": "/statistics",
        "drilled": "/statistics?section=G&region=62",
        "disclosed": f"/statistics/disclosure?period={legal_now():%Y}",
        "refused": "/statistics?to=never",
    }
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        try:
            for language, width in (("zh-CN", 1200), ("en", 390)):
                context = browser.new_context(locale=language, viewport={"width": width, "height": 900})
                page = context.new_page()
                for name, path in paths.items():
                    page.goto(address + path)
                    page.screenshot(path=shots / f"{name}-{language}.png", full_page=True)
                    assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, language)
                    found = Axe().run(page).response["violations"]
                    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], (name, language)
        finally:
            browser.close()

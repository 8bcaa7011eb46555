"""The design in a real browser: both themes, both languages, narrow and enlarged, with nothing the policy refuses."""

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
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.test_evidence import ARGS, CHROMIUM, _Quiet
from tests.catalogue import kit
from tests.factories import world as w

pytestmark = [pytest.mark.browser, pytest.mark.long]
PATHS = {"styleguide": "/styleguide/", "home": "/", "search": "/search", "statistics": "/statistics", "none": "/none"}


@pytest.fixture
def address(committed: str, settings: Any) -> Iterator[str]:
    """A server of this process over a register with something in it."""
    settings.DENGJI_RATE_LIMITS = False
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    for n, _ in enumerate(kit.mixed(w.build())):
        if n > 6:
            break
    kit.catch_up()
    server = make_server("127.0.0.1", 0, get_wsgi_application(), WSGIServer, _Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def _too_wide(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def test_no_barrier_and_no_width_too_much_in_both_themes_and_languages(address: str, tmp_path: Path) -> None:
    shots = Path(os.environ.get("DENGJI_SHOTS") or tmp_path)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        try:
            # 640 px is what a window of 1280 px has left at 200 % zoom.
            for theme, language, widths in (
                ("standard", "zh-CN", (1280, 640)),
                ("standard", "en", (1280, 320)),
                ("elder", "zh-CN", (1280, 320)),
                ("elder", "en", (640, 320)),
            ):
                page = browser.new_context(locale=language, viewport={"width": 1280, "height": 900}).new_page()
                faults: list[str] = []
                page.on("console", lambda said, kept=faults: kept.append(said.text) if said.type == "error" else None)
                for name, path in PATHS.items():
                    page.goto(f"{address}{path}?theme={theme}")
                    assert page.evaluate("document.documentElement.dataset.theme || 'standard'") == theme
                    for width in widths:
                        page.set_viewport_size({"width": width, "height": 900})
                        page.screenshot(path=shots / f"{name}-{theme}-{language}-{width}.png", full_page=True)
                        assert not _too_wide(page), (name, theme, language, width)
                    found = Axe().run(page).response["violations"]
                    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], (name, theme, language)
                assert [said for said in faults if "404" not in said] == []
                page.goto(f"{address}/statistics")
                assert page.evaluate("document.documentElement.dataset.theme || 'standard'") == theme
                expect(page.locator("[data-chart] svg")).to_have_count(1)
                expect(page.locator("svg.chart")).to_be_hidden()
        finally:
            browser.close()


def test_focus_is_seen_the_summary_leads_to_its_field_and_a_page_is_light(address: str) -> None:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        try:
            page = browser.new_context(locale="zh-CN").new_page()
            page.goto(address)
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.textContent") == "跳到正文"
            for _ in range(12):
                page.keyboard.press("Tab")
                seen = "e => e.outlineStyle !== 'none' && parseFloat(e.outlineWidth) >= 3"
                assert page.evaluate(f"({seen})(getComputedStyle(document.activeElement))"), page.evaluate(
                    "document.activeElement.outerHTML"
                )
            page.goto(f"{address}/styleguide/")
            assert page.evaluate("document.activeElement.matches('.error-summary')")
            page.locator(".error-summary a").first.click()
            assert page.evaluate("document.activeElement.id") == "wrong_name"
        finally:
            browser.close()

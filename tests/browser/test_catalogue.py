"""The pages of the catalogue in a real browser: suggestions, keyboard, no script, no barrier, no width too much."""

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
from playwright.sync_api import Browser, expect, sync_playwright

from dengji.catalogue import index
from dengji.catalogue.models import Item
from tests.browser.test_evidence import ARGS, CHROMIUM, _Quiet
from tests.catalogue import kit
from tests.factories import world as w

pytestmark = pytest.mark.browser


@pytest.fixture
def address(committed: str, tmp_path: Path, settings: Any) -> Iterator[str]:
    """A server of this process over a register with some of everything, followed and indexed."""
    settings.DENGJI_RATE_LIMITS = False
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    settings.DENGJI_DATA_DIR = tmp_path
    settings.DENGJI_SEARCH = "auto"
    index.forget()
    for _ in kit.mixed(w.build()):
        pass
    kit.catch_up()
    index.make()
    server = make_server("127.0.0.1", 0, get_wsgi_application(), WSGIServer, _Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    index.forget()


@pytest.fixture
def codes(address: str) -> dict[str, str]:
    """State → code of a registration; read before the browser starts, whose loop forbids the database."""
    found = {item.state: item.code for item in Item.objects.filter(suppressed=False).order_by("rank")}
    return found | {"suppressed": Item.objects.get(suppressed=True).code}


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        try:
            yield started
        finally:
            started.close()


@pytest.mark.long
def test_no_barrier_is_found_and_nothing_is_too_wide(
    address: str, codes: dict[str, str], browser: Browser, tmp_path: Path
) -> None:
    shots = Path(os.environ.get("DENGJI_SHOTS") or tmp_path)
    paths = {
        "home": "/",
        "search": "/search",
        "words": "/search?q=示例&industry=G&region=62&state=VALID",
        "nothing": "/search?q=乌有之事&state=REVOKED",
        "refused": "/search?region=99",
        "record": f"/r/{codes['VALID']}",
        "cancelled": f"/r/{codes['CANCELLED']}",
        "suppressed": f"/r/{codes['suppressed']}",
        "unknown": "/r/DEMO-NONE",
    }
    for language, width in (("zh-CN", 1280), ("en", 390)):
        page = browser.new_context(locale=language, viewport={"width": width, "height": 900}).new_page()
        faults: list[str] = []
        page.on("console", lambda said, kept=faults: kept.append(said.text) if said.type == "error" else None)
        for name, path in paths.items():
            page.goto(address + path)
            page.screenshot(path=shots / f"{name}-{language}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, language)
            found = Axe().run(page).response["violations"]
            assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], (name, language)
        assert [said for said in faults if "404" not in said and "422" not in said] == []


def test_typing_suggests_and_enter_searches(address: str, browser: Browser) -> None:
    page = browser.new_context(locale="zh-CN").new_page()
    page.goto(f"{address}/search")
    box = page.get_by_label("检索登记")
    box.press_sequentially("独一无二", delay=20)
    page.locator("#suggestions option").first.wait_for(state="attached")
    told = page.eval_on_selector_all("#suggestions option", "all => all.map(one => one.value)")
    assert told and all("独一无二" in one for one in told)
    box.press("Enter")
    page.wait_for_url("**/search?q=**")
    expect(page.locator(".hits li")).to_have_count(3)
    expect(page.locator(".hits mark").first).to_have_text("独一无二")
    page.get_by_role("region", name="筛选条件").get_by_role("link", name="有效").click()
    page.wait_for_url("**state=VALID**")
    expect(page.locator(".chips").get_by_text("有效")).to_have_count(1)


def test_without_a_script_all_is_found_and_paged(address: str, browser: Browser) -> None:
    page = browser.new_context(locale="zh-CN", java_script_enabled=False).new_page()
    page.goto(address)
    page.get_by_label("检索登记").fill("示例")
    page.get_by_role("button", name="检索").click()
    first = page.locator(".hits h3 a").first.inner_text()
    page.get_by_role("link", name="下一页").click()
    expect(page.locator(".hits h3 a").first).not_to_have_text(first)
    page.get_by_role("link", name="上一页").click()
    expect(page.locator(".hits h3 a").first).to_have_text(first)
    page.locator(".hits h3 a").first.click()
    expect(page.locator("h1")).to_contain_text(first)
    assert page.get_by_role("button", name="复制").count() == 0


def test_a_code_can_be_copied(address: str, codes: dict[str, str], browser: Browser) -> None:
    context = browser.new_context(locale="zh-CN", permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    code = codes["VALID"]
    page.goto(f"{address}/r/{code}")
    page.get_by_role("button", name="复制", exact=True).click()
    page.get_by_role("button", name="已复制").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == code

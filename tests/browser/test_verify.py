"""/verify in a real browser: a QR code is read out of a picture on the device, and another host is never followed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import segno
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.test_evidence import ARGS, CHROMIUM, served

pytestmark = pytest.mark.browser


@pytest.fixture
def page(committed: str, settings: Any) -> Iterator[Page]:
    """/verify on a phone, over a clone of its own: the server's thread asks the database by a connection of its own."""
    with served(settings) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        page = browser.new_page(viewport={"width": 390, "height": 800}, locale="zh-CN")
        page.goto(f"{address}/verify")
        yield page
        browser.close()


def _picture(path: Path, text: str) -> Path:
    segno.make(text, error="m").save(str(path), kind="png", scale=6, border=8)
    return path


def test_a_picture_of_a_code_is_read_here_and_another_host_is_warned_of(page: Page, tmp_path: Path) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    chosen = page.locator("#scan-file")
    expect(page.locator("#scan")).to_be_visible()
    plain = tmp_path / "plain.png"
    page.screenshot(path=str(plain))
    chosen.set_input_files(plain)
    expect(page.locator("#scan [role=status]")).to_contain_text("没有找到二维码")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    chosen.set_input_files(broken)
    expect(page.locator("#scan [role=status]")).to_contain_text("不能读取")
    assert Axe().run(page).response["violations"] == []

    chosen.set_input_files(_picture(tmp_path / "elsewhere.png", "https://dengji-gov.example.com/verify?code=DEMO-1"))
    expect(page.get_by_text("这个网址不属于本节点")).to_be_visible()
    expect(page.get_by_text("dengji-gov.example.com")).to_be_visible()
    assert page.url.startswith("http://127.0.0.1:")
    page.locator("#scan-file").set_input_files(_picture(tmp_path / "unknown.png", "DEMO-ANR8-7A3Z-YHTE-UZLE"))
    expect(page.get_by_text("本节点没有这个查询码")).to_be_visible()
    assert set(sent) == {"GET"}

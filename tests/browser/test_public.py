"""The public pages in a real browser: two objections, a complaint, phone width, both languages and themes."""

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
from playwright.sync_api import Page, sync_playwright

from dengji.catalogue import index
from dengji.registration.models import Complaint, Notice, Objection
from tests.browser.test_evidence import ARGS, CHROMIUM, _Quiet
from tests.catalogue import kit
from tests.factories import world as w

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture
def served(committed: str, tmp_path: Path, settings: Any) -> Iterator[tuple[str, str, str]]:
    """A server over a register with a notice that runs and one that was suspended: its address and their ids."""
    settings.DENGJI_RATE_LIMITS = False
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    settings.DENGJI_DATA_DIR = tmp_path
    index.forget()
    world = w.build()
    w.registered(world)
    first, second = w.draft(world), w.draft(world)
    for pk in (first, second):
        w.advance(world, pk, "open_notice")
    w.act(world, "suspend_notice", second, "agency_supervisor", ground="error", reason="核查")
    running, hidden = (str(Notice.objects.get(application_id=pk).pk) for pk in (first, second))
    kit.catch_up()
    index.make()
    server = make_server("127.0.0.1", 0, get_wsgi_application(), WSGIServer, _Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", running, hidden
    server.shutdown()
    thread.join()
    server.server_close()
    index.forget()


def _object(page: Page, address: str, notice: str, kind: str, fields: dict[str, str], files: tuple[str, ...]) -> str:
    """Lodge an objection from the notice on; return the credential."""
    page.goto(f"{address}/notices/{notice}")
    page.get_by_role("link", name="提出异议").click()
    page.get_by_label("数据涉及本人的个人信息").check()
    page.get_by_label(kind, exact=True).check()
    page.get_by_role("button", name="下一步").click()
    page.get_by_role("button", name="提交异议").click()
    page.locator(".error-summary").wait_for()  # nothing was given yet
    for label, value in fields.items():
        page.locator(f"#id_{label}").fill(value)
    if kind == "个人":
        page.locator("#id_document_type").select_option("resident_id")
    for name in files:
        page.locator(f"#id_{name}").set_input_files({"name": "a.pdf", "mimeType": "application/pdf", "buffer": w.PDF})
    page.locator("#id_consent").check()
    page.get_by_role("button", name="提交异议").click()
    page.get_by_text("异议已提交").wait_for()
    return page.locator("#credential").inner_text()


def test_objections_and_a_complaint(served: tuple[str, str, str], tmp_path: Path) -> None:
    address, notice, _ = served
    shots = Path(os.environ.get("DENGJI_SHOTS") or tmp_path)
    said = {"relation": "数据由本人产生", "grounds": "名称不正确"}
    person = said | {"name": "示例甲", "document_number": "示例证件一", "phone": "13600000000"}
    unit = said | {"name": "示例乙单位", "credit_code": w.credit_code(), "agent": "示例经办"}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        page = browser.new_context(locale="zh-CN", viewport={"width": 390, "height": 800}).new_page()
        credential = _object(page, address, notice, "个人", person, ("evidence",))
        page.screenshot(path=shots / "public-objection.png", full_page=True)
        _object(page, address, notice, "单位", unit, ("evidence", "letter"))
        page.goto(f"{address}/notices/{notice}/object")
        page.get_by_label("没有直接关系").check()
        page.get_by_role("button", name="下一步").click()
        page.locator("#id_text").fill("发现问题")
        page.get_by_role("button", name="提交", exact=True).click()
        page.get_by_text("已收到您的投诉举报").wait_for()
        page.goto(f"{address}/follow")
        page.get_by_label("查询凭证").fill(credential)
        page.get_by_role("button", name="查询", exact=True).click()
        page.get_by_role("button", name="撤回异议").click()
        page.get_by_role("heading", name="确定撤回").wait_for()
        page.get_by_role("button", name="撤回异议").click()
        page.get_by_text("异议已经撤回").wait_for()
        browser.close()
    assert sorted(Objection.objects.values_list("state", flat=True)) == ["LODGED", "RETRACTED"]
    assert Complaint.objects.count() == 1


def test_no_barrier_is_found_and_nothing_is_too_wide(served: tuple[str, str, str], tmp_path: Path) -> None:
    address, notice, hidden = served
    shots = Path(os.environ.get("DENGJI_SHOTS") or tmp_path)
    paths = {
        "home": "/",
        "notices": "/notices",
        "ended": "/notices?state=ended",
        "notice": f"/notices/{notice}",
        "stone": f"/notices/{hidden}",
        "standing": f"/notices/{notice}/object",
        "object": f"/notices/{notice}/object?relation=personal&kind=person",
        "complain": "/complaints/new",
        "privacy": "/privacy/request",
        "follow": "/follow",
        "guide": "/guide",
        "fields": "/help/fields",
        "registrants": "/registrants",
        "coded": "/coded",
        "tour": "/tour",
    }
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        for language, width, theme in (("zh-CN", 1280, "standard"), ("en", 320, "elder")):
            page = browser.new_context(locale=language, viewport={"width": width, "height": 900}).new_page()
            faults: list[str] = []
            page.on("console", lambda told, kept=faults: kept.append(told.text) if told.type == "error" else None)
            page.goto(f"{address}/?theme={theme}")
            for name, path in paths.items():
                page.goto(address + path)
                page.screenshot(path=shots / f"public-{name}-{language}.png", full_page=True)
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, language)
                found = Axe().run(page).response["violations"]
                assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], (name, language)
            assert faults == []
        browser.close()

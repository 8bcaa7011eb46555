"""The agency's desk in a real browser: from acceptance to a suspended notice, by keyboard, without a barrier."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIServer, make_server

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings as django
from django.core.wsgi import get_wsgi_application
from django.test import Client
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.test_evidence import ARGS, CHROMIUM, _Quiet
from tests.factories import world as w

pytestmark = [pytest.mark.browser, pytest.mark.long]
ROLES = ("acceptor", "reviewer", "notice_opener", "agency_supervisor", "objection_officer")


@pytest.fixture
def desk(committed: str, tmp_path: Path, settings: Any) -> Iterator[dict[str, Any]]:
    """A server of this process, a session for each role, one file to accept and one in supplement's second round."""
    settings.DENGJI_RATE_LIMITS = False
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    world = w.build()
    first, again = w.draft(world), w.draft(world, fields={"intro": w.RECORD["intro"] + "联系电话13912345678。"})
    for pk in (first, again):
        w.advance(world, pk, "submit")
    w.act(world, "request_supplement", again, "acceptor", items=[{"field": "intro", "text": "请删去电话"}])
    w.act(world, "submit_for_business_review", again, "clerk")
    w.act(world, "submit", again, "business_reviewer", **w.SECRECY)
    sessions = {}
    for role in ROLES:
        client = Client()
        client.force_login(world.people[role], backend="django.contrib.auth.backends.ModelBackend")
        sessions[role] = client.cookies[django.SESSION_COOKIE_NAME].value
    server = make_server("127.0.0.1", 0, get_wsgi_application(), WSGIServer, _Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield {"at": f"http://127.0.0.1:{server.server_port}", "sessions": sessions, "first": first, "again": again}
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        try:
            yield started
        finally:
            started.close()


def signed_in(browser: Browser, desk: dict[str, Any], role: str, language: str = "zh-CN", width: int = 1280) -> Page:
    """A page of a person of a role."""
    context = browser.new_context(locale=language, viewport={"width": width, "height": 900})
    cookie = {"name": django.SESSION_COOKIE_NAME, "value": desk["sessions"][role], "url": desk["at"]}
    context.add_cookies([cookie])
    return context.new_page()


def look(page: Page, name: str, shots: Path, width: int) -> None:
    """Keep a picture; no barrier, nothing too wide."""
    page.wait_for_load_state("load")
    page.screenshot(
        path=shots / f"desk-{name}-{page.evaluate('document.documentElement.lang')}-{width}.png", full_page=True
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == [], name


def test_from_acceptance_to_a_suspended_notice(desk: dict[str, Any], browser: Browser, tmp_path: Path) -> None:
    shots, at = Path(os.environ.get("DENGJI_SHOTS") or tmp_path), desk["at"]
    case = f"{at}/desk/cases/{desk['first']}/"
    page = signed_in(browser, desk, "acceptor")
    faults: list[str] = []
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.goto(f"{at}/desk/")
    look(page, "queue", shots, 1280)
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("tbody input:checked")).to_have_count(1)
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/cases/**")
    page.goto(case)
    page.locator("#materials .materials a").first.click()
    page.frame_locator("iframe").locator("body").wait_for()
    look(page, "case", shots, 1280)
    page.goto(f"{at}/desk/application/{desk['again']}/acts/request_supplement/")
    page.locator("[name=x0_field]").select_option("update_frequency")
    page.locator("[name=x0_text]").fill("频率不实")
    page.get_by_role("button", name="确认办理").click()
    assert "更新频率" in page.locator(".error-summary").inner_text()
    look(page, "supplement", shots, 1280)
    page.goto(case)
    page.get_by_role("button", name="受理").click()
    expect(page.locator("main")).to_contain_text("已办理")
    page = signed_in(browser, desk, "reviewer")
    page.goto(case)
    page.get_by_role("button", name="开始形式审核").click()
    page.get_by_role("link", name="审核通过").click()
    page.get_by_role("button", name="确认办理").click()
    expect(page.locator("main")).to_contain_text("已办理")
    page = signed_in(browser, desk, "notice_opener")
    page.goto(case)
    page.get_by_role("link", name="开始公示").click()
    look(page, "opening", shots, 1280)
    page.get_by_label("我已核看").check()
    page.get_by_role("button", name="确认办理").click()
    expect(page.locator("main")).to_contain_text("已办理")
    page = signed_in(browser, desk, "agency_supervisor")
    page.goto(case)
    page.get_by_role("link", name="紧急撤下").click()
    page.get_by_label("事由").select_option("error")
    page.get_by_label("理由").fill("公示内容有误")
    look(page, "suspending", shots, 1280)
    page.get_by_role("button", name="确认办理").click()
    expect(page.locator("main")).to_contain_text("公示中止")
    assert [said for said in faults if "422" not in said] == []


def test_in_english_and_on_a_narrow_screen(desk: dict[str, Any], browser: Browser, tmp_path: Path) -> None:
    shots, at = Path(os.environ.get("DENGJI_SHOTS") or tmp_path), desk["at"]
    paths = {
        "queue": "/desk/",
        "filtered": "/desk/?tab=open&kind=first",
        "done": "/desk/?tab=done",
        "case": f"/desk/cases/{desk['again']}/",
        "terminate": f"/desk/application/{desk['again']}/acts/terminate/",
        "supplement": f"/desk/application/{desk['again']}/acts/request_supplement/",
        "objections": "/desk/objections/",
        "complaints": "/desk/complaints/",
        "rechecks": "/desk/rechecks/",
        "registrations": "/desk/registrations/",
        "wordings": "/desk/wordings/",
        "deputies": "/desk/deputies/",
    }
    page = signed_in(browser, desk, "agency_supervisor", "en", 320)
    for name, path in paths.items():
        answer = page.goto(at + path)
        assert answer is not None and answer.status == 200, name
        look(page, name, shots, 320)

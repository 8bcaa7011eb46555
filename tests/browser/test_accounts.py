"""Accounts in a real browser: a unit signs up, an officer with two factors approves, a security key opens the door."""

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
from playwright.sync_api import Browser, Page, expect, sync_playwright

from dengji.parties.accounts import services
from tests.browser.test_evidence import ARGS, CHROMIUM, _Quiet
from tests.factories import world as w
from tests.web.accounts.test_second_factor import PASSWORD, code

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture
def node(committed: str, tmp_path: Path, settings: Any) -> Iterator[dict[str, Any]]:
    """A server of this process whose officers need a second factor; a letter to upload."""
    settings.DENGJI_RATE_LIMITS, settings.ACCOUNT_RATE_LIMITS = False, {}
    settings.DENGJI_SECOND_FACTOR = "roles"
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    world = w.build()
    names = {}
    for role in ("agency_supervisor", "security_admin"):
        services.set_own_password(person=world.people[role], password=PASSWORD)
        names[role] = world.people[role].username
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(w.PDF)
    server = make_server("127.0.0.1", 0, get_wsgi_application(), WSGIServer, _Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    # A security key belongs to a name, never to a bare address.
    yield {"at": f"http://localhost:{server.server_port}", "names": names, "letter": letter, "code": w.credit_code()}
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


def opened(browser: Browser, language: str = "zh-CN", width: int = 1280) -> tuple[Page, list[str]]:
    """A page of somebody new, and what its console complains of."""
    context = browser.new_context(locale=language, viewport={"width": width, "height": 900})
    context.set_default_timeout(20_000)
    page, faults = context.new_page(), []
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    return page, faults


def look(page: Page, name: str, shots: Path) -> None:
    """Keep a picture; no barrier, nothing too wide."""
    size = page.viewport_size
    assert size
    page.wait_for_load_state("load")
    tongue = page.evaluate("document.documentElement.lang")
    page.screenshot(path=shots / f"accounts-{name}-{tongue}-{size['width']}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], name
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == [], name


def sign_in(page: Page, at: str, name: str) -> None:
    """The first factor."""
    page.goto(f"{at}/accounts/login/")
    page.locator("#id_login").fill(name)
    page.locator("#id_password").fill(PASSWORD)
    with page.expect_navigation():
        page.locator("main form button[type=submit]").first.click()


def test_a_unit_signs_up_and_an_officer_with_two_factors_approves(
    node: dict[str, Any], browser: Browser, tmp_path: Path
) -> None:
    shots, at = Path(os.environ.get("DENGJI_SHOTS") or tmp_path), node["at"]
    unit, _ = opened(browser)
    unit.goto(f"{at}/accounts/register/")
    look(unit, "register", shots)
    filled = {
        "unit_name": "示例新单位",
        "credit_code": node["code"],
        "region_code": "620700",
        "name": "示例经办",
        "phone": "13900000000",
        "username": "newclerk",
        "password": PASSWORD,
        "again": PASSWORD,
    }
    for name, value in filled.items():
        unit.locator(f"#id_{name}").fill(value)
    unit.locator("#id_agreed").check()
    unit.get_by_role("button", name="提交申请").click()
    assert "请上传授权委托书" in unit.locator(".error-summary").inner_text()
    for name in ("password", "again"):
        unit.locator(f"#id_{name}").fill(PASSWORD)
    unit.locator("#id_letter").set_input_files(node["letter"])
    unit.get_by_role("button", name="提交申请").click()
    expect(unit.locator("main")).to_contain_text("待审核")
    look(unit, "status", shots)

    officer, faults = opened(browser)
    sign_in(officer, at, node["names"]["agency_supervisor"])
    officer.wait_for_url("**/accounts/2fa/")
    look(officer, "factors", shots)
    officer.get_by_role("link", name="启用验证器应用").click()
    look(officer, "totp", shots)
    secret = officer.locator("#authenticator_secret").inner_text()
    officer.locator("#id_code").fill(code(secret))
    officer.get_by_role("button", name="启用").click()
    expect(officer.locator("main li code")).to_have_count(10)
    look(officer, "codes", shots)
    officer.goto(f"{at}/desk/signups/")
    officer.get_by_role("link", name="示例新单位").click()
    look(officer, "signup", shots)
    officer.get_by_role("button", name="通过并开通账户").click()
    expect(officer.locator("main")).to_contain_text("账户已开通")
    officer.context.clear_cookies()
    sign_in(officer, at, node["names"]["agency_supervisor"])
    look(officer, "code", shots)
    officer.locator("#id_code").fill(code(secret, 1))
    with officer.expect_navigation():
        officer.get_by_role("button", name="登录", exact=True).click()
    officer.goto(f"{at}/accounts/")
    assert node["names"]["agency_supervisor"] in officer.inner_text("main")
    assert faults == []
    sign_in(unit, at, "newclerk")
    unit.goto(f"{at}/workspace/people/")
    look(unit, "members", shots)
    english, _ = opened(browser, "en-US", 320)
    sign_in(english, at, "newclerk")
    for name in ("", "profile/", "sessions/", "tokens/", "audit/", "password/change/"):
        english.goto(f"{at}/accounts/{name}")
        look(english, name.strip("/").replace("/", "-") or "own", shots)
    english.context.clear_cookies()
    for name in ("login/", "register/", "register/status/"):
        english.goto(f"{at}/accounts/{name}")
        look(english, name.strip("/").replace("/", "-"), shots)


def test_a_security_key_opens_the_administrators_pages(node: dict[str, Any], browser: Browser, tmp_path: Path) -> None:
    shots, at, name = Path(os.environ.get("DENGJI_SHOTS") or tmp_path), node["at"], node["names"]["security_admin"]
    page, faults = opened(browser)
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "automaticPresenceSimulation": True}
    device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    sign_in(page, at, name)
    page.get_by_role("link", name="添加安全密钥").click()
    look(page, "key", shots)
    page.locator("#mfa_webauthn_add").click()
    page.wait_for_url("**/accounts/2fa/recovery-codes/**")
    page.goto(f"{at}/accounts/people/")
    look(page, "people", shots)
    page.get_by_role("link", name=name).click()
    page.context.clear_cookies()
    sign_in(page, at, name)
    page.locator("#mfa_webauthn_authenticate").click()
    page.wait_for_url("**/accounts/people/")
    page.set_viewport_size({"width": 320, "height": 900})
    page.goto(f"{at}/accounts/people/?lang=en")
    look(page, "people", shots)
    page.get_by_role("link", name=node["names"]["agency_supervisor"]).click()
    look(page, "person", shots)
    assert faults == []

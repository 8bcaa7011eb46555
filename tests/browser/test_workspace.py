"""The workspace in a real browser: a first registration with script, without it, and by keyboard alone; axe."""

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
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.test_evidence import ARGS, CHROMIUM, _Quiet
from tests.factories import world as w
from tests.web.workspace.kit import BACKEND

pytestmark = pytest.mark.browser


@pytest.fixture
def place(committed: str, tmp_path: Path, settings: Any) -> Iterator[dict[str, Any]]:
    """A server of this process over a world; the sessions of clerk and reviewer, made before the browser starts."""
    settings.DENGJI_RATE_LIMITS = False
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    settings.DENGJI_DATA_DIR = tmp_path
    world = w.build()
    sessions = {}
    for name in ("clerk", "business_reviewer"):
        client = Client()
        client.force_login(world.people[name], backend=BACKEND)
        sessions[name] = client.cookies[settings.SESSION_COOKIE_NAME].value
    done = w.registered(world)
    waiting = w.draft(world)
    w.advance(world, waiting, "submit_for_business_review")
    asked = w.draft(world)
    w.advance(world, asked, "submit")
    items = [{"field": "intro", "text": "请写明用途"}, {"field": "risk_assessment", "text": "请换上盖章件"}]
    w.act(world, "request_supplement", asked, "acceptor", items=items)
    server = make_server("127.0.0.1", 0, get_wsgi_application(), WSGIServer, _Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield {
        "address": f"http://127.0.0.1:{server.server_port}",
        "cookie": settings.SESSION_COOKIE_NAME,
        "sessions": sessions,
        "waiting": waiting,
        "asked": asked,
        "registration": done["registration"],
    }
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


def signed_in(browser: Browser, place: dict[str, Any], name: str, **more: Any) -> BrowserContext:
    context = browser.new_context(**{"locale": "zh-CN", "viewport": {"width": 1280, "height": 900}, **more})
    context.add_cookies([{"name": place["cookie"], "value": place["sessions"][name], "url": place["address"]}])
    context.set_default_timeout(20_000)
    return context


FIELDS: dict[str, dict[str, str]] = {
    "basic": {
        "name": "甘肃省张掖市-道路运输业-城市公交线网信息",
        "intro": w.RECORD["intro"],
        "coverage_regions_add": "张掖市",
        "coverage_start": "2025-01-01",
        "record_count": "120",
    },
    "registrant": {"contact_name": "示例经办人", "contact_phone": "13800000000"},
    "agent": {},
    "storage": {"storage_location": "示例机房"},
    "source": {"collection_basis": "《中华人民共和国道路运输条例》", "duty_basis": "城市客运管理"},
    "evidence": {"evidence_digest": w.RECORD["evidence_digest"], "evidence_time": "2025-01-02T11:04:05"},
    "scenario": {"scenarios": "公众出行查询"},
    "security": {"risk_assessment_conclusion": "风险可控"},
}
CHOICES = {
    "basic": {"update_frequency": "monthly", "grade": "general", "access_mode": "apply"},
    "storage": {"storage_mode": "government_cloud"},
    "source": {"source_mode": "produced"},
    "evidence": {"evidence_method": "hash", "evidence_algorithm": "sha256"},
}


def fill(page: Page, key: str) -> None:
    """Fill one page of the wizard as somebody with a mouse would."""
    for name, value in FIELDS[key].items():
        page.locator(f"#id_{name}").fill(value)
    for name, value in CHOICES.get(key, {}).items():
        page.locator(f"#id_{name}").select_option(value)
    if key == "basic":
        page.locator("#id_industries summary", has_text="交通运输").click()
        page.get_by_label("54 道路运输业").check()


def attach(page: Page, folder: Path) -> None:
    """Attach every material the page asks for."""
    file = folder / "材料.pdf"
    file.write_bytes(w.PDF)
    for kind in w.MATERIALS:
        section = page.locator(f"#material-{kind}")
        section.locator("input[type=file]").set_input_files(file)
        section.locator("button").click()
        expect(page.locator(f"#material-{kind} .materials")).to_be_visible()


def finish(page: Page, reviewer: Page) -> None:
    """From the task list to the serial: confirm as clerk, review as second person."""
    page.get_by_role("link", name="信息确认并提交业务审核").click()
    page.get_by_label("我已知晓").check()
    page.get_by_role("button", name="提交业务审核").click()
    expect(page.get_by_text("业务审核中").first).to_be_visible()
    reviewer.goto(page.url)
    reviewer.get_by_role("link", name="进行业务审核").click()
    reviewer.get_by_label("保密及公开审查人").fill("示例保密审查人")
    reviewer.get_by_label("审查日期").fill("2025-01-03")
    reviewer.get_by_label("不涉密，可以公开").check()
    reviewer.get_by_label("我已知晓").check()
    reviewer.get_by_role("button", name="提交登记申请").click()
    expect(reviewer.get_by_role("heading", name="申请已提交")).to_be_visible()


@pytest.mark.parametrize("script", [True, pytest.param(False, marks=pytest.mark.long)], ids=["script", "no script"])
def test_a_first_registration(place: dict[str, Any], browser: Browser, tmp_path: Path, script: bool) -> None:
    page = signed_in(browser, place, "clerk", java_script_enabled=script).new_page()
    faults: list[str] = []
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.goto(f"{place['address']}/workspace/")
    page.get_by_role("link", name="我要登记").first.click()
    page.get_by_label("公共数据资源", exact=True).check()
    page.get_by_role("button", name="开始填报").click()
    page.wait_for_url("**/applications/*/")
    case = page.url
    page.get_by_role("link", name="数据基本信息").first.click()
    for key in FIELDS:
        page.wait_for_url(f"**/sections/{key}")
        fill(page, key)
        if script and key == "basic":
            page.locator("#id_record_count").blur()
            expect(page.locator("#saved")).to_contain_text("上次保存")
            expect(page.locator(".counter").first).to_contain_text("/ 200")
            with browser.new_context() as other:  # what the server holds was saved without any button
                other.add_cookies(
                    [{"name": place["cookie"], "value": place["sessions"]["clerk"], "url": place["address"]}]
                )
                beside = other.new_page()
                expect_saved(beside, page.url, "#id_record_count", "120")
        page.get_by_role("button", name="保存并继续").click()
    page.wait_for_url("**/materials")
    attach(page, tmp_path)
    page.goto(case)
    second = signed_in(browser, place, "business_reviewer", java_script_enabled=script).new_page()
    finish(page, second)
    assert [said for said in faults if "favicon" not in said] == []


def expect_saved(page: Page, url: str, field: str, value: str) -> None:
    """Read a page until it shows a value as stored."""
    for _time in range(40):
        page.goto(url)
        if page.locator(field).input_value() == value:
            return
        page.wait_for_timeout(250)
    raise AssertionError(field)


def _tab_to(page: Page, selector: str, most: int = 160) -> None:
    """Press Tab until an element has the focus: what the keyboard cannot reach is a failure."""
    for _time in range(most):
        if page.evaluate("s => document.activeElement && document.activeElement.matches(s)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {selector}")


def _place(page: Page, name: str, option: str) -> int:
    """How far down its list an option stands."""
    found: int = page.locator(f"#id_{name} option[value='{option}']").evaluate("one => one.index")
    return found


@pytest.mark.long
def test_by_keyboard_alone(place: dict[str, Any], browser: Browser, tmp_path: Path) -> None:
    page = signed_in(browser, place, "clerk").new_page()
    page.goto(f"{place['address']}/workspace/applications/new")
    _tab_to(page, "input[name=data_type]")
    page.keyboard.press("Space")
    _tab_to(page, "form .actions button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/applications/*/")
    case = page.url
    _tab_to(page, "a[href$='/sections/basic']")
    page.keyboard.press("Enter")
    for key, values in FIELDS.items():
        page.wait_for_url(f"**/sections/{key}")
        for name, value in values.items():
            if name in ("coverage_start", "evidence_time"):
                continue
            _tab_to(page, f"#id_{name}")
            page.keyboard.insert_text(value)
            if name == "intro":
                _tab_to(page, "#id_industries input[type=search]")
                page.keyboard.insert_text("道路")
                _tab_to(page, "#id_industries input[value='54']")
                page.keyboard.press("Space")
        for name, option in CHOICES.get(key, {}).items():
            _tab_to(page, f"#id_{name}")
            for _step in range(_place(page, name, option)):
                page.keyboard.press("ArrowDown")
        if key == "evidence":  # a moment is typed part by part
            _tab_to(page, "#id_evidence_time")
            for part in ("01", "02", "2025", "ArrowRight", "11", "04", "05", "A"):
                page.keyboard.press(part) if part == "ArrowRight" else page.keyboard.type(part)
        _tab_to(page, "button[name=next]")
        page.keyboard.press("Enter")
    page.wait_for_url("**/materials")
    file = tmp_path / "材料.pdf"
    file.write_bytes(w.PDF)
    page.on("filechooser", lambda chosen: chosen.set_files(file))
    for kind in w.MATERIALS:
        _tab_to(page, f"#file-{kind}")
        page.keyboard.press("Space")
        page.wait_for_function("id => document.getElementById(id).files.length === 1", arg=f"file-{kind}")
        _tab_to(page, f"#material-{kind} button")
        page.keyboard.press("Enter")
        expect(page.locator(f"#material-{kind} .materials")).to_be_visible()
    _tab_to(page, "main a[href$='/confirm']")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="信息确认")).to_be_visible()
    assert page.locator(".finding-error").all_inner_texts() == []
    _tab_to(page, "#id_acknowledged")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_text("业务审核中").first).to_be_visible()
    second = signed_in(browser, place, "business_reviewer").new_page()
    second.goto(f"{case}review")
    _tab_to(second, "#id_secrecy_reviewer")
    second.keyboard.insert_text("示例保密审查人")
    _tab_to(second, "input[name=secrecy_conclusion]")
    second.keyboard.press("Space")
    _tab_to(second, "#id_acknowledged")
    second.keyboard.press("Space")
    _tab_to(second, "form .btn-primary")
    second.keyboard.press("Enter")
    expect(second.get_by_role("heading", name="申请已提交")).to_be_visible()


@pytest.mark.long
def test_no_barrier_and_nothing_too_wide(place: dict[str, Any], browser: Browser, tmp_path: Path) -> None:
    shots = Path(os.environ.get("DENGJI_SHOTS") or tmp_path)
    asked, waiting = (f"/workspace/applications/{place[one]}/" for one in ("asked", "waiting"))
    about = f"/workspace/applications/new?about={place['registration']}&kind="
    paths = {
        "home": ("clerk", "/workspace/"),
        "new": ("clerk", "/workspace/applications/new"),
        "tasks": ("clerk", asked),
        "basic": ("clerk", f"{asked}sections/basic"),
        "registrant": ("clerk", f"{asked}sections/registrant"),
        "evidence": ("clerk", f"{asked}sections/evidence"),
        "materials": ("clerk", f"{asked}materials"),
        "confirm": ("clerk", f"{asked}confirm"),
        "submitted": ("clerk", f"{asked}submitted"),
        "withdraw": ("clerk", f"{asked}withdraw"),
        "renewal": ("clerk", f"{about}renewal"),
        "cancellation": ("clerk", f"{about}cancellation"),
        "rectify": ("clerk", "/workspace/rectify"),
        "case": ("business_reviewer", waiting),
        "review": ("business_reviewer", f"{waiting}review"),
    }
    for language, width in (("zh-CN", 1280), ("en", 320)):
        contexts = {
            name: signed_in(browser, place, name, locale=language, viewport={"width": width, "height": 900})
            for name in place["sessions"]
        }
        pages = {name: context.new_page() for name, context in contexts.items()}
        for name, (who, path) in paths.items():
            page = pages[who]
            page.goto(place["address"] + path)
            page.screenshot(path=shots / f"workspace-{name}-{language}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, language)
            found = Axe().run(page).response["violations"]
            grave = [one for one in found if one["impact"] in ("serious", "critical")]
            assert [(one["id"], one["nodes"][0]["html"]) for one in grave] == [], (name, language)

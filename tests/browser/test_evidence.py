"""The page of the evidence deposit in a real browser: same construction as the command, nothing sent, keyboard, axe."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Request, Route, sync_playwright

from dengji.core import node
from dengji.evidence.check import check
from dengji.evidence.manifest import load

pytestmark = pytest.mark.browser
CHROMIUM = Path("/usr/bin/chromium")
if not CHROMIUM.exists() and os.environ.get("DENGJI_REQUIRE_CHROMIUM") != "1":
    pytest.skip("no Chromium on this machine", allow_module_level=True)

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WORKER = "/evidence/worker.js"


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the method overridden
        """Say nothing."""


@contextmanager
def served(settings: Any) -> Iterator[str]:
    """The address of a server of this process on a port of its own."""
    settings.DENGJI_RATE_LIMITS = False
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    node.identity()
    from django.core.wsgi import get_wsgi_application

    server = make_server("127.0.0.1", 0, get_wsgi_application(), WSGIServer, _Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def address(db: None, settings: Any) -> Iterator[str]:
    """A server whose page asks nothing of the database."""
    with served(settings) as found:
        yield found


@pytest.fixture
def page(address: str) -> Iterator[Page]:
    """The evidence page, watched: `page.sent` holds every request."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        try:
            opened = browser.new_context(accept_downloads=True, locale="zh-CN").new_page()
            opened.set_default_timeout(20_000)
            opened.goto(f"{address}/evidence/")
            yield opened
        finally:
            browser.close()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "数据"
    (folder / "子").mkdir(parents=True)
    (folder / "a.csv").write_bytes(os.urandom(200_000))
    (folder / "e\u0301.csv").write_bytes(b"name is NFD here\n")
    (folder / "子" / "𠮷.csv").write_bytes(b"x" * 64)
    (folder / "子" / "￥.csv").write_bytes(b"")
    return folder


def small_chunks(page: Page, size: int = 70_000) -> None:
    """Cut files smaller, so that the tree has more than one leaf a file."""
    page.eval_on_selector("#evidence", f"e => {{ e.dataset.chunkSize = '{size}' }}")


def download(page: Page, out: Path) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("link", name="下载清单").click()
    waiting.value.save_as(out)
    return out


def figures(page: Page) -> dict[str, str]:
    return {cell.get_attribute("data-figure") or "": cell.inner_text() for cell in page.locator("[data-figure]").all()}


@pytest.mark.parametrize("algorithm", ["sha256", "sm3"])
def test_the_page_makes_a_manifest_that_the_command_finds_true(
    page: Page, files: Path, tmp_path: Path, algorithm: str
) -> None:
    requests: list[Request] = []
    page.on("request", lambda one: requests.append(one))
    small_chunks(page)
    page.get_by_label("文件夹").set_input_files(files)
    assert "已选 4 个文件" in page.inner_text('[data-part="chosen"]')
    page.check(f'input[value="{algorithm}"]')
    page.get_by_role("button", name="计算摘要").click()
    page.get_by_role("heading", name="存证结果").wait_for()
    shown = figures(page)
    manifest = download(page, tmp_path / "m.jsonl")
    report = check(manifest, inside=tmp_path, digest=shown["evidence_digest"])
    assert report.same
    assert report.unchanged == 4
    deposit = load(manifest).deposits[0]
    assert {k: str(v) for k, v in deposit.items() if k != "evidence_method"} == {
        k: v for k, v in shown.items() if k != "evidence_method"
    }
    assert deposit["evidence_algorithm"] == algorithm
    lines = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()[1:]]
    assert [len(line["chunks"]) for line in lines] == [3, 1, 1, 1]
    assert lines[3]["path"] == "数据/子/𠮷.csv"
    assert lines[3]["chunks"][0][algorithm] == hashlib.new(algorithm, b"x" * 64).hexdigest()
    # The icon of the page may come late; nothing else is asked for, and no address carries anything of a file.
    asked = {urlsplit(r.url).path for r in requests if not r.url.startswith("blob:")}
    assert asked <= {WORKER, "/static/web/icon.svg"}
    assert {urlsplit(r.url).query for r in requests} <= {"", f"v={version('dengji')}"}
    assert all(r.method == "GET" and r.post_data is None for r in requests)


def test_without_https_the_own_sha256_is_used_and_agrees(page: Page, files: Path, tmp_path: Path) -> None:
    def insecure(route: Route) -> None:
        answer = route.fetch()
        body = 'Object.defineProperty(crypto, "subtle", { value: undefined });\n' + answer.text()
        route.fulfill(response=answer, body=body)

    page.context.route(f"**{WORKER}*", insecure)
    page.get_by_label("文件夹").set_input_files(files)
    page.get_by_role("button", name="计算摘要").click()
    page.get_by_role("heading", name="存证结果").wait_for()
    assert check(download(page, tmp_path / "m.jsonl"), inside=tmp_path).same


def test_the_browser_itself_forbids_page_and_worker_to_send(page: Page, files: Path) -> None:
    attempt = "() => fetch('/healthz').then(() => 'sent', () => 'refused')"
    assert page.evaluate(attempt) == "refused"
    with page.expect_event("worker") as started:
        page.get_by_label("文件", exact=True).set_input_files(files / "a.csv")
        page.evaluate("() => { Worker.prototype.terminate = () => {} }")
        page.get_by_role("button", name="计算摘要").click()
    page.get_by_role("heading", name="存证结果").wait_for()
    assert started.value.evaluate(attempt) == "refused"


def test_everything_is_done_from_the_keyboard_and_can_be_cancelled(page: Page, files: Path) -> None:
    page.get_by_label("文件", exact=True).set_input_files([files / "a.csv"])
    page.get_by_label("文件", exact=True).focus()
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "计算摘要"
    page.evaluate("() => { Worker.prototype.postMessage = () => {} }")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.textContent") == "取消"
    assert page.locator("progress").is_visible()
    page.keyboard.press("Enter")
    assert "已取消" in page.inner_text('[role="status"]')
    assert not page.locator("progress").is_visible()
    assert page.evaluate("document.activeElement.textContent") == "计算摘要"
    assert page.get_by_role("heading", name="存证结果").count() == 0


def test_a_file_changed_after_it_was_chosen_is_told(page: Page, files: Path) -> None:
    page.get_by_label("文件", exact=True).set_input_files([files / "a.csv"])
    (files / "a.csv").unlink()
    page.get_by_role("button", name="计算摘要").click()
    page.get_by_text("无法读取 a.csv").wait_for()
    assert page.get_by_role("heading", name="存证结果").count() == 0


def test_only_empty_files_or_equal_names_are_refused(page: Page, files: Path, tmp_path: Path) -> None:
    page.get_by_label("文件", exact=True).set_input_files([files / "子" / "￥.csv"])
    page.get_by_role("button", name="计算摘要").click()
    page.get_by_text("没有可以存证的内容").wait_for()
    other = tmp_path / "a.csv"
    other.write_text("x")
    page.get_by_label("文件", exact=True).set_input_files([files / "a.csv", other])
    page.get_by_role("button", name="计算摘要").click()
    page.get_by_text("名称相同：a.csv").wait_for()


def test_no_barrier_is_found_before_and_after(page: Page, files: Path) -> None:
    for _ in range(2):
        found = Axe().run(page, context="main").response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
        page.get_by_label("文件", exact=True).set_input_files([files / "a.csv"])
        page.get_by_role("button", name="计算摘要").click()
        page.get_by_role("heading", name="存证结果").wait_for()


def test_without_javascript_the_page_explains_the_way(page: Page, address: str) -> None:
    browser = page.context.browser
    assert browser
    plain = browser.new_context(java_script_enabled=False, locale="zh-CN").new_page()
    plain.goto(f"{address}/evidence/")
    text = plain.inner_text("main")
    assert "dengji evidence make" in text
    assert "本页需要 JavaScript" in text
    assert not plain.get_by_role("button", name="计算摘要").is_visible()

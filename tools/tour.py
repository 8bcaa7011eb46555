"""Takes the pictures of the main pages from the story of the demonstration: `python -m tools.tour [name …]`.

Starts a demonstration node of its own, in a directory that is thrown away, and writes docs/tour/. PAGES is the table.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).resolve().parent.parent / "docs" / "tour"
CHROMIUM = Path("/usr/bin/chromium")
_ADDRESS = re.compile(r'"address": "([^"]+)"')
MOST_BYTES = 150_000
#: Width and most height of a picture, by device.
DEVICES = {"desktop": (1280, 1400), "phone": (390, 1500)}


@dataclass(frozen=True)
class Shot:
    """One page: its name in the tour, what it shows, its path and the account that sees it (none: the public).

    A path may hold {code}, {notice}: the first registration and the first running notice of the story.
    """

    name: str
    title: str
    path: str
    account: str = ""


PAGES: tuple[Shot, ...] = (
    Shot("home", "首页 / Home", "/"),
    Shot("search", "登记检索 / Search", "/search"),
    Shot("record", "登记结果 / A registration", "/r/{code}"),
    Shot("statistics", "登记统计 / Figures", "/statistics"),
    Shot("notices", "登记公示 / Notices", "/notices?state=ended"),
    Shot("notice", "一条公示 / One notice", "/notices/{notice}"),
    Shot("complain", "投诉举报 / Complaint", "/complaints/new"),
    Shot("privacy", "个人信息权利请求 / Personal information", "/privacy/request"),
    Shot("guide", "办事指南 / Guide", "/guide"),
    Shot("fields", "填写说明 / The fields", "/help/fields"),
    Shot("tour", "演示导览 / The demonstration", "/tour"),
    Shot("login", "登录 / Sign in", "/accounts/login/"),
    Shot("workspace", "登记主体工作台 / Registrant's workspace", "/workspace/", "demo-clerk"),
    Shot("desk", "登记机构工作台 / Agency's desk", "/desk/", "demo-acceptor"),
    Shot("pages", "网站页面 / Pages of the site", "/desk/pages/", "demo-agency-supervisor"),
)


def _facts(address: str) -> dict[str, str]:
    """What stands for {code} and {notice}."""

    def read(path: str) -> str:
        with urllib.request.urlopen(address + path) as answer:  # noqa: S310 - our own node
            return str(answer.read().decode())

    found = json.loads(read("/api/v1/registrations?limit=1"))["items"]
    pages = read("/notices") + read("/notices?state=ended")
    notice = re.search(r"/notices/([0-9a-f-]{36})", pages)
    return {"code": found[0]["code"] if found else "", "notice": notice[1] if notice else ""}


def _password() -> str:
    """The password of the demonstration's accounts, which its sign-in page tells everybody."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dengji.config.settings")
    django.setup()
    from dengji.web.accounts.demonstration import PASSWORD

    return PASSWORD


def _sign_in(page: Page, address: str, account: str) -> None:
    page.goto(f"{address}/accounts/login/")
    page.locator("input[name=login]").fill(account)
    page.locator("input[name=password]").fill(_password())
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(lambda url: "/accounts/login" not in url)


def _picture(page: Page, width: int, height: int) -> bytes:
    """Return a picture as high as the page, at most `height`, and lower where it would weigh too much."""
    whole = int(page.evaluate("document.documentElement.scrollHeight"))
    height = min(height, whole)
    while True:
        made = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height})
        if len(made) <= MOST_BYTES or height <= 400:
            return made
        height = height * 4 // 5


def _shoot(browser: Browser, address: str, shots: list[Shot]) -> list[str]:
    facts, faults = _facts(address), []
    for device, (width, height) in DEVICES.items():
        contexts: dict[str, Page] = {}
        for shot in shots:
            if shot.account not in contexts:
                size: Any = {"width": width, "height": 900}
                contexts[shot.account] = browser.new_context(locale="zh-CN", viewport=size).new_page()
                if shot.account:
                    _sign_in(contexts[shot.account], address, shot.account)
            page = contexts[shot.account]
            answer = page.goto(address + shot.path.format(**facts))
            if answer is None or answer.status != 200:
                faults.append(f"{shot.name}: {answer.status if answer else 'no answer'} {shot.path}")
                continue
            (HERE / f"{shot.name}-{device}.png").write_bytes(_picture(page, width, height))
    return faults


def _index() -> str:
    """The page that shows the pictures there are."""
    lines = ["# 导览 / Tour", "", "<!-- Made by `make tour` from the demonstration; change tools/tour.py. -->", ""]
    lines.append("演示数据 非登记结果 / Demonstration data, not a registration result.")
    for shot in PAGES:
        if (HERE / f"{shot.name}-desktop.png").exists():
            who = f" · `{shot.account}`" if shot.account else ""
            pictures = f"![desktop]({shot.name}-desktop.png) ![phone]({shot.name}-phone.png)"
            lines += ["", f"## {shot.title}", "", f"`{shot.path}`{who}", "", pictures]
    return "\n".join([*lines, ""])


def main(names: list[str]) -> int:
    """Take the pictures of the named pages, or of all; 0 when every page answered."""
    HERE.mkdir(parents=True, exist_ok=True)
    shots = [shot for shot in PAGES if not names or shot.name in names]
    with tempfile.TemporaryDirectory(prefix="dj") as place:
        up = [sys.executable, "-m", "dengji.cli", "up", "--demo", "--json", "--port", "0", "--workers", "1"]
        node = subprocess.Popen([*up, "--data-dir", place], stdout=subprocess.PIPE, text=True)
        try:
            address = next(found[1] for line in node.stdout or () if (found := _ADDRESS.search(line)))
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
                faults = _shoot(browser, address, shots)
                browser.close()
        finally:
            node.send_signal(signal.SIGINT)
            node.wait(60)
    (HERE / "index.md").write_text(_index(), "utf-8")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Parts, themes, error pages and the style guide, through the doors that pages use."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import get_script_prefix, reverse, set_script_prefix

from dengji.core.errors import DomainError, conflict, forbidden, not_found
from dengji.web import assets
from dengji.web.design.forms import refused
from dengji.web.middleware import PageErrors
from dengji.web.templatetags import parts

HOSTILE = '"><script>alert(1)</script>'
STATES = {"state": HOSTILE, "kind": "application", "who": HOSTILE, "status": HOSTILE}
#: Part → what goes in, with hostile text wherever text can come from people.
GIVEN: dict[str, dict[str, Any]] = {
    "badge": STATES,
    "notice_box": {"kind": "info", "title": HOSTILE, "text": HOSTILE, "url": HOSTILE, "label": HOSTILE},
    "empty": {"title": HOSTILE, "text": HOSTILE, "url": HOSTILE, "label": HOSTILE},
    "summary_list": {"rows": [{"label": HOSTILE, "value": HOSTILE, "hint": HOSTILE, "change_url": HOSTILE}]},
    "task_list": {"tasks": [{"title": HOSTILE, "url": HOSTILE, "status": HOSTILE, "hint": HOSTILE}]},
    "process": {"steps": [{"title": HOSTILE, "state": "now", "note": HOSTILE, "at": HOSTILE}]},
    "timeline": {"events": [{"at": None, "title": HOSTILE, "who": HOSTILE, "text": HOSTILE, "receipt_url": HOSTILE}]},
    "tabs": {"tabs": [{"title": HOSTILE, "url": HOSTILE, "count": HOSTILE}]},
    "materials": {"materials": [{"name": HOSTILE, "kind": HOSTILE, "content_type": HOSTILE, "sha256": HOSTILE}]},
    "stat_tiles": {"tiles": [{"label": HOSTILE, "value": HOSTILE, "url": HOSTILE, "note": HOSTILE}]},
    "table": {"caption": HOSTILE, "columns": [{"title": HOSTILE}], "rows": [[{"text": HOSTILE, "url": HOSTILE}]]},
    "confirm": {"title": HOSTILE, "text": HOSTILE, "action": HOSTILE, "back": HOSTILE},
    "drawer": {"title": HOSTILE, "text": HOSTILE},
    "findings": {"findings": [{"severity": HOSTILE, "message": HOSTILE, "fix": HOSTILE, "article": HOSTILE}]},
    "chart": {
        "name": "c",
        "chart": {"title": HOSTILE, "labels": [HOSTILE], "series": [{"name": HOSTILE, "values": [1]}]},
    },
    "pager": {"next_url": HOSTILE, "previous_url": HOSTILE},
}


@pytest.fixture(autouse=True)
def _place(settings: Any) -> None:
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    settings.DENGJI_RATE_LIMITS = False


@pytest.mark.parametrize("part", GIVEN)
def test_what_people_wrote_is_never_markup(part: str) -> None:
    drawn = render_to_string(f"web/parts/{part}.html", GIVEN[part])
    assert "alert(1)" in drawn and "<script>alert" not in drawn


def test_a_form_tells_what_is_wrong_where_and_by_which_article() -> None:
    drawn = render_to_string("web/parts/form.html", {"form": refused()})
    assert '<a href="#wrong_name">' in drawn and "第七条" in drawn and "简介过短" in drawn
    box = re.search(r'<input[^>]*id="wrong_name"[^>]*>', drawn)
    assert box and 'aria-invalid="true"' in box[0] and "wrong_name_helptext wrong_name_error" in box[0]
    assert drawn.index('id="wrong_intro_findings"') < drawn.index("简介过短")
    assert re.fullmatch(r'<input type="hidden" name="transaction_id" value="[0-9a-f]{32}">', parts.transaction())


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (not_found(), 404, "无权查看"),
        (forbidden(), 403, "不能办理"),
        (conflict("stale", "状态已变"), 409, "状态已变"),
        (DomainError("x", "已屏蔽", status=410), 410, "已屏蔽"),
        (DomainError("x", "过大", status=413), 413, "过大"),
        (DomainError("x", HOSTILE, article="第九条"), 422, "第九条"),
        (DomainError("x", "过频", status=429, params={"retry_after": 7}), 429, "过频"),
        (DomainError("x", "恢复中", status=503), 503, "恢复中"),
    ],
)
def test_a_rule_not_met_is_a_page(db: None, error: DomainError, status: int, said: str) -> None:
    request = HttpRequest()
    request.path = request.path_info = "/workspace/"
    answer = PageErrors(lambda _: None).process_exception(request, error)  # type: ignore[arg-type, return-value]
    assert answer is not None and answer.status_code == status
    page = answer.content.decode()
    assert said in page and "<script>alert" not in page and answer["Cache-Control"] == "no-store"
    assert answer.has_header("Retry-After") == (status in (429, 503))
    request.path_info = "/api/v1/x"
    assert PageErrors(lambda _: None).process_exception(request, error) is None  # type: ignore[arg-type, return-value]


def test_unknown_addresses_stale_forms_and_faults_are_pages(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    assert "找不到此页" in client.get("/none").content.decode()
    assert "Page not found" in client.get("/none", headers={"Accept-Language": "en"}).content.decode()
    if (login := parts.url_if("account_login")) != "":
        stale = client.post(login, {"login": "x"})
        assert stale.status_code == 403 and "本页已过期" in stale.content.decode()
    monkeypatch.setattr("dengji.web.design.views.refused", lambda: 1 / 0)
    fault = client.get(reverse("styleguide"))
    assert fault.status_code == 500 and re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", fault.content.decode())


def test_theme_footer_and_prefix(db: None, settings: Any) -> None:
    client = Client()
    assert 'data-theme="elder"' not in client.get("/").content.decode()
    assert 'data-theme="elder"' in client.get("/", {"theme": "elder"}).content.decode()
    page = client.get("/search", {"q": "示例"})
    assert 'data-theme="elder"' in page.content.decode() and "Cookie" in page["Vary"]
    assert "&amp;theme=standard" in page.content.decode()
    assert 'data-theme="elder"' not in client.get("/", {"theme": "standard"}).content.decode()
    client.get("/", {"theme": "<b>"})
    settings.DENGJI_SITE_NAME, settings.DENGJI_SITE_ICP = "示例省登记平台", "示例ICP备00000000号"
    page_text = client.get("/").content.decode()
    assert (
        "示例省登记平台" in page_text
        and 'href="https://beian.miit.gov.cn/"' in page_text
        and "主办单位" not in page_text
    )
    before = get_script_prefix()
    set_script_prefix("/dengji/")
    try:
        for path in ("/", "/search", "/statistics", "/styleguide/"):
            page_text = client.get(path).content.decode()
            wrong = re.findall(r'(?:href|action|data-suggest)="(/(?!dengji/|static/)[^"]*)"', page_text)
            assert wrong == [], path
    finally:
        set_script_prefix(before)


def test_the_style_guide_is_kept_from_search_engines_and_shows_every_part(db: None) -> None:
    answer = Client().get(reverse("styleguide"))
    assert answer["X-Robots-Tag"] == "noindex"
    shown = {t.name for t in answer.templates if t.name and t.name.startswith("web/parts/")}
    folder = Path(configured.BASE) / "web" / "templates" / "web" / "parts"
    assert {f"web/parts/{file.name}" for file in folder.glob("*.html")} - shown <= {"web/parts/confirm.html"}


def test_a_first_visit_is_light(db: None, settings: Any) -> None:
    assert assets.missing() == []
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    client = Client()
    page = client.get("/").content
    weight = len(gzip.compress(page))
    for address in set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.decode())):
        answer = client.get(address)
        assert answer.status_code == 200, address
        weight += len(gzip.compress(b"".join(answer.streaming_content)))  # type: ignore[attr-defined]
    assert weight < 100_000

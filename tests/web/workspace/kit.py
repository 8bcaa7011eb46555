"""A browser without a screen: signs in as a person of the world, reads forms and sends them as they stand."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from tests.factories import world as w

BACKEND = "django.contrib.auth.backends.ModelBackend"


class _Forms(HTMLParser):
    """Collects every form of a page with the values it would send."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self._area = self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        got = {k: v or "" for k, v in attrs}
        if tag == "form":
            self.forms.append({"action": got.get("action", ""), "values": {}})
        if not self.forms:
            return
        values, name = self.forms[-1]["values"], got.get("name", "")
        if tag == "input" and name and got.get("type") not in ("submit", "file"):
            if got.get("type") in ("checkbox", "radio") and "checked" not in got:
                return
            ticked = got.get("type") in ("checkbox", "radio")
            values.setdefault(name, []).append(got.get("value", "on" if ticked else ""))
        elif tag == "textarea" and name:
            self._area = name
            values[name] = [""]
        elif tag == "select" and name:
            self._select = name
        elif tag == "option" and self._select and ("selected" in got or self._select not in values):
            values[self._select] = [got.get("value", "")]

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""
        if tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            held = self.forms[-1]["values"][self._area]
            held[0] += data if held[0] else data.removeprefix("\n")


def forms(response: HttpResponse) -> list[dict[str, Any]]:
    """Return the forms of a page."""
    parser = _Forms()
    parser.feed(response.content.decode())
    return parser.forms


def form_with(response: HttpResponse, name: str) -> dict[str, Any]:
    """Return the values of the form that holds a field."""
    values: dict[str, Any] = next(one["values"] for one in forms(response) if name in one["values"])
    return dict(values)


class Someone:
    """A person of the world at the pages."""

    def __init__(self, world: w.World, name: str) -> None:
        self.client = Client()
        self.client.force_login(world.people[name], backend=BACKEND)

    def get(self, path: str, status: int = 200) -> HttpResponse:
        answer = self.client.get(path)
        assert answer.status_code == status, (path, answer.status_code, said(answer))
        return answer

    def send(self, path: str, holding: str = "transaction_id", /, *, status: int = 302, **more: Any) -> HttpResponse:
        """Read the page, change some of its form, send the whole of it."""
        values = form_with(self.get(path), holding) | more
        answer = self.client.post(path, {k: v for k, v in values.items() if v is not None})
        assert answer.status_code == status, (path, answer.status_code, said(answer))
        return answer

    def upload(self, case: str, kind: str, data: bytes = w.PDF, name: str = "", status: int = 302) -> HttpResponse:
        path = f"{case}materials"
        answer = self.client.post(
            path,
            {
                "transaction_id": w.tid(),
                "kind": kind,
                "file": SimpleUploadedFile(name or f"{kind}.pdf", data, "application/pdf"),
            },
        )
        assert answer.status_code == status, said(answer)
        return answer


def text(response: HttpResponse) -> str:
    """Return what a page says, without tags."""
    body = re.sub(r"(?s)<(script|style).*?</\1>", "", response.content.decode(errors="replace"))
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def said(response: HttpResponse) -> str:
    """Return what a page says is wrong, or how it begins."""
    body = text(response)
    return body[body.find("请更正以下内容") :][:300] if "请更正以下内容" in body else body[:600]


#: What the pages of a first registration are filled with, page by page.
FILLED: dict[str, dict[str, Any]] = {
    "basic": {
        "name": "城市客运信息",
        "intro": w.RECORD["intro"],
        "industries": ["54"],
        "coverage_regions-add": "张掖市",
        "coverage_start": "2025-01-01",
        "data_format": ["spreadsheet"],
        "update_frequency": "monthly",
        "record_count": "120",
        "contains_personal": "no",
        "grade": "general",
        "access_mode": "apply",
        "data_items-0-name": "线路名称",
        "data_items-0-type": "文本",
    },
    "registrant": {"contact_name": "示例经办人", "contact_phone": "13800000000"},
    "storage": {"storage_mode": "government_cloud", "storage_location": "示例机房"},
    "source": {
        "collection_basis": "《中华人民共和国道路运输条例》",
        "duty_basis": "城市客运管理",
        "source_mode": "produced",
        "within_authorised_operation": "no",
    },
    "evidence": {
        "evidence_method": "hash",
        "evidence_algorithm": "sha256",
        "evidence_digest": w.RECORD["evidence_digest"],
        "evidence_time": "2025-01-02T11:04:05",
    },
    "scenario": {"scenarios": "公众出行查询"},
    "security": {"risk_assessment_conclusion": "风险可控"},
}
SECRECY = {
    "secrecy_reviewer": "示例保密审查人",
    "secrecy_date": "2025-01-03",
    "secrecy_conclusion": "publishable",
    "acknowledged": "on",
}

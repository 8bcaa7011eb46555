"""What a registrant hands in is shown and never run: SVG, HTML, polyglots, bombs (R51, issue 6)."""

from __future__ import annotations

import io
import zipfile
from typing import Any
from uuid import UUID

import pytest
import xlsxwriter
from django.urls import reverse
from docx import Document

from dengji.core.errors import DomainError
from dengji.parties.models import AccessLog
from dengji.registration import services
from dengji.registration.models import Material
from tests.factories import world as w

from .conftest import Clients

EVIL = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def workbook(rows: int = 3) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet()
    for i in range(rows):
        sheet.write_row(i, 0, [f"<b>行{i}</b>", "=1+1", i])
    book.close()
    return out.getvalue()


def bomb() -> bytes:
    """A workbook whose sheet unpacks to a hundred megabytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook())) as good, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bad:
        for part in good.infolist():
            data = good.read(part)
            bad.writestr(part.filename, data + b" " * 100_000_000 if "sheet1" in part.filename else data)
    return out.getvalue()


def paper() -> bytes:
    out = io.BytesIO()
    document = Document()
    document.add_paragraph("说明文档第一段<script>")
    document.save(out)
    return out.getvalue()


FILES: dict[str, tuple[bytes, str, str]] = {
    "page.pdf": (w.PDF, "application/pdf", ""),
    "polyglot.pdf": (w.PDF + b"<html><script>alert(1)</script></html>", "application/pdf", ""),
    "table.csv": ("名称,数量\n<script>甲</script>,1\n".encode(), "text/html", "&lt;script&gt;甲"),
    "table.xlsx": (workbook(), "text/html", "&lt;b&gt;行0"),
    "long.xlsx": (workbook(400), "text/html", "只显示开头部分"),
    "bomb.xlsx": (bomb(), "text/html", "不能预览"),
    "paper.docx": (paper(), "text/html", "说明文档第一段&lt;script&gt;"),
    "words.txt": ("第一行\n第二行".encode("gb18030"), "text/html", "第一行"),
}


def test_files_are_shown_and_never_active(world: w.World, clients: Clients) -> None:
    pk = w.draft(world)
    for name, (data, _, _) in FILES.items():
        _attach(world, pk, name, data)
    for name, data in (("图.svg", EVIL), ("页.html", b"<!doctype html><script>alert(1)</script>")):
        with pytest.raises(DomainError, match="不接受此类文件"):
            _attach(world, pk, name, data)
    w.advance(world, pk, "submit")
    client = clients("acceptor")
    held = {
        one["name"]: one
        for one in services.list_materials(actor=world.actor("acceptor"), owner_kind="application", owner_id=pk)
    }
    assert (
        "desk-preview"
        in client.get(reverse("desk:case", args=[pk]), {"material": held["page.pdf"]["id"]}).content.decode()
    )
    for name, (data, kind, told) in FILES.items():
        answer = client.get(reverse("desk:preview", args=[held[name]["id"]]))
        _inert(answer, kind)
        body = answer.content
        assert told in body.decode() if told else body == data, name
        assert b"<script>" not in body or kind == "application/pdf", name
        handed = client.get(reverse("desk:download", args=[held[name]["id"]]))
        assert (
            handed["Content-Disposition"].startswith("attachment")
            and handed["Content-Type"] == "application/octet-stream"
        )
    read = AccessLog.objects.filter(act="read_material", object_id=held["page.pdf"]["id"])
    assert read.count() == 2
    for role in ("stranger_clerk", "citizen", "system_admin"):
        assert clients(role).get(reverse("desk:preview", args=[held["page.pdf"]["id"]])).status_code == 403


def test_markup_that_got_in_some_other_way_is_only_handed_over(
    world: w.World, clients: Clients, monkeypatch: Any
) -> None:
    pk = w.draft(world)
    with monkeypatch.context() as patch:
        patch.setattr("dengji.registration.services.materials.recognise", lambda data: "pdf")
        _attach(world, pk, "图.svg", EVIL)
    Material.objects.filter(sha256__isnull=False, size=len(EVIL)).update(content_type="image/svg+xml")
    w.advance(world, pk, "submit")
    material = Material.objects.get(size=len(EVIL))
    answer = clients("acceptor").get(reverse("desk:preview", args=[material.pk]))
    _inert(answer, "text/html")
    assert "不能预览" in answer.content.decode() and b"<svg" not in answer.content


def _attach(world: w.World, pk: UUID, name: str, data: bytes) -> None:
    services.add_material(
        actor=world.actor("clerk"),
        transaction_id=w.tid(),
        owner_kind="application",
        owner_id=pk,
        kind="other",
        upload=services.Upload(name, data),
    )


def _inert(answer: Any, kind: str) -> None:
    """The answer is of this type, is believed to be nothing else, and may load and run nothing."""
    assert answer.status_code == 200 and answer["Content-Type"].startswith(kind)
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'") and "script-src" not in policy and "frame-ancestors 'self'" in policy
    assert policy.endswith("; sandbox")
    assert answer["X-Content-Type-Options"] == "nosniff"

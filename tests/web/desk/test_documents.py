"""Documents at the desk and with the registrant: sealed, filed, served; nothing from the wrong role or a stranger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from dengji.documents import making
from dengji.documents.models import Document
from dengji.ledger import keyring, proofs
from tests.documents.conftest import newest, read_on
from tests.factories import world as w
from tests.web.desk.conftest import Clients, transaction_in

PNG = b"\x89PNG\r\n\x1a\n" + b"scan"


@pytest.fixture
def paper(world: w.World, tmp_path: Path, settings: Any) -> Iterator[Document]:
    """A notice of acceptance, made."""
    settings.DENGJI_DATA_DIR = tmp_path / "node"
    proofs.forget()
    keyring.ensure_keys()
    row = w.draft(world)
    w.advance(world, row, "accept")
    read_on()
    assert making.make_due(1)
    yield newest("acceptance_notice")
    proofs.forget()


def _url(name: str, row: Document) -> str:
    return reverse(f"desk:{name}", args=[row.pk])


def _file(data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("扫描件.png", data)


def test_the_registrant_finds_and_opens_its_own_documents_and_nobody_elses(paper: Document, clients: Clients) -> None:
    own, clerk = reverse("workspace:document", args=[paper.pk]), clients("clerk")
    for here in (
        reverse("workspace:documents"),
        reverse("workspace:documents-of", args=[paper.object_id]),
    ):
        assert own in clerk.get(here).content.decode()
    assert reverse("workspace:documents-of", args=[paper.object_id]) in (
        clerk.get(reverse("workspace:case", args=[paper.object_id])).content.decode()
    )
    for stranger in ("stranger_clerk",):
        assert own not in clients(stranger).get(reverse("workspace:documents")).content.decode()
        assert clients(stranger).get(own).status_code == 404
        assert clients(stranger).get(reverse("workspace:documents-of", args=[paper.object_id])).status_code == 404
    assert clients("nobody").get(own).status_code == 302
    desk = clients("acceptor").get(_url("document", paper)).content.decode()
    assert "尚未送达" in desk and "已查阅" not in desk
    opened = clerk.get(own)
    assert opened.content.startswith(b"%PDF") and "sandbox" in opened.headers["Content-Security-Policy"]
    assert clerk.get(own, {"keep": ""}).headers["Content-Disposition"].startswith("attachment")
    desk = clients("acceptor").get(_url("document", paper)).content.decode()
    assert "已送达" in desk and desk.count("已查阅") == 1


def test_sealed_on_the_page_and_served_by_hand(paper: Document, clients: Clients) -> None:
    officer, here = clients("acceptor"), reverse("desk:documents")
    assert _url("document", paper) in officer.get(here, {"show": "seal"}).content.decode()
    for stranger in ("clerk", "stranger_clerk", "authority_supervisor"):
        assert clients(stranger).get(here).status_code == 403
        for act in ("seal", "scan", "serve", "make-document"):
            assert clients(stranger).post(_url(act, paper)).status_code == 403
    page = officer.get(_url("document", paper)).content.decode()
    assert officer.post(_url("seal", paper), {"transaction_id": transaction_in(page)}, follow=True).status_code == 200
    paper.refresh_from_db()
    assert paper.state == "SEALED"
    page = officer.get(_url("document", paper)).content.decode()
    assert "测试印章" in page and _url("seal", paper) not in page
    assert officer.post(_url("seal", paper)).status_code == 422
    assert _url("document", paper) not in officer.get(here, {"show": "seal"}).content.decode()
    assert _url("document", paper) in officer.get(here, {"show": "serve"}).content.decode()
    assert officer.get(_url("document-file", paper)).content.startswith(b"%PDF")
    words = officer.get(_url("document-file", paper), {"form": "docx"})
    assert words.headers["Content-Disposition"].endswith(".docx")

    silent = officer.post(_url("serve", paper), {"step": "telephone.served"})
    assert silent.status_code == 422 and "请写明" in silent.content.decode()
    unsigned = officer.post(_url("serve", paper), {"step": "paper.served", "note": "示例"})
    assert unsigned.status_code == 422 and "送达回证" in unsigned.content.decode()
    wrong = officer.post(_url("serve", paper), {"step": "paper.served", "file": _file(b"<html>")})
    assert wrong.status_code == 422 and "文件" in wrong.content.decode()
    assert officer.post(_url("serve", paper), {"step": "paper.served", "file": _file(PNG)}).status_code == 302
    page = officer.get(_url("document", paper)).content.decode()
    assert "已送达" in page and "已签收" in page
    event = paper.service_events.get(channel="paper")
    proof = reverse("desk:proof", args=[event.pk])
    assert proof in page and officer.get(proof).content == PNG
    for stranger, status in (("clerk", 403), ("stranger_clerk", 403)):
        assert clients(stranger).get(proof).status_code == status
    assert _url("document", paper) not in officer.get(here, {"show": "serve"}).content.decode()


def test_a_stamped_scan_is_filed_and_shown(paper: Document, clients: Clients) -> None:
    officer = clients("acceptor")
    assert officer.post(_url("scan", paper), {}).status_code == 422
    assert officer.post(_url("scan", paper), {"file": _file(b"plain")}).status_code == 422
    assert officer.post(_url("scan", paper), {"file": _file(PNG)}).status_code == 302
    shown = officer.get(_url("document-file", paper))
    assert (shown.content, shown.headers["Content-Type"]) == (PNG, "image/png")
    assert "纸质用印" in officer.get(_url("document", paper)).content.decode()

"""Seals and service: sealed once, by stamp or on paper; served as the rulebook counts; suppressed with all."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage

from dengji.core.clock import legal_now
from dengji.core.encryption import unseal_json
from dengji.documents import making, sealing, services, serving, storing
from dengji.documents.models import Document
from dengji.ledger import keyring, proofs
from dengji.registration.services import Upload
from tests.documents.conftest import Papers, newest
from tests.documents.kit import objects, text_of
from tests.factories import world as w
from tests.registration import kit

PNG = b"\x89PNG\r\n\x1a\n" + b"scan"


class _Ofd:
    def seal(self, pdf: bytes, document: Document) -> bytes:
        return pdf + b"\n% sealed elsewhere"


class _Broken:
    def seal(self, pdf: bytes, document: Document) -> bytes:
        raise ValueError("no card")


@pytest.fixture(autouse=True)
def _keys(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.DENGJI_DATA_DIR = tmp_path / "node"
    proofs.forget()
    keyring.ensure_keys()
    yield
    proofs.forget()


def test_a_document_is_sealed_once_and_what_was_made_stays(papers: Papers, settings: Any) -> None:
    world = papers.world
    row, officer = newest("decline_notice"), world.actor("acceptor")
    before = services.bytes_of(row)[1]
    with kit.refused("not_found"):
        sealing.seal(actor=world.actor("clerk"), transaction_id=w.tid(), document_id=row.pk)
    settings.DENGJI_SEAL_ADAPTER = f"{__name__}._Broken"
    with kit.refused("seal_failed", 502):
        sealing.seal(actor=officer, transaction_id=w.tid(), document_id=row.pk)
    settings.DENGJI_SEAL_ADAPTER = ""
    tid = w.tid()
    made = sealing.seal(actor=officer, transaction_id=tid, document_id=row.pk)
    assert made == sealing.seal(actor=officer, transaction_id=tid, document_id=row.pk)
    assert made["state"] == "SEALED" and made["seal"] == "test"
    row.refresh_from_db()
    kind, data = services.bytes_of(row)
    text = text_of(data)
    assert kind == "application/pdf" and "测试印章" in text and "无法律效力" in text
    assert objects(data)["embedded"] and "<pdfaid:part>2" in objects(data)["xmp"]
    assert storing.load(row.pk, row.storage_key, row.sha256) == before
    seal = row.seals.get()
    note = unseal_json(bytes(seal.note or b""), context=seal.pk.bytes)
    key = keyring.signers()[0].signer
    assert base64.b64decode(note["signature"]) == key.sign(sealing.signed_text(row.pk, seal.sha256))
    assert [(e.channel, e.event) for e in row.service_events.all()] == [("in_system", "delivered")]
    for again in (sealing.seal, sealing.seal_on_paper):
        more = {"upload": Upload("a.png", PNG)} if again is sealing.seal_on_paper else {}
        with kit.refused("document_not_sealable", 409):
            again(actor=officer, transaction_id=w.tid(), document_id=row.pk, **more)
    with kit.refused("document_out", 409):
        services.remake(actor=officer, transaction_id=w.tid(), document_id=row.pk)

    settings.DENGJI_SEAL_ADAPTER = f"{__name__}._Ofd"
    other = newest("acceptance_notice")
    assert sealing.seal(actor=officer, transaction_id=w.tid(), document_id=other.pk)["seal"] == "adapter"
    assert services.bytes_of(other)[1].endswith(b"sealed elsewhere")


def test_stamped_paper_service_and_suppression(papers: Papers) -> None:
    world = papers.world
    officer = world.actor("acceptor")
    row = newest("supplement_notice")
    ask: dict[str, Any] = {"actor": officer, "document_id": row.pk}
    for data, code in ((b"", "file_size"), (b"PK\x03\x04zip", "file_type"), (b"plain", "file_type")):
        with kit.refused(code):
            sealing.seal_on_paper(**ask, transaction_id=w.tid(), upload=Upload("a.png", data))
    made = sealing.seal_on_paper(**ask, transaction_id=w.tid(), upload=Upload("a.png", PNG), note="存档")
    assert made["seal"] == "paper"
    name, kind, data = services.read(actor=officer, document_id=row.pk)
    assert (name.endswith(".png"), kind, data) == (True, "image/png", PNG)

    mine = Document.objects.filter(pk=row.pk)
    assert serving.unserved(officer, mine).exists() and not serving.unserved(world.actor("nobody"), mine).exists()
    for wrong, code in (
        ({"channel": "in_system", "event": "opened"}, "service_invalid"),
        ({"channel": "telephone", "event": "sent"}, "service_invalid"),
        ({"channel": "paper", "event": "served", "note": "x"}, "proof_required"),
        ({"channel": "telephone", "event": "served"}, "note_required"),
        (
            {"channel": "telephone", "event": "failed", "note": "x", "at": legal_now() + timedelta(days=1)},
            "service_time",
        ),
        ({"channel": "telephone", "event": "failed", "note": "x", "at": row.at - timedelta(days=1)}, "service_time"),
        ({"channel": "paper", "event": "served", "proof": Upload("a", b"x")}, "file_type"),
    ):
        with kit.refused(code):
            serving.serve(**ask, transaction_id=w.tid(), **wrong)
    with kit.refused("not_found"):
        serving.serve(
            actor=world.actor("clerk"), document_id=row.pk, transaction_id=w.tid(),
            channel="telephone", event="served", note="x",
        )  # fmt: skip
    failed = serving.serve(**ask, transaction_id=w.tid(), channel="telephone", event="failed", note="无人接听")
    assert failed["served_at"] == "" and serving.unserved(officer, mine).exists()
    proof = Upload("送达回证.png", PNG)
    done = serving.serve(**ask, transaction_id=w.tid(), channel="paper", event="served", proof=proof)
    assert done["served_at"] and not serving.unserved(officer, mine).exists()

    keys = [*row.seals.values_list("storage_key", flat=True), *row.service_events.values_list("storage_key", flat=True)]
    keys = [key for key in keys if key]
    assert len(keys) == 2 and all(default_storage.exists(key) for key in keys)
    services.void_all([row.object_id], legal_now())
    row.refresh_from_db()
    assert row.state == "VOID" and not row.seals.exclude(storage_key="").exists()
    with kit.refused("document_not_sealable", 409):
        sealing.seal(**ask, transaction_id=w.tid())
    with kit.refused("document_not_out", 409):
        serving.serve(**ask, transaction_id=w.tid(), channel="telephone", event="served", note="x")
    left = Document.objects.filter(state="MAKING").exclude(error="receipt_pending")
    assert making.make_due() == 0 and not left.exists()

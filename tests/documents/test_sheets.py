"""Confirmation sheets: made once a checkpoint covers the entry, from the receipt alone; only the original is issued."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader, PdfWriter

from dengji.core.clock import legal_now
from dengji.documents import carried, making, services, sheets
from dengji.documents.models import Document
from dengji.ledger import checkpointing, keyring, proofs
from dengji.ledger.models import Content
from dengji.ledger.pure.errors import LedgerError
from dengji.ledger.pure.notes import VerifierKey
from dengji.ledger.pure.receipts import Trust, parse_receipt, verify_receipt
from dengji.registration import receipts
from dengji.registration.models import Registration
from dengji.web.verify import reading
from tests.documents.conftest import newest, read_on
from tests.documents.kit import objects, text_of
from tests.factories import world as w
from tests.registration import kit

GOLDEN = Path(__file__).parents[1] / "golden" / "sheets"


@pytest.fixture
def world(db: None, tmp_path: Path, settings: Any) -> Iterator[w.World]:
    """A register whose rulebook has sheets, in a log with keys of its own."""
    settings.DENGJI_DATA_DIR, settings.DENGJI_PUBLIC_URL = tmp_path / "node", "https://dj.example.gov.cn"
    proofs.forget()
    keyring.ensure_keys()
    yield w.build()
    proofs.forget()


def sheet(world: w.World) -> Document:
    """The sheet of a registration, made."""
    w.registered(world)
    read_on()
    making.make_due(100)
    row = newest("confirmation_sheet")
    assert (row.state, row.error) == ("MAKING", "receipt_pending")
    checkpointing.keep(at_once=True)
    making.make_due(100)
    row.refresh_from_db()
    assert row.state == "MADE"
    return row


def _with(pdf: bytes, receipt: bytes | None) -> bytes:
    writer = PdfWriter()
    for page in PdfReader(io.BytesIO(pdf)).pages:
        writer.add_page(page)
    if receipt is not None:
        writer.add_attachment(carried.NAME, receipt)
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def test_a_sheet_says_what_its_receipt_says_and_only_the_original_is_one(world: w.World) -> None:
    row = sheet(world)
    found = Registration.objects.get()
    pdf = services.bytes_of(row)[1]
    text = text_of(pdf)
    for part in (found.code, found.name, found.registrant_name, "公共数据资源登记确认单", "不等于内容真实"):
        assert part in text.replace("\n", "")
    assert objects(pdf)["embedded"] and "<pdfaid:part>3" in objects(pdf)["xmp"]
    inside = carried.receipt_in(pdf)
    assert receipts.check(inside)[0].entry["public"]["code"] == found.code
    inputs = making.inputs_of(row)
    assert f"/verify?code={found.code}&version=1" in inputs["address"]
    again = sheets.rendering.render("sheet", inputs, standard=sheets.STANDARD)
    assert again == pdf

    good = reading.prove(pdf)
    assert good.good and good.issued
    forged, swapped = _with(pdf, None), _with(pdf, inside)
    assert (reading.prove(forged).good, reading.prove(forged).code) == (False, "sheet_malformed")
    assert reading.prove(swapped).good and reading.prove(swapped).issued is False
    assert not reading.prove(_with(pdf, inside[:-40])).good
    for hostile in (b"%PDF-1.7\n" + b"\0" * 200, pdf[: len(pdf) // 2], b"%PDF-" + b"[" * 100_000):
        with pytest.raises(LedgerError):
            carried.receipt_in(hostile)
    with kit.refused("document_from_receipt", 409):
        services.remake(actor=world.actor("acceptor"), transaction_id=w.tid(), document_id=row.pk)
    with kit.refused("not_found"):
        services.read(actor=world.actor("acceptor"), document_id=row.pk, form="docx")
    assert services.read(actor=world.actor("clerk"), document_id=row.pk)[2] == pdf


def test_no_sheet_of_what_was_suppressed_and_none_where_the_rulebook_has_none(world: w.World) -> None:
    w.registered(world)
    read_on()
    checkpointing.keep(at_once=True)
    Content.objects.update(body=None, suppressed_at=legal_now())
    making.make_due(100)
    assert newest("confirmation_sheet").state == "VOID"
    plain = w.build(rulebook="cn", region="620700")
    w.registered(plain)
    read_on()
    kinds = Document.objects.filter(register=plain.register).values_list("kind", flat=True)
    assert "acceptance_notice" in kinds and "confirmation_sheet" not in kinds


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.pdf")), ids=lambda file: file.stem)
def test_a_sheet_of_every_past_version_still_verifies(file: Path) -> None:
    receipt = parse_receipt(carried.receipt_in(file.read_bytes()))
    keys = tuple(VerifierKey.parse(line) for line in file.with_suffix(".vkey").read_text().splitlines())
    report = verify_receipt(receipt, Trust(keys[0].name, keys))
    assert report.entry["public"]["code"] in text_of(file.read_bytes())
    broken = replace(receipt, content={**(receipt.content or {}), "fields": {"name": "改动"}})
    with pytest.raises(LedgerError):
        verify_receipt(broken, Trust(keys[0].name, keys))


def test_each_version_of_the_layout_has_its_golden_sheet() -> None:
    assert {file.stem for file in GOLDEN.glob("*.pdf")} == {
        f"v{n + 1}" for n in range(sheets.rendering.LAYOUTS["sheet"])
    }

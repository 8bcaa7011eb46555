"""A file is what its content says, and nothing active comes in (R51)."""

from __future__ import annotations

import io
import zipfile

import pytest

from dengji.registration.files import recognise


def archive(*names: str) -> bytes:
    """A ZIP file with these entries."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as container:
        for name in names:
            container.writestr(name, "<x/>")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.7\n", "pdf"),
        (b"\x89PNG\r\n\x1a\n....", "png"),
        (b"\xff\xd8\xff\xe0....", "jpeg"),
        (archive("OFD.xml", "Doc_0/Document.xml"), "ofd"),
        (archive("[Content_Types].xml", "word/document.xml"), "docx"),
        (archive("[Content_Types].xml", "xl/workbook.xml"), "xlsx"),
        ("名称,数量\n甲,1\n".encode(), "csv"),
        ("名称,数量\n甲,1\n".encode("gb18030"), "csv"),
        ("一份说明".encode("utf-8-sig"), "txt"),
        (b'{"a": 1}', "json"),
        (b"[not json", "txt"),
    ],
)
def test_what_is_recognised(data: bytes, kind: str) -> None:
    assert recognise(data) == kind


@pytest.mark.parametrize(
    "data",
    [
        archive("word/document.xml", "word/vbaProject.bin"),
        archive("xl/workbook.xml", "xl/VBAPROJECT.BIN"),
        archive("xl/workbook.xml", "xl/macrosheets/sheet1.xml"),
        archive("word/document.xml", "word/activeX/activeX1.xml"),
        archive("notes.txt"),
        b"PK\x03\x04 broken",
        b"<html><script>alert(1)</script>",
        b"\xef\xbb\xbf<html>",
        b"  \n<!-- x --><svg onload='x'>",
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        b"<div onclick=x>",
        "<html>".encode("utf-16"),
        "<html>".encode("utf-16-be"),
        b"MZ\x90\x00\x03",
        b"\x7fELF\x02",
        b"\xff\xfe\xfd",
    ],
)
def test_what_is_not_let_in(data: bytes) -> None:
    assert recognise(data) == "unknown"


def test_a_page_called_pdf_is_a_page() -> None:
    assert recognise(b"<html>%PDF-1.7") == "unknown"

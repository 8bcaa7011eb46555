"""Files of every form, also broken and hostile ones."""

from __future__ import annotations

import io
import resource
import zipfile
from typing import Any

import pytest
import xlsxwriter

from dengji.core import tables
from dengji.core.errors import DomainError
from dengji.core.tables import read


def book(rows: list[list[Any]], **options: Any) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as made:
        sheet = made.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return buffer.getvalue()


def with_part(data: bytes, name: str, change: Any) -> bytes:
    """The workbook with one part changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            body = old.read(entry)
            new.writestr(entry.filename, change(body) if entry.filename == name else body)
    return out.getvalue()


def refused(data: bytes) -> str:
    with pytest.raises(DomainError) as error:
        list(read(io.BytesIO(data)).rows)
    assert error.value.field == "file"
    return error.value.code


SHEET = "xl/worksheets/sheet1.xml"
TWO = book([["名称", "数量"], ["甲", 1]])


def test_rows_keep_their_numbers_past_empty_ones() -> None:
    found = read(io.BytesIO(book([[], [], ["名称", "数量"], [], ["甲", 1]])))
    assert found.headings == ("名称", "数量")
    assert [(n, list(row)) for n, row in found.rows if any(row)] == [(5, ["甲", 1.0])]
    found = read(io.BytesIO("\n\n名称,数量\n\n甲,1\n".encode()))
    assert [(n, row) for n, row in found.rows if row] == [(5, ["甲", "1"])]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_of_any_kind(encoding: str, delimiter: str) -> None:
    text = f'名称{delimiter}简介\r\n甲{delimiter}"一{delimiter}二\r\n三"\r\n'
    found = read(io.BytesIO(text.encode(encoding)))
    assert found.headings == ("名称", "简介")
    assert [row for _, row in found.rows] == [["甲", f"一{delimiter}二\r\n三"]]


def test_jsonl_tells_rows_that_are_no_objects() -> None:
    found = read(io.BytesIO(b'{"name": "a"}\n\n[1]\n{"name"\n{"name": "b"}'))
    assert list(found.rows) == [(1, {"name": "a"}), (3, None), (4, None), (5, {"name": "b"})]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file_empty"),
        (b" \n\n ", "file_empty"),
        (b"%PDF-1.7", "file_unknown"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "file_unknown"),
        (b"PK\x03\x04 nothing", "file_damaged"),
        (TWO[: len(TWO) // 2], "file_damaged"),
        (b"name,\xff\xff\xff", "file_encoding"),
        (book([]), "file_empty"),
        (b"a,b\n" + b"x" * 200_000 + b",1\n", "file_row_damaged"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, code: str) -> None:
    assert refused(data) == code


def test_other_archives_and_macros_are_no_spreadsheets() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("word/document.xml", "<a/>")
    assert refused(archive.getvalue()) == "file_unknown"
    with zipfile.ZipFile(again := io.BytesIO(TWO), "a") as made:
        made.writestr("xl/vbaProject.bin", "x")
    assert refused(again.getvalue()) == "file_unknown"


@pytest.mark.parametrize(
    "cell",
    [
        b'<c r="XFD1"><v>1</v></c>',
        b"<c r = 'CV1048576'><v>1</v></c>",
        b'<x:c xmlns:x="u" s="1" r="ZZ200000"><v>1</v></x:c>',
    ],
)
def test_a_far_cell_costs_no_memory(cell: bytes) -> None:
    far = with_part(
        TWO, SHEET, lambda body: body.replace(b"</sheetData>", b'<row r="9">' + cell + b"</row></sheetData>")
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refused(far) == "file_too_large"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_UNPACKED", 1 << 20)
    bomb = with_part(TWO, SHEET, lambda body: body + b" " * (8 << 20))
    assert len(bomb) < 100_000 and refused(bomb) == "file_too_large"


def test_a_lie_about_the_size_is_found() -> None:
    data = bytearray(
        with_part(TWO, SHEET, lambda body: body.replace(b"</sheetData>", b" " * 5_000_000 + b"</sheetData>"))
    )
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        size = archive.getinfo(SHEET).file_size.to_bytes(4, "little")
    assert data.count(size)
    assert refused(bytes(data.replace(size, (1000).to_bytes(4, "little")))) == "file_damaged"


def test_too_many_rows_and_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_ROWS", 3)
    assert refused(b"a,b\n" + b"1,2\n" * 3) == "file_too_large"
    assert refused(book([["a"]] * 5)) == "file_too_large"
    monkeypatch.setattr(tables, "MAX_COLUMNS", 2)
    assert refused(b"a,b\n1,2,3\n") == "file_too_large"


def test_entities_are_not_expanded() -> None:
    def hostile(body: bytes) -> bytes:
        head = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        return body.replace(b"<worksheet", head + b"<worksheet", 1).replace(b"<v>1</v>", b"<v>&b;</v>")

    try:
        rows = [row for _, row in read(io.BytesIO(with_part(TWO, SHEET, hostile))).rows]
    except DomainError as error:
        assert error.code == "file_damaged"
    else:
        assert "aaaa" not in str(rows)


def test_formulas_are_not_evaluated() -> None:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as made:
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, ["名称", "数量"])
        sheet.write_formula(1, 0, "=1+1", None, "存下的值")
        sheet.write_formula(1, 1, '=HYPERLINK("http://example.com")', None, 7)
    assert [list(row) for _, row in read(buffer).rows] == [["存下的值", 7.0]]

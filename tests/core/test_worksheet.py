"""Worksheets read piece by piece give what an outside reader, which holds the whole sheet, gives."""

from __future__ import annotations

import datetime as dt
import io
import tracemalloc
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import python_calamine
import xlsxwriter

from dengji.core import sheetparts, worksheet
from dengji.core.errors import DomainError
from dengji.core.tables import read

SHEET, STRINGS, BOOK = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"
DAY = dt.datetime.fromisoformat("2024-02-29")


def made(fill: Callable[[Any, Any], None], **options: Any) -> bytes:
    """A workbook that `fill` writes."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, options) as book:
        fill(book, book.add_worksheet())
    return buffer.getvalue()


def changed(data: bytes, name: str, old: bytes, new: bytes) -> bytes:
    """The workbook with bytes of one part replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            body = source.read(entry)
            assert entry.filename != name or old in body
            target.writestr(entry.filename, body.replace(old, new) if entry.filename == name else body)
    return out.getvalue()


def trimmed(row: Any) -> list[Any]:
    """A row without the empty cells at its end."""
    cells = list(row)
    while cells and cells[-1] == "":
        cells.pop()
    return cells


def ours(data: bytes) -> dict[int, list[Any]]:
    """The rows that hold anything, by number."""
    limits = {"max_rows": 1_000, "max_columns": 100, "max_cells": 10_000}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {number: cells for number, row in worksheet.rows(archive, **limits) if (cells := trimmed(row))}


def theirs(data: bytes) -> dict[int, list[Any]]:
    """The same of the outside reader."""
    book = python_calamine.load_workbook(io.BytesIO(data))
    visible = python_calamine.SheetVisibleEnum.Visible
    first = next(i for i, meta in enumerate(book.sheets_metadata) if meta.visible == visible)
    rows = enumerate(book.get_sheet_by_index(first).iter_rows(), 1)
    return {number: cells for number, row in rows if (cells := trimmed(row))}


def texts(book: Any, sheet: Any) -> None:
    """Texts of every kind, some twice."""
    for number, text in enumerate(
        ["名称", " 两边 ", "a_x000D_b", "一\r\n二", "_x005F_x000D_", "<&>\"'", "𠮷", "", "名称"]
    ):
        sheet.write_string(number, number % 3, text)
    bold = book.add_format({"bold": True})
    sheet.write_rich_string(20, 5, "前 ", bold, "粗", " 后")


def numbers(book: Any, sheet: Any) -> None:
    """Numbers, truth values and stored results of formulas."""
    sheet.write_row(2, 1, [1, -2.5, 1e20, 1e-7, 0, True, False, 123456789012])
    sheet.write_formula(4, 0, "=1+1", None, "存下的值")
    sheet.write_formula(4, 1, "=1+1", None, 7)
    sheet.write_formula(4, 2, "=TRUE", None, True)
    sheet.write_blank(9, 9, None, book.add_format({"bold": True}))


def dates(book: Any, sheet: Any) -> None:
    """One number after another in every format of dates, and in formats that only look like one."""
    codes = [
        "yyyy-mm-dd",
        "h:mm",
        "[h]:mm:ss",
        "mm:ss.0",
        '[$-804]yyyy"年"m"月"d"日"',
        '0.00"day"',
        "[Red]0.0",
        "General",
    ]
    codes += ["@", "#,##0_);[Red](#,##0)", "[mm]", "h:mm AM/PM", "\\d0", "0.00E+00", "d-mmm;@", "0;yyyy"]
    for column, form in enumerate([*codes, 14, 22, 45, 46, 47, 9, 49]):
        style = book.add_format({"num_format": form})
        for row, number in enumerate([45351, 45351.5, 0.25, 61, 59, 1, 45351.123456789, 1.5, 99_999_999]):
            sheet.write_number(row, column, number, style)


def sheets(book: Any, sheet: Any) -> None:
    """The first sheet hidden, cells merged in the second, gaps between rows."""
    sheet.write(0, 0, "藏")
    second = book.add_worksheet("第二")
    second.merge_range(3, 1, 5, 4, "合并")
    second.write(9, 7, "远")
    second.write(12, 0, "近")
    second.activate()
    sheet.hide()
    book.add_worksheet().write(0, 0, "第三")


@pytest.mark.parametrize("fill", [texts, numbers, dates, sheets])
@pytest.mark.parametrize("options", [{}, {"constant_memory": True}, {"date_1904": True}])
def test_both_readers_give_the_same_rows(fill: Callable[[Any, Any], None], options: dict[str, Any]) -> None:
    data = made(fill, **options)
    assert ours(data) == theirs(data) != {}


ONE = made(lambda _book, sheet: sheet.write_row(0, 0, ["甲", 1]))


@pytest.mark.parametrize(
    "cells",
    [
        b"<row><c><v>1.5</v></c><c t='str'><v> x </v></c><c t='b'><v>true</v></c></row>",
        b"<row r='7'><c r='C7' t='inlineStr'><is><r><t>a </t></r><r><t xml:space='preserve'> b</t></r></is></c></row>",
        "<row><c t='inlineStr'><is><t>汉</t><rPh sb='0' eb='1'><t>hàn</t></rPh></is></c><c><v>2</v></c></row>".encode(),
        b"<row><c t='d'><v>2024-03-01</v></c><c t='d'><v>2024-03-01T10:00:00</v></c><c t='d'><v>10:00:00</v></c></row>",
        b"<row><c t='inlineStr'><is/></c><c t='str'><v></v></c><c/><c><v>1E+5</v></c></row>",
        b"<row r='3'><c r='A3'><v>1</v></c></row><row r='9'><c r='B9'><f>1+1</f><v>2</v></c></row>",
    ],
)
def test_rows_of_other_programs_are_read_alike(cells: bytes) -> None:
    data = changed(ONE, SHEET, b"</sheetData>", cells + b"</sheetData>")
    assert ours(data) == theirs(data)
    assert len(ours(data)) > 1


def test_prefixed_names_are_read() -> None:
    with zipfile.ZipFile(io.BytesIO(ONE)) as archive:
        body = archive.read(SHEET)
    spelled = body.replace(b"</", b"</x:").replace(b"<x:", b"<").replace(b"<", b"<x:").replace(b"<x:/", b"</x:")
    spelled = spelled.replace(b"<x:?xml", b"<?xml").replace(b" xmlns=", b" xmlns:x=").replace(b"</x:x:", b"</x:")
    assert ours(changed(ONE, SHEET, body, spelled)) == {1: ["甲", 1.0]}


def test_half_a_pair_is_no_character() -> None:
    assert ours(changed(ONE, STRINGS, "甲".encode(), "甲_xD83D_".encode()))[1] == ["甲_xD83D_", 1.0]


def test_errors_keep_their_names_so_that_their_row_is_refused() -> None:
    cells = b"<row><c t='e'><v>#N/A</v></c><c t='e'><v>#SPILL!</v></c></row>"
    assert ours(changed(ONE, SHEET, b"</sheetData>", cells + b"</sheetData>"))[2] == ["#N/A", "#VALUE!"]


def test_dates_in_the_formats_of_chinese_spreadsheets() -> None:
    def fill(book: Any, sheet: Any) -> None:
        for column, form in enumerate([27, 31, 36, 50, 57, 58]):
            sheet.write_datetime(0, column, DAY, book.add_format({"num_format": form}))

    assert ours(made(fill)) == {1: [DAY.date()] * 6}


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        (SHEET, b"<worksheet", b"<!DOCTYPE x [<!ENTITY a 'aa'>]><worksheet"),
        (STRINGS, b"<sst", b"<!DOCTYPE x><sst"),
        (BOOK, b"<workbook ", b"<!DOCTYPE x SYSTEM 'http://example.com/x'><workbook "),
        (SHEET, b"</sheetData>", b"<row r='2'><c t='s'><v>99</v></c></row></sheetData>"),
        (SHEET, b"</sheetData>", b"<row r='2'><c t='s'><v>-1</v></c></row></sheetData>"),
        (SHEET, b"</sheetData>", b"<row r='1'><c r='A1'><v>2</v></c></row></sheetData>"),
        (SHEET, b"</sheetData>", b"<row r='2'><c r='!2'><v>2</v></c></row></sheetData>"),
        (SHEET, b"</sheetData>", b"<row r='2'><c t='n'><v>x</v></c></row></sheetData>"),
        (SHEET, b"</sheetData>", b"<row r='2'></sheetData>"),
        (SHEET, b"</sheetData>", b"<!--" + b"x" * (6 << 20) + b"--></sheetData>"),
        (BOOK, b"<sheet ", b"<sheet state='veryHidden' "),
    ],
)
def test_hostile_and_broken_parts_are_refused(part: str, old: bytes, new: bytes) -> None:
    with pytest.raises(DomainError) as error:
        list(read(io.BytesIO(changed(ONE, part, old, new))).rows)
    assert error.value.code == "file_damaged"


@pytest.mark.parametrize("limits", [(2, 9, 99), (9, 2, 99), (9, 9, 5)])
def test_limits_hold_where_no_name_tells_the_place(limits: tuple[int, int, int]) -> None:
    rows = b"<row>" + b"<c><v>1</v></c>" * 3 + b"</row>"
    data = changed(ONE, SHEET, b"</sheetData>", rows * 3 + b"</sheetData>")
    with zipfile.ZipFile(io.BytesIO(data)) as archive, pytest.raises(worksheet.TooLargeError):
        list(worksheet.rows(archive, **dict(zip(("max_rows", "max_columns", "max_cells"), limits, strict=True))))


@pytest.mark.long
@pytest.mark.parametrize("constant", [True, False])
def test_a_long_sheet_is_never_held(constant: bool) -> None:
    def fill(_book: Any, sheet: Any) -> None:
        for number in range(12_000):
            sheet.write_row(number, 0, [f"第{number}行第{column}列" + "文字" * 40 for column in range(8)])

    data = io.BytesIO(made(fill, constant_memory=constant))
    tracemalloc.start()
    try:
        count = sum(1 for _ in read(data).rows)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # 96 000 texts of 90 characters are 24 MB where they are held at once.
    assert count == 11_999 and peak < 12_000_000


def test_a_text_without_end_is_cut_where_it_is_too_long_anyhow() -> None:
    data = changed(
        ONE, SHEET, b"</sheetData>", b"<row><c t='str'><v>" + b"x" * 3_000_000 + b"</v></c></row></sheetData>"
    )
    assert sheetparts.MAX_TEXT <= len(ours(data)[2][0]) < 1_000_000


def test_shared_strings_are_found_in_any_order() -> None:
    words = [f"词{number}" * 30 for number in range(3_000)]
    order = [*range(2_999, -1, -7), *range(0, 3_000, 11)]

    def fill(_book: Any, sheet: Any) -> None:
        sheet.write_column(0, 0, words)
        sheet.write_column(3_000, 0, [words[number] for number in order])

    found = [row[0] for _, row in read(io.BytesIO(made(fill))).rows]
    assert found == [*words[1:], *(words[number] for number in order)]

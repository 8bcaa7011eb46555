"""The list of a batch handed over (移交清单) as a worksheet to be signed; every text is text, never a formula."""

from __future__ import annotations

import io

import xlsxwriter

from dengji.law.calendar import shanghai_date

from . import archived, rules
from .models import Transfer
from .word import legal

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_HEADS = ("序号 No.", "档号 Archive number", "保管期限 Retention", "SHA-256", "字节 Bytes")
_WIDTHS = (8, 34, 14, 68, 14)
_OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def sheet(row: Transfer) -> tuple[str, str, bytes]:
    """Return (file name, content type, bytes) of a batch's list; the same batch gives the same bytes."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, _OPTIONS) as book:
        day = shanghai_date(row.at)
        book.set_properties({"created": row.at.replace(tzinfo=None), "title": "移交清单 List of packages handed over"})
        bold, cell = book.add_format({"bold": True}), book.add_format({"border": 1})
        page = book.add_worksheet("移交清单")
        page.set_landscape()
        page.fit_to_pages(1, 0)
        above = (
            f"移交清单 List of packages handed over {row.number}",
            f"移交单位 From: {row.register.agency.name}",
            f"接收单位 To: {row.receiver}",
            f"移交日期 Day: {day}",
        )
        for at, text in enumerate(above):
            page.write_string(at, 0, legal(text), bold)
        start = len(above) + 1
        for column, (title, width) in enumerate(zip(_HEADS, _WIDTHS, strict=True)):
            page.set_column(column, column, width)
            page.write_string(start, column, title, bold)
        listed = archived.items(row)
        for at, one in enumerate(listed, start + 1):
            page.write_number(at, 0, one["n"], cell)
            texts = (one["number"], rules.retention_label(one["retention"]), one["sha256"])
            for column, text in enumerate(texts, 1):
                page.write_string(at, column, legal(text), cell)
            page.write_number(at, 4, one["size"], cell)
        end = start + len(listed) + 2
        page.write_string(end, 0, f"清单摘要 Digest of the list (SHA-256): {row.digest}")
        page.write_string(end + 2, 0, "移交人（签名） Handed over by:                    日期 Day:")
        page.write_string(end + 3, 0, "接收人（签名） Received by:                    日期 Day:")
    return f"transfer-{row.pk}.xlsx", XLSX, made.getvalue()

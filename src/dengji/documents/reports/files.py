"""A report as a file: PDF, .docx, .xlsx, and the signed JSON. Every text is text: never a formula, never markup."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import xlsxwriter
from docx import Document as NewFile
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from ..models import Report
from ..rendering import render_visibly
from ..word import BANNER, FONT, legal, steady
from .tables import Table, days, notice, tables, title, word

_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def file_of(row: Report, form: str, language: str = "zh") -> tuple[str, str, bytes]:
    """Return (name, content type, bytes) of a report as pdf, docx, xlsx or json; the same snapshot, the same bytes.

    Raises KeyError for another form, and what `rendering.render` raises for a PDF.
    """
    content_type, make = _FORMS[form]
    return f"report-{row.first_day}-{row.last_day}-{row.pk.hex[-8:]}.{form}", content_type, make(row, language)


def signed_json(row: Report) -> dict[str, Any]:
    """Return what is checked without this node: {id, snapshot, note}."""
    return {"id": str(row.pk), "snapshot": row.snapshot, "note": row.note}


def _json(row: Report, _language: str) -> bytes:
    return json.dumps(signed_json(row), ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _head(row: Report, language: str) -> list[str]:
    subject = row.snapshot["subject"]
    return [one for one in (days(row.snapshot, language), subject.get("agency", "")) if one]


def _foot(row: Report, language: str) -> list[str]:
    return [notice(language), f"{row.digest}", f"{row.snapshot['origin']}/report {row.pk}"]


# PDF


def _pdf(row: Report, language: str) -> bytes:
    inputs = {
        "demonstration": row.snapshot["demonstration"],
        "agency": row.snapshot["subject"].get("agency", row.snapshot["subject"]["name"]),
        "date": row.snapshot["as_of"][:10],
        "short-id": str(row.pk),
        "foot": {"zh": notice("zh"), "en": notice("en")},
        "language": language,
        "title": title(row.snapshot, language),
        "head": _head(row, language),
        "tables": [_typeset(one, language) for one in tables(row.snapshot, language)],
        "signed": [row.digest, *row.note.split("\n\n")[-1].strip().splitlines()],
    }
    return render_visibly("report", inputs)[0]


def _typeset(table: Table, language: str) -> dict[str, Any]:
    return {
        "name": table.name,
        "title": table.title,
        "note": table.note,
        "heads": list(table.heads),
        "rows": [[str(cell) for cell in row] for row in table.rows],
        "numbers": [isinstance(cell, int) for cell in table.rows[0]] if table.rows else [],
        "none": word("none", language),
    }


# Spreadsheet


def _xlsx(row: Report, language: str) -> bytes:
    made = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(made, options) as book:
        book.set_properties({"created": _when(row), "title": legal(title(row.snapshot, language))[:250]})
        bold = book.add_format({"bold": True})
        head = book.add_format({"bold": True, "bg_color": "#DDEBF7", "border": 1, "text_wrap": True, "valign": "top"})
        wrap = book.add_format({"text_wrap": True, "valign": "top"})
        for number, table in enumerate(tables(row.snapshot, language), 1):
            sheet = book.add_worksheet(f"{number} {table.name}")
            above = [title(row.snapshot, language), *_head(row, language), table.title, table.note]
            if row.snapshot["demonstration"]:
                above.insert(0, BANNER)
            for at, text in enumerate(above):
                sheet.write_string(at, 0, legal(text), bold)
            _fill(sheet, table, len(above), head, wrap)
            for at, text in enumerate(_foot(row, language), len(above) + len(table.rows) + 2):
                sheet.write_string(at, 0, legal(text))
    return steady(made.getvalue())


def _fill(sheet: Any, table: Table, top: int, head: Any, wrap: Any) -> None:
    sheet.set_column(0, 0, 28)
    sheet.set_column(1, len(table.heads) - 1, 60 if table.name == "definitions" else 22)
    for column, text in enumerate(table.heads):
        sheet.write_string(top, column, text, head)
    sheet.freeze_panes(top + 1, 0)
    for at, cells in enumerate(table.rows, top + 1):
        for column, cell in enumerate(cells):
            if isinstance(cell, int):
                sheet.write_number(at, column, cell)
            else:
                sheet.write_string(at, column, legal(cell), wrap)


def _when(row: Report) -> datetime:
    return datetime.fromisoformat(row.snapshot["as_of"].replace("Z", "+00:00")).replace(tzinfo=None)


# Word


def _docx(row: Report, language: str) -> bytes:
    file = NewFile()
    core = file.core_properties
    core.title, core.author = legal(title(row.snapshot, language))[:250], legal(row.snapshot["subject"]["name"])[:250]
    core.created = core.modified = _when(row)
    section = file.sections[0]
    section.page_width, section.page_height, section.left_margin, section.right_margin = (
        Mm(210),
        Mm(297),
        Mm(24),
        Mm(22),
    )
    style = file.styles["Normal"]
    style.font.name, style.font.size = FONT, Pt(10.5)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), FONT)
    if row.snapshot["demonstration"]:
        section.header.paragraphs[0].text = BANNER
    section.footer.paragraphs[0].text = legal("\n".join(_foot(row, language)))
    _line(file, title(row.snapshot, language), size=18, bold=True, centre=True)
    for text in _head(row, language):
        _line(file, text, centre=True)
    for table in tables(row.snapshot, language):
        _line(file, table.title, size=13, bold=True)
        if table.note:
            _line(file, table.note)
        if table.rows:
            _grid(file, table)
        else:
            _line(file, word("none", language))
    made = io.BytesIO()
    file.save(made)
    return steady(made.getvalue())


def _line(file: Any, text: str, *, size: float = 10.5, bold: bool = False, centre: bool = False) -> None:
    paragraph = file.add_paragraph()
    run = paragraph.add_run(legal(text))
    run.font.size, run.bold = Pt(size), bold
    if centre:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER


def _grid(file: Any, table: Table) -> None:
    # Cells by row: asking a table for one cell walks through all of them.
    grid = file.add_table(rows=len(table.rows) + 1, cols=len(table.heads), style="Table Grid")
    for made, cells in zip(grid.rows, (table.heads, *table.rows), strict=True):
        for cell, value in zip(made.cells, cells, strict=True):
            cell.text = legal(str(value))


_FORMS: Mapping[str, tuple[str, Callable[[Report, str], bytes]]] = {
    "pdf": ("application/pdf", _pdf),
    "docx": (_WORD, _docx),
    "xlsx": (_SHEET, _xlsx),
    "json": ("application/json", _json),
}
FORMS = tuple(_FORMS)

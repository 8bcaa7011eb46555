"""The same inputs as a Word file (.docx), for staff who finish a document by hand; not the document that counts."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from docx import Document as NewFile
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_BREAK
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

FONT = "宋体"
BANNER = "演示数据　非登记结果"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def word_file(inputs: Mapping[str, Any]) -> bytes:
    """Return the .docx of a document's inputs; equal inputs give equal bytes. Every value is text, never markup."""
    file = NewFile()
    day = datetime.fromisoformat(str(inputs["date"]))
    core = file.core_properties
    core.title, core.author = legal(inputs["zh"]["title"])[:250], legal(inputs["agency"])[:250]
    core.created = core.modified = day
    section = file.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin, section.right_margin, section.top_margin, section.bottom_margin = (
        Mm(28),
        Mm(26),
        Mm(32),
        Mm(32),
    )
    style = file.styles["Normal"]
    style.font.name, style.font.size = FONT, Pt(14)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), FONT)
    if inputs["demonstration"]:
        section.header.paragraphs[0].text = BANNER
        section.header.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.CENTER
    section.footer.paragraphs[0].text = legal(f"{inputs['foot']['zh']}\n{inputs['foot']['en']}\n{inputs['short-id']}")
    _part(file, inputs["zh"], indent=True)
    file.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
    _part(file, inputs["en"], indent=False)
    made = io.BytesIO()
    file.save(made)
    return steady(made.getvalue())


def _part(file: Any, part: Mapping[str, Any], *, indent: bool) -> None:
    _line(file, part["title"], centre=True, size=20, bold=True)
    if part["number"]:
        _line(file, part["number"], centre=True, size=12)
    if part["addressee"]:
        _line(file, part["addressee"])
    for block in part["blocks"]:
        _block(file, block, indent)
    for text in (*part["remedies"], *part["closing"]):
        _line(file, text, indent=indent)
    for text in part["signs"] or (part["agency"], part["date"], part["seal"]):
        _line(file, text, right=not part["signs"])
    for text in (part["contact"], part["reference"]):
        if text:
            _line(file, text, size=10)


def _block(file: Any, block: Mapping[str, Any], indent: bool) -> None:
    if block["kind"] == "facts":
        table = file.add_table(rows=0, cols=2, style="Table Grid")
        for row in block["rows"]:
            cells = table.add_row().cells
            for cell, text, width in zip(cells, row, (Mm(36), Mm(118)), strict=True):
                cell.text, cell.width = legal(text), width
    elif block["kind"] == "list":
        for number, text in enumerate(block["items"], 1):
            _line(file, f"{number}. {text}", indent=indent)
    elif block["kind"] == "space":
        for _ in range(3):
            _line(file, "")
    else:
        _line(file, block["text"], indent=indent)


def _line(
    file: Any,
    text: str,
    *,
    centre: bool = False,
    right: bool = False,
    indent: bool = False,
    size: int = 14,
    bold: bool = False,
) -> None:
    paragraph = file.add_paragraph()
    run = paragraph.add_run(legal(text))
    run.font.size, run.bold = Pt(size), bold
    if centre or right:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER if centre else WD_ALIGN_PARAGRAPH.RIGHT
    if indent:
        paragraph.paragraph_format.first_line_indent = Pt(2 * size)


def legal(text: str) -> str:
    """Return a text without the characters that XML cannot hold."""
    return "".join(c for c in text if c in "\t\n" or (c >= "\x20" and c not in "\ufffe\uffff"))


def steady(data: bytes) -> bytes:
    """Return the same package with one time in every entry."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name, _EPOCH), source.read(name), zipfile.ZIP_DEFLATED)
    return made.getvalue()

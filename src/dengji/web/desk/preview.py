"""Materials on the screen without ever running them: PDF and images as themselves, tables and texts as plain rows.

What is shown is decided by a short list of types recognised by content; everything else is only handed over as a file.
Every answer carries a policy of its own: nothing loads, nothing runs, no form, no frame but ours.
"""

from __future__ import annotations

import csv
import io
import logging
import zipfile
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_POST
from docx import Document

from dengji.core import worksheet
from dengji.core.errors import N_, DomainError
from dengji.registration import services
from dengji.registration.api.base import say
from dengji.registration.files import recognise

from ..access import actor_of, transaction_of
from ..downloads import attached, secure
from ..downloads import shown as shown_as
from .base import case_of, for_agency
from .words import page_of

log = logging.getLogger("dengji.web.desk")
_RAW = {"pdf": "application/pdf", "png": "image/png", "jpeg": "image/jpeg"}
_ROWS, _COLUMNS, _CELLS, _TEXT = 200, 30, 20_000, 200_000
_UNPACKED = 64 * 1024 * 1024


@dataclass
class Shown:
    """What a preview holds: rows of a table or a text, and whether more was left out."""

    rows: list[list[str]] = field(default_factory=list)
    text: str = ""
    cut: bool = False
    problem: str = ""


@for_agency
@require_GET
def preview(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a file to those who may read it; the reading is logged."""
    meta, data = services.read_material(actor=actor_of(request), material_id=pk)
    kind = recognise(data)
    if kind in _RAW:
        return shown_as(_RAW[kind], data)
    shown = _READERS[kind](data) if kind in _READERS else Shown(problem=gettext("此类文件不能预览，请下载后查看。"))
    page = render_to_string("web/desk/preview.html", {"shown": shown, "name": meta["name"]}, request)
    return secure(HttpResponse(page))


@for_agency
@require_GET
def download(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Hand a file over, never to be opened in the page; the reading is logged."""
    meta, data = services.read_material(actor=actor_of(request), material_id=pk)
    return attached(str(meta["name"] or pk), data)


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("utf-8", "replace")


def _of_text(data: bytes) -> Shown:
    text = _decoded(data[: 4 * _TEXT])
    return Shown(text=text[:_TEXT], cut=len(text) > _TEXT or len(data) > 4 * _TEXT)


def _of_csv(data: bytes) -> Shown:
    shown = Shown()
    try:
        for row in csv.reader(io.StringIO(_decoded(data[: 4 * _TEXT]))):
            if len(shown.rows) == _ROWS:
                shown.cut = True
                break
            shown.cut = shown.cut or len(row) > _COLUMNS
            shown.rows.append([cell[:200] for cell in row[:_COLUMNS]])
    except csv.Error:
        shown.problem = gettext("表格已损坏或不规范，只能显示到此处。")
    shown.cut = shown.cut or len(data) > 4 * _TEXT
    return shown


def _of_xlsx(data: bytes) -> Shown:
    shown = Shown()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _weigh(archive)
            limits = {"max_rows": 1_048_576, "max_columns": 16_384, "max_cells": _CELLS}
            for _number, row in worksheet.rows(archive, **limits):
                if len(shown.rows) == _ROWS:
                    shown.cut = True
                    break
                shown.cut = shown.cut or len(row) > _COLUMNS
                shown.rows.append([str(cell)[:200] for cell in row[:_COLUMNS]])
    except worksheet.TooLargeError:
        shown.cut = True
    except Exception as error:
        _told(error)
        shown.problem = gettext("文件过大或已损坏，不能预览，请下载后查看。")
    return shown


def _of_docx(data: bytes) -> Shown:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _weigh(archive)
        document = Document(io.BytesIO(data))
        lines = [paragraph.text for paragraph in document.paragraphs]
        lines += ["\t".join(cell.text for cell in row.cells) for table in document.tables for row in table.rows]
    except Exception as error:
        _told(error)
        return Shown(problem=gettext("文件过大或已损坏，不能预览，请下载后查看。"))
    text = "\n".join(lines)
    return Shown(text=text[:_TEXT], cut=len(text) > _TEXT)


def _told(error: Exception) -> None:
    """A hostile file may raise anything, and so may a fault of ours: the log names the class, never what was read."""
    log.warning("no preview: %s", type(error).__name__)


def _weigh(archive: zipfile.ZipFile) -> None:
    """Refuse a container that says it unpacks to more than a preview may cost; `zipfile` never reads more than said."""
    if sum(part.file_size for part in archive.infolist()) > _UNPACKED:
        raise ValueError("too large to preview")


_READERS: dict[str, Any] = {"txt": _of_text, "json": _of_text, "csv": _of_csv, "xlsx": _of_xlsx, "docx": _of_docx}


@for_agency
@require_POST
def attach(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Attach the investigation or the registrant's statement that a revocation needs (Art. 20)."""
    loaded = case_of(request, "registration", pk)
    file = request.FILES.get("file")
    try:
        if file is None or not hasattr(file, "read"):
            raise DomainError("file_required", N_("请选择文件"), "file")
        services.add_material(
            actor=loaded.actor,
            transaction_id=transaction_of(request),
            owner_kind="registration",
            owner_id=pk,
            kind=request.POST.get("kind", ""),
            upload=services.Upload(str(file.name), file.read()),
        )
    except DomainError as error:
        if error.status in (403, 404):
            raise
        messages.error(request, say(error.message, error.params))
    else:
        messages.success(request, gettext("材料已附上"))
    return redirect(page_of("registration", pk))

"""Rows of an .xlsx, .csv or .jsonl file, one at a time; formulas are never evaluated, hostile files refused.

What a file is, its content tells: names are not believed. The limits here guard the machine; they are no rules of law.
"""

from __future__ import annotations

import csv
import errno
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, BinaryIO

import orjson

from . import worksheet
from .errors import N_, DomainError

MAX_ROWS = 1_100_000
MAX_COLUMNS = 200
MAX_CELL = 20_000
#: The rectangle up to the last cell of a worksheet: reading it is work, though nothing holds it.
MAX_CELLS = 12_000_000
MAX_UNPACKED = 2 * 1024**3
MAX_ENTRIES = 2_000
_CHUNK = 1 << 20
#: Cells and rows by any legal spelling: prefixes, either quote, spaces around the equals sign.
_CELL = re.compile(rb"<(?:\w+:)?c\s[^>]*?\br\s*=\s*[\"']([A-Z]{1,4})([0-9]{1,8})[\"']")
_ROW = re.compile(rb"<(?:\w+:)?row\s[^>]*?\br\s*=\s*[\"']([0-9]{1,8})[\"']")
_ENCODINGS = ("utf-8-sig", "gb18030")
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)
_DELIMITERS = ",\t;|，；"

csv.field_size_limit(MAX_CELL * 8)


def file_error(code: str, message: str, status: int = 422, **params: str | int) -> DomainError:
    """Return the error for a file that cannot be read at all; field `file`."""
    return DomainError(code, message, "file", status=status, params=params)


@dataclass(frozen=True)
class Rows:
    """The headings of a file and its rows after them; `number` is the row as a spreadsheet counts, from 1.

    For .jsonl the headings are empty and each row is a mapping of its own; a row that is none is given as None.
    """

    form: str
    headings: tuple[str, ...]
    rows: Iterator[tuple[int, Sequence[Any] | dict[str, Any] | None]]


def read(stream: BinaryIO) -> Rows:
    """Open a file of unknown form; raises DomainError file_unknown, file_empty, file_too_large, file_damaged."""
    stream.seek(0)
    head = stream.read(8192)
    stream.seek(0)
    if not head.strip():
        raise file_error("file_empty", N_("文件是空的"))
    if head.startswith(b"PK\x03\x04"):
        return _xlsx(stream)
    if head.startswith((b"\xd0\xcf\x11\xe0", b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"Rar!", b"\x1f\x8b")):
        raise file_error("file_unknown", N_("只接受 .xlsx、.csv 和 .jsonl 文件；旧版 .xls 请另存为 .xlsx"))
    encoding = _encoding(stream)
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{"):
        return _jsonl(stream, encoding)
    return _csv(stream, encoding)


def _xlsx(stream: BinaryIO) -> Rows:
    _guard(stream)
    stream.seek(0)
    rows = _sheet(stream)
    for _number, row in rows:
        if any(cell != "" for cell in row):
            return Rows("xlsx", _headings(row), rows)
    raise file_error("file_empty", N_("文件是空的"))


def _sheet(stream: BinaryIO) -> Iterator[tuple[int, list[Any]]]:
    try:
        with zipfile.ZipFile(stream) as archive:
            limits = {"max_rows": MAX_ROWS, "max_columns": MAX_COLUMNS, "max_cells": MAX_CELLS}
            yield from worksheet.rows(archive, **limits)
    except worksheet.TooLargeError as error:
        raise _too_large() from error
    except _BROKEN as error:
        raise _damaged() from error
    except OSError as error:
        raise _blamed(error) from error


def _blamed(error: OSError) -> Exception:
    """A place that the file names and that cannot be is the file's fault; a failing disk is not."""
    return _damaged() if error.errno in (None, errno.EINVAL) else error


def _damaged() -> Exception:
    return file_error("file_damaged", N_("文件已损坏或不是有效的表格文件"))


def _too_large(**params: int) -> Exception:
    message = N_("文件过大：至多 {rows} 行、{columns} 列、{cells} 个单元格")
    limits = {"rows": MAX_ROWS, "columns": MAX_COLUMNS, "cells": MAX_CELLS}
    return file_error("file_too_large", message, 413, **(limits | params))


def _guard(stream: BinaryIO) -> None:
    """Unpack every part once, counting, before the parser may: sizes in the directory can lie, and so can ranges."""
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
            names = {entry.filename for entry in entries}
            if "xl/workbook.xml" not in names or any(name.endswith("vbaProject.bin") for name in names):
                raise file_error("file_unknown", N_("只接受 .xlsx、.csv 和 .jsonl 文件；旧版 .xls 请另存为 .xlsx"))
            if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
                raise _too_large()
            for entry in entries:
                with archive.open(entry) as part:
                    _guard_part(part, sheet="/worksheets/" in entry.filename)
    except _BROKEN as error:
        raise _damaged() from error
    except OSError as error:
        raise _blamed(error) from error


def _guard_part(part: IO[bytes], *, sheet: bool) -> None:
    """Read one part to its end; for a sheet, refuse a far cell before any row is taken."""
    wide = tall = 0
    tail = b""
    while chunk := part.read(_CHUNK):
        if not sheet:
            continue
        text = tail + chunk
        cells = _CELL.findall(text)
        wide = max(wide, *map(_column, {column for column, _ in cells}), 0)
        tall = max(tall, *map(int, {row for _, row in cells}), *map(int, _ROW.findall(text)), 0)
        if wide > MAX_COLUMNS or tall > MAX_ROWS or wide * tall > MAX_CELLS:
            raise _too_large()
        tail = text[-256:]


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _encoding(stream: BinaryIO) -> str:
    for encoding in _ENCODINGS:
        stream.seek(0)
        text = io.TextIOWrapper(stream, encoding=encoding, newline="")
        try:
            while text.read(_CHUNK):
                pass
        except UnicodeDecodeError:
            continue
        finally:
            text.detach()
            stream.seek(0)
        return encoding
    raise file_error("file_encoding", N_("文本编码既不是 UTF-8 也不是 GB18030：请另存为 UTF-8"))


def _csv(stream: BinaryIO, encoding: str) -> Rows:
    stream.seek(0)
    text = io.TextIOWrapper(stream, encoding=encoding, newline="")
    first = text.readline(MAX_CELL * 4)
    while first and not first.strip():
        first = text.readline(MAX_CELL * 4)
    delimiter = max(_DELIMITERS, key=first.count)
    text.seek(0)
    lines = csv.reader(text, delimiter=delimiter)
    rows = _counted(lines)
    for _number, row in rows:
        if any(cell.strip() for cell in row):
            return Rows("csv", _headings(row), rows)
    raise file_error("file_empty", N_("文件是空的"))


def _counted(lines: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    number = 0
    try:
        for number, row in enumerate(lines, 1):
            if number > MAX_ROWS or len(row) > MAX_COLUMNS:
                raise _too_large()
            yield number, row
    except csv.Error as error:
        raise file_error(
            "file_row_damaged", N_("第 {row} 行无法读取：引号不成对，或单元格过长"), row=number + 1
        ) from error


def _jsonl(stream: BinaryIO, encoding: str) -> Rows:
    stream.seek(0)
    text = io.TextIOWrapper(stream, encoding=encoding, newline="")
    return Rows("jsonl", (), _objects(text))


def _objects(text: io.TextIOWrapper) -> Iterator[tuple[int, dict[str, Any] | None]]:
    number, longest = 0, MAX_CELL * 20
    while line := text.readline(longest):
        number += 1
        if number > MAX_ROWS or (len(line) == longest and not line.endswith("\n")):
            raise _too_large()
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            value = None
        yield number, value if isinstance(value, dict) and len(value) <= MAX_COLUMNS else None


def _headings(row: Sequence[Any]) -> tuple[str, ...]:
    headings = [str(cell if cell is not None else "").strip() for cell in row]
    while headings and not headings[-1]:
        headings.pop()
    if len(headings) > MAX_COLUMNS:
        raise _too_large()
    return tuple(headings)

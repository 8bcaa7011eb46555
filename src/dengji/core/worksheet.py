"""The first visible sheet of an .xlsx file, row by row as it is unpacked (ECMA-376 part 1, clause 18).

Memory holds one piece of the sheet, and the shared strings packed. Nothing is written to disk: rows may hold
personal data. A document type declaration, and so every entity, is refused.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from posixpath import join, normpath
from typing import Any

from .sheetparts import (
    EPOCH,
    EPOCH_1904,
    Book,
    Convert,
    DamagedError,
    Relations,
    Strings,
    Styles,
    Texted,
    iso,
    local,
    parse,
    pieces,
    plain,
    whole,
)

_ERRORS = frozenset({"#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#GETTING_DATA"})


class TooLargeError(ValueError):
    """A row, column or number of cells beyond the limits given."""


def rows(
    archive: zipfile.ZipFile, *, max_rows: int, max_columns: int, max_cells: int
) -> Iterator[tuple[int, list[Any]]]:
    """Yield number (from 1) and cells of each row there is; rows may be missing, and end at their last filled cell.

    Cells are str, float, bool, date, datetime, time or timedelta, "" where empty; a formula is the value stored with
    it, an error its name. Raises DamagedError, TooLargeError, and what `zipfile` raises.
    """
    parts = {name.lower(): name for name in archive.namelist()}
    book = Book()
    parse(archive, parts["xl/workbook.xml"], book)
    parse(archive, parts.get("xl/_rels/workbook.xml.rels"), relations := Relations())
    target = next((relations.sheets[key] for key in book.visible if key in relations.sheets), None)
    name = parts.get(normpath(join("/xl", target)).lstrip("/").lower()) if target else None
    if name is None:
        raise DamagedError
    parse(archive, parts.get("xl/styles.xml"), styles := Styles())
    parse(archive, parts.get("xl/sharedstrings.xml"), strings := Strings())
    strings.close()
    sheet = _Sheet(strings, styles.converters(EPOCH_1904 if book.from_1904 else EPOCH), max_rows, max_columns)
    for _ in pieces(archive, name, sheet):
        if sheet.count > max_cells:
            raise TooLargeError
        yield from sheet.done
        sheet.done.clear()


class _Sheet(Texted):
    """The rows of a sheet; whole ones wait in `done`."""

    def __init__(self, strings: Strings, converters: list[Convert | None], max_rows: int, max_columns: int) -> None:
        super().__init__()
        self.strings, self.converters = strings, converters
        self.max_rows, self.max_columns = max_rows, max_columns
        self.done: list[tuple[int, list[Any]]] = []
        self.row: list[Any] = []
        self.number = self.column = self.count = 0
        self.cell: dict[str, str] | None = None
        self.value = ""
        self.columns: dict[str, int] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        kind = local(name) if ":" in name else name
        if kind == "c":
            self._place(attributes)
        elif kind == "row":
            number = whole(attributes["r"]) if "r" in attributes else self.number + 1
            if number <= self.number:
                raise DamagedError
            self.number, self.column, self.row = number, 0, []
            if number > self.max_rows:
                raise TooLargeError
        elif self.cell is not None:
            if kind == "t":
                self.begin(attributes)
            elif kind == "v":
                self.text = []
            elif kind == "rPh":
                self.spoken = True

    def end(self, name: str) -> None:
        kind = local(name) if ":" in name else name
        if kind == "c" and self.cell is not None:
            self._close(self.cell)
            self.cell = None
        elif kind == "v" and self.text is not None:
            self.value = self.taken()
        elif kind == "t":
            self.finish()
        elif kind == "rPh":
            self.spoken = False
        elif kind == "row":
            self.done.append((self.number, self.row))

    def _place(self, attributes: dict[str, str]) -> None:
        """Find the column of a cell: that of its name, or the next."""
        place = attributes.get("r")
        column = self._column(place) if place else self.column + 1
        if column > self.max_columns:
            raise TooLargeError
        self.column, self.cell, self.value, self.kept = column, attributes, "", 0
        self.count += 1

    def _column(self, place: str) -> int:
        letters = place.rstrip("0123456789")
        column = self.columns.get(letters)
        if column is None:
            column = 0
            for letter in letters[:4].upper():
                column = column * 26 + ord(letter) - 64
            if not letters.isalpha() or not letters.isascii():
                raise DamagedError
            if column <= self.max_columns:
                self.columns[letters] = column
        return column

    def _close(self, cell: dict[str, str]) -> None:
        value: Any = self.joined() if self.runs else self._valued(cell) if self.value else ""
        if value == "" and value is not False:
            return
        row, missing = self.row, self.column - len(self.row)
        if missing > 0:
            row.extend([""] * missing)
        row[self.column - 1] = value

    def _valued(self, cell: dict[str, str]) -> Any:
        kind, value = cell.get("t", ""), self.value
        if kind == "s":
            return self.strings[whole(value)]
        if kind == "str":
            return plain(value)
        if kind == "b":
            return value not in ("0", "false")
        if kind == "e":
            return value if value in _ERRORS else "#VALUE!"
        if kind == "d":
            return iso(value)
        return self._number(cell, kind)

    def _number(self, cell: dict[str, str], kind: str) -> Any:
        try:
            number = float(self.value)
        except ValueError:
            if kind == "n":
                raise DamagedError from None
            return plain(self.value)
        style = cell.get("s")
        if style is None:
            return number
        at = whole(style)
        convert = self.converters[at] if 0 <= at < len(self.converters) else None
        return convert(number) if convert else number

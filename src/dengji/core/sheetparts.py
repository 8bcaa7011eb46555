"""The parts of an .xlsx file that its rows refer to, read with expat piece by piece (ECMA-376 part 1, clause 18)."""

from __future__ import annotations

import re
import zipfile
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from xml.parsers import expat

import orjson

_PIECE = 1 << 16
#: A tag, comment or attribute longer than this is no spreadsheet's: the parser would have to hold it whole.
_MAX_TOKEN = 4 << 20
#: Excel keeps 32 767 characters of a cell; what is beyond this is dropped, and such a cell is too long anyhow.
MAX_TEXT = 160_000
#: More formats or sheets than Excel can keep (65 490).
_MAX_LISTED = 100_000
_BLOCK = 8_192
_CACHED = 3_000_000
_PRESERVE = "xml:space"
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
#: Number formats that need no definition (18.8.30); 27 to 36 and 50 to 58 are dates and times in Chinese.
_DATES = frozenset({*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)})
_SPAN = 46
_QUOTED = re.compile(r"\"[^\"]*\"?|[\\_].?|\*.")
_IS_SPAN = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_IS_DATE = re.compile(r"[dmhys]|a(m|/p)", re.IGNORECASE)
EPOCH, EPOCH_1904 = datetime.fromisoformat("1899-12-30"), datetime.fromisoformat("1904-01-01")
_LAST_DAY, _MAX_DAYS = 2_958_466, 999_999_998

Convert = Callable[[float], Any]


class DamagedError(ValueError):
    """The file is no spreadsheet that can be read."""


class Part:
    """Handles the events of one part; `text` gathers characters while it is a list."""

    def __init__(self) -> None:
        self.text: list[str] | None = None
        self.kept = 0

    def start(self, name: str, attributes: dict[str, str]) -> None: ...

    def end(self, name: str) -> None: ...

    def characters(self, text: str) -> None:
        if self.text is not None and self.kept < MAX_TEXT:
            self.kept += len(text)
            self.text.append(text)

    def taken(self) -> str:
        """Return the text gathered, and gather no more."""
        text, self.text = "".join(self.text or ()), None
        return text


def parse(archive: zipfile.ZipFile, name: str | None, part: Part) -> None:
    """Read one part to its end; none where the file has none."""
    for _ in pieces(archive, name, part) if name else ():
        pass


def pieces(archive: zipfile.ZipFile, name: str, part: Part) -> Iterator[None]:
    """Read one part, stopping after each piece; raises DamagedError."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = part.start
    parser.EndElementHandler = part.end
    parser.CharacterDataHandler = part.characters
    parser.StartDoctypeDeclHandler = _refuse
    fed = 0
    with archive.open(name) as stream:
        try:
            while piece := stream.read(_PIECE):
                parser.Parse(piece, False)
                fed += len(piece)
                if fed - parser.CurrentByteIndex > _MAX_TOKEN:
                    raise DamagedError
                yield
            parser.Parse(b"", True)
        except (expat.ExpatError, IndexError, KeyError) as error:
            raise DamagedError from error
    yield


def _refuse(*_declaration: Any) -> None:
    raise DamagedError


def local(name: str) -> str:
    """Return a name without its prefix."""
    return name.rpartition(":")[2]


class Book(Part):
    """The sheets that are shown, in order, and from when days are counted."""

    def __init__(self) -> None:
        super().__init__()
        self.visible: list[str] = []
        self.from_1904 = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        kind = local(name)
        if kind == "workbookPr":
            self.from_1904 = attributes.get("date1904") in ("1", "true")
        elif kind == "sheet" and attributes.get("state", "visible") == "visible" and len(self.visible) < _MAX_LISTED:
            self.visible += [value for key, value in attributes.items() if local(key) == "id"]


class Relations(Part):
    """Where the worksheets of the book are."""

    def __init__(self) -> None:
        super().__init__()
        self.sheets: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if attributes.get("Type", "").endswith("/worksheet") and len(self.sheets) < _MAX_LISTED:
            self.sheets[attributes["Id"]] = attributes["Target"]


class Styles(Part):
    """Which cell formats show a number as a date or a span of time."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: dict[int, str] = {}
        self.formats = array("l")
        self.cells = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        kind = local(name)
        if kind == "cellXfs":
            self.cells = True
        elif kind == "xf" and self.cells:
            self.formats.append(whole(attributes.get("numFmtId", "0")))
        elif kind == "numFmt":
            self.codes[whole(attributes["numFmtId"])] = attributes.get("formatCode", "")[:1_000]
        if len(self.formats) > _MAX_LISTED or len(self.codes) > _MAX_LISTED:
            raise DamagedError

    def end(self, name: str) -> None:
        if local(name) == "cellXfs":
            self.cells = False

    def converters(self, epoch: datetime) -> list[Convert | None]:
        """Return for each cell format what makes a value of a number; None where it stays one."""
        made: dict[str, Convert | None] = {"": None, "span": _span, "date": lambda number: _moment(number, epoch)}
        kinds = {number: self._kind(number) for number in set(self.formats)}
        return [made[kinds[number]] for number in self.formats]

    def _kind(self, number: int) -> str:
        if number not in self.codes:
            return "span" if number == _SPAN else "date" if number in _DATES else ""
        code = _QUOTED.sub("", self.codes[number]).partition(";")[0]
        if _IS_SPAN.search(code):
            return "span"
        return "date" if _IS_DATE.search(re.sub(r"\[[^\]]*\]|general", "", code, flags=re.IGNORECASE)) else ""


def whole(text: str) -> int:
    """Return a whole number of an attribute; raises DamagedError."""
    try:
        return min(int(text[:12]), 1 << 30)
    except ValueError:
        raise DamagedError from None


def _span(number: float) -> Any:
    return timedelta(milliseconds=round(number * 86_400_000)) if abs(number) < _MAX_DAYS else number


def _moment(number: float, epoch: datetime) -> Any:
    """Return time, date or datetime of a serial number; the number itself where there is no such day."""
    if not 0 <= number < _LAST_DAY:
        return number
    # Day 60 is 1900-02-29, which never was: the days before it are one ahead.
    early = 1 if epoch == EPOCH and 1 <= number < 60 else 0
    moment = epoch + timedelta(days=early, milliseconds=round(number * 86_400_000))
    if number < 1:
        return moment.time()
    return moment.date() if moment.time() == time() else moment


def iso(text: str) -> Any:
    """Return the value of a cell of type d; the text itself where it is none."""
    for kind in (date, time, datetime):
        try:
            return kind.fromisoformat(text)
        except ValueError:
            continue
    return text


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    # Half a pair is no character.
    return match[0] if 0xD800 <= code < 0xE000 else chr(code)


def plain(text: str) -> str:
    """Undo _xHHHH_ (22.9.2.19)."""
    return _ESCAPE.sub(_character, text) if "_x" in text else text


class Texted(Part):
    """A part with texts in runs; how a word is pronounced (rPh) is no part of its text."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[str] = []
        self.spoken = self.kept_spaces = False

    def begin(self, attributes: dict[str, str]) -> None:
        if not self.spoken:
            self.text = []
            self.kept_spaces = attributes.get(_PRESERVE) == "preserve"

    def finish(self) -> None:
        if self.text is not None:
            text = self.taken()
            self.runs.append(plain(text if self.kept_spaces else text.strip(" \t\r\n")))

    def joined(self) -> str:
        text = self.runs[0] if len(self.runs) == 1 else "".join(self.runs)
        self.runs.clear()
        self.kept = 0
        return text


class Strings(Texted):
    """The shared strings, packed in blocks: they take less than the file does that they come from."""

    def __init__(self) -> None:
        super().__init__()
        self.count = self.held = self.size = 0
        self.firsts = array("L")
        self.blocks: list[bytes] = []
        self.block: list[str] = []
        self.cache: dict[int, list[str]] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        kind = local(name)
        if kind == "t":
            self.begin(attributes)
        elif kind == "rPh":
            self.spoken = True

    def end(self, name: str) -> None:
        kind = local(name)
        if kind == "t":
            self.finish()
        elif kind == "rPh":
            self.spoken = False
        elif kind == "si":
            text = self.joined() if self.runs else ""
            self.block.append(text)
            self.count += 1
            self.size += len(text) + 64
            if self.size > _BLOCK * 2:
                self.close()

    def close(self) -> None:
        """Pack the strings of the last block."""
        if self.block:
            self.firsts.append(self.count - len(self.block))
            self.blocks.append(zlib.compress(orjson.dumps(self.block), 1))
        self.block, self.size = [], 0

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < self.count:
            raise DamagedError
        at = bisect_right(self.firsts, number) - 1
        block = self.cache.get(at)
        if block is None:
            block = orjson.loads(zlib.decompress(self.blocks[at]))
            self.held += sum(map(len, block)) + 64 * len(block)
            if self.held > _CACHED:
                self.cache.clear()
                self.held = 0
            self.cache[at] = block
        return block[number - self.firsts[at]]

"""What a file is, by its content alone (R51): names and declared types are not believed."""

from __future__ import annotations

import io
import json
import zipfile

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
)
#: A ZIP container is known by the entry that its format requires.
_CONTAINERS = (("OFD.xml", "ofd"), ("word/document.xml", "docx"), ("xl/workbook.xml", "xlsx"))
#: Parts of an office file that can run: macros of both generations, and ActiveX controls.
_ACTIVE = ("vbaproject.bin", "/macrosheets/", "/activex/")
#: An office file that unpacks to more than this, and to more than so many times itself, is made to exhaust a reader.
_MOST_UNPACKED, _MOST_TIMES = 100 * 1024 * 1024, 100


def recognise(data: bytes) -> str:
    """Return the content type by the vocabulary of the rulebook, `unknown` for anything else, macros included."""
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data.startswith(b"PK\x03\x04"):
        return _container(data)
    return _text(data)


def _container(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        return "unknown"
    if unpacked > max(_MOST_UNPACKED, _MOST_TIMES * len(data)):
        return "unknown"
    if any(part in f"/{name.lower()}" for name in names for part in _ACTIVE):
        return "unknown"
    return next((kind for entry, kind in _CONTAINERS if entry in names), "unknown")


def _text(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        return "unknown"
    if any(ord(c) < 32 and c not in "\t\n\r\f" for c in text[:65536]):
        return "unknown"
    if text.lstrip().startswith("<"):  # markup of any kind: a browser may run it
        return "unknown"
    if text.lstrip()[:1] in "{[":
        try:
            json.loads(text)
        except ValueError:
            return "txt"
        return "json"
    first = text.splitlines()[0] if text.strip() else ""
    return "csv" if "," in first and "\n" in text else "txt"

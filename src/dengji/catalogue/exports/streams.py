"""JSON, JSON Lines and CSV (RFC 4180) of any search, made while they are sent: memory does not grow with the answer."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable, Iterator
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import get_language, gettext

from dengji.core.errors import N_, DomainError
from dengji.law.record import FIELDS
from dengji.law.visibility import visible_fields
from dengji.registration.api.base import NOTICE

from .. import filters as conditions
from ..query import Filters, measure
from . import records, source
from .http import demonstration, etag, open_data, stream, unchanged

#: Signs that make a spreadsheet take a cell for a formula, those of full width too (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "|", "%")
_OWN_TITLES = {
    "code": N_("登记结果查询码"),
    "serial": N_("登记流水号"),
    "local_number": N_("本地登记流水编码"),
    "state": N_("状态"),
    "version": N_("版本"),
    "agency": N_("登记机构"),
    "coded_on": N_("赋码日期"),
    "valid_from": N_("有效期起"),
    "valid_to": N_("有效期止"),
    "ended_on": N_("终止日期"),
    "ground": N_("终止事由"),
    "changed_at": N_("最近变动时间"),
}
#: Names of the CSV's columns, in order.
COLUMNS = tuple(dict.fromkeys((*records.OWN, *visible_fields("export"))))
_ASKED = frozenset({"q", "headings", *conditions.NAMES})


class Turns:
    """How many streams one process sends at once: a slow reader holds a thread while it reads."""

    def __init__(self) -> None:
        self._running = 0
        self._lock = threading.Lock()

    def enter(self) -> None:
        """Take a turn; raises DomainError exports_busy (503)."""
        with self._lock:
            if self._running >= int(getattr(settings, "DENGJI_EXPORT_STREAMS", 4)):
                raise DomainError("exports_busy", N_("正在进行的导出过多，请稍后重试"), status=503)
            self._running += 1

    def leave(self) -> None:
        """Give a turn back."""
        with self._lock:
            self._running -= 1


TURNS = Turns()


class Turn:
    """An iterator that gives its turn back when it is closed, also if it was never read."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._open = True
        TURNS.enter()

    def __iter__(self) -> Turn:
        return self

    def __next__(self) -> bytes:
        return next(self._parts)

    def close(self) -> None:
        """End."""
        if self._open:
            self._open = False
            TURNS.leave()


def _batches(q: str, filters: Filters) -> Iterator[list[dict[str, Any]]]:
    for numbers in source.numbers(q, filters):
        yield [record.flat() for record in records.by_numbers(numbers)]


def _lines(q: str, filters: Filters, headings: str) -> Iterator[bytes]:
    mark = demonstration()
    for rows in _batches(q, filters):
        more = {"demonstration": mark} if mark else {}
        yield b"".join(orjson.dumps(row | more) + b"\n" for row in rows)


def _json(q: str, filters: Filters, headings: str) -> Iterator[bytes]:
    mark = demonstration()
    head = {"notice": gettext(NOTICE), "position": source.position()} | ({"demonstration": mark} if mark else {})
    yield orjson.dumps(head)[:-1] + b',"items":['
    comma = b""
    for rows in _batches(q, filters):
        if rows:
            yield comma + b",\n".join(orjson.dumps(row) for row in rows)
            comma = b",\n"
    yield b"]}\n"


def _csv(q: str, filters: Filters, headings: str) -> Iterator[bytes]:
    mark = demonstration()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    names = [_title(name) for name in COLUMNS] if headings == "title" else list(COLUMNS)
    writer.writerow([*names, *(["demonstration"] if mark else [])])
    yield b"\xef\xbb\xbf" + text.getvalue().encode()
    for rows in _batches(q, filters):
        text.seek(0)
        text.truncate()
        for row in rows:
            writer.writerow([*(cell(row.get(name)) for name in COLUMNS), *([mark] if mark else [])])
        yield text.getvalue().encode()


def _title(name: str) -> str:
    if name in _OWN_TITLES:
        return gettext(_OWN_TITLES[name])
    field = FIELDS[name]
    return field.label_en if (get_language() or "").startswith("en") else field.label


def cell(value: Any) -> str:
    """Return a value as the text of a cell: lists joined by semicolons, nothing that a spreadsheet would run."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        value = ";".join(str(item) for item in value)
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


FORMATS: dict[str, tuple[str, Callable[[str, Filters, str], Iterator[bytes]]]] = {
    "json": ("application/json", _json),
    "jsonl": ("application/x-ndjson", _lines),
    "csv": ("text/csv; charset=utf-8; header=present", _csv),
}


@open_data()
def registrations(request: HttpRequest, form: str) -> HttpResponseBase:
    """Stream all registrations that a search finds, newest first (R54); `headings=title` names columns in words."""
    if unknown := sorted(set(request.GET) - _ASKED):
        raise DomainError("filter_invalid", N_("筛选条件不正确"), unknown[0][:40])
    q = request.GET.get("q", "").strip()
    measure(q)
    filters = conditions.from_query(request.GET)
    tag = etag(request)
    if found := unchanged(request, tag):
        return found
    kind, make = FORMATS[form]
    headers = {"Content-Disposition": f'attachment; filename="registrations.{form}"'}
    parts = Turn(make(q, filters, request.GET.get("headings", ""))) if request.method == "GET" else iter(())
    return stream(parts, kind, tag, headers)

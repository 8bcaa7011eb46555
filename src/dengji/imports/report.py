"""The report of an import: a line for each finding of each row, Chinese and English, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import gettext
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as default
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings

from dengji.core.errors import N_
from dengji.law.checks import SPECS, Finding
from dengji.law.record import FIELDS
from dengji.law.wording import in_english

from . import faults
from .cells import ADOPTION

OUTCOMES = {
    "created": (N_("已导入"), "imported"),
    "known": (N_("此前已导入"), "imported before"),
    "refused": (N_("未导入"), "refused"),
    "skipped": (N_("示例行，略过"), "example row, skipped"),
    "passes": (N_("可以导入"), "can be imported"),
}
HEADINGS = (
    "行号 row", "结果", "outcome", "编号 id", "字段", "field", "级别 severity", "代码 code", "说明", "如何更正",
    "message", "how to mend", "条款 article",
)  # fmt: skip
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


@dataclass
class Result:
    """What became of one row of a file."""

    number: int
    outcome: str
    object_id: UUID | None = None
    findings: list[dict[str, Any]] = default(default_factory=list)


def compact(finding: Finding) -> dict[str, Any]:
    """Return a finding as it is stored: by its code where the texts can be looked up, else with them."""
    kept: dict[str, Any] = {"code": finding.code, "field": finding.field, "severity": finding.severity}
    if finding.params:
        kept["params"] = dict(finding.params)
    if finding.code not in SPECS and finding.code not in faults.SPECS:
        kept |= {"message": finding.message, "fix": finding.fix, "article": finding.article}
    return kept


@lru_cache(maxsize=1)
def _english() -> gettext.NullTranslations:
    return gettext.translation("django", str(settings.LOCALE_PATHS[0]), ["en"], fallback=True)


def words(stored: Mapping[str, Any]) -> dict[str, str]:
    """Return message, fix (Chinese), message_en, fix_en and article of a stored finding."""
    spec = SPECS.get(stored["code"]) or faults.SPECS.get(stored["code"])
    message = spec.message if spec else str(stored.get("message", stored["code"]))
    fix = spec.fix if spec else str(stored.get("fix", ""))
    params = stored.get("params", {})
    english = _english()
    quoted = in_english(params, english.gettext)
    return {
        "message": _filled(message, params),
        "fix": _filled(fix, params),
        "message_en": _filled(english.gettext(message), quoted),
        "fix_en": _filled(english.gettext(fix) if fix else "", quoted),
        "article": spec.article if spec else str(stored.get("article", "")),
    }


def _filled(text: str, params: Mapping[str, Any]) -> str:
    try:
        return text.format(**params)
    except (KeyError, IndexError, ValueError):
        return text


def safe(cell: Any) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def lines(results: Iterable[Result]) -> Iterator[str]:
    """Yield the report as CSV text, line by line, with the mark by which spreadsheets know UTF-8."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(HEADINGS)
    yield "\ufeff" + _take(buffer)
    for result in results:
        zh, en = OUTCOMES[result.outcome]
        head = [result.number, zh, en, result.object_id or ""]
        found: list[dict[str, Any] | None] = [*result.findings] or [None]
        for finding in found:
            writer.writerow([safe(cell) for cell in (*head, *_cells(finding))])
        yield _take(buffer)


def _take(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _cells(finding: Mapping[str, Any] | None) -> tuple[str, ...]:
    if finding is None:
        return ("",) * 9
    told = words(finding)
    name = finding.get("field") or ""
    label = FIELDS[name].label if name in FIELDS else ADOPTION[name][0] if name in ADOPTION else name
    return (
        label, name, finding["severity"], finding["code"], told["message"], told["fix"], told["message_en"],
        told["fix_en"], told["article"],
    )  # fmt: skip

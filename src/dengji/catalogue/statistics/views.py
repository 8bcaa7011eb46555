"""The page of the figures: tables first, each with its chart, every number with the list that proves it (R58, R59)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from dengji.core.errors import N_, DomainError
from dengji.parties.selectors import registers
from dengji.registration.api.base import state_label

from ..exports.http import demonstration, open_data
from ..exports.streams import cell
from . import disclosure, places, selectors, words
from .selectors import Asked

_STATES = ("VALID", "CANCELLED", "REVOKED")
_PERIOD = ("opening", "added", "cancelled", "revoked", "closing")
_BAR = 120
#: Of the chart of months: how many are shown, and its measures in its own units.
_SHOWN, _STEP, _HEIGHT = 24, 34, 160
_ASKED = ("register", "type", "from", "to")


def _asked(request: HttpRequest) -> Asked:
    """What an address asks for; raises DomainError invalid_input."""
    given = {name: request.GET.get(name, "").strip() for name in _ASKED}
    try:
        register = UUID(given["register"]) if given["register"] else None
        first, last = (date.fromisoformat(given[n]) if given[n] else None for n in ("from", "to"))
    except ValueError:
        raise DomainError("invalid_input", N_("统计条件不正确：日期应为 2026-07-01 的形式")) from None
    if given["type"] not in ("", *places.values("type", "")):
        raise DomainError("invalid_input", N_("没有这一登记类型"), "type")
    return Asked(register, given["type"], first, last)


def _query(request: HttpRequest, **more: str) -> str:
    """The address's own conditions with others, as the query of another address."""
    own = {name: value for name in _ASKED if (value := request.GET.get(name, "").strip())}
    return urlencode({**own, **{name: value for name, value in more.items() if value}})


def _csv(dimension: str) -> str:
    return reverse("statistics-csv", kwargs={"dimension": dimension})


def _lines(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows with their bars and the addresses of the lists that prove them."""
    most = max((row["states"]["VALID"] for row in found["rows"]), default=0) or 1
    return [_line(row, most) for row in found["rows"]]


def _line(row: dict[str, Any], most: int = 1) -> dict[str, Any]:
    base = row["search"]
    glue = "" if base is None or base.endswith("?") else "&"
    numbers = [(row["states"][state], f"{base}{glue}state={state}" if base else "") for state in _STATES]
    return {**row, "numbers": [*numbers, (row["count"], base or "")], "bar": row["states"]["VALID"] * _BAR // most}


def _section(request: HttpRequest, dimension: str, asked: Asked, parent: str = "") -> dict[str, Any]:
    found = selectors.table(dimension, asked, parent)
    rows = _lines(found)
    for row in rows:
        deeper = {
            "section": {"section": row["value"]},
            "region": {"region": row["value"]} if dimension == "region" and places.has_parts(row["value"]) else {},
        }.get(dimension)
        row["deeper"] = f"?{_query(request, **deeper)}#{dimension}" if deeper else ""
    heading, definition = words.DIMENSIONS[dimension]
    anchor = "section" if dimension == "industry" else dimension
    return {
        "name": dimension,
        "anchor": anchor,
        "heading": gettext(heading),
        "definition": gettext(definition),
        "within": words.label("section" if dimension == "industry" else dimension, parent) if parent else "",
        "up": f"?{_query(request, region=places.parent_of(parent) if dimension == 'region' else '')}#{anchor}",
        "rows": rows,
        "total": _line(found["total"]),
        "csv": f"{_csv(dimension)}?{_query(request, value=parent)}",
    }


def _chart(months: list[dict[str, Any]]) -> dict[str, Any]:
    """Columns of what was valid at the end of each month, in the picture's own units."""
    most = max((one["closing"] for one in months), default=0) or 1
    columns = [
        {
            "x": n * _STEP + 4,
            "middle": n * _STEP + _STEP // 2,
            "y": _HEIGHT - (height := one["closing"] * (_HEIGHT - 20) // most),
            "height": height,
            "month": one["month"][2:],
            "value": one["closing"],
        }
        for n, one in enumerate(months)
    ]
    # Short histories keep the width of a column.
    return {"columns": columns, "width": max(len(columns), 8) * _STEP + 20, "height": _HEIGHT + 24, "base": _HEIGHT}


def _drawn(months: list[dict[str, Any]]) -> dict[str, Any]:
    """The same months for the script that draws charts."""
    name = gettext(words.COLUMNS["closing"][0])
    series = [{"name": name, "values": [one["closing"] for one in months]}]
    return {"kind": "bar", "labels": [one["month"] for one in months], "series": series}


def _choices(asked: Asked) -> list[dict[str, Any]]:
    return [{"id": str(row.pk), "name": row.name, "chosen": row.pk == asked.register} for row in registers()]


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the figures now or at the end of a past day; `section` and `region` drill down."""
    try:
        asked = _asked(request)
        context = _context(request, asked)
    except DomainError as error:
        message = gettext(error.message).format(**error.params)
        return render(request, "catalogue/statistics.html", {"error": message}, status=422)
    return render(request, "catalogue/statistics.html", context)


def _context(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    section, region = request.GET.get("section", "").strip(), request.GET.get("region", "").strip()
    whole = selectors.table("type", asked)
    industries = "industry" if section else "section"
    tables = [
        _section(request, "type", asked),
        _section(request, industries, asked, "" if section == "all" else section),
        _section(request, "region", asked, region),
        _section(request, "access", asked),
        _section(request, "register", asked),
    ]
    months = selectors.months(asked)
    shown = months["months"][-_SHOWN:]
    return {
        "choices": _choices(asked),
        "asked": asked,
        "types": [(name, words.label("type", name)) for name in places.values("type", "")],
        "basis": words.basis(whole),
        "total": _line(whole["total"]),
        "states": [(state_label("registration", state), *words.COLUMNS[state][1:]) for state in _STATES],
        "columns": words.definitions(*_STATES, "count"),
        "month_columns": words.definitions(*_PERIOD),
        "tables": tables,
        "months": list(reversed(shown)),
        "month_definition": gettext(words.DIMENSIONS["month"][1]),
        "month_csv": f"{_csv('month')}?{_query(request)}",
        "chart": _chart(shown),
        "drawn": _drawn(shown),
        "all_industries": _query(request, section="all"),
        "drilled": {"section": section, "region": region},
    }


@require_safe
def disclosed(request: HttpRequest) -> HttpResponse:
    """Show what a register discloses for a period (信息披露, R58)."""
    try:
        asked = _asked(request)
        found = disclosure.disclosure(asked.register, request.GET.get("period", "").strip())
    except DomainError as error:
        message = gettext(error.message).format(**error.params)
        context = {"error": message, "choices": _choices(Asked())}
        return render(request, "catalogue/disclosure.html", context, status=error.status)
    tables = [
        {
            "heading": gettext(words.DIMENSIONS[one["dimension"]][0]),
            "definition": gettext(words.DIMENSIONS[one["dimension"]][1]),
            "rows": [(row["label"], _numbers(row)) for row in one["rows"] if any(row["period"].values())],
            "total": _numbers(one["total"]),
            "csv": f"{_csv(one['dimension'])}?"
            + urlencode(
                {"from": found["first"], "to": found["last"]} | ({"register": asked.register} if asked.register else {})
            ),
        }
        for one in found["tables"]
    ]
    columns = words.definitions(*_PERIOD)
    shown: dict[str, Any] = {
        "found": found,
        "basis": words.basis(found),
        "tables": tables,
        "columns": columns,
        "choices": _choices(asked),
    }
    return render(request, "catalogue/disclosure.html", shown)


def _numbers(row: dict[str, Any]) -> list[int]:
    return [row["period"][name] for name in _PERIOD]


@open_data()
def download(request: HttpRequest, dimension: str) -> HttpResponse:
    """Answer one table as CSV (RFC 4180), every line with the time and the place in the log that it follows."""
    asked = _asked(request)
    parent = request.GET.get("value", "").strip()
    if dimension == "month":
        found = selectors.months(asked)
        rows: Iterable[Mapping[str, Any]] = found["months"]
    else:
        found = selectors.table(dimension, asked, parent)
        rows = [_flat(row) for row in (*found["rows"], {**found["total"], "value": "total", "label": gettext("合计")})]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    tail = {"day": found["last"], "as_of": found["as_of"], "position": found["position"]}
    if mark := demonstration():
        tail["demonstration"] = mark
    for n, row in enumerate(rows):
        line = {**row, **tail}
        if not n:
            writer.writerow(line)
        writer.writerow(cell(value) if isinstance(value, str) else value for value in line.values())
    headers = {"Content-Disposition": f'attachment; filename="statistics-{dimension}.csv"', "Cache-Control": "no-cache"}
    return HttpResponse("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "value": row["value"],
        "label": row["label"],
        **row["states"],
        "count": row["count"],
        **row["types"],
        **(row["period"] or {}),
    }

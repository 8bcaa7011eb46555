"""The rulebooks for people to read: every value, its citation, how sure, from which rulebook; and differences."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_GET

from dengji.core.errors import N_, not_found
from dengji.law import rulebook as rulebooks
from dengji.law.rulebook import Rulebook, Value

from ..workspace.words import english
from .base import for_readers, frame

_SURE = {"read": N_("已读原文"), "excerpt": N_("仅见摘录"), "assumed": N_("软件默认，未见规定")}


def _title(book: Rulebook) -> str:
    return book.title_en if english() else book.title


def _value(value: Value) -> str:
    plain = rulebooks.thaw(value.value)
    if plain is None:
        return gettext("未规定")
    if isinstance(plain, bool):
        return gettext("是") if plain else gettext("否")
    return json.dumps(plain, ensure_ascii=False) if isinstance(plain, list | dict) else str(plain)


@for_readers
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """List the rulebooks."""
    books = [rulebooks.load(name) for name in rulebooks.ids()]
    titles = (N_("规则集"), N_("版本"), N_("依据文件"), N_("上级规则集"))
    rows = [
        [
            {"text": _title(book), "url": reverse("oversight:rulebook", args=[book.id])},
            {"text": book.version},
            {"text": book.instrument, "zh": True},
            {"text": ", ".join(book.parents) or "—"},
        ]
        for book in books
    ]
    columns = [{"title": gettext(title)} for title in titles]
    return render(request, "web/oversight/rules.html", frame(request, "oversight:rules", rows=rows, columns=columns))


@for_readers
@require_GET
def rulebook(request: HttpRequest, name: str) -> HttpResponse:
    """Show every value of one rulebook; with `with=<id>` only what differs from another."""
    if name not in rulebooks.ids():
        raise not_found(N_("没有这一规则集"))
    book, other = rulebooks.load(name), request.GET.get("with", "")
    against = rulebooks.load(other) if other in rulebooks.ids() and other != name else None
    titles = [N_("设置"), N_("值"), N_("依据"), N_("把握程度"), N_("出自")]
    if against is not None:
        titles.insert(2, N_("对照值"))
    context = frame(
        request,
        "oversight:rules",
        book=book,
        title=_title(book),
        against=_title(against) if against else "",
        others=[{"id": one, "chosen": one == other} for one in rulebooks.ids() if one != name],
        columns=[{"title": gettext(title)} for title in titles],
        rows=[row for value in book.items() if (row := _row(value, against))],
    )
    return render(request, "web/oversight/rulebook.html", context)


def _row(value: Value, against: Rulebook | None) -> list[dict[str, Any]]:
    label = value.label["en" if english() else "zh"]
    cells: list[dict[str, Any]] = [{"text": f"{label} ({value.key})"}, {"text": _value(value)}]
    if against is not None:
        theirs = against.value(value.key)
        if theirs.value == value.value:
            return []
        cells.append({"text": _value(theirs)})
    return [
        *cells,
        {"text": value.cite, "zh": True},
        {"text": gettext(_SURE.get(value.sure, value.sure))},
        {"text": value.set_by},
    ]

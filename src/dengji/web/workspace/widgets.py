"""Inputs that a plain one will not do for: industries, regions, rows of a table. Each works without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from dengji.law.codes import CodeError, match_region_prefix, region, regions

from . import words

NATION = "000000"
_ROWS_MOST = 1000
_SPARE = 3


class IndustriesWidget(forms.CheckboxSelectMultiple):
    """The 97 divisions by section, each section to be opened; chosen ones stand open."""

    template_name = "web/workspace/widgets/industries.html"

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Add the groups, with what is chosen; a deeper code that was imported stays as a choice of its own."""
        chosen = list(value or ())
        groups = [
            {
                "title": title,
                "open": any(code in chosen for code, _label in rows),
                "rows": [{"code": code, "label": label, "on": code in chosen} for code, label in rows],
            }
            for title, rows in words.industries()
        ]
        known = {code for _title, rows in words.industries() for code, _label in rows}
        other = [{"code": code, "label": words.industry_label(code)} for code in chosen if code not in known]
        return super().get_context(name, value, attrs) | {
            "groups": groups,
            "other": other,
            "chosen": words.listed(map(words.industry_label, chosen)),
            "name": name,
        }


class RegionsWidget(forms.SelectMultiple):
    """Chosen regions, the nation, and a way down the tree from `at`; or by typing names or codes."""

    template_name = "web/workspace/widgets/regions.html"
    use_fieldset = True
    at = NATION

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Return (ticked codes, typed text)."""
        return list(data.getlist(name)), data.get(f"{name}-add", "")

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """An empty choice is a choice."""
        return False

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Add what is chosen and where in the tree the reader stands."""
        codes, typed = value if isinstance(value, tuple) else (list(value or ()), "")
        try:
            here = region(self.at)
        except CodeError:
            here = region(NATION)
        children = [row for row in regions() if row.parent == here.code]
        return {
            "name": name,
            "id": (attrs or {}).get("id", f"id_{name}"),
            "chosen": [{"code": code, "label": words.region_label(code)} for code in codes if code != NATION],
            "nation": NATION in codes,
            "typed": typed,
            "here": here,
            "up": _path(here),
            "children": [
                {"code": row.code, "name": row.name, "on": row.code in codes, "deeper": row.level != "county"}
                for row in children
            ],
            "attrs": attrs or {},
        }


def _path(here: Any) -> list[Any]:
    path: list[Any] = []
    while here.parent is not None:
        here = region(here.parent)
        path.insert(0, here)
    return path


class RegionsField(forms.Field):
    """Several regions by code; typed names are resolved, and what is unknown or ambiguous is said."""

    widget = RegionsWidget

    def clean(self, value: Any) -> list[str]:
        """Return codes in the order chosen; raises ValidationError for a name that is none or several."""
        codes, typed = value if isinstance(value, tuple) else (list(value or ()), "")
        for text in re.split(r"[、,，;；\s]+", typed.strip()):
            if text:
                codes = [*codes, resolve(text)]
        return list(dict.fromkeys(codes))


def resolve(text: str) -> str:
    """Return the code of a region by code or name; raises ValidationError where it is none or several."""
    text = text.strip()
    if re.fullmatch(r"[0-9A-Za-z]{6}", text):
        try:
            return region(text.upper()).code
        except CodeError as error:
            raise ValidationError(gettext(error.message).format(**error.params)) from error
    found = match_region_prefix(text)
    if found and found[1] == len(text):
        return found[0].code
    same = [row for row in regions() if row.name == text] or [row for row in regions() if row.name.startswith(text)]
    if len(same) == 1:
        return same[0].code
    if not same:
        raise ValidationError(_("没有名为“%(text)s”的行政区划：请填全称或六位代码"), params={"text": text})
    names = "、".join(words.region_label(row.code) for row in same[:8])
    raise ValidationError(_("“%(text)s”有多个：%(names)s。请填代码"), params={"text": text, "names": names})


class RegionField(forms.CharField):
    """One region, by code or by name."""

    def clean(self, value: Any) -> str:
        """Return its code, empty for none."""
        text = str(super().clean(value))
        code = re.search(r"（([0-9A-Z]{6})）$", text)
        return resolve(code[1] if code else text) if text else ""


class RowsWidget(forms.Widget):
    """A small table: given columns, the rows there are, and some empty ones."""

    template_name = "web/workspace/widgets/rows.html"
    use_fieldset = True

    def __init__(self, columns: Sequence[tuple[str, str, str]], attrs: Any = None) -> None:
        super().__init__(attrs)
        self.columns = tuple(columns)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[dict[str, str]]:
        """Return the rows that say something, up to the first number that is missing."""
        rows = []
        for number in range(_ROWS_MOST + _SPARE):
            keys = {column: f"{name}-{number}-{column}" for column, _label, _kind in self.columns}
            if not any(key in data for key in keys.values()):
                if number and f"{name}-{number}-{self.columns[0][0]}" not in data:
                    break
                continue
            row = {column: str(data.get(key, "")).strip() for column, key in keys.items()}
            if any(row.values()):
                rows.append(row)
        return rows

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """No row is a value."""
        return False

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Add the cells, row by row."""
        rows: list[Mapping[str, Any]] = [*(value or ()), *({} for _ in range(_SPARE))]
        return super().get_context(name, value, attrs) | {
            "name": name,
            "heads": [label for _column, label, _kind in self.columns],
            "rows": [
                {
                    "number": number,
                    "cells": [
                        {"key": f"{name}-{number}-{column}", "label": label, "kind": kind, "value": row.get(column, "")}
                        for column, label, kind in self.columns
                    ],
                }
                for number, row in enumerate(rows)
            ],
        }


class RowsField(forms.Field):
    """Rows of a table as the schema wants them."""

    def __init__(self, *, columns: Sequence[tuple[str, str, str]], **more: Any) -> None:
        super().__init__(widget=RowsWidget(columns), **more)
        self.columns = tuple(columns)

    def clean(self, value: Any) -> list[dict[str, Any]]:
        """Return the rows, empty cells left out and ticks made true; raises ValidationError without the first cell."""
        rows = []
        first, first_label, _kind = self.columns[0]
        for row in value or ():
            made = {c: bool(row.get(c)) if kind == "tick" else row.get(c, "") for c, _label, kind in self.columns}
            made = {column: cell for column, cell in made.items() if cell not in ("", False)}
            if not made.get(first):
                raise ValidationError(_("每一行都要填写“%(label)s”"), params={"label": first_label})
            rows.append(made)
        return rows

"""Forms made from record.schema.json: label, filling note, type and choices of every field have one source."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dengji.law.record import FIELDS, SCHEMA, Field

from . import words
from .widgets import IndustriesWidget, RegionField, RegionsField, RowsField

_SHANGHAI = timezone(timedelta(hours=8))
_LONG = 250
#: Text beyond this is no form entry any more; what is over the limit of a field is kept, counted and reported.
_MOST = 20_000
EXCUSE = "not_applicable"
#: Columns of the fields that are tables: name, label, kind of input.
_COLUMNS: dict[str, tuple[tuple[str, Any, str], ...]] = {
    "data_items": (
        ("name", _("名称"), "text"),
        ("type", _("类型"), "text"),
        ("description", _("说明"), "text"),
        ("personal", _("含个人信息"), "tick"),
    ),
    "co_registrants": (("credit_code", _("统一社会信用代码"), "text"), ("name", _("单位名称"), "text")),
}


def digest(value: Any) -> str:
    """Return a short digest by which a form knows whether a value is still the one it showed."""
    plain = None if value in (None, "", [], {}) else value
    return hashlib.sha256(json.dumps(plain, ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:16]


def _text(field: Field, limit: int | None) -> forms.Field:
    # No maxlength in the page: a browser would cut what is pasted, and an introduction would stop mid-word.
    attrs: dict[str, Any] = {"autocomplete": "off"}
    if limit:
        attrs["data-limit"] = limit
    long = (field.max_length or 0) > _LONG and "pattern" not in SCHEMA["properties"][field.name]
    widget: forms.Widget = forms.Textarea(attrs | {"rows": 4}) if long else forms.TextInput(attrs)
    return forms.CharField(required=False, max_length=_MOST, widget=widget)


def _choice(field: Field) -> forms.Field:
    options = [("", _("请选择")), *words.choices(field)]
    return forms.ChoiceField(required=False, choices=options, widget=forms.Select)


def _boolean() -> forms.Field:
    options = [("yes", _("是")), ("no", _("否"))]
    return forms.ChoiceField(required=False, choices=options, widget=forms.RadioSelect)


def _of_array(field: Field) -> forms.Field:
    if field.name in _COLUMNS:
        return RowsField(required=False, columns=_COLUMNS[field.name])
    if field.name == "industries":
        return forms.MultipleChoiceField(required=False, widget=IndustriesWidget)
    if field.name == "coverage_regions":
        return RegionsField(required=False)
    if field.labels:
        ticks = forms.CheckboxSelectMultiple
        return forms.MultipleChoiceField(required=False, choices=words.choices(field), widget=ticks)
    widget_of_lines = forms.Textarea({"rows": 3})
    return forms.CharField(required=False, max_length=_MOST, widget=widget_of_lines)


def make(field: Field, limit: int | None = None) -> forms.Field:
    """Return the form field of a field of the record."""
    made = _made(field, limit)
    if field.name == "industries" and isinstance(made, forms.MultipleChoiceField):
        made.valid_value = lambda value: str(value).isdigit()  # type: ignore[method-assign]
    made.label, made.help_text = words.label(field.name), words.note(field.name)
    return made


def _made(field: Field, limit: int | None) -> forms.Field:
    if field.name.endswith("_region"):
        return RegionField(required=False, max_length=200, widget=forms.TextInput())
    plain: dict[str, Callable[[], forms.Field]] = {
        "array": lambda: _of_array(field),
        "boolean": _boolean,
        "integer": lambda: forms.IntegerField(
            required=False,
            min_value=0,
            max_value=2**53 - 1,
            widget=forms.TextInput({"inputmode": "numeric"}),
        ),
        "date": lambda: forms.DateField(required=False, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")),
        "date-time": lambda: forms.DateTimeField(
            required=False,
            widget=forms.DateTimeInput({"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S"),
        ),
    }
    if field.kind in plain:
        return plain[field.kind]()
    return _choice(field) if field.labels else _text(field, limit)


def _is_lines(field: Field) -> bool:
    spec = SCHEMA["properties"][field.name]
    special = {"industries", "coverage_regions", *_COLUMNS}
    return spec["type"] == "array" and not field.labels and field.name not in special


def to_form(name: str, value: Any) -> Any:
    """Return a stored value as its input shows it."""
    field = FIELDS[name]
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if _is_lines(field):
        return "\n".join(map(str, value))
    if name.endswith("_region"):
        return words.region_label(str(value))
    return _local(str(value)) if field.kind == "date-time" else value


def _local(text: str) -> Any:
    """A moment as its input shows it, in Shanghai; what is no moment stays as it is."""
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return text
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(_SHANGHAI).replace(tzinfo=None)


def to_record(name: str, value: Any) -> Any:
    """Return a cleaned entry as the schema wants it, None for nothing."""
    field = FIELDS[name]
    if value in (None, "", [], {}):
        return None
    if field.kind == "boolean":
        return value == "yes"
    if field.kind == "date":
        return value.isoformat()
    if field.kind == "date-time":
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if _is_lines(field):
        return [line.strip() for line in str(value).splitlines() if line.strip()] or None
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def _same(name: str, one: Any, other: Any) -> bool:
    """Tell whether two values are one: a moment is entered to the second, in whatever zone it was stored."""
    if name in FIELDS and FIELDS[name].kind == "date-time" and one and other:
        first, second = (to_form(name, value) for value in (one, other))
        if isinstance(first, datetime) and isinstance(second, datetime):
            return first.replace(microsecond=0) == second.replace(microsecond=0)
    return digest(one) == digest(other)


class SectionForm(forms.Form):
    """One page of the wizard, made from the schema. `seen` tells what the page showed, so that two people can write.

    Every valid entry can be saved while others are still wrong: nothing typed is lost.
    """

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        data: Any = None,
        *,
        names: Sequence[str],
        content: Mapping[str, Any],
        limits: Mapping[str, int | None] | None = None,
        excuse: str = "",
    ) -> None:
        self.names, self.content, self.excuse = tuple(names), content, excuse
        super().__init__(data, initial={name: to_form(name, content.get(name)) for name in names})
        for name in names:
            self.fields[name] = make(FIELDS[name], (limits or {}).get(name) or FIELDS[name].max_length)
        if excuse:
            self.fields[EXCUSE] = forms.CharField(
                required=False,
                max_length=_MOST,
                label=_("本组材料不适用的理由"),
                help_text=_("确不适用时才填；审核时将查看理由"),
                widget=forms.Textarea({"rows": 2, "data-limit": 300}),
            )
            self.initial[EXCUSE] = self._shown(EXCUSE, content)
        self.initial["seen"] = self.marks()

    def _shown(self, name: str, content: Mapping[str, Any]) -> Any:
        return (content.get(EXCUSE) or {}).get(self.excuse) if name == EXCUSE else content.get(name)

    def _asked(self) -> tuple[str, ...]:
        return (*self.names, EXCUSE) if self.excuse else self.names

    def marks(self) -> str:
        """Return the digests of what this page shows as stored."""
        return json.dumps({name: digest(self._shown(name, self.content)) for name in self._asked()})

    def _seen(self) -> Mapping[str, Any]:
        try:
            seen = json.loads(self.data.get("seen", ""))
        except ValueError:
            return {}
        return seen if isinstance(seen, dict) else {}

    def entries(self) -> dict[str, Any]:
        """Return the valid entries as the record wants them, None for an empty one."""
        good = self.cleaned_data
        found = {name: to_record(name, good[name]) for name in self.names if name in good}
        if self.excuse and EXCUSE in good:
            found[EXCUSE] = good[EXCUSE] or None
        return found

    def merge(self, stored: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return (what to save, what somebody else changed meanwhile): three-way, field by field.

        An entry that was not touched here gives way to what is stored; one that both changed is a conflict.
        """
        changes: dict[str, Any] = {}
        clashes: dict[str, Any] = {}
        seen = self._seen()
        for name, value in self.entries().items():
            there = self._shown(name, stored)
            mark = seen.get(name, digest(there))
            if _same(name, value, there) or digest(value) == mark:
                continue
            if mark != digest(there):
                clashes[name] = there
            else:
                changes[name] = value
        if EXCUSE in changes:
            others = {k: v for k, v in (stored.get(EXCUSE) or {}).items() if k != self.excuse}
            changes[EXCUSE] = (others | ({self.excuse: changes[EXCUSE]} if changes[EXCUSE] else {})) or None
        return changes, clashes

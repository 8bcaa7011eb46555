"""Tags and filters that pages share: what every form carries, how a value is said, how a field is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms, template
from django.forms.boundfield import BoundField
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from dengji.core.errors import N_
from dengji.law.checks import Finding
from dengji.law.procedure import TABLE
from dengji.registration.api import base

from ..access import TRANSACTION, new_transaction

register = template.Library()
SHANGHAI = ZoneInfo("Asia/Shanghai")

#: How a state looks: at work, waiting for somebody, well, refused, over.
_TONES: dict[str, tuple[str, ...]] = {
    "work": (
        "SUBMITTED",
        "ACCEPTED",
        "UNDER_REVIEW",
        "BUSINESS_REVIEW",
        "NOTICE",
        "CODING",
        "LODGED",
        "RECEIVED",
        "DRAWN",
    ),
    "wait": ("RECEIVED", "SUPPLEMENT", "NOTICE_SUSPENDED", "CODING_REFUSED", "VERIFIED", "EXPIRED"),
    "good": ("REVIEW_PASSED", "REGISTERED", "COMPLETED", "VALID", "UPHELD", "ANSWERED", "CONFORMING"),
    "bad": ("DECLINED", "REJECTED", "TERMINATED", "REVOKED", "DEFICIENT"),
    "over": ("WITHDRAWN", "CANCELLED", "RETRACTED", "DISMISSED", "INADMISSIBLE", "MOOT"),
}
_TONE_OF = {state: tone for tone, states in _TONES.items() for state in states}
_BYTES = ("B", "KB", "MB", "GB", "TB")


@register.simple_tag
def transaction() -> SafeString:
    """Return the hidden field that makes a form sent twice act once."""
    return format_html('<input type="hidden" name="{}" value="{}">', TRANSACTION, new_transaction())


@register.simple_tag
def url_if(name: str, *args: Any, **kwargs: Any) -> str:
    """Return the address of a view, or nothing where this node has no such page."""
    try:
        return reverse(name, args=args or None, kwargs=kwargs or None)
    except NoReverseMatch:
        return ""


@register.filter
def shanghai(value: Any) -> str:
    """Return a time as date and minute in Asia/Shanghai, a date as it is; nothing for nothing."""
    if isinstance(value, datetime):
        local = timezone.localtime(value, SHANGHAI) if timezone.is_aware(value) else value
        return date_format(local, "Y-m-d H:i")
    return shanghai_day(value)


@register.filter
def shanghai_day(value: Any) -> str:
    """Return the Shanghai day of a time or date as 2026-07-01; a text as it is."""
    if isinstance(value, datetime):
        value = (timezone.localtime(value, SHANGHAI) if timezone.is_aware(value) else value).date()
    return value.isoformat() if isinstance(value, date) else str(value or "")


@register.filter
def state_label(state: str, kind: str = "application") -> str:
    """Return the name of a state of this kind of object in the reader's language."""
    return base.state_label(kind, state)


@register.filter
def act_label(act: str) -> str:
    """Return the name of an act in the reader's language; an unknown one as it is."""
    return base.act_label(act) if act in TABLE else act


@register.filter
def tone(state: str) -> str:
    """Return how a state looks: work, wait, good, bad, over; plain for a draft and whatever is unknown."""
    return _TONE_OF.get(state, "plain")


@register.filter
def filesize(size: Any) -> str:
    """Return a number of bytes in the unit that reads best."""
    number, unit = float(size or 0), 0
    while number >= 1024 and unit < len(_BYTES) - 1:
        number, unit = number / 1024, unit + 1
    return f"{number:.0f} {_BYTES[unit]}" if unit == 0 or number >= 100 else f"{number:.1f} {_BYTES[unit]}"


@register.simple_tag
def days_left(working_days: int | None) -> str:
    """Return in words how many working days are left; nothing where they are not known."""
    if working_days is None:
        return ""
    if working_days <= 0:
        return gettext(N_("今日截止"))
    return gettext(N_("还剩 {n} 个工作日")).format(n=working_days)


@register.simple_tag
def told(findings: Iterable[Any] | None, field: str = "") -> list[Mapping[str, Any]]:
    """Return findings in words, of one field where it is named; objects of the checks or what the API makes of them."""
    rows = [base.finding(one) if isinstance(one, Finding) else one for one in findings or ()]
    return [one for one in rows if not field or one.get("field") == field]


def _class_of(widget: forms.Widget) -> str:
    match widget:
        case forms.CheckboxInput():
            return "form-check-input"
        case forms.RadioSelect() | forms.CheckboxSelectMultiple():
            return "choice"
        case forms.Select():
            return "form-select"
    return "form-control"


@register.simple_tag
def widget(field: BoundField) -> SafeString:
    """Draw the input of a field with its classes, and the ids of its help, error and findings for screen readers."""
    drawn = field.field.widget
    attrs: dict[str, Any] = {"class": f"{drawn.attrs.get('class', '')} {_class_of(drawn)}".strip()}
    if field.auto_id and not drawn.is_hidden:
        parts = [f"{field.auto_id}_helptext"] if field.help_text else []
        parts += [f"{field.auto_id}_error"] if field.errors else []
        attrs["aria-describedby"] = " ".join([*parts, f"{field.auto_id}_findings"])
    if field.errors:
        attrs |= {"class": f"{attrs['class']} is-invalid", "aria-invalid": "true"}
    return field.as_widget(attrs=attrs)


@register.filter
def is_check(field: BoundField) -> bool:
    """Tell whether a field is one box to tick, whose label stands after it."""
    return isinstance(field.field.widget, forms.CheckboxInput)


@register.filter
def is_group(field: BoundField) -> bool:
    """Tell whether a field is several boxes under one legend."""
    return bool(field.use_fieldset) and not is_check(field)


@register.filter
def field_findings(field: BoundField) -> list[Any]:
    """Return the findings that a service had about this field of its form."""
    return told(getattr(field.form, "findings", None), field.name)


@register.filter
def wrong(form: forms.BaseForm) -> list[BoundField]:
    """Return the fields of a form that have errors, in its order; hidden ones too."""
    return [form[name] for name in form.fields if name in form.errors]


@register.simple_tag
def chart_data(name: str, chart: Mapping[str, Any]) -> SafeString:
    """Return the numbers of a chart as a block of data, which nothing in them can end; charts.js draws it."""
    return json_script(dict(chart), f"{name}-data")


@register.filter
def chart_rows(chart: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the numbers of a chart as the rows of its table."""
    columns = [one["values"] for one in chart["series"]]
    return [{"label": label, "values": row} for label, *row in zip(chart["labels"], *columns, strict=True)]

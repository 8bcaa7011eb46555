"""The form that all areas build on."""

from __future__ import annotations

from typing import Any

from django import forms

#: What the browser may not keep: numbers of documents, codes, and names of people who use a shared machine.
_NOT_KEPT = {"autocomplete": "off"}


class PartForm(forms.Form):
    """A form for web/parts/form.html: no colons after labels, errors announced, nothing kept by the browser.

    `keep` names the fields that browsers may fill in. `findings` and `article` come from services (`errors_into`).
    """

    keep: tuple[str, ...] = ()
    findings: list[Any]
    article: str = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self.findings = []
        self.use_required_attribute = False
        for name, field in self.fields.items():
            if name not in self.keep and not isinstance(field.widget, forms.CheckboxInput | forms.Select):
                for key, value in _NOT_KEPT.items():
                    field.widget.attrs.setdefault(key, value)

"""The forms of the acts: start, what is asked for, files, review, withdrawal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dengji.law.record import FIELDS
from dengji.law.rulebook import Rulebook, vocabulary

from . import words

_INPUT = {"autocomplete": "off"}


class StartForm(forms.Form):
    """A new application: register, for whom, as whom, of which type."""

    register = forms.ChoiceField(label=_("登记簿"), widget=forms.Select)
    organisation = forms.ChoiceField(label=_("登记主体"), required=False, widget=forms.Select)
    data_type = forms.ChoiceField(label=_("登记类型"), widget=forms.RadioSelect)
    agent = forms.ChoiceField(
        label=_("以代理机构身份办理"),
        required=False,
        help_text=_("代理其他单位办理时选择，并填写被代理单位的统一社会信用代码；本单位自行办理的不选"),
        widget=forms.Select,
    )
    client_code = forms.CharField(
        label=_("被代理单位统一社会信用代码"), required=False, max_length=18, widget=forms.TextInput(_INPUT)
    )

    def __init__(
        self,
        data: Any = None,
        *,
        registers: Sequence[Mapping[str, Any]],
        organisations: Sequence[Mapping[str, Any]],
        agents: Sequence[Mapping[str, Any]],
        with_type: bool,
    ) -> None:
        super().__init__(data, initial={"data_type": "resource"})
        rows = [(str(row["id"]), f"{row['name']}（{row['agency_name']}）") for row in registers]
        self._choose("register", rows)
        own = [(str(row["id"]), f"{row['name']}（{row['credit_code']}）") for row in organisations]
        self._choose("organisation", own if len(own) == 1 and not agents else [("", _("请选择")), *own])
        if with_type:
            self._choose("data_type", words.choices(FIELDS["data_type"]))
        else:
            del self.fields["data_type"]
        if agents:
            self._choose("agent", [("", _("自行办理")), *((str(row["id"]), row["name"]) for row in agents)])
            if not own:
                del self.fields["organisation"]
                self._choose("agent", [(str(row["id"]), row["name"]) for row in agents])
        else:
            del self.fields["agent"], self.fields["client_code"]

    def _choose(self, name: str, choices: Sequence[tuple[Any, Any]]) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = list(choices)

    def clean(self) -> dict[str, Any]:
        """Ask for a client where an agent acts, and for an organisation where none does."""
        good = super().clean() or {}
        if good.get("agent"):
            if not good.get("client_code"):
                self.add_error("client_code", _("请填写被代理单位的统一社会信用代码"))
        elif not good.get("organisation") and "organisation" not in self.errors:
            self.add_error("organisation" if "organisation" in self.fields else None, _("请选择登记主体"))
        return good


class CodeForm(forms.Form):
    """The code of a registration in which an interested party sees an error."""

    code = forms.CharField(label=_("登记结果查询码"), max_length=64, widget=forms.TextInput(_INPUT))


class RequestForm(forms.Form):
    """What is asked for beside the content: categories of a change, a ground, months of a renewal."""

    categories = forms.MultipleChoiceField(label=_("变更情形"), required=False, widget=forms.CheckboxSelectMultiple)
    ground = forms.ChoiceField(label=_("理由"), required=False, widget=forms.RadioSelect)
    months = forms.IntegerField(
        label=_("续展期限（月）"), min_value=1, widget=forms.TextInput({**_INPUT, "inputmode": "numeric"})
    )
    reason = forms.CharField(
        label=_("说明"),
        required=False,
        max_length=4000,
        widget=forms.Textarea({**_INPUT, "rows": 4, "data-limit": 4000}),
    )

    def __init__(self, data: Any = None, *, kind: str, rulebook: Rulebook, stored: Mapping[str, Any]) -> None:
        super().__init__(data, initial=dict(stored))
        keep = {"change": "categories", "cancellation": "ground", "rectification": "ground", "renewal": "months"}[kind]
        for name in {"categories", "ground", "months"} - {keep}:
            del self.fields[name]
        if kind == "renewal":
            most = int(rulebook.get("validity.renewal_max_months"))
            self.fields["months"] = forms.IntegerField(
                label=_("续展期限（月）"),
                min_value=1,
                max_value=most,
                initial=most,
                help_text=_("最长 {most} 个月，自原有效期届满次日起算").format(most=most),
                widget=forms.TextInput({**_INPUT, "inputmode": "numeric"}),
            )
            self.order_fields(["months", "reason"])
            return
        key = {"change": "change.categories", "cancellation": "cancellation.grounds"}.get(kind, "rectification.grounds")
        field = self.fields[keep]
        if isinstance(field, forms.ChoiceField):
            field.choices = [(row["code"], f"{words.pick(row)}") for row in rulebook.get(key)]
        field.required = kind in ("change", "cancellation")

    def request(self) -> dict[str, Any]:
        """Return what the service takes."""
        return {name: value for name, value in self.cleaned_data.items() if value not in (None, "", [])}


class FileForm(forms.Form):
    """One file and what it is. Its type is recognised by the service from its content alone."""

    kind = forms.ChoiceField(label=_("材料种类"), widget=forms.Select)
    file = forms.FileField(label=_("选择文件"), allow_empty_file=True, max_length=255)

    def __init__(self, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files)
        field = self.fields["kind"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [(kind, words.material_label(kind)) for kind in vocabulary("material")]


class ConfirmForm(forms.Form):
    """我已知晓: the preview of what becomes public was read (R8)."""

    acknowledged = forms.BooleanField(label=_("我已知晓：以上所列内容将按各阶段公开"), widget=forms.CheckboxInput)


class ReviewForm(ConfirmForm):
    """The business review with the secrecy and publication review (保密及公开审查)."""

    secrecy_reviewer = forms.CharField(label=_("保密及公开审查人"), max_length=100, widget=forms.TextInput(_INPUT))
    secrecy_date = forms.DateField(label=_("审查日期"), widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    secrecy_conclusion = forms.ChoiceField(
        label=_("审查结论"),
        choices=[("publishable", _("不涉密，可以公开")), ("not_publishable", _("不宜公开"))],
        widget=forms.RadioSelect,
    )
    field_order = ("secrecy_reviewer", "secrecy_date", "secrecy_conclusion", "acknowledged")

    def clean_secrecy_conclusion(self) -> str:
        """Refuse to submit what may not be published."""
        conclusion = str(self.cleaned_data["secrecy_conclusion"])
        if conclusion != "publishable":
            raise forms.ValidationError(_("结论为不宜公开的，不能提交：请退回经办人删改，或撤回申请"))
        return conclusion


class ReasonForm(forms.Form):
    """A reason in words."""

    reason = forms.CharField(
        label=_("理由"), max_length=4000, widget=forms.Textarea({**_INPUT, "rows": 3, "data-limit": 4000})
    )

    def __init__(self, data: Any = None, *, required: bool = True) -> None:
        super().__init__(data)
        self.fields["reason"].required = required

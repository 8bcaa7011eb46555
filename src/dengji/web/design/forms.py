"""A form with every kind of field, for the style guide alone."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from dengji.core.errors import N_
from dengji.law.checks import Finding

from ..forms import PartForm


class Sample(PartForm):
    """Text, choice, day, long text, file, boxes: each as a form of the platform draws it."""

    name = forms.CharField(
        label=_("登记数据名称"), max_length=60, help_text=_("简明、准确，一般由主题和数据对象构成。")
    )
    data_type = forms.ChoiceField(
        label=_("登记类型"), choices=[("", "—"), ("resource", _("公共数据资源")), ("product", _("产品和服务"))]
    )
    made_on = forms.DateField(label=_("日期"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    intro = forms.CharField(label=_("数据内容简介"), required=False, widget=forms.Textarea(attrs={"rows": 3}))
    access = forms.ChoiceField(
        label=_("获取方式"),
        widget=forms.RadioSelect,
        choices=[("open", _("开放获取")), ("apply", _("申请获取"))],
    )
    parts = forms.MultipleChoiceField(
        label=_("材料"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=[("note", _("说明文档")), ("promise", _("登记承诺书"))],
    )
    proof = forms.FileField(label=_("证明材料"), required=False)
    agreed = forms.BooleanField(label=_("已阅读并同意个人信息处理告知"))


class SampleFilters(PartForm):
    """The filters of a list."""

    q = forms.CharField(label=_("检索"), required=False)
    state = forms.ChoiceField(label=_("状态"), required=False, choices=[("", _("全部")), ("open", _("办理中"))])


def refused() -> Sample:
    """Return the form as it comes back with errors and findings."""
    form = Sample({"name": "", "data_type": "resource", "intro": "示例"}, auto_id="wrong_%s")
    form.is_valid()
    form.findings = [
        Finding(
            "sample",
            "intro",
            "warning",
            "第七条",
            N_("简介过短，难以看出数据内容。"),
            N_("请写明数据项、范围和更新频率。"),
        )
    ]
    form.article = "第七条"
    return form

"""The forms of the public; what is required by law is asked again by the services."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dengji.content.privacy import KINDS, OUTCOMES
from dengji.content.sections import LANGUAGES, SECTIONS
from dengji.law.rulebook import Rulebook

from ..forms import PartForm
from .voices import FilesField, document_choices

_AREA = forms.Textarea(attrs={"rows": 6})
_CONSENT = _("我已阅读个人信息处理告知书，同意为办理本事项处理我填写的上述个人信息")


def relation_choices(rulebook: Rulebook, language: str) -> list[tuple[str, str]]:
    """Return how one may relate to a matter, in the page's language."""
    tongue = "en" if language.startswith("en") else "zh"
    return [(row["code"], row[tongue]) for row in rulebook.get("objection.relations")]


class Standing(PartForm):
    """First step of an objection: who one is and how one relates to the matter."""

    relation = forms.ChoiceField(label=_("您与该登记事项的关系"), widget=forms.RadioSelect)
    kind = forms.ChoiceField(
        label=_("您以什么身份提出异议"),
        widget=forms.RadioSelect,
        choices=[("person", _("个人")), ("unit", _("单位"))],
    )

    def __init__(self, *args: Any, relations: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        relation: Any = self.fields["relation"]
        relation.choices = [*relations, ("none", _("没有直接关系，只是发现问题"))]
        # Whoever is no party is led elsewhere, whoever they are.
        if self.data.get("relation") == "none":
            self.fields["kind"].required = False


class _Objection(PartForm):
    phone = forms.CharField(label=_("联系电话"), max_length=60, required=False)
    email = forms.EmailField(label=_("电子邮箱"), max_length=200, required=False)
    relation = forms.CharField(
        label=_("关系说明"), max_length=160, help_text=_("一两句话，例如：所登记数据由本人经营的车辆产生")
    )
    grounds = forms.CharField(
        label=_("异议理由"),
        max_length=4000,
        widget=_AREA,
        help_text=_("写明公示的哪一项不正确、为什么。登记主体会看到理由，但看不到您的身份，请勿在理由中写个人信息"),
    )
    evidence = FilesField(
        label=_("证据材料"), help_text=_("可选多个文件：PDF、图片或常用文档；按文件内容识别，与扩展名无关")
    )
    consent = forms.BooleanField(label=_CONSENT)

    identity_fields: tuple[str, ...] = ()

    def identity(self) -> dict[str, str]:
        """Return who objects, as the service takes it."""
        return {name: self.cleaned_data.get(name, "") for name in (*self.identity_fields, "phone", "email")}


class PersonObjection(_Objection):
    """An objection by a natural person."""

    field_order = ("name", "document_type", "document_number", "phone", "email")
    identity_fields = ("name", "document_type", "document_number")

    name = forms.CharField(label=_("姓名"), max_length=100)
    document_type = forms.ChoiceField(label=_("证件类型"))
    document_number = forms.CharField(label=_("证件号码"), max_length=60)

    def __init__(self, *args: Any, rulebook: Rulebook, language: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        documents: Any = self.fields["document_type"]
        documents.choices = document_choices(rulebook, language)


class UnitObjection(_Objection):
    """An objection by a unit, through its agent."""

    field_order = ("name", "credit_code", "agent", "letter", "phone", "email")
    identity_fields = ("name", "credit_code", "agent")

    name = forms.CharField(label=_("单位名称"), max_length=200)
    credit_code = forms.CharField(label=_("统一社会信用代码"), max_length=18, help_text=_("18 位"))
    agent = forms.CharField(label=_("经办人姓名"), max_length=100)
    letter = FilesField(label=_("授权委托书"), help_text=_("加盖公章的扫描件"))

    def __init__(self, *args: Any, rulebook: Rulebook, language: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


class Complaint(PartForm):
    """A complaint or report, also anonymous."""

    register = forms.ChoiceField(label=_("登记机构"))
    subject_code = forms.CharField(
        label=_("涉及的登记结果查询码或流水号"), max_length=64, required=False, help_text=_("不知道可以不填")
    )
    text = forms.CharField(label=_("投诉或举报的内容"), max_length=4000, widget=_AREA)
    name = forms.CharField(label=_("您的姓名"), max_length=100, required=False, help_text=_("可以匿名，不填即可"))
    phone = forms.CharField(label=_("联系电话"), max_length=60, required=False)
    email = forms.EmailField(label=_("电子邮箱"), max_length=200, required=False)


class Privacy(PartForm):
    """A request about one's own personal data."""

    register = forms.ChoiceField(label=_("登记机构"))
    kind = forms.ChoiceField(label=_("您的请求"), widget=forms.RadioSelect, choices=list(KINDS.items()))
    text = forms.CharField(
        label=_("请求内容"),
        max_length=4000,
        widget=_AREA,
        help_text=_("写明是哪一项个人信息、在哪里看到，以及您希望怎样处理"),
    )
    name = forms.CharField(label=_("姓名"), max_length=100)
    document_type = forms.ChoiceField(label=_("证件类型"))
    document_number = forms.CharField(label=_("证件号码"), max_length=60, help_text=_("仅用于核实是您本人"))
    phone = forms.CharField(label=_("联系电话"), max_length=60, required=False, help_text=_("电话和电子邮箱至少填一项"))
    email = forms.EmailField(label=_("电子邮箱"), max_length=200, required=False)
    consent = forms.BooleanField(label=_CONSENT)


class Follow(PartForm):
    """The credential by which one follows a case."""

    credential = forms.CharField(
        label=_("查询凭证"), max_length=120, help_text=_("提交成功时显示，以 YY、TS 或 GR 开头，可以整段粘贴")
    )


class PrivacyAnswer(PartForm):
    """The agency's answer to a request about personal data."""

    outcome = forms.ChoiceField(label=_("办理结果"), widget=forms.RadioSelect, choices=list(OUTCOMES.items()))
    words = forms.CharField(label=_("答复内容和理由"), max_length=4000, widget=_AREA)


class PageText(PartForm):
    """A page of the agency in Markdown."""

    register = forms.ChoiceField(label=_("登记簿"))
    section = forms.ChoiceField(label=_("栏目"), choices=list(SECTIONS.items()))
    slug = forms.CharField(
        label=_("网址名"),
        max_length=60,
        required=False,
        help_text=_("小写字母、数字和连字符；不填则是栏目首页"),
    )
    language = forms.ChoiceField(label=_("语言"), choices=[(code, code) for code in LANGUAGES])
    title = forms.CharField(label=_("标题"), max_length=120)
    body = forms.CharField(
        label=_("正文"),
        max_length=60_000,
        widget=forms.Textarea(attrs={"rows": 18}),
        help_text=_("Markdown：# 标题、- 列表、**加粗**、[文字](网址)、表格；网页代码会原样显示为文字"),
    )
    based_on = forms.IntegerField(required=False, widget=forms.HiddenInput)

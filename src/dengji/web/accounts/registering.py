"""主体注册: a unit asks for accounts, follows its request by a key, and members ask for colleagues' accounts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from dengji.core.errors import N_, DomainError
from dengji.law.record import FIELDS
from dengji.law.rulebook import vocabulary
from dengji.parties import selectors
from dengji.parties.accounts import selectors as accounts
from dengji.parties.roles import KINDS
from dengji.parties.sign_up import services
from dengji.parties.sign_up.services import Account, Letter
from dengji.registration import rules
from dengji.registration.files import recognise

from .. import limits
from ..access import actor_of, errors_into, for_roles, transaction_of
from . import identity

_TOO_MANY = N_("请求过于频繁：请稍后再试")


def _text(label: Any, most: int, *, required: bool = True, help_text: Any = "", auto: str = "off") -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": auto})
    return forms.CharField(label=label, max_length=most, required=required, help_text=help_text, widget=widget)


def _password(label: Any, help_text: Any = "") -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.CharField(label=label, widget=widget, help_text=help_text, strip=False, max_length=200)


def unit_kinds() -> list[tuple[str, str]]:
    """Return the kinds of units with their names in the language of the page."""
    language = "en" if (get_language() or "").startswith("en") else "zh"
    return [(code, words[language]) for code, words in FIELDS["registrant_type"].labels.items()]


class SignUpForm(forms.Form):
    """The unit, its clerk, perhaps its business reviewer, and the letter of authority."""

    register = forms.ChoiceField(label=_("受理的登记机构"))
    unit_name = _text(_("单位名称"), 200, help_text=_("与统一社会信用代码证书一致"))
    credit_code = _text(_("统一社会信用代码"), 18, help_text=_("18位"))
    unit_kind = forms.ChoiceField(label=_("登记主体类型"))
    region_code = _text(_("所在地行政区划代码"), 6, help_text=_("6位数字，例如张掖市为620700"))
    address = _text(_("住所"), 200, required=False)
    name = _text(_("经办人姓名"), 50, auto="name")
    phone = _text(_("经办人电话"), 20, auto="tel")
    email = _text(_("经办人邮箱"), 254, required=False, auto="email")
    username = _text(_("经办人登录名"), 40, help_text=_("以字母开头，4至40位"), auto="username")
    password = _password(_("经办人密码"), _("至少12位，且不得为常见密码"))
    again = _password(_("再次输入密码"))
    reviewer_name = _text(
        _("业务审核人姓名"),
        50,
        required=False,
        help_text=_("本单位负责内部业务审核的人，不能与经办人为同一人；也可以以后再申请"),
    )
    reviewer_username = _text(_("业务审核人登录名"), 40, required=False)
    reviewer_phone = _text(_("业务审核人电话"), 20, required=False)
    reviewer_email = _text(_("业务审核人邮箱"), 254, required=False)
    letter = forms.FileField(label=_("授权委托书"), required=False, help_text=_("加盖公章的扫描件（PDF或图片）"))
    agreed = forms.BooleanField(
        label=_("已阅读个人信息处理告知：所填信息仅用于账户审核与登记办理，加密保存，可申请查阅、更正、删除")
    )

    def __init__(self, *args: Any, platform: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["register"].choices = [(str(r.pk), r.name) for r in selectors.registers()]  # type: ignore[attr-defined]
        self.fields["unit_kind"].choices = unit_kinds()  # type: ignore[attr-defined]
        if platform is None:
            self.fields["letter"].required = True
            self.fields["letter"].error_messages["required"] = _("请上传授权委托书")
        else:
            for name in ("password", "again"):
                del self.fields[name]
            for name, known in (("unit_name", "unit_name"), ("credit_code", "credit_code"), ("name", "name")):
                if platform.get(known):
                    self.fields[name].initial = platform[known]
                    self.fields[name].disabled = True

    def clean(self) -> dict[str, Any]:
        """The passwords must agree; a reviewer is named in full or not at all."""
        data = super().clean() or {}
        if data.get("password") and data.get("again") and data["password"] != data["again"]:
            self.add_error("again", _("两次输入的密码不一致"))
        if bool(data.get("reviewer_name")) != bool(data.get("reviewer_username")):
            missing = "reviewer_username" if data.get("reviewer_name") else "reviewer_name"
            self.add_error(missing, _("业务审核人的姓名和登录名须一并填写"))
        return data

    def accounts(self) -> tuple[Account, ...]:
        """Return the accounts asked for."""
        data = self.cleaned_data
        clerk = Account("clerk", data["name"], data["username"], data["phone"], data["email"], data.get("password", ""))
        if not data["reviewer_name"]:
            return (clerk,)
        return clerk, Account(
            "business_reviewer",
            data["reviewer_name"],
            data["reviewer_username"],
            data["reviewer_phone"],
            data["reviewer_email"],
        )


def letter_of(upload: Any, register_id: UUID) -> Letter | None:
    """Return an uploaded letter, checked by size and by content as every material; raises DomainError file_*."""
    if upload is None:
        return None
    rulebook = rules.rules_of_register(register_id)
    most = int(rulebook.get("materials.max_bytes"))
    if not upload.size or upload.size > most:
        raise DomainError("file_size", N_("文件为空或超过 {limit} 字节"), "letter", params={"limit": most})
    data = upload.read()
    kind = recognise(data)
    if kind not in rulebook.get("materials.content_types"):
        raise DomainError("file_type", N_("不接受此类文件：按文件内容识别，与扩展名无关"), "letter")
    return Letter(upload.name or "letter", data, vocabulary("content_type")[kind]["mime"])


def register(request: HttpRequest) -> HttpResponse:
    """Ask for accounts of a unit that has none."""
    platform = identity.remembered(request)
    form = SignUpForm(request.POST or None, request.FILES or None, platform=platform)
    if request.method == "POST" and form.is_valid():
        made: dict[str, Any] = {}
        with errors_into(form):
            if limits.charge(request, voice=True):
                raise DomainError("too_many_requests", _TOO_MANY, status=429)
            made = _ask(request, form, platform)
        if made:
            identity.forget(request)
            return redirect(f"{reverse('accounts-register-status')}?id={made['id']}&key={made['key']}&new=1")
    return render(request, "web/accounts/register.html", {"form": form, "platform": platform})


def _ask(request: HttpRequest, form: SignUpForm, platform: dict[str, str] | None) -> dict[str, Any]:
    data = form.cleaned_data
    register_id = UUID(data["register"])
    return services.ask_for_organisation(
        transaction_id=transaction_of(request),
        register_id=register_id,
        unit={
            "credit_code": data["credit_code"],
            "name": data["unit_name"],
            "kind": data["unit_kind"],
            "region_code": data["region_code"],
            "address": data["address"],
        },
        accounts=form.accounts(),
        letter=letter_of(data["letter"], register_id),
        identity={"provider": platform["provider"], "uid": platform["uid"]} if platform else None,
    )


def status(request: HttpRequest) -> HttpResponse:
    """Tell an applicant, by number and key, where their request stands."""
    context: dict[str, Any] = {"id": request.GET.get("id", "")[:36], "new": "new" in request.GET}
    if context["id"]:
        try:
            if not context["new"] and limits.charge(request, voice=True):
                raise DomainError("too_many_requests", _TOO_MANY, status=429)
            key = request.GET.get("key", "")[:64]
            row = services.follow(sign_up_id=UUID(context["id"]), key=key)
            context |= {"row": row, "key": key, "reason": accounts.sign_up_reason(row)}
        except (DomainError, ValueError):
            context["unknown"] = True
    response = render(request, "web/accounts/status.html", context, status=404 if context.get("unknown") else 200)
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response


class ColleagueForm(forms.Form):
    """One more account of one's own unit."""

    organisation = forms.ChoiceField(label=_("单位"))
    register = forms.ChoiceField(label=_("受理的登记机构"))
    role = forms.ChoiceField(label=_("角色"))
    name = _text(_("姓名"), 50)
    username = _text(_("登录名"), 40, help_text=_("以字母开头，4至40位"))
    phone = _text(_("电话"), 20, required=False)
    email = _text(_("邮箱"), 254, required=False)

    def __init__(self, *args: Any, organisations: list[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["organisation"].choices = [(str(o.pk), o.name) for o in organisations]
        fields["register"].choices = [(str(r.pk), r.name) for r in selectors.registers()]
        fields["role"].choices = [(kind, _(KINDS[kind].label)) for kind in services.ROLES]


@for_roles("clerk", "business_reviewer")
def people(request: HttpRequest) -> HttpResponse:
    """Show who acts for one's own unit, and ask for a colleague's account."""
    actor = actor_of(request)
    units = accounts.members(actor, services.ROLES)
    form = ColleagueForm(request.POST or None, organisations=[unit["organisation"] for unit in units])
    if request.method == "POST" and form.is_valid():
        data, made = form.cleaned_data, {}
        account = Account(data["role"], data["name"], data["username"], data["phone"], data["email"])
        with errors_into(form):
            made = services.ask_for_colleague(
                actor=actor,
                transaction_id=transaction_of(request),
                register_id=UUID(data["register"]),
                organisation_id=UUID(data["organisation"]),
                account=account,
            )
        if made:
            return redirect("workspace-people")
    context = {"units": units, "form": form, "asked": accounts.sign_ups_asked_by(request.user)}  # type: ignore[arg-type]
    return render(request, "web/accounts/members.html", context)

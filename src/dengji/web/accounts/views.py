"""A person's own account: who they are here, where they are signed in, their tokens, and what is noted of them."""

from __future__ import annotations

from typing import Any

from allauth.account.views import LoginView
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from dengji.parties import selectors
from dengji.parties import services as parties
from dengji.parties.accounts import selectors as accounts
from dengji.parties.accounts import services
from dengji.parties.roles import KINDS

from ..access import actor_of, errors_into, for_roles, transaction_of
from . import factor
from .words import act_words, outcome_words


class Profile(forms.Form):
    """What a person may change of themselves."""

    phone = forms.CharField(label=_("电话"), required=False, max_length=20, help_text=_("仅供办理登记时联系，加密保存"))
    email = forms.CharField(label=_("通知邮箱"), required=False, max_length=254, help_text=_("接收办理通知，加密保存"))
    language = forms.ChoiceField(label=_("界面与通知语言"), choices=settings.LANGUAGES)


class NewToken(forms.Form):
    """A new token for programs."""

    label = forms.CharField(label=_("用途"), max_length=60)
    days = forms.IntegerField(label=_("有效天数"), initial=90, min_value=1, max_value=366)


def roles_of(person: Any) -> list[dict[str, Any]]:
    """Return a person's roles in words: {id, kind, label, where}."""
    return [
        {
            "id": role.pk,
            "kind": role.kind,
            "label": gettext(KINDS[role.kind].label),
            "where": getattr(role.organisation or role.register or role.jurisdiction, "name", ""),
        }
        for role in selectors.current_roles(person)
    ]


@for_roles()
def own(request: HttpRequest) -> HttpResponse:
    """Show who is signed in and with which roles."""
    person: Any = request.user
    context = {
        "name": selectors.name_of(person),
        "roles": roles_of(person),
        "factor": factor.present(person),
        "factor_required": factor.required(actor_of(request)),
    }
    return render(request, "web/accounts/own.html", context)


@for_roles()
def profile(request: HttpRequest) -> HttpResponse:
    """Change telephone, notification e-mail and language."""
    person: Any = request.user
    known = {
        "phone": selectors.phone_of(person),
        "email": selectors.email_of(person),
        "language": person.language,
    }
    form = Profile(request.POST or None, initial=known)
    if request.method == "POST" and form.is_valid():
        with errors_into(form):
            services.update_contact(person=person, **form.cleaned_data)
        if form.is_valid():
            messages.success(request, _("已保存"))
            response = redirect("accounts-profile")
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                person.language,
                max_age=365 * 86400,
                samesite="Lax",
                secure=request.is_secure(),
            )
            return response
    return render(request, "web/accounts/profile.html", {"form": form})


@for_roles()
def sessions(request: HttpRequest) -> HttpResponse:
    """Show a person's own sessions; end one, or all others."""
    person: Any = request.user
    current = request.session.session_key or ""
    if request.method == "POST":
        only = request.POST.get("session", "")[:40]
        ended = services.end_sessions(actor=actor_of(request), person=person, keep=current, only=only)
        messages.success(request, gettext("已退出 {n} 处登录").format(n=ended))
        return redirect("accounts-sessions")
    return render(request, "web/accounts/sessions.html", {"sessions": accounts.sessions(person, current)})


@for_roles()
def tokens(request: HttpRequest) -> HttpResponse:
    """Show a person's own tokens and make a new one, shown once."""
    person: Any = request.user
    form, made = NewToken(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        with errors_into(form):
            made = parties.create_token(
                actor=actor_of(request), person=person, transaction_id=transaction_of(request), **form.cleaned_data
            )
        if made:
            form = NewToken()
    context = {"form": form, "made": made, "tokens": accounts.tokens(person)}
    return render(request, "web/accounts/tokens.html", context)


@for_roles()
@require_POST
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """Revoke one of the person's own tokens."""
    if token_id in {row.pk for row in accounts.tokens(request.user)}:  # type: ignore[arg-type]
        parties.revoke_token(actor=actor_of(request), token_id=token_id)
        messages.success(request, _("令牌已撤销"))
    return redirect("accounts-tokens")


@for_roles()
def audit(request: HttpRequest) -> HttpResponse:
    """Show what is noted of a person: sign-ins, acts, reads of restricted content."""
    before = request.GET.get("before", "")
    rows = accounts.own_log(request.user, before=int(before) if before.isdecimal() else None)  # type: ignore[arg-type]
    for row in rows:
        row["act"], row["outcome"] = act_words(row["act"]), outcome_words(row["outcome"])
    more = f"?before={rows[-1]['id']}" if len(rows) == accounts.OWN_LINES else ""
    return render(request, "web/accounts/audit.html", {"rows": rows, "next_url": more})


class NewPassword(forms.Form):
    """A first password, or a new one, by a key."""

    password = forms.CharField(
        label=_("新密码"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("至少12位，且不得为常见密码"),
        strip=False,
    )
    again = forms.CharField(
        label=_("再次输入新密码"), widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), strip=False
    )

    def clean(self) -> dict[str, Any]:
        """Both must agree."""
        data = super().clean() or {}
        if data.get("password") and data.get("again") and data["password"] != data["again"]:
            self.add_error("again", gettext("两次输入的密码不一致"))
        return data


def open_account(request: HttpRequest, person_id: Any, key: str) -> HttpResponse:
    """Set a password by the key that was given out."""
    form = NewPassword(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with errors_into(form):
            services.open_account(person_id=person_id, key=key, password=form.cleaned_data["password"])
        if form.is_valid():
            messages.success(request, _("密码已设置，请登录"))
            return redirect("account_login")
    response = render(request, "web/accounts/open.html", {"form": form})
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


class Login(LoginView):  # type: ignore[misc]
    """django-allauth's page, without its word for the site: every page has the node's own."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return what the page shows."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context.pop("site", None)
        return context

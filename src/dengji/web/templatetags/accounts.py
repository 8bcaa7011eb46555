"""What the pages of accounts show beside their own content."""

from __future__ import annotations

from typing import Any

from allauth.socialaccount.adapter import get_adapter
from django import template
from django.conf import settings
from django.http import HttpRequest
from django.template import Context
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from dengji.parties.roles import KINDS

from ..access import actor_of
from ..accounts import certificates, demonstration

register = template.Library()
#: Name of the page → its title, and the role it is for (None: anybody signed in).
_PAGES = (
    ("accounts", _("我的账户"), None),
    ("accounts-profile", _("联系方式"), None),
    ("account_change_password", _("修改密码"), None),
    ("mfa_index", _("第二重验证"), None),
    ("accounts-sessions", _("登录设备"), None),
    ("accounts-tokens", _("访问令牌"), None),
    ("accounts-audit", _("操作记录"), None),
    ("accounts-people", _("用户与角色"), "security_admin"),
)


@register.simple_tag(takes_context=True)
def account_tabs(context: Context) -> list[dict[str, Any]]:
    """Return the parts of an account that this person may open."""
    request: HttpRequest = context["request"]
    held = actor_of(request).kinds()
    return [
        {"title": title, "url": reverse(name), "active": request.path == reverse(name)}
        for name, title, role in _PAGES
        if role is None or role in held
    ]


@register.simple_tag(takes_context=True)
def identity_platforms(context: Context) -> list[dict[str, str]]:
    """Return the identity platforms by which people may sign in here."""
    request: HttpRequest = context["request"]
    if not settings.DENGJI_IDENTITY_PLATFORMS:
        return []
    providers = get_adapter().list_providers(request)
    return [{"name": row.name, "url": row.get_login_url(request)} for row in providers]


@register.simple_tag(takes_context=True)
def certificate_sign_in(context: Context) -> bool:
    """Tell whether this request came with a certificate through a gateway."""
    return bool(certificates.told(context["request"]))


@register.simple_tag
def demo_accounts() -> dict[str, Any] | None:
    """Return the accounts of a demonstration node; a production node never has any."""
    return demonstration.accounts()


@register.filter
def role_words(kind: str) -> str:
    """Return a role in words."""
    return gettext(KINDS[kind].label)

"""How django-allauth meets our people: no e-mail column, no open sign-up, sealed second factors."""

from __future__ import annotations

import base64
import time
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from dengji.core.encryption import seal, unseal
from dengji.core.node import identity
from dengji.parties.models import Person

from ..limits import address
from .factor import may_remove
from .landing import landing

_SECRET = b"second factor"
_JUST_NOW = 300


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Signs people in by login name; nobody signs up here, and nothing is mailed."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": _("登录名或密码不正确"),
        "too_many_login_attempts": _("失败次数过多，请稍后再试"),
        "incorrect_password": _("密码不正确"),
        "enter_current_password": _("请输入当前密码"),
        "rate_limited": _("请求过于频繁，请稍后再试"),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts come from an approved request or from the security administrator."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that all limits go by."""
        return address(request)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Return the page on which this person's work begins."""
        return landing(request)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Ask for the password once more before what is sensitive, unless it has just been given."""
        request = context.request
        known = get_authentication_records(request, request.user)
        just_now = bool(known) and time.time() - known[-1]["at"] < _JUST_NOW
        return not just_now and bool(super().is_reauthentication_required(app=app, **kwargs))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Mail is sent by `dengji.notify` alone, which knows the sealed addresses."""

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing at each sign-in and sign-out: the page says who is signed in."""

    def set_password(self, user: Any, password: str) -> None:
        """Set the password that a person chose, and note when."""
        from dengji.parties.accounts.services import set_own_password

        set_own_password(person=user, password=password)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Keeps secrets of second factors sealed, and names the node in people's authenticators."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_delete_authenticator": _("您的角色需要第二重验证，不能停用最后一种方式"),
        "cannot_generate_recovery_codes": _("请先启用第二重验证"),
        "incorrect_code": _("验证码不正确"),
    }

    def encrypt(self, text: str) -> str:
        """Seal a secret."""
        return base64.b64encode(seal(text.encode(), _SECRET)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Open a sealed secret."""
        return unseal(base64.b64decode(encrypted_text), _SECRET).decode()

    def can_delete_authenticator(self, authenticator: Any) -> bool:
        """Keep the last factor of somebody whose role needs one."""
        return may_remove(authenticator)

    def get_totp_issuer(self) -> str:
        """Return the node's name as authenticators show it."""
        return f"登记 {identity()[0]}"

    def get_public_key_credential_user_entity(self, user: Any) -> dict[str, Any]:
        """Return how a security key names the account; the login name, never the person's own."""
        assert isinstance(user, Person)  # noqa: S101 - the only kind of user
        return {"id": user.pk.bytes, "name": user.username, "display_name": user.username}

    def generate_authenticator_name(self, user: Any, type: Any) -> str:  # noqa: A002 - allauth's word
        """Return the name that a new key is offered."""
        from allauth.mfa.models import Authenticator

        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return gettext("安全密钥 {number}").format(number=count + 1)

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """See AccountAdapter.send_mail."""

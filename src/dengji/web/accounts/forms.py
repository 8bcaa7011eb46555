"""The forms of signing in, in our words."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import ChangePasswordForm, LoginForm, ReauthenticateForm
from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as CodeForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from axes.handlers.proxy import AxesProxyHandler
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


def _name(field: Any, label: Any, autocomplete: str) -> None:
    field.label = label
    field.help_text = ""
    field.widget.attrs.pop("placeholder", None)
    field.widget.attrs["autocomplete"] = autocomplete


class Login(LoginForm):  # type: ignore[misc]
    """Login name and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name(self.fields["login"], _("登录名"), "username")
        _name(self.fields["password"], _("密码"), "current-password")
        self.fields["login"].widget.attrs["maxlength"] = "60"
        self.fields["login"].max_length = 60


class Reauthenticate(ReauthenticateForm):  # type: ignore[misc]
    """The password once more, before something sensitive."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name(self.fields["password"], _("密码"), "current-password")


class ChangePassword(ChangePasswordForm):  # type: ignore[misc]
    """The old password and the new one twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name(self.fields["oldpassword"], _("当前密码"), "current-password")
        _name(self.fields["password1"], _("新密码"), "new-password")
        _name(self.fields["password2"], _("再次输入新密码"), "new-password")
        self.fields["password1"].help_text = _("至少12位，且不得为常见密码")

    def clean_password1(self) -> str:
        """The new one must be another."""
        password: str = self.cleaned_data["password1"]
        if password and password == self.data.get("oldpassword"):
            raise ValidationError(_("新密码不能与原密码相同"))
        return password


class Authenticate(AuthenticateForm):  # type: ignore[misc]
    """The code of the second factor; wrong ones count toward the lock-out like wrong passwords."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name(self.fields["code"], _("验证码或恢复码"), "one-time-code")

    def clean_code(self) -> str:
        """Check the code."""
        credentials = {"username": self.user.username}
        if not AxesProxyHandler.is_allowed(context.request, credentials):
            context.request.axes_locked_out = True
            raise get_adapter().validation_error("incorrect_code")
        try:
            code: str = super().clean_code()
        except ValidationError:
            user_login_failed.send(sender=__name__, credentials=credentials, request=context.request)
            raise
        return code


class ReauthenticateByCode(CodeForm):  # type: ignore[misc]
    """The code once more, before something sensitive."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name(self.fields["code"], _("验证码或恢复码"), "one-time-code")


class ActivateTotp(ActivateTOTPForm):  # type: ignore[misc]
    """The first code of an authenticator."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name(self.fields["code"], _("验证码"), "one-time-code")
        self.fields["code"].widget.attrs["inputmode"] = "numeric"


class AddKey(AddWebAuthnForm):  # type: ignore[misc]
    """A new security key and its name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name(self.fields["name"], _("名称"), "off")
        self.fields["name"].widget.attrs["maxlength"] = "40"


class EditKey(EditWebAuthnForm):  # type: ignore[misc]
    """Another name for a security key."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name(self.fields["name"], _("名称"), "off")

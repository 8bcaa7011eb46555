"""The forms of signing in, in our words."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import ChangePasswordForm, LoginForm, ReauthenticateForm
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

"""What is given for verification: a code or the address in a QR code; or the file of a receipt or a sheet."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from ..forms import PartForm
from .reading import MAX_TEXT


class ByCode(PartForm):
    """A code, or the address that a QR code holds."""

    code = forms.CharField(
        label=_("登记结果查询码"), max_length=MAX_TEXT, help_text=_("也可以粘贴二维码中的网址：本页只读取，不会打开它")
    )


class ByFile(PartForm):
    """The file of a receipt, or a confirmation sheet."""

    file = forms.FileField(
        label=_("回执或者确认单文件"),
        max_length=200,
        help_text=_("登记回执（JSON）或者登记确认单（PDF）。文件只用于这一次核验，平台不保存。"),
    )

"""The words for what the access log says by codes."""

from __future__ import annotations

from django.utils.translation import gettext

from dengji.core.errors import N_
from dengji.law.procedure import TABLE

_ACTS = {
    "sign_in": N_("登录"),
    "sign_out": N_("退出登录"),
    "second_factor": N_("第二重验证"),
    "second_factor_added": N_("启用第二重验证"),
    "second_factor_removed": N_("停用第二重验证"),
    "second_factor_reset": N_("重置第二重验证"),
    "password_changed": N_("修改密码"),
    "opening_key": N_("发出密码设置链接"),
    "sessions_ended": N_("退出其他登录"),
    "account_closed": N_("停用账户"),
    "account_opened": N_("恢复账户"),
    "role_granted": N_("授予角色"),
    "role_ended": N_("终止角色"),
    "certificate_bound": N_("绑定数字证书"),
    "certificate_revoked": N_("解除数字证书"),
    "approve_sign_up": N_("通过注册申请"),
    "refuse_sign_up": N_("不通过注册申请"),
    "read_sign_up": N_("查阅注册申请"),
    "sign_up": N_("提出注册申请"),
}
_OUTCOMES = {
    "done": N_("成功"),
    "allowed": N_("已查阅"),
    "credentials": N_("失败：登录名或密码不正确"),
    "code": N_("失败：验证码不正确"),
    "locked_out": N_("失败：已锁定"),
    "network": N_("拒绝：不在允许的网络"),
    "forbidden": N_("拒绝：无权办理"),
}
_PROCEDURE = {name: row.label for name, row in TABLE.items()}


def act_words(act: str) -> str:
    """Return an act in words; one without words as its code."""
    if act.startswith("read_") and act not in _ACTS:
        return gettext("查阅受限内容")
    return gettext(_ACTS.get(act) or _PROCEDURE.get(act) or act)


def outcome_words(outcome: str) -> str:
    """Return an outcome in words; one without words as its code."""
    return gettext(_OUTCOMES.get(outcome, outcome))

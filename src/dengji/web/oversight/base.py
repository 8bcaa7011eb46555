"""What every page of oversight begins with: who may open it, and the side navigation."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext

from dengji.core.errors import N_
from dengji.parties.roles import ADMINISTRATORS

from ..access import actor_of, for_roles

for_authority = for_roles("authority_supervisor")
for_readers = for_roles("authority_supervisor", *sorted(ADMINISTRATORS))
for_auditors = for_roles("audit_admin")
_AUTHORITY = frozenset({"authority_supervisor"})
_SIDE: tuple[tuple[str, str, frozenset[str]], ...] = (
    (N_("监管概览"), "oversight:home", _AUTHORITY),
    (N_("登记情况报告"), "oversight:reports", _AUTHORITY),
    (N_("规则集"), "oversight:rules", _AUTHORITY | ADMINISTRATORS),
    (N_("审计日志"), "oversight:audit", frozenset({"audit_admin"})),
)


def frame(request: HttpRequest, here: str, **more: Any) -> dict[str, Any]:
    """Return a page's context with the side navigation of oversight: what the roles of the person open."""
    held = actor_of(request).kinds()
    side = [
        {"title": gettext(title), "url": reverse(name), "active": name == here}
        for title, name, kinds in _SIDE
        if held & kinds
    ]
    return {"side": side, "side_title": gettext("监督管理"), **more}

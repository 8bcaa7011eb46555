"""The roles of R1, what each is bound to, and which exclude each other."""

from __future__ import annotations

from dataclasses import dataclass

from dengji.core.errors import N_


@dataclass(frozen=True)
class RoleKind:
    """One kind of role: bound to an organisation, a register, a jurisdiction, or the node."""

    code: str
    label: str
    bound_to: str
    decides_cases: bool = True


KINDS: dict[str, RoleKind] = {
    kind.code: kind
    for kind in (
        RoleKind("clerk", N_("登记主体经办人"), "organisation"),
        RoleKind("business_reviewer", N_("业务审核人"), "organisation"),
        RoleKind("agent", N_("委托代理人"), "organisation"),
        RoleKind("acceptor", N_("受理人员"), "register"),
        RoleKind("reviewer", N_("审核人员"), "register"),
        RoleKind("notice_opener", N_("公示人员"), "register"),
        RoleKind("objection_officer", N_("异议处理人员"), "register"),
        RoleKind("agency_supervisor", N_("登记机构负责人"), "register"),
        RoleKind("gateway", N_("国家平台网关"), "register"),
        RoleKind("authority_supervisor", N_("数据主管部门监管人员"), "jurisdiction"),
        RoleKind("system_admin", N_("系统管理员"), "node", decides_cases=False),
        RoleKind("security_admin", N_("安全管理员"), "node", decides_cases=False),
        RoleKind("audit_admin", N_("审计管理员"), "node", decides_cases=False),
    )
}
ORGANISATION_ROLES = frozenset(k.code for k in KINDS.values() if k.bound_to == "organisation")
AGENCY_ROLES = frozenset(k.code for k in KINDS.values() if k.bound_to == "register")
ADMINISTRATORS = frozenset({"system_admin", "security_admin", "audit_admin"})
#: Roles that exist without a person's row: the clock, an importer at the command line, somebody without an account.
SYSTEM_ROLES = frozenset({"clock", "importer", "issuer", "follows", "objector", "interested_party", "co_registrant"})


def excludes(one: str, other: str) -> bool:
    """Tell whether one person may not hold both: the three administrators exclude each other and every case role."""
    if one == other:
        return False
    pair = {one, other}
    return bool(pair & ADMINISTRATORS)

"""The one door for writes about parties: jurisdictions, organisations, registers, people, roles, tokens."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Model

from dengji.core.clock import legal_now, real_now
from dengji.core.encryption import blind_index, seal_json
from dengji.core.errors import N_, DomainError, conflict, forbidden, not_found
from dengji.core.frame import once
from dengji.law import rulebook as rulebooks
from dengji.law.codes import ISSUERS, CodeError, region, validate_credit_code
from dengji.law.rulebook import RulebookError

from .actor import Actor
from .models import Jurisdiction, Organisation, Person, Register, Role, Token
from .roles import KINDS, excludes

M = TypeVar("M", bound=Model)
#: The operator at the machine's own command line sets a node up; nobody else acts in this role.
OPERATOR = Actor(key="operator", system_role="operator")


def _require(actor: Actor, *kinds: str) -> None:
    if actor.system_role != "operator" and not actor.kinds() & set(kinds):
        raise forbidden()


def add_jurisdiction(
    *, actor: Actor, code: str, name: str, region_code: str, rulebook: str, parent: Jurisdiction | None = None
) -> Jurisdiction:
    """Add a jurisdiction with its rulebook; raises DomainError rulebook_unknown, region_unknown, exists."""
    _require(actor, "system_admin")
    try:
        rulebooks.load(rulebook)
        region(region_code)
    except RulebookError as error:
        raise DomainError("rulebook_unknown", N_("没有这一规则集"), "rulebook") from error
    except CodeError as error:
        raise DomainError("region_unknown", error.message, "region_code", params=error.params) from error
    return _create(Jurisdiction, code=code, name=name, region_code=region_code, rulebook=rulebook, parent=parent)


def add_organisation(
    *,
    actor: Actor,
    credit_code: str,
    name: str,
    kind: str = "",
    region_code: str = "",
    address: str = "",
    central: bool = False,
    example: bool = False,
) -> Organisation:
    """Add an organisation by its credit code (GB 32100, R42); raises DomainError credit_code, exists."""
    _require(actor, "system_admin", "agency_supervisor")
    try:
        code = validate_credit_code(credit_code)
    except CodeError as error:
        raise DomainError("credit_code", error.message, "credit_code", params=error.params) from error
    if not name.strip():
        raise DomainError("name_required", N_("请填写单位名称"), "name")
    return _create(
        Organisation,
        credit_code=code,
        name=name.strip(),
        kind=kind,
        region_code=region_code,
        address=address,
        central=central,
        example=example,
    )


def add_register(
    *,
    actor: Actor,
    slug: str,
    name: str,
    jurisdiction: Jurisdiction,
    agency: Organisation,
    agency_level: str,
    platform_code: str = "",
    issuer: str = "upstream",
    on_behalf: bool = False,
) -> Register:
    """Open a register of one agency (登记簿); raises DomainError issuer_unknown, level_unknown, exists."""
    _require(actor, "system_admin")
    if issuer != "upstream" and issuer not in ISSUERS:
        raise DomainError("issuer_unknown", N_("没有这种赋码方式"), "issuer")
    if agency_level not in Register.Level.values:
        raise DomainError("level_unknown", N_("没有这一层级"), "agency_level")
    return _create(
        Register,
        slug=slug,
        name=name,
        jurisdiction=jurisdiction,
        agency=agency,
        agency_level=agency_level,
        platform_code=platform_code,
        issuer=issuer,
        on_behalf=on_behalf,
    )


def _create(model: type[M], **values: Any) -> M:
    try:
        with transaction.atomic():
            return model._default_manager.create(**values)
    except IntegrityError as error:
        raise conflict("exists", N_("已存在相同的记录")) from error


def add_person(
    *,
    actor: Actor,
    username: str,
    name: str,
    password: str = "",
    phone: str = "",
    email: str = "",
    language: str = "zh-hans",
) -> Person:
    """Add a person; name, telephone and e-mail are stored encrypted. Raises DomainError password_weak, exists."""
    _require(actor, "security_admin", "system_admin")
    if not username.strip() or not username.isprintable():
        raise DomainError("username_required", N_("请填写登录名"), "username")
    if password:
        try:
            validate_password(password)
        except ValidationError as error:
            raise DomainError("password_weak", N_("密码过于简单：至少12位，且不得为常见密码"), "password") from error
    person = Person(username=username.strip(), language=language)
    context = person.pk.bytes
    person.name_sealed = seal_json({"v": name}, context)
    person.phone_sealed = seal_json({"v": phone}, context) if phone else None
    person.email_sealed = seal_json({"v": email}, context) if email else None
    person.email_index = blind_index(email) if email else None
    if password:
        person.set_password(password)
    else:
        person.set_unusable_password()
    try:
        with transaction.atomic():
            person.save(force_insert=True)
    except IntegrityError as error:
        raise conflict("exists", N_("登录名已被使用"), field="username") from error
    return person


def grant_role(
    *,
    actor: Actor,
    person: Person,
    kind: str,
    organisation: Organisation | None = None,
    register: Register | None = None,
    jurisdiction: Jurisdiction | None = None,
) -> Role:
    """Give a person a role; raises DomainError role_unknown, binding_required, roles_exclude, exists.

    System, security and audit administrators exclude each other and none of them decides cases (三员分立, design §4).
    A registrant's own security administrator does not exist: roles are given by the node's security administrator.
    """
    _require(actor, "security_admin")
    row = KINDS.get(kind)
    if row is None:
        raise DomainError("role_unknown", N_("没有这一角色"), "kind")
    given = {
        name
        for name, value in (("organisation", organisation), ("register", register), ("jurisdiction", jurisdiction))
        if value is not None
    }
    if given != ({row.bound_to} - {"node"}):
        raise DomainError("binding_required", N_("请指明该角色所属的单位、登记簿或辖区"), row.bound_to)
    held = Role.objects.filter(person=person, ended_at=None).values_list("kind", flat=True)
    if any(excludes(kind, other) for other in held):
        raise conflict("roles_exclude", N_("系统、安全、审计管理员相互独立，且不得兼任业务角色"), field="kind")
    return _create(
        Role,
        person=person,
        kind=kind,
        organisation=organisation,
        register=register,
        jurisdiction=jurisdiction,
        granted_by_id=actor.person_id,
    )


def end_role(*, actor: Actor, role: Role) -> None:
    """End a role; it stays on record. Effective at once."""
    _require(actor, "security_admin")
    Role.objects.filter(pk=role.pk, ended_at=None).update(ended_at=legal_now())


def create_token(*, actor: Actor, person: Person, label: str, days: int = 90, transaction_id: str | None = None) -> str:
    """Return a new API token, shown once and stored as a digest; raises DomainError days_invalid, forbidden.

    With a `transaction_id` a second call makes no second token: it raises token_made (409), which names the first.
    """
    made: list[str] = []

    def work(_at: datetime) -> dict[str, Any]:
        token = f"dj_{secrets.token_urlsafe(32)}"
        expires = real_now() + timedelta(days=days)
        row = Token.objects.create(person=person, label=label[:60], digest=token_digest(token), expires_at=expires)
        made.append(token)
        return {"id": row.pk}  # remembered; the secret is not

    if actor.person_id != person.pk:
        _require(actor, "security_admin")
    if not 1 <= days <= 366:
        raise DomainError("days_invalid", N_("令牌有效期应为1至366天"), "days")
    if transaction_id is None:
        work(real_now())
        return made[0]
    request = {"person": str(person.pk), "label": label, "days": days}
    first = once(actor=actor.key, transaction_id=transaction_id, act="create_token", request=request, work=work)
    if not made:
        raise conflict(
            "token_made",
            N_("此事务号已新建令牌（编号 {id}），密文只显示一次：如未收到，请撤销该令牌，再以新的事务号新建"),
            field="Idempotency-Key",
            params={"id": first["id"]},
        )
    return made[0]


def revoke_token(*, actor: Actor, token_id: int) -> None:
    """Revoke a token at once; its owner or a security administrator may. Raises DomainError forbidden, not_found."""
    row = Token.objects.filter(pk=token_id).first()
    if row is None or row.person_id != actor.person_id:
        _require(actor, "security_admin")
    if row is None:
        raise not_found(N_("没有这一令牌"))
    Token.objects.filter(pk=token_id, revoked_at=None).update(revoked_at=real_now())


def token_digest(token: str) -> bytes:
    """Return the digest under which a token is stored; tokens carry 256 random bits, so no salt is needed."""
    return hashlib.sha256(token.encode()).digest()

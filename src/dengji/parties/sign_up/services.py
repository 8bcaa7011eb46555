"""Asking for accounts and deciding about it: nobody becomes a clerk, let alone an officer, without a decision."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from dengji.core.clock import real_now
from dengji.core.encryption import blind_index, follow_key, seal, seal_json, unseal_json
from dengji.core.errors import N_, DomainError, conflict, forbidden, not_found
from dengji.core.frame import once
from dengji.core.ids import new_id
from dengji.law.codes import CodeError, region, validate_credit_code

from ..access import log_refusal, log_work
from ..accounts.selectors import sign_up_scope
from ..accounts.services import check_password_strength
from ..actor import Actor
from ..models import Organisation, Person, Register, SignUp
from ..services import OPERATOR, add_organisation, add_person, grant_role

#: What may be asked for; every other role is given by the security administrator alone.
ROLES = ("clerk", "business_reviewer")
_USERNAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{3,39}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
_PHONE = re.compile(r"\+?[0-9][0-9 -]{5,19}")
_MAX_REASON = 500


@dataclass(frozen=True)
class Account:
    """One account asked for; without a password its person opens it by a key after the approval."""

    role: str
    name: str
    username: str
    phone: str = ""
    email: str = ""
    password: str = ""


@dataclass(frozen=True)
class Letter:
    """The letter of authority (授权委托书) as it arrived, its type recognised by content."""

    name: str
    data: bytes
    content_type: str


def ask_for_organisation(
    *,
    transaction_id: str,
    register_id: UUID,
    unit: Mapping[str, str],
    accounts: tuple[Account, ...],
    letter: Letter | None,
    identity: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Ask for accounts of an organisation: `unit` {credit_code, name, kind, region_code, address}; return {id, key}.

    Raises DomainError credit_code, name_required, region_unknown, letter_required, username_*, password_weak, and
    already_asked or unit_known where it would double what is there.
    """
    code = _credit_code(unit.get("credit_code", ""))
    if not unit.get("name", "").strip():
        raise DomainError("name_required", N_("请填写单位名称"), "unit_name")
    try:
        region(unit.get("region_code", ""))
    except CodeError as error:
        raise DomainError("region_unknown", error.message, "region_code", params=error.params) from error
    if letter is None and identity is None:
        raise DomainError("letter_required", N_("请上传授权委托书"), "letter")
    known = Organisation.objects.filter(credit_code=code).first()
    if known is not None and known.roles.filter(kind__in=ROLES, ended_at=None).exists():
        raise conflict("unit_known", N_("该单位已有账户：请联系本单位经办人，由其为您申请账户"), field="credit_code")
    words = {
        "unit": {**{key: value.strip() for key, value in unit.items()}, "credit_code": code},
        "identity": dict(identity) if identity else None,
    }
    row = SignUp(id=new_id(), kind="organisation", credit_code=code, unit_name=unit["name"].strip()[:200])
    row.register_id, row.organisation = register_id, known
    return _ask("public", transaction_id, row, words, accounts, letter)


def ask_for_colleague(
    *, actor: Actor, transaction_id: str, register_id: UUID, organisation_id: UUID, account: Account
) -> dict[str, Any]:
    """Ask for one more account of the actor's own organisation; return {id, key}. Raises DomainError forbidden."""
    if organisation_id not in actor.organisations(*ROLES):
        raise forbidden()
    unit = Organisation.objects.get(pk=organisation_id)
    row = SignUp(id=new_id(), kind="person", credit_code=unit.credit_code, unit_name=unit.name, organisation=unit)
    row.register_id, row.asked_by_id = register_id, actor.person_id
    return _ask(actor.key, transaction_id, row, {"unit": None, "identity": None}, (account,), None)


def _credit_code(text: str) -> str:
    try:
        return validate_credit_code(text)
    except CodeError as error:
        raise DomainError("credit_code", error.message, "credit_code", params=error.params) from error


def _ask(
    by: str,
    transaction_id: str,
    row: SignUp,
    words: dict[str, Any],
    accounts: tuple[Account, ...],
    letter: Letter | None,
) -> dict[str, Any]:
    people = [_checked(account, "" if number == 0 else "reviewer_") for number, account in enumerate(accounts)]
    if len({account.username.casefold() for account in accounts}) < len(accounts):
        raise DomainError("username_twice", N_("经办人与业务审核人应使用不同的登录名"), "reviewer_username")
    words["people"] = people
    if letter is not None:
        words["letter"] = {"name": letter.name[:255], "content_type": letter.content_type, "size": len(letter.data)}

    def work(_at: datetime) -> dict[str, Any]:
        row.payload_sealed = seal_json(words, row.pk.bytes) or b""
        row.letter_sealed = seal(letter.data, row.pk.bytes) if letter is not None else None
        row.subject_index = blind_index(f"sign-up {accounts[0].username}")
        if not Register.objects.filter(pk=row.register_id).exists():
            raise not_found(N_("没有这一登记簿"))
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            raise conflict("already_asked", N_("该单位或该登录名已有待审核的申请，请勿重复提交")) from error
        return {"id": str(row.pk)}

    request = {"register": row.register_id, "code": row.credit_code, "usernames": [a.username for a in accounts]}
    made = once(actor=by, transaction_id=transaction_id, act="sign_up", request=request, work=work)
    return {**made, "key": follow_key(UUID(made["id"]))}


def _checked(account: Account, prefix: str) -> dict[str, str]:
    if account.role not in ROLES:
        raise DomainError("role_unknown", N_("没有这一角色"), f"{prefix}role")
    if not account.name.strip():
        raise DomainError("person_name_required", N_("请填写姓名"), f"{prefix}name")
    if not _USERNAME.fullmatch(account.username):
        raise DomainError(
            "username_invalid",
            N_("登录名应以字母开头，4至40位，仅含字母、数字、点、下划线和连字符"),
            f"{prefix}username",
        )
    if Person.objects.filter(username__iexact=account.username).exists():
        raise conflict("username_taken", N_("登录名已被使用"), field=f"{prefix}username")
    if account.phone and not _PHONE.fullmatch(account.phone):
        raise DomainError("phone_invalid", N_("电话号码格式不正确"), f"{prefix}phone")
    if account.email and not _EMAIL.fullmatch(account.email):
        raise DomainError("email_invalid", N_("邮箱地址格式不正确"), f"{prefix}email")
    if account.password:
        check_password_strength(account.password, f"{prefix}password")
    return {
        "role": account.role,
        "name": account.name.strip(),
        "username": account.username,
        "phone": account.phone,
        "email": account.email,
        "password": make_password(account.password) if account.password else "",
    }


def follow(*, sign_up_id: UUID, key: str) -> SignUp:
    """Return a request to whoever holds its key; raises DomainError not_found."""
    row = SignUp.objects.filter(pk=sign_up_id).select_related("register").first()
    if row is None or not hmac.compare_digest(follow_key(sign_up_id).encode(), key.encode()):
        raise not_found()
    return row


def approve(
    *,
    actor: Actor,
    transaction_id: str,
    sign_up_id: UUID,
    bind: Callable[[Person, Mapping[str, str]], None] | None = None,
) -> dict[str, Any]:
    """Approve a request: unit, people and roles are made; return {id, state, people: [person ids]}.

    `bind` ties the first person to the account on an identity platform from which they came.
    Raises DomainError not_found, decided, own_request, exists.
    """

    def work(at: datetime) -> dict[str, Any]:
        row = _open(actor, sign_up_id)
        words = unseal_json(row.payload_sealed, row.pk.bytes)
        unit = row.organisation or _organisation(words["unit"])
        granting = Actor(key=actor.key, person_id=actor.person_id, system_role="operator")
        made: list[Person] = []
        for asked in words["people"]:
            details = {key: asked[key] for key in ("username", "name", "phone", "email")}
            person = add_person(actor=OPERATOR, **details)
            if asked["password"]:
                person.password, person.password_chosen_at = asked["password"], real_now()
                person.save(update_fields=["password", "password_chosen_at"])
            grant_role(actor=granting, person=person, kind=asked["role"], organisation=unit)
            made.append(person)
        if words.get("identity") and bind is not None:
            bind(made[0], words["identity"])
        # What only served the decision goes with it: the password's digest.
        words["people"] = [{**asked, "password": ""} for asked in words["people"]]
        row.payload_sealed = seal_json(words, row.pk.bytes) or b""
        row.organisation = unit
        _decide(row, actor, SignUp.State.APPROVED)
        return {"id": str(row.pk), "state": row.state, "people": [str(person.pk) for person in made]}

    return _decided(actor, transaction_id, sign_up_id, "approve_sign_up", {}, work)


def refuse(*, actor: Actor, transaction_id: str, sign_up_id: UUID, reason: str) -> dict[str, Any]:
    """Refuse a request with a reason the applicant can read; raises DomainError reason_required, not_found, decided."""
    if not reason.strip() or len(reason) > _MAX_REASON:
        raise DomainError("reason_required", N_("请填写理由，不超过500字"), "reason")

    def work(at: datetime) -> dict[str, Any]:
        row = _open(actor, sign_up_id)
        row.reason_sealed = seal_json({"v": reason.strip()}, row.pk.bytes)
        row.letter_sealed = None
        _decide(row, actor, SignUp.State.REFUSED)
        return {"id": str(row.pk), "state": row.state}

    return _decided(actor, transaction_id, sign_up_id, "refuse_sign_up", {"reason": reason}, work)


def _decided(
    actor: Actor,
    transaction_id: str,
    sign_up_id: UUID,
    act: str,
    request: dict[str, Any],
    work: Callable[[datetime], dict[str, Any]],
) -> dict[str, Any]:
    request = {"id": str(sign_up_id), **request}
    try:
        answer = once(actor=actor.key, transaction_id=transaction_id, act=act, request=request, work=work)
    except DomainError as error:
        log_refusal(actor=actor.key, act=act, outcome=error.code, object_id=sign_up_id, object_kind="sign_up")
        raise
    log_work(actor=actor.key, act=act, object_id=sign_up_id, object_kind="sign_up")
    return answer


def _open(actor: Actor, sign_up_id: UUID) -> SignUp:
    row = SignUp.objects.select_for_update().filter(sign_up_scope(actor), pk=sign_up_id).first()
    if row is None:
        raise not_found()
    if row.state != SignUp.State.PENDING:
        raise conflict("decided", N_("此申请已经办结"))
    if row.asked_by_id == actor.person_id and actor.person_id is not None:
        raise forbidden(N_("不得审核本人提出的申请"))
    return row


def _organisation(unit: Mapping[str, str]) -> Organisation:
    known = Organisation.objects.filter(credit_code=unit["credit_code"]).first()
    return known or add_organisation(
        actor=OPERATOR,
        credit_code=unit["credit_code"],
        name=unit["name"],
        kind=unit.get("kind", ""),
        region_code=unit.get("region_code", ""),
        address=unit.get("address", ""),
    )


def _decide(row: SignUp, actor: Actor, state: SignUp.State) -> None:
    row.state, row.decided_at, row.decided_by_id = state, real_now(), actor.person_id
    row.save()

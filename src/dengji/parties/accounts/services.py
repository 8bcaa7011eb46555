"""What a person or the security administrator does to an account: passwords, sessions, certificates, closing it."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from dengji.core.clock import real_now
from dengji.core.encryption import blind_index, seal_json
from dengji.core.errors import N_, DomainError, conflict, forbidden, not_found
from dengji.core.node import identity

from ..access import log_work
from ..actor import Actor, for_person
from ..models import Certificate, Person, Role, Session, Token
from ..roles import ADMINISTRATORS, KINDS
from ..services import OPERATOR, add_person, grant_role
from ..sessions import key_digest

_PASSWORD_DAYS = 180
_ADMINISTRATORS = {"system_admin": "system-admin", "security_admin": "security-admin", "audit_admin": "audit-admin"}
_FINGERPRINT = re.compile(r"[0-9A-F]{64}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")


def check_password_strength(password: str, field: str = "password") -> None:
    """Raise DomainError password_weak for a password that is too short or too common."""
    try:
        validate_password(password)
    except ValidationError as error:
        raise DomainError("password_weak", N_("密码过于简单：至少12位，且不得为常见密码"), field) from error


def set_own_password(*, person: Person, password: str) -> None:
    """Set the password that a person chose; all their other sessions end by it. Raises DomainError password_weak."""
    check_password_strength(password)
    if person.check_password(password):
        raise DomainError("password_same", N_("新密码不能与原密码相同"), "password1")
    person.set_password(password)
    person.password_chosen_at = real_now()
    person.save(update_fields=["password", "password_chosen_at"])
    log_work(actor=f"person:{person.pk}", act="password_changed", object_id=person.pk, object_kind="person")


def password_is_due(person: Person) -> bool:
    """Tell whether a password must be changed: it is old, or somebody else has set it (DENGJI_PASSWORD_DAYS)."""
    days = int(settings.DENGJI_PASSWORD_DAYS or (0 if identity()[1] else _PASSWORD_DAYS))
    if not days or not person.has_usable_password():
        return False
    return person.password_chosen_at is None or person.password_chosen_at < real_now() - timedelta(days=days)


def opening_key(*, actor: Actor, person: Person) -> str:
    """Return the key by which a person sets a password once, within PASSWORD_RESET_TIMEOUT; for them alone.

    The security administrator gives it out, or whoever approves the request that made the account. An administrator's
    own account is opened by the operator at the command line only, so that no administrator takes another's place.
    """
    if actor.system_role != "operator":
        if "security_admin" not in actor.kinds():
            raise forbidden()
        if for_person(person).kinds() & ADMINISTRATORS:
            raise forbidden(N_("管理员账户的密码只能由运行单位在命令行重置"))
        log_work(actor=actor.key, act="opening_key", object_id=person.pk, object_kind="person")
    return PasswordResetTokenGenerator().make_token(person)


def open_account(*, person_id: UUID, key: str, password: str) -> Person:
    """Set a first or new password by the key that was given out; raises DomainError key_spent, password_weak."""
    person = Person.objects.filter(pk=person_id, is_active=True).first()
    if person is None or not PasswordResetTokenGenerator().check_token(person, key):
        raise DomainError("key_spent", N_("链接无效、已使用或已过期：请向安全管理员重新索取"), status=404)
    set_own_password(person=person, password=password)
    end_sessions(actor=for_person(person), person=person)
    return person


def end_sessions(*, actor: Actor, person: Person, keep: str = "", only: str = "") -> int:
    """End a person's sessions, all but the one with the key `keep`, or `only` one by its digest; return how many.

    A person ends their own, the security administrator anybody's. Raises DomainError forbidden.
    """
    if actor.person_id != person.pk and not actor.kinds() & {"security_admin", "operator"}:
        raise forbidden()
    rows = Session.objects.filter(person=person)
    if keep:
        rows = rows.exclude(session_key=key_digest(keep))
    if only:
        rows = rows.filter(session_key=only)
    ended = rows.delete()[0]
    if ended:
        log_work(actor=actor.key, act="sessions_ended", object_id=person.pk, object_kind="person")
    return ended


def update_contact(*, person: Person, phone: str, email: str, language: str) -> None:
    """Change a person's own telephone, notification e-mail and language; raises DomainError email_invalid."""
    email = email.strip()
    if email and not _EMAIL.fullmatch(email):
        raise DomainError("email_invalid", N_("邮箱地址格式不正确"), "email")
    if language not in dict(settings.LANGUAGES):
        raise DomainError("language_unknown", N_("没有这种语言"), "language")
    context = person.pk.bytes
    person.phone_sealed = seal_json({"v": phone.strip()}, context) if phone.strip() else None
    person.email_sealed = seal_json({"v": email}, context) if email else None
    person.email_index = blind_index(email) if email else None
    person.language = language
    person.save(update_fields=["phone_sealed", "email_sealed", "email_index", "language"])


def set_active(*, actor: Actor, person: Person, active: bool) -> None:
    """Close an account or open it again; closing ends its sessions and tokens. Raises DomainError forbidden."""
    if not actor.kinds() & {"security_admin", "operator"} or actor.person_id == person.pk:
        raise forbidden(N_("账户由安全管理员停用；不能停用自己的账户"))
    with transaction.atomic():
        Person.objects.filter(pk=person.pk).update(is_active=active)
        if not active:
            Token.objects.filter(person=person, revoked_at=None).update(revoked_at=real_now())
            Session.objects.filter(person=person).delete()
    act = "account_opened" if active else "account_closed"
    log_work(actor=actor.key, act=act, object_id=person.pk, object_kind="person")


def bind_certificate(*, actor: Actor, person: Person, fingerprint: str, label: str = "") -> Certificate:
    """Bind a client certificate to a person by its SHA-256 fingerprint; raises DomainError fingerprint, exists."""
    if not actor.kinds() & {"security_admin", "operator"} or actor.person_id == person.pk:
        raise forbidden()
    found = normal_fingerprint(fingerprint)
    try:
        with transaction.atomic():
            row = Certificate.objects.create(person=person, fingerprint=bytes.fromhex(found), label=label.strip()[:60])
    except IntegrityError as error:
        raise conflict("exists", N_("该证书已绑定账户"), field="fingerprint") from error
    log_work(actor=actor.key, act="certificate_bound", object_id=person.pk, object_kind="person")
    return row


def revoke_certificate(*, actor: Actor, certificate_id: int) -> None:
    """Loosen a certificate from its person; raises DomainError forbidden, not_found."""
    if not actor.kinds() & {"security_admin", "operator"}:
        raise forbidden()
    row = Certificate.objects.filter(pk=certificate_id, revoked_at=None).first()
    if row is None:
        raise not_found()
    Certificate.objects.filter(pk=row.pk).update(revoked_at=real_now())
    log_work(actor=actor.key, act="certificate_revoked", object_id=row.person_id, object_kind="person")


def normal_fingerprint(text: str) -> str:
    """Return a SHA-256 fingerprint as 64 capital hexadecimal digits; raises DomainError fingerprint."""
    found = text.replace(":", "").replace(" ", "").upper()
    if not _FINGERPRINT.fullmatch(found):
        raise DomainError("fingerprint", N_("请填写证书的SHA-256指纹（64位十六进制）"), "fingerprint")
    return found


def found_administrators() -> list[Person]:
    """Make the three administrators (三员) of a node that has none, each without a password; return those made.

    They open their accounts by `opening_key`; none of them can take another's place (design §4).
    """
    if Role.objects.filter(kind__in=ADMINISTRATORS, ended_at=None).exists():
        return []
    made = []
    with transaction.atomic():
        for kind, username in _ADMINISTRATORS.items():
            person = add_person(actor=OPERATOR, username=username, name=KINDS[kind].label)
            grant_role(actor=OPERATOR, person=person, kind=kind)
            made.append(person)
    return made

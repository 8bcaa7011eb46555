"""Registers, jurisdictions, organisations, people and their roles, tokens, and the access log."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models.functions import Now

from dengji.core.ids import new_id

from .roles import KINDS


class Jurisdiction(models.Model):
    """A territory with its rulebook; the parent is an explicit link, never derived from a region code (design §2)."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=100)
    region_code = models.CharField(max_length=6)
    rulebook = models.CharField(max_length=40)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")


class Organisation(models.Model):
    """A unit: registrant, agent, registration agency or authority, known by its unified social credit code."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    credit_code = models.CharField(max_length=18)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=30, blank=True)
    region_code = models.CharField(max_length=6, blank=True)
    address = models.CharField(max_length=200, blank=True)
    central = models.BooleanField(
        default=False, help_text="Central organ or central SOE: national platform only (Art. 6)"
    )
    example = models.BooleanField(default=False, help_text="示例: made up for the example, not a real unit")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        # Not unique=True: that would bring a second index for patterns, which nobody asks and every new unit pays for.
        constraints = (models.UniqueConstraint(fields=("credit_code",), name="parties_organisation_code_once"),)


class Register(models.Model):
    """One register of one agency; a node hosts 1..n of them (design §2 rule 6)."""

    class Level(models.TextChoices):
        """The agency's level, kept for the price catalogue (R72)."""

        NATIONAL = "national", "国家"
        PROVINCE = "province", "省级"
        CITY = "city", "市级"
        COUNTY = "county", "县级"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=200)
    jurisdiction = models.ForeignKey(Jurisdiction, on_delete=models.PROTECT, related_name="registers")
    agency = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="agency_of")
    agency_level = models.CharField(max_length=10, choices=Level.choices)
    platform_code = models.CharField(max_length=20, blank=True)
    on_behalf = models.BooleanField(default=False, help_text="代为受理")
    issuer = models.CharField(max_length=20, default="upstream")
    created_at = models.DateTimeField(db_default=Now())


class PersonManager(BaseUserManager["Person"]):
    """Finds people by their login name."""

    def get_by_natural_key(self, username: str | None) -> Person:
        """Return the person with this login name, letter case apart."""
        return self.get(username__iexact=username)


class Person(AbstractBaseUser):
    """A natural person with an account; name, telephone and e-mail are stored encrypted."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    username = models.CharField(max_length=60, unique=True)
    name_sealed = models.BinaryField(null=True)
    phone_sealed = models.BinaryField(null=True)
    email_sealed = models.BinaryField(null=True)
    email_index = models.BinaryField(null=True, db_index=True)
    language = models.CharField(max_length=10, default="zh-hans")
    is_active = models.BooleanField(default=True)
    #: When the person chose the password; None where somebody else set it, or nobody did.
    password_chosen_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = PersonManager()


class Role(models.Model):
    """One role of one person, bound to an organisation, register, jurisdiction or the node; ended, never deleted."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="roles")
    kind = models.CharField(max_length=30, choices=[(k.code, k.label) for k in KINDS.values()])
    organisation = models.ForeignKey(
        Organisation, null=True, blank=True, on_delete=models.PROTECT, related_name="roles"
    )
    register = models.ForeignKey(Register, null=True, blank=True, on_delete=models.PROTECT, related_name="roles")
    jurisdiction = models.ForeignKey(
        Jurisdiction, null=True, blank=True, on_delete=models.PROTECT, related_name="roles"
    )
    granted_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    granted_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=("person",), condition=models.Q(ended_at=None), name="parties_role_current"),)
        constraints = (
            models.UniqueConstraint(
                fields=("person", "kind", "organisation", "register", "jurisdiction"),
                condition=models.Q(ended_at=None),
                nulls_distinct=False,
                name="parties_role_once",
            ),
        )


class Token(models.Model):
    """A person's API token, kept as a digest; shown once."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="tokens")
    label = models.CharField(max_length=60)
    digest = models.BinaryField(unique=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)


class AccessLog(models.Model):
    """Refused attempts and reads of restricted content; INSERT-only, in a transaction of its own (design §3)."""

    at = models.DateTimeField(db_default=Now())
    actor = models.CharField(max_length=120)
    act = models.CharField(max_length=60)
    object_kind = models.CharField(max_length=20, blank=True)
    object_id = models.UUIDField(null=True)
    outcome = models.CharField(max_length=60)
    register = models.ForeignKey(Register, null=True, on_delete=models.PROTECT)

    class Meta:
        indexes = (models.Index(fields=("at",), name="parties_access_at"),)


class AccessLogRoot(models.Model):
    """The hourly digest over the access log, committed to the ledger by a sealed entry; INSERT-only."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField(unique=True)
    digest = models.BinaryField()
    salt = models.BinaryField()
    at = models.DateTimeField()


class Session(AbstractBaseSession):
    """A session in the browser, by the digest of its key: who reads the table cannot take a session over."""

    person = models.ForeignKey(Person, null=True, on_delete=models.CASCADE, related_name="sessions")
    started_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    place_sealed = models.BinaryField(null=True)

    class Meta(AbstractBaseSession.Meta):
        abstract = False
        indexes = (
            models.Index(fields=("person",), condition=models.Q(person__isnull=False), name="parties_session_own"),
        )


class Certificate(models.Model):
    """A client certificate bound to a person, by its SHA-256 fingerprint; a gateway checks it (issue: accounts)."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="certificates")
    fingerprint = models.BinaryField()
    label = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("fingerprint",), condition=models.Q(revoked_at=None), name="parties_certificate_once"
            ),
        )


class SignUp(models.Model):
    """A request for accounts (主体注册): of a new organisation, or of one more person; personal words are sealed."""

    class State(models.TextChoices):
        """Where the request stands."""

        PENDING = "PENDING", "待审核"
        APPROVED = "APPROVED", "已通过"
        REFUSED = "REFUSED", "未通过"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=20)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="+")
    credit_code = models.CharField(max_length=18)
    unit_name = models.CharField(max_length=200)
    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+")
    payload_sealed = models.BinaryField()
    letter_sealed = models.BinaryField(null=True)
    #: The keyed digest of the first login name asked for: two open requests never want the same one.
    subject_index = models.BinaryField()
    asked_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    reason_sealed = models.BinaryField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("credit_code",),
                condition=models.Q(state="PENDING", kind="organisation"),
                name="parties_sign_up_unit_once",
            ),
            models.UniqueConstraint(
                fields=("subject_index",), condition=models.Q(state="PENDING"), name="parties_sign_up_name_once"
            ),
        )
        indexes = (models.Index(fields=("register", "state", "created_at"), name="parties_sign_up_queue"),)

"""An application: one request, its draft, its frozen versions, its materials."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from dengji.core.ids import new_id
from dengji.parties.models import Organisation, Person

from .cases import CaseBase


class Application(CaseBase):
    """One request to the register (R4); everything below `serial` is projected from decisions."""

    OBJECT = "application"

    # Found by registration_app_own, which begins with it.
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="applications", db_index=False
    )
    agent = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="applications_as_agent")
    kind = models.CharField(max_length=16)
    data_type = models.CharField(max_length=10)
    applicant_kind = models.CharField(max_length=20, default="registrant")
    applicant = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    registration = models.ForeignKey(
        "registration.Registration", null=True, on_delete=models.PROTECT, related_name="applications"
    )
    base_version = models.PositiveIntegerField(
        null=True, help_text="The version of the registration that the draft builds on (every kind but first)"
    )
    mandated = models.BooleanField(
        default=True,
        db_default=True,
        help_text="False while a draft opened by an agent holds no letter of authority: the organisation sees nothing",
    )
    copied_from = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="copies")
    name = models.CharField(max_length=200, blank=True)
    registrant_name = models.CharField(max_length=200, blank=True)

    serial = models.CharField(max_length=14, blank=True)
    version = models.PositiveIntegerField(default=0)
    rounds = models.PositiveIntegerField(default=0)
    in_supplement = models.BooleanField(default=False)
    clerk_id = models.UUIDField(null=True)
    business_reviewer_id = models.UUIDField(null=True)
    acceptor_id = models.UUIDField(null=True)
    reviewer_id = models.UUIDField(null=True)
    secrecy_reviewed = models.BooleanField(default=False)
    preview_acknowledged = models.BooleanField(default=False)
    late_filing = models.BooleanField(default=False)
    overdue_explained = models.BooleanField(default=False)
    receipt_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    notice_opened_at = models.DateTimeField(null=True)
    notice_last_day = models.DateField(null=True)
    notice_ends = models.DateTimeField(null=True)
    notice_runs = models.PositiveIntegerField(default=0)
    code_way = models.CharField(max_length=40, blank=True)
    local_number = models.CharField(max_length=64, blank=True)
    code = models.CharField(max_length=64, blank=True)
    rulebook = models.CharField(max_length=40)
    rulebook_digest = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("register", "serial"), condition=~models.Q(serial=""), name="registration_application_serial"
            ),
            models.UniqueConstraint(
                fields=("code",), condition=~models.Q(code=""), name="registration_application_code"
            ),
        )
        indexes = (
            models.Index(fields=("register", "state", "deadline_ends"), name="registration_app_queue"),
            models.Index(fields=("organisation", "-id"), name="registration_app_own"),
            models.Index(fields=("deadline_ends",), condition=models.Q(ended_at=None), name="registration_app_due"),
        )


class Draft(models.Model):
    """The form as it is being filled in; `submit` freezes it as a Version. Personal fields are encrypted."""

    application = models.OneToOneField(Application, primary_key=True, on_delete=models.PROTECT, related_name="draft")
    fields = models.JSONField(default=dict)
    private = models.BinaryField(null=True)
    request = models.JSONField(default=dict, help_text="change categories, cancellation ground, renewal months")
    revision = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(db_default=Now())
    updated_by = models.UUIDField(null=True)


class Version(models.Model):
    """What was submitted, immutable (R5); INSERT-only but for a suppression, which empties fields and salt."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    fields = models.JSONField()
    request = models.JSONField(default=dict)
    materials = models.JSONField(default=list, help_text="[{id, kind, sha256, size}] as they stood")
    salt = models.BinaryField()
    digest = models.CharField(max_length=80)
    private_digest = models.CharField(
        max_length=80,
        blank=True,
        default="",
        db_default="",
        help_text="Of the personal fields; its salt lies with them",
    )
    at = models.DateTimeField()
    suppressed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("application", "number"), name="registration_version_once"),)


class VersionPrivate(models.Model):
    """The encrypted personal fields of a version with the salt of their digest, apart so that a lawful deletion can
    remove both: what is left then confirms no guess."""

    version = models.OneToOneField(Version, primary_key=True, on_delete=models.PROTECT, related_name="private")
    data = models.BinaryField()


class CoRegistrant(models.Model):
    """A co-registrant of a joint application and its confirmation (Art. 7, R7)."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="co_registrants")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    confirmed_revision = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("application", "organisation"), name="registration_coregistrant_once"),
        )


class Material(models.Model):
    """One stored file: kind by rulebook, type by content, digest of the plain bytes; encrypted at rest."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner_kind = models.CharField(max_length=20)
    owner_id = models.UUIDField()
    kind = models.CharField(max_length=40)
    name_sealed = models.BinaryField()
    content_type = models.CharField(max_length=100)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    storage_key = models.CharField(max_length=200)
    added_at = models.DateTimeField(db_default=Now())
    added_by = models.CharField(max_length=120)
    removed_at = models.DateTimeField(null=True)
    suppressed_at = models.DateTimeField(null=True, help_text="Since when its bytes and its name are gone (Art. 4)")

    class Meta:
        indexes = (models.Index(fields=("owner_id",), name="registration_material_owner"),)

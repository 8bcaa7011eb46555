"""A registration: the result, versioned; and the keys by which duplicates are found."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now

from dengji.parties.models import Organisation, Register

from .cases import CaseBase


class Registration(CaseBase):
    """What is registered: state, code, validity, agency (R24, R33, R72). Codes are opaque and never reused."""

    OBJECT = "registration"

    # Found by registration_reg_validity, which begins with it; a register is never deleted, so that no row need be
    # checked for itself (ADR 0014).
    register = models.ForeignKey(
        Register, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    # Found by registration_reg_own, which begins with it.
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="registrations", db_index=False
    )
    data_type = models.CharField(max_length=10)
    serial = models.CharField(max_length=30, blank=True)
    code = models.CharField(max_length=64)
    local_number = models.CharField(max_length=64, blank=True)
    version = models.PositiveIntegerField(default=1)
    name = models.CharField(max_length=200)
    registrant_name = models.CharField(max_length=200)
    agency_name = models.CharField(max_length=200)
    agency_level = models.CharField(max_length=10)
    platform_code = models.CharField(max_length=20, blank=True)
    adopted = models.BooleanField(default=False)
    coded_on = models.DateField()
    valid_from = models.DateField()
    valid_to = models.DateField(help_text="Last valid day, Shanghai")
    ground = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("code",), name="registration_code_once"),)
        indexes = (
            models.Index(fields=("organisation", "-id"), name="registration_reg_own"),
            models.Index(fields=("register", "state", "valid_to"), name="registration_reg_validity"),
            models.Index(fields=("register", "serial"), name="registration_reg_serial"),
        )


class RegistrationVersion(models.Model):
    """One version of a registration (R5): the fields as registered, the content object that shows
    them; INSERT-only but for a suppression, which empties the fields."""

    # Found by registration_regversion_once, which begins with it.
    registration = models.ForeignKey(Registration, on_delete=models.PROTECT, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    application = models.ForeignKey("registration.Application", null=True, on_delete=models.PROTECT, related_name="+")
    fields = models.JSONField()
    content = models.CharField(max_length=80)
    valid_from = models.DateField()
    valid_to = models.DateField()
    at = models.DateTimeField()
    suppressed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("registration", "number"), name="registration_regversion_once"),)


class NameKey(models.Model):
    """The duplicate and near-duplicate keys of a submitted or registered name (R48)."""

    object_id = models.UUIDField(primary_key=True)
    # No index of its own: the planner would prefer it to the two that find a name. No check of its own (ADR 0014).
    register = models.ForeignKey(
        Register, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    organisation_id = models.UUIDField()
    exact = models.BinaryField()
    bands = ArrayField(models.BigIntegerField())
    name = models.CharField(max_length=200)
    registrant_name = models.CharField(max_length=200)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = (
            models.Index(fields=("exact",), name="registration_namekey_exact"),
            GinIndex(fields=("bands",), name="registration_namekey_bands", fastupdate=False),
        )

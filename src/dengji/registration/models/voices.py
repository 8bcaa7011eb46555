"""What others may say of a registration: notices, objections, complaints, re-checks."""

from __future__ import annotations

from django.db import models

from dengji.core.ids import new_id
from dengji.parties.models import Organisation, Person, Register

from .application import Application
from .cases import CaseBase


class Notice(models.Model):
    """One run of a public notice: the statutory items, frozen, and the days it runs (Art. 12, R53)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="notices")
    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="+")
    run = models.PositiveIntegerField()
    serial = models.CharField(max_length=14)
    kind = models.CharField(max_length=16)
    fields = models.JSONField()
    content = models.CharField(max_length=80)
    opened_at = models.DateTimeField()
    first_day = models.DateField()
    last_day = models.DateField()
    ends = models.DateTimeField()
    provisional = models.BooleanField(default=False)
    state = models.CharField(max_length=12, default="RUNNING")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("application", "run"), name="registration_notice_run"),)
        indexes = (models.Index(fields=("state", "ends"), name="registration_notice_ends"),)


class Objection(CaseBase):
    """An objection by a real person or unit to a running notice; its own object (design §4)."""

    OBJECT = "objection"

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="objections")
    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="objections")
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    objector_kind = models.CharField(max_length=10)
    identity = models.BinaryField(null=True)
    identity_index = models.BinaryField(null=True)
    grounds = models.BinaryField(null=True)
    relation = models.CharField(max_length=200, blank=True)
    lodged_at = models.DateTimeField()
    received_on = models.DateField(null=True, help_text="Where staff enter an objection received in time on paper")

    class Meta:
        indexes = (
            models.Index(fields=("application", "state"), name="registration_objection_open"),
            models.Index(
                fields=("deadline_ends",), condition=models.Q(ended_at=None), name="registration_objection_due"
            ),
        )


class Complaint(CaseBase):
    """A complaint or report about a registration or its agency, also anonymous (R68)."""

    OBJECT = "complaint"

    number = models.CharField(max_length=20, unique=True)
    subject_code = models.CharField(max_length=64, blank=True)
    body = models.BinaryField()
    contact = models.BinaryField(null=True)

    class Meta:
        indexes = (
            models.Index(
                fields=("deadline_ends",), condition=models.Q(ended_at=None), name="registration_complaint_due"
            ),
        )


class Recheck(CaseBase):
    """One registration drawn at random for re-examination, and what was found (R67)."""

    OBJECT = "recheck"

    registration = models.ForeignKey("registration.Registration", on_delete=models.PROTECT, related_name="rechecks")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    period = models.CharField(max_length=20)
    seed = models.CharField(max_length=80)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("registration", "period"), name="registration_recheck_once"),)

"""A decision: one act done, append-only; the reasons it gives lie apart, encrypted and removable."""

from __future__ import annotations

from django.db import models

from dengji.core.ids import new_id
from dengji.parties.models import Register


class Decision(models.Model):
    """One row of what happened (design §3); INSERT-only. Holds no personal data: `actor` is a pointer."""

    object_kind = models.CharField(max_length=20)
    object_id = models.UUIDField()
    # As in a case: registration_decision_at begins with it, and a register is never deleted (ADR 0014).
    register = models.ForeignKey(
        Register, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    n = models.PositiveIntegerField()
    act = models.CharField(max_length=40)
    actor = models.CharField(max_length=120)
    role = models.CharField(max_length=30)
    at = models.DateTimeField()
    from_state = models.CharField(max_length=20, blank=True)
    to_state = models.CharField(max_length=20)
    deadline_day = models.DateField(null=True)
    deadline_ends = models.DateTimeField(null=True)
    deadline_provisional = models.BooleanField(default=False)
    rulebook = models.CharField(max_length=40)
    rulebook_digest = models.CharField(max_length=80)
    calendar = models.CharField(max_length=40)
    data = models.JSONField(default=dict)
    detail_id = models.UUIDField(null=True)
    detail_digest = models.CharField(max_length=80, blank=True)
    salt = models.BinaryField()
    digest = models.CharField(max_length=80)
    entry_id = models.BigIntegerField(unique=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("object_id", "n"), name="registration_decision_once"),)
        indexes = (models.Index(fields=("register", "at"), name="registration_decision_at"),)


class DecisionDetail(models.Model):
    """The private words of a decision (reasons, names), salted and encrypted; a lawful deletion removes the row."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    object_id = models.UUIDField(db_index=True)
    data = models.BinaryField()

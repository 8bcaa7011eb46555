"""Messages to people, and each attempt to carry one out of the system. Neither holds personal data."""

from __future__ import annotations

from django.db import models

from dengji.core.ids import new_id
from dengji.parties.models import Person, Register


class Notification(models.Model):
    """One message to one person (R60): what happened to which object; its text is made when it is read."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="notifications")
    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="+")
    event = models.CharField(max_length=40)
    object_kind = models.CharField(max_length=20)
    object_id = models.UUIDField()
    params = models.JSONField(default=dict, help_text="serial, code, days, states; never names or reasons")
    source = models.CharField(max_length=10, help_text="log or marks")
    position = models.BigIntegerField(help_text="Index in the log, or number of the mark")
    created_at = models.DateTimeField(help_text="Legal time")
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("source", "position", "person"), name="notify_notification_once"),
        )
        indexes = (
            models.Index(fields=("person", "-id"), name="notify_inbox"),
            models.Index(fields=("person",), condition=models.Q(read_at=None), name="notify_unread"),
        )


class Delivery(models.Model):
    """One message on its way by e-mail or SMS: attempts, when, and the class of the last error (R60)."""

    class State(models.TextChoices):
        """Where it is; `not_configured` where the node has no such adapter."""

        QUEUED = "queued"
        SENT = "sent"
        FAILED = "failed"
        NOT_CONFIGURED = "not_configured"

    notification = models.ForeignKey(Notification, on_delete=models.PROTECT, related_name="deliveries")
    channel = models.CharField(max_length=10)
    state = models.CharField(max_length=20, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(help_text="Real time")
    at = models.DateTimeField(null=True, help_text="Real time of the last attempt")
    error = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("notification", "channel"), name="notify_delivery_once"),)
        indexes = (models.Index(fields=("next_at",), condition=models.Q(state="queued"), name="notify_delivery_due"),)


class MarkCursor(models.Model):
    """How far the clock's marks have been told: the number of the last one; one row."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    last_mark = models.BigIntegerField(default=0)

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="notify_markcursor_single_row"),)

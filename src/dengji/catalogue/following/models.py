"""Who follows what, and each message on its way."""

from __future__ import annotations

from django.db import models

from dengji.core.ids import new_id
from dengji.parties.models import Person


class Follower(models.Model):
    """An address that wants to be told of changes to one record, or to all that a search finds.

    The key that signs its messages is derived from its id, never stored. It is told nothing but a question until it
    has confirmed that it wants to be told.
    """

    class State(models.TextChoices):
        """Where it stands; `stopped` after too many messages that could not be delivered."""

        UNCONFIRMED = "unconfirmed"
        ACTIVE = "active"
        STOPPED = "stopped"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, help_text="record or search")
    object_id = models.UUIDField(null=True, db_index=True)
    filters = models.JSONField(default=dict)
    url = models.BinaryField(help_text="Sealed: it may hold a key of the follower's own")
    state = models.CharField(max_length=12, choices=State.choices, default=State.UNCONFIRMED)
    failures = models.PositiveSmallIntegerField(default=0, help_text="Messages given up in a row")
    error = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField(help_text="Real time")
    confirmed_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "catalogue_follower"
        indexes = (models.Index(fields=("state", "kind"), name="catalogue_follower_state"),)


class Message(models.Model):
    """One change told to one follower: its attempts, when, and the class of the last error."""

    class State(models.TextChoices):
        """Where it is."""

        QUEUED = "queued"
        SENT = "sent"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    follower = models.ForeignKey(Follower, on_delete=models.CASCADE, related_name="messages")
    position = models.BigIntegerField(help_text="Place in the log; -1 asks for confirmation")
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(help_text="Real time")
    at = models.DateTimeField(null=True, help_text="Real time of the last attempt")
    error = models.CharField(max_length=60, blank=True)

    class Meta:
        db_table = "catalogue_message"
        constraints = (models.UniqueConstraint(fields=("follower", "position"), name="catalogue_message_once"),)
        indexes = (models.Index(fields=("next_at",), condition=models.Q(state="queued"), name="catalogue_message_due"),)

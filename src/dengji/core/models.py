"""The node itself, remembered results of acts, and wrapped data keys."""

from __future__ import annotations

from datetime import timedelta

from django.db import models


class Node(models.Model):
    """This node, one row: its log origin, whether it is a demonstration for ever, and its movable legal clock."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    origin = models.CharField(max_length=200)
    demonstration = models.BooleanField()
    legal_offset = models.DurationField(
        help_text="Legal minus real time; zero in production; a demonstration may begin in the past, then it only grows"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    restored_from = models.DateTimeField(
        null=True, help_text="Real time of the backup this node was restored from, while it is recovering; else null"
    )

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(id=1), name="core_node_single_row"),
            models.CheckConstraint(
                condition=models.Q(demonstration=True, origin__startswith="demo.")
                | (models.Q(demonstration=False) & ~models.Q(origin__startswith="demo.")),
                name="core_node_demo_origin",
            ),
            models.CheckConstraint(
                condition=models.Q(demonstration=True) | models.Q(legal_offset=timedelta(0)),
                name="core_node_production_clock",
            ),
        )


class RememberedResult(models.Model):
    """What an act answered, so that a retry with the same transaction id gets the same answer; INSERT-only."""

    actor = models.CharField(max_length=120)
    transaction_id = models.CharField(max_length=64)
    act = models.CharField(max_length=60)
    request_digest = models.BinaryField()
    result = models.JSONField()
    at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        constraints = (models.UniqueConstraint(fields=("actor", "transaction_id"), name="core_result_once"),)


class DataKey(models.Model):
    """A data-encryption key wrapped by the key provider (envelope encryption)."""

    purpose = models.CharField(max_length=20)
    algorithm = models.CharField(max_length=20)
    wrapped = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

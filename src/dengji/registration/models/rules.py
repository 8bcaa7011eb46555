"""Pinned rulebooks, calendar versions, serial counters, and what the clock has already said."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from dengji.parties.models import Register


class RulebookSnapshot(models.Model):
    """A resolved rulebook as an application pinned it; later changes never move a running clock (R75). INSERT-only."""

    digest = models.CharField(max_length=80, primary_key=True)
    rulebook = models.CharField(max_length=40)
    version = models.CharField(max_length=40)
    data = models.JSONField()
    at = models.DateTimeField(db_default=Now())


class CalendarVersion(models.Model):
    """Working-day overrides of this node on top of the shipped table, one row per version (R37, R41). INSERT-only."""

    version = models.CharField(max_length=40, primary_key=True)
    base = models.CharField(max_length=40)
    overrides = models.JSONField(help_text="[{day, working, source}]")
    at = models.DateTimeField(db_default=Now())
    by = models.CharField(max_length=120)


class SerialCounter(models.Model):
    """The last serial number given on a day by a register."""

    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="+")
    day = models.DateField()
    last = models.PositiveIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("register", "day"), name="registration_serial_day"),)


class ClockMark(models.Model):
    """Something the clock has noticed about an object, once: a warning, a breach, a reminder. INSERT-only."""

    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="+")
    object_kind = models.CharField(max_length=20)
    object_id = models.UUIDField()
    mark = models.CharField(max_length=30)
    due = models.DateField()
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("object_id", "mark", "due"), name="registration_clockmark_once"),
        )

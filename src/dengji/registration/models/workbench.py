"""How an agency organises its desk: who holds a case, who stands in for whom, remarks, wordings, saved filters.

None of it decides anything: no decision and no entry follows from it, and the separation of roles stays as it is.
"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from dengji.core.ids import new_id
from dengji.parties.models import Person, Register


class CaseAssignment(models.Model):
    """Who holds a case at one stage of its way, since when, by whom (认领、分派); ended, never deleted."""

    object_kind = models.CharField(max_length=20)
    object_id = models.UUIDField()
    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="+")
    #: The stage for which it counts: at the next one the case is free again.
    stage = models.CharField(max_length=20)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField(db_default=Now())
    by = models.CharField(max_length=120)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("object_id", "stage"), condition=models.Q(ended_at=None), name="registration_assignment_once"
            ),
        )


class Deputy(models.Model):
    """Who stands in for whom at one register, from the first to the last day (AB 角); ended, never deleted."""

    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    deputy = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    first_day = models.DateField()
    last_day = models.DateField()
    set_at = models.DateTimeField(db_default=Now())
    by = models.CharField(max_length=120)
    ended_at = models.DateTimeField(null=True)


class CaseNote(models.Model):
    """That an internal remark or a telephone call was noted on a case, by whom and when; INSERT-only."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    object_kind = models.CharField(max_length=20)
    object_id = models.UUIDField(db_index=True)
    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12)
    at = models.DateTimeField()
    by = models.CharField(max_length=120)


class CaseNoteText(models.Model):
    """The encrypted words of a note, apart so that a suppression can remove them."""

    note = models.OneToOneField(CaseNote, primary_key=True, on_delete=models.PROTECT, related_name="text")
    data = models.BinaryField()


class Wording(models.Model):
    """A register's own reusable text for one act (文书模板); withdrawn, never deleted."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="+")
    act = models.CharField(max_length=40)
    title = models.CharField(max_length=60)
    text = models.TextField()
    at = models.DateTimeField(db_default=Now())
    by = models.CharField(max_length=120)
    ended_at = models.DateTimeField(null=True)


class SavedFilter(models.Model):
    """A person's own filter of the queue, by a name of their choice."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=30)
    query = models.CharField(max_length=400)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("person", "name"), name="registration_filter_once"),)

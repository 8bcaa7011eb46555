"""What every object of the procedure shares: its state, its counter, and the deadline that runs."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from dengji.core.ids import new_id
from dengji.parties.models import Register


class CaseBase(models.Model):
    """A projection of decisions: `dengji rebuild` folds them again and must find no difference (design §3)."""

    #: The object kind in the procedure table and in ledger entries.
    OBJECT = ""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=20)
    n = models.PositiveIntegerField(default=0)
    deadline_day = models.DateField(null=True)
    deadline_ends = models.DateTimeField(null=True)
    deadline_provisional = models.BooleanField(default=False)
    ended_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        abstract = True

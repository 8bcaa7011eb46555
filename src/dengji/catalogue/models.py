"""What the catalogue keeps: one item for each registration, and the changes from which its statistics add up.

Both follow from the log alone: to read it again from its beginning gives the same.
"""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models.functions import Now

from .directory.models import Entry as Entry
from .directory.models import Proposal as Proposal
from .following.models import Follower as Follower
from .following.models import Message as Message


def _codes(length: int) -> ArrayField[Any, Any]:
    return ArrayField(models.CharField(max_length=length), default=list)


class Item(models.Model):
    """One registration as lists, facets and exports need it; its words stay with the registration itself.

    `position` is the log index of the last entry that changed it. `rank` orders by coding day and is never shared:
    day ordinal · 2⁴⁰ + number.
    """

    number = models.BigAutoField(primary_key=True)
    object_id = models.UUIDField(unique=True)
    register_id = models.UUIDField()
    position = models.BigIntegerField(unique=True)
    changed_at = models.DateTimeField(help_text="Legal time of that entry")
    code = models.CharField(max_length=64)
    serial = models.CharField(max_length=30, blank=True)
    agency = models.CharField(max_length=200)
    state = models.CharField(max_length=20)
    data_type = models.CharField(max_length=10)
    access_mode = models.CharField(max_length=20, blank=True)
    version = models.PositiveIntegerField(default=1)
    coded_on = models.DateField()
    valid_to = models.DateField()
    year = models.SmallIntegerField()
    rank = models.BigIntegerField(unique=True)
    sections = _codes(1)
    industries = _codes(2)
    provinces = _codes(2)
    cities = _codes(4)
    counties = _codes(6)
    suppressed = models.BooleanField(default=False)
    #: Filled only where the PostgreSQL engine serves the search.
    grams = SearchVectorField(null=True)

    class Meta:
        db_table = "catalogue_item"
        indexes = (
            GinIndex(fields=("grams",), name="catalogue_item_grams", fastupdate=False),
            # For harvesters, which ask for what changed since their last visit.
            models.Index(fields=("changed_at",), name="catalogue_item_changed"),
        )


class Tally(models.Model):
    """By how much one figure changed on one Shanghai day; a figure at a day is the sum of all changes up to it.

    `dimension` is `all`, `section`, `industry`, `region` (2, 4 and 6 digits) or `access`; a registration in two
    industries counts once in each, and once in `all`.
    """

    day = models.DateField()
    register_id = models.UUIDField()
    dimension = models.CharField(max_length=10)
    value = models.CharField(max_length=20, blank=True)
    data_type = models.CharField(max_length=10)
    state = models.CharField(max_length=20)
    delta = models.BigIntegerField()
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "catalogue_tally"
        constraints = (
            models.UniqueConstraint(
                fields=("dimension", "value", "register_id", "data_type", "state", "day"), name="catalogue_tally_once"
            ),
        )
        indexes = (models.Index(fields=("day",), name="catalogue_tally_day"),)

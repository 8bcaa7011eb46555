"""Entries of the directory of government data, and what a person decided about the registrations they might be."""

from __future__ import annotations

from django.db import models

from dengji.core.ids import new_id
from dengji.parties.models import Person, Register


class Entry(models.Model):
    """One information resource of the directory (GB/T 21063): known in its register by its identifier."""

    class Sharing(models.TextChoices):
        """共享类型."""

        UNCONDITIONAL = "unconditional", "无条件共享"
        CONDITIONAL = "conditional", "有条件共享"
        NONE = "none", "不予共享"

    class Openness(models.TextChoices):
        """开放类型."""

        UNCONDITIONAL = "unconditional", "无条件开放"
        CONDITIONAL = "conditional", "有条件开放"
        NONE = "none", "不予开放"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="+")
    identifier = models.CharField(max_length=100)
    name = models.CharField(max_length=300)
    unit_name = models.CharField(max_length=200)
    unit_code = models.CharField(max_length=18, blank=True, help_text="Unified social credit code")
    region = models.CharField(max_length=6, blank=True)
    abstract = models.TextField(blank=True)
    sharing = models.CharField(max_length=20, choices=Sharing.choices, blank=True)
    openness = models.CharField(max_length=20, choices=Openness.choices, blank=True)
    source = models.CharField(max_length=200, help_text="Name of the file")
    row = models.PositiveIntegerField(help_text="Row in it, as a spreadsheet counts")
    imported_at = models.DateTimeField()
    #: The registration that a person confirmed.
    object_id = models.UUIDField(null=True)

    class Meta:
        db_table = "catalogue_directory_entry"
        constraints = (
            models.UniqueConstraint(fields=("register", "identifier"), name="catalogue_directory_entry_once"),
        )
        indexes = (
            models.Index(fields=("object_id",), name="catalogue_directory_object"),
            models.Index(fields=("register", "unit_name"), name="catalogue_directory_unit"),
        )


class Proposal(models.Model):
    """A registration that an entry might be; a person confirms or rejects it, once."""

    class State(models.TextChoices):
        """What became of it."""

        OPEN = "open"
        CONFIRMED = "confirmed"
        REJECTED = "rejected"

    class Basis(models.TextChoices):
        """Why it was proposed."""

        IDENTIFIER = "identifier"
        NAME = "name"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="proposals")
    object_id = models.UUIDField(help_text="The registration")
    basis = models.CharField(max_length=12, choices=Basis.choices)
    percent = models.PositiveSmallIntegerField(help_text="Likeness of the names")
    same_unit = models.BooleanField()
    same_region = models.BooleanField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        db_table = "catalogue_directory_proposal"
        constraints = (
            models.UniqueConstraint(fields=("entry", "object_id"), name="catalogue_directory_proposal_once"),
        )
        indexes = (models.Index(fields=("entry",), condition=models.Q(state="open"), name="catalogue_directory_open"),)

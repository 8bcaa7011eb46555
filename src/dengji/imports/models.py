"""An import under way or done: which file for whom, how far it has come, and what became of each row."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from dengji.core.ids import new_id
from dengji.parties.models import Organisation, Register


class ImportJob(models.Model):
    """One file for one register; the same file for the same purpose is always the same job, so it can be resumed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10)
    data_type = models.CharField(max_length=10)
    allow_duplicates = models.BooleanField(default=False)
    dry_run = models.BooleanField(default=False)
    file_digest = models.CharField(max_length=64)
    storage_key = models.CharField(
        max_length=200, blank=True, help_text="The sealed file while it waits; emptied after"
    )
    state = models.CharField(max_length=10, default="QUEUED")
    next_row = models.PositiveIntegerField(default=0, help_text="Rows below this one are done")
    counts = models.JSONField(default=dict, help_text="{rows, created, known, refused, skipped, warned}")
    unknown = models.JSONField(default=list, help_text="Headings that no field bears")
    error = models.JSONField(default=dict, help_text="{code, message, field, params} where the file could not be read")
    created_by = models.CharField(max_length=120)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=(
                    "register", "organisation", "kind", "data_type", "allow_duplicates", "dry_run", "file_digest",
                    "created_by",
                ),
                nulls_distinct=False,
                name="imports_job_once",
            ),
        )  # fmt: skip
        indexes = (models.Index(fields=("state",), condition=models.Q(finished_at=None), name="imports_job_open"),)


class ImportRow(models.Model):
    """What became of one row: the object made, or the codes of what was found; texts are looked up when reported."""

    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, related_name="rows", db_index=False)
    number = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10)
    object_id = models.UUIDField(null=True)
    findings = models.JSONField(default=list, help_text="[{code, field, severity, params}]")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("job", "number"), name="imports_row_once"),)

"""Pages of an agency in versions that are never overwritten, and requests of people about their personal data."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from dengji.core.ids import new_id
from dengji.parties.models import Person, Register


class Page(models.Model):
    """One page of an agency in a section; an empty slug is the section's own text. INSERT-only."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="pages")
    section = models.CharField(max_length=20, help_text="One of sections.SECTIONS")
    slug = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (models.UniqueConstraint(fields=("register", "section", "slug"), name="content_page_once"),)


class PageVersion(models.Model):
    """What a page said from a moment on, in one language; the newest counts, also a withdrawal. INSERT-only."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    page = models.ForeignKey(Page, on_delete=models.PROTECT, related_name="versions")
    language = models.CharField(max_length=10)
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=120)
    body = models.TextField(blank=True, help_text="Markdown; HTML in it stays text")
    published = models.BooleanField(default=True, help_text="False: withdrawn from here on")
    at = models.DateTimeField(help_text="Legal time")
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("page", "language", "number"), name="content_pageversion_once"),)


class PrivacyRequest(models.Model):
    """A request to see, correct or delete one's own personal data; all that was said is encrypted.

    Not append-only: a lawful deletion empties `said` and `answer` and leaves number, kind and dates.
    """

    class State(models.TextChoices):
        """Whether it waits for an answer."""

        OPEN = "OPEN"
        ANSWERED = "ANSWERED"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="+")
    number = models.CharField(max_length=20, unique=True)
    kind = models.CharField(max_length=20)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    said = models.BinaryField(null=True)
    answer = models.BinaryField(null=True)
    outcome = models.CharField(max_length=20, blank=True)
    received_at = models.DateTimeField(help_text="Legal time")
    deadline_day = models.DateField()
    deadline_ends = models.DateTimeField()
    deadline_provisional = models.BooleanField(default=False)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = (models.Index(fields=("register", "state", "deadline_ends"), name="content_privacy_queue"),)

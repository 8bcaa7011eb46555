"""Wording, numbers, documents and what became of them: sealed, served. Words and bytes lie encrypted and removable."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from dengji.core.ids import new_id
from dengji.parties.models import Jurisdiction, Organisation, Person, Register


class Wording(models.Model):
    """One version of an agency's own wording of a kind of document (文书用语); INSERT-only, the newest counts."""

    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=40)
    version = models.PositiveIntegerField(help_text="From 1; 0 is what is shipped")
    texts = models.JSONField(help_text="{zh: {title, addressee, paragraphs, …}, en: {…}}, as the shipped files have it")
    at = models.DateTimeField(help_text="Legal time")
    by = models.CharField(max_length=120)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("register", "kind", "version"), name="documents_wording_once"),)


class NumberCounter(models.Model):
    """The last number (文号) given in a year to documents of a series by a register."""

    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="+", db_index=False)
    year = models.PositiveIntegerField()
    series = models.CharField(max_length=20)
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("register", "year", "series"), name="documents_number_once"),)


class Document(models.Model):
    """One document of one act for one recipient (文书): what it is made from, frozen, and the bytes that were made.

    One entry of the log gives a recipient a kind of document once, so that reading the log again makes nothing twice.
    `context` of the encryption of inputs and bytes is the bytes of the id.
    """

    class State(models.TextChoices):
        """Where it is; a void one has neither words nor bytes left, its row stays."""

        MAKING = "MAKING", "制作中"
        MADE = "MADE", "已制作"
        SEALED = "SEALED", "已用印"
        VOID = "VOID", "已作废"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=40)
    object_kind = models.CharField(max_length=20)
    object_id = models.UUIDField()
    decision_id = models.BigIntegerField(null=True, help_text="The decision it tells of; none for one made on request")
    entry_index = models.BigIntegerField(null=True, help_text="Place of that decision's entry in the log")
    recipient_kind = models.CharField(max_length=20, help_text="registrant, objector, public")
    recipient = models.CharField(max_length=40, blank=True, help_text="Id of the organisation or person, if any")
    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    number = models.CharField(max_length=80, blank=True, help_text="文号")
    wording_version = models.PositiveIntegerField(default=0)
    layout_version = models.CharField(max_length=40, help_text="name@version of the layout")
    inputs = models.BinaryField(null=True, help_text="The frozen JSON it is made from, sealed")
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(null=True)
    pages = models.PositiveIntegerField(null=True)
    storage_key = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.MAKING)
    error = models.CharField(max_length=60, blank=True, help_text="Code of what last kept it from being made")
    attempts = models.PositiveIntegerField(default=0)
    at = models.DateTimeField(help_text="Legal time of the act")
    made_at = models.DateTimeField(null=True, help_text="Real time")
    suppressed_at = models.DateTimeField(null=True, help_text="Since when words and bytes are gone (Art. 4)")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("entry_index", "kind", "recipient_kind", "recipient"), name="documents_document_once"
            ),
            models.UniqueConstraint(
                fields=("register", "number"), condition=~models.Q(number=""), name="documents_document_number"
            ),
        )
        indexes = (
            models.Index(fields=("object_id",), name="documents_of_object"),
            models.Index(fields=("register", "-id"), name="documents_of_register"),
            models.Index(fields=("id",), condition=models.Q(state="MAKING"), name="documents_making"),
        )


class Seal(models.Model):
    """One seal put on a document (用印): a test seal, an adapter's, or the scan of the stamped paper.

    INSERT-only, but a suppression empties `storage_key` and `note` once and marks the row.
    """

    class Kind(models.TextChoices):
        """How it was sealed."""

        TEST = "test", "测试印章"
        ADAPTER = "adapter", "电子印章"
        PAPER = "paper", "纸质用印"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="seals")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    at = models.DateTimeField(help_text="Legal time")
    by = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64, help_text="Of the plain bytes after sealing")
    size = models.BigIntegerField()
    content_type = models.CharField(max_length=100, default="application/pdf")
    storage_key = models.CharField(max_length=200, blank=True, help_text="Encrypted; context is the seal's id")
    note = models.BinaryField(null=True, help_text="What the officer wrote, or the adapter answered; sealed")
    recorded_at = models.DateTimeField(db_default=Now(), help_text="Real time")
    suppressed_at = models.DateTimeField(null=True)


class ServiceEvent(models.Model):
    """One step of serving a document (送达): by which channel, what happened, when, who says so.

    INSERT-only, but a suppression empties `storage_key` and `note` once and marks the row.
    """

    class Channel(models.TextChoices):
        """How it went out."""

        IN_SYSTEM = "in_system", "平台送达"
        MAIL = "mail", "电子邮件"
        SMS = "sms", "短信"
        TELEPHONE = "telephone", "电话告知"
        PAPER = "paper", "书面送达"

    class Event(models.TextChoices):
        """What happened."""

        SENT = "sent", "已发出"
        DELIVERED = "delivered", "已到达"
        OPENED = "opened", "已查阅"
        FAILED = "failed", "未送达"
        SERVED = "served", "已签收"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="service_events")
    channel = models.CharField(max_length=10, choices=Channel.choices)
    event = models.CharField(max_length=10, choices=Event.choices)
    at = models.DateTimeField(help_text="Legal time at which it happened")
    by = models.CharField(max_length=120)
    note = models.BinaryField(null=True, help_text="Who signed for it, who answered the call; sealed")
    proof_sha256 = models.CharField(max_length=64, blank=True, help_text="Of the scan of the receipt, if any")
    storage_key = models.CharField(max_length=200, blank=True, help_text="Encrypted; context is the event's id")
    recorded_at = models.DateTimeField(db_default=Now(), help_text="Real time")
    suppressed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=("document", "channel", "event"), name="documents_service_of"),)


class Report(models.Model):
    """One report of a period on a register or a territory (登记情况月报、季报、通报), frozen and signed; INSERT-only.

    Everything shown of it comes from `snapshot`; `digest` is that of its canonical JSON, `note` a signed note over it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    register = models.ForeignKey(Register, null=True, on_delete=models.PROTECT, related_name="+")
    jurisdiction = models.ForeignKey(Jurisdiction, null=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, help_text="month, quarter, year, period")
    first_day = models.DateField()
    last_day = models.DateField()
    snapshot = models.JSONField()
    digest = models.CharField(max_length=80)
    note = models.TextField(help_text="Signed note (C2SP) by the node's key over id, days and digest")
    at = models.DateTimeField(help_text="Legal time")
    by = models.CharField(max_length=120)
    recorded_at = models.DateTimeField(db_default=Now(), help_text="Real time")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(register=None) ^ models.Q(jurisdiction=None), name="documents_report_of_one"
            ),
        )


class ArchivePackage(models.Model):
    """One finished case as it was put into the archive (归档包): bytes that never change, under a number (档号).

    INSERT-only, but a suppression empties `storage_key` and `note` once and marks the row: the package is void then,
    and what is left of the case may be archived anew.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="+", db_index=False)
    agency = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    number = models.CharField(max_length=80, help_text="档号")
    year = models.PositiveIntegerField(help_text="In which the case ended, in Shanghai")
    retention = models.CharField(max_length=20, help_text="保管期限")
    object_kind = models.CharField(max_length=20)
    object_id = models.UUIDField()
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    storage_key = models.CharField(max_length=200, blank=True, help_text="Encrypted; context is the package's id")
    note = models.BinaryField(null=True, help_text="The list of files with their digests; sealed")
    at = models.DateTimeField(help_text="Legal time")
    by = models.CharField(max_length=120)
    recorded_at = models.DateTimeField(db_default=Now(), help_text="Real time")
    suppressed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("agency", "number"), name="documents_archive_number"),
            models.UniqueConstraint(
                fields=("object_id",), condition=models.Q(suppressed_at=None), name="documents_archive_once"
            ),
        )
        indexes = (models.Index(fields=("register", "-id"), name="documents_archive_of_register"),)


class Transfer(models.Model):
    """One batch of packages handed over to an archive (移交): the list that both sides sign; INSERT-only."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="+")
    number = models.CharField(max_length=40, help_text="移交批次")
    receiver = models.CharField(max_length=200, help_text="接收单位")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the canonical JSON of the items")
    at = models.DateTimeField(help_text="Legal time")
    by = models.CharField(max_length=120)
    recorded_at = models.DateTimeField(db_default=Now(), help_text="Real time")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("register", "number"), name="documents_transfer_number"),)


class TransferItem(models.Model):
    """One package in a batch, as it was when handed over; a package is handed over once. INSERT-only."""

    transfer = models.ForeignKey(Transfer, on_delete=models.PROTECT, related_name="items", db_index=False)
    n = models.PositiveIntegerField()
    package = models.OneToOneField(ArchivePackage, on_delete=models.PROTECT, related_name="transferred")
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("transfer", "n"), name="documents_transfer_item"),)

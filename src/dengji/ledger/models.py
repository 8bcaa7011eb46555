"""What the log stores (design §5): entries, those not yet placed, their places, and content objects."""

from __future__ import annotations

from django.db import models


class Entry(models.Model):
    """One act as the log holds it: canonical JSON, public in clear or sealed by a salted digest; INSERT-only."""

    id = models.BigAutoField(primary_key=True)
    act = models.CharField(max_length=40)
    object_kind = models.CharField(max_length=20)
    object_id = models.UUIDField()
    n = models.PositiveIntegerField()
    at = models.DateTimeField()
    public = models.BooleanField()
    body = models.BinaryField()

    class Meta:
        db_table = "ledger_entry"
        constraints = (models.UniqueConstraint(fields=("object_id", "n"), name="ledger_entry_once"),)


class Pending(models.Model):
    """An entry that has no place yet; inserted by the act, deleted by the sequencer."""

    entry = models.OneToOneField(Entry, primary_key=True, on_delete=models.PROTECT, db_constraint=False)

    class Meta:
        db_table = "ledger_pending"


class Leaf(models.Model):
    """The place of an entry in the log, gapless from 0, with its RFC 6962 leaf hash; INSERT-only."""

    index = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, db_constraint=False)
    hash = models.BinaryField()

    class Meta:
        db_table = "ledger_leaf"


class Content(models.Model):
    """Names and texts of a public entry, {salt, fields}, addressed by digest; suppression leaves only the tombstone."""

    digest = models.BinaryField(primary_key=True)
    object_kind = models.CharField(max_length=20)
    object_id = models.UUIDField()
    body = models.BinaryField(null=True)
    suppressed_at = models.DateTimeField(null=True)
    ground = models.CharField(max_length=60, blank=True)

    class Meta:
        db_table = "ledger_content"
        indexes = (models.Index(fields=("object_id",), name="ledger_content_object"),)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(body__isnull=False, suppressed_at__isnull=True)
                | models.Q(body__isnull=True, suppressed_at__isnull=False),
                name="ledger_content_whole_or_tombstone",
            ),
        )


class Cursor(models.Model):
    """How far a consumer of the log has come: the next index it will read."""

    consumer = models.CharField(max_length=60, primary_key=True)
    next_index = models.BigIntegerField(default=0)

    class Meta:
        db_table = "ledger_cursor"


class Tree(models.Model):
    """Where the log stands, one row: its size and the compact range from which the next root follows."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    size = models.BigIntegerField(default=0)
    frontier = models.BinaryField()

    class Meta:
        db_table = "ledger_tree"
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="ledger_tree_single_row"),)


class Tile(models.Model):
    """A full tile of 256 hashes (C2SP tlog-tiles); partial ones are computed on request. INSERT-only."""

    level = models.SmallIntegerField()
    n = models.BigIntegerField()
    data = models.BinaryField()

    class Meta:
        db_table = "ledger_tile"
        constraints = (models.UniqueConstraint(fields=("level", "n"), name="ledger_tile_once"),)


class SignedCheckpoint(models.Model):
    """A checkpoint as the node signed it: never one that does not extend the last. INSERT-only."""

    size = models.BigIntegerField(db_index=True)
    root = models.BinaryField()
    note = models.BinaryField()
    at = models.DateTimeField(help_text="Real time of signing")

    class Meta:
        db_table = "ledger_checkpoint"


class Cosignature(models.Model):
    """The newest timestamped cosignature of one key on one size: a witness's, or the node's own, renewed."""

    size = models.BigIntegerField()
    name = models.CharField(max_length=200)
    key_id = models.BinaryField()
    line = models.CharField(max_length=1000)
    at = models.DateTimeField()

    class Meta:
        db_table = "ledger_cosignature"
        constraints = (models.UniqueConstraint(fields=("size", "name", "key_id"), name="ledger_cosignature_once"),)


class Anchor(models.Model):
    """Proof that a checkpoint was seen outside: an RFC 3161 time stamp, a mailed or exported copy. INSERT-only."""

    kind = models.CharField(max_length=20)
    size = models.BigIntegerField()
    data = models.BinaryField()
    at = models.DateTimeField()

    class Meta:
        db_table = "ledger_anchor"
        indexes = (models.Index(fields=("kind", "-at"), name="ledger_anchor_latest"),)

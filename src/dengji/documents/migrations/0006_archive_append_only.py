"""What is in the archive never changes, but for what a suppression removes (design §3)."""

from django.db import migrations

from dengji.core.insert_only import emptiable, insert_only


class Migration(migrations.Migration):
    """Triggers and revoked rights."""

    dependencies = [("documents", "0005_archive")]
    operations = [
        emptiable("documents_archivepackage"),
        insert_only("documents_transfer", "documents_transferitem"),
    ]

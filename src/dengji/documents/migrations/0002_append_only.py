"""Make what must never change append-only (design §3)."""

from django.db import migrations

from dengji.core.insert_only import emptiable, insert_only


class Migration(migrations.Migration):
    """Triggers and revoked rights."""

    dependencies = [("documents", "0001_initial")]
    operations = [insert_only("documents_wording"), emptiable("documents_seal", "documents_serviceevent")]

"""A report that was signed never changes (design §3)."""

from django.db import migrations

from dengji.core.insert_only import insert_only


class Migration(migrations.Migration):
    """Triggers and revoked rights."""

    dependencies = [("documents", "0003_report")]
    operations = [insert_only("documents_report")]

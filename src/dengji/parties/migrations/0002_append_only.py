"""Make what must never change append-only (design §3)."""

from django.db import migrations

from dengji.core.insert_only import insert_only


class Migration(migrations.Migration):
    """Triggers and revoked rights."""

    dependencies = [("parties", "0001_initial")]
    operations = [insert_only("parties_accesslog", "parties_accesslogroot")]

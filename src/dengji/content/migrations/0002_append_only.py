"""Pages and their versions are never overwritten (design §3)."""

from django.db import migrations

from dengji.core.insert_only import insert_only


class Migration(migrations.Migration):
    """Triggers and revoked rights."""

    dependencies = [("content", "0001_initial")]
    operations = [insert_only("content_page", "content_pageversion")]

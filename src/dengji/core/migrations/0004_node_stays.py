"""Keep the node's identity also from being emptied: a demonstration could otherwise be founded anew as production."""

from django.db import migrations

_STAYS = """
CREATE TRIGGER core_node_no_truncate BEFORE TRUNCATE ON core_node
    FOR EACH STATEMENT EXECUTE FUNCTION dengji_forbid_change();
"""


class Migration(migrations.Migration):
    """One more trigger on the node's only row."""

    dependencies = [("core", "0003_demonstration_clock")]
    operations = [migrations.RunSQL(_STAYS, migrations.RunSQL.noop)]

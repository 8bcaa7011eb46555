"""While a node is recovering nothing enters its log, by whatever way, and nothing is placed or signed (design §5)."""

from django.db import migrations

_GUARD = """
CREATE FUNCTION dengji_wait_for_recovery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM core_node WHERE restored_from IS NOT NULL) THEN
        RAISE EXCEPTION 'dengji: % on % refused, the node is recovering', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NULL;
END $$;
"""
_TABLES = ("ledger_entry", "ledger_leaf", "ledger_checkpoint", "ledger_cosignature", "registration_decision")
_WAITS = """
CREATE TRIGGER {table}_waits_for_recovery BEFORE INSERT ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION dengji_wait_for_recovery();
"""


class Migration(migrations.Migration):
    """One trigger per statement, which costs an act a few microseconds."""

    dependencies = [("core", "0005_recovering"), ("ledger", "0004_content_stays"), ("registration", "0004_name_index")]
    operations = [
        migrations.RunSQL(_GUARD + "".join(_WAITS.format(table=table) for table in _TABLES), migrations.RunSQL.noop)
    ]

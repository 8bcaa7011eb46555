"""Make what must never change append-only (design §3)."""

from django.db import migrations

from dengji.core.insert_only import insert_only

_NODE = """
CREATE FUNCTION dengji_guard_node() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.demonstration <> OLD.demonstration OR NEW.origin <> OLD.origin
       OR NEW.legal_offset < OLD.legal_offset OR (NEW.legal_offset <> OLD.legal_offset AND NOT OLD.demonstration) THEN
        RAISE EXCEPTION 'dengji: the identity of a node is fixed; only a demonstration clock moves, and only forward'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER core_node_fixed BEFORE UPDATE OR DELETE ON core_node
    FOR EACH ROW EXECUTE FUNCTION dengji_guard_node();
"""


class Migration(migrations.Migration):
    """Triggers and revoked rights."""

    dependencies = [("core", "0001_initial")]
    operations = [insert_only("core_rememberedresult"), migrations.RunSQL(_NODE, migrations.RunSQL.noop)]

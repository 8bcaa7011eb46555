"""Let a content object be emptied once by a suppression and never be changed or removed otherwise (design §5)."""

from django.db import migrations

_STAYS = """
CREATE FUNCTION dengji_guard_content() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.suppressed_at IS NULL AND NEW.suppressed_at IS NOT NULL AND NEW.body IS NULL
       AND (NEW.digest, NEW.object_kind, NEW.object_id) = (OLD.digest, OLD.object_kind, OLD.object_id) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'dengji: % on % refused, only a suppression may empty it', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER ledger_content_append_only BEFORE UPDATE OR DELETE ON ledger_content
    FOR EACH ROW EXECUTE FUNCTION dengji_guard_content();
CREATE TRIGGER ledger_content_no_truncate BEFORE TRUNCATE ON ledger_content
    FOR EACH STATEMENT EXECUTE FUNCTION dengji_forbid_change();
"""


class Migration(migrations.Migration):
    """Triggers on the content objects."""

    dependencies = [("ledger", "0003_tree"), ("core", "0002_append_only")]
    operations = [migrations.RunSQL(_STAYS, migrations.RunSQL.noop)]

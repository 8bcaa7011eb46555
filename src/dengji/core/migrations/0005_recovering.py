"""A restored node is recovering; only then may its log go on as a new epoch, `origin/2` (design §5)."""

from django.db import migrations, models

_GUARD = r"""
CREATE OR REPLACE FUNCTION dengji_next_epoch(origin text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(origin, '/[1-9][0-9]{0,8}$', '') || '/'
        || (coalesce(substring(origin FROM '^.+/([1-9][0-9]{0,8})$')::int, 1) + 1)::text
$$;
CREATE OR REPLACE FUNCTION dengji_guard_node() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.demonstration <> OLD.demonstration
       OR (NEW.origin <> OLD.origin AND (OLD.restored_from IS NULL OR NEW.origin <> dengji_next_epoch(OLD.origin)))
       OR NEW.legal_offset < OLD.legal_offset OR (NEW.legal_offset <> OLD.legal_offset AND NOT OLD.demonstration) THEN
        RAISE EXCEPTION 'dengji: the identity of a node is fixed; only a demonstration clock moves, and only forward'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    """One column, and a guard that knows of epochs."""

    dependencies = [("core", "0004_node_stays")]
    operations = [
        migrations.AddField(
            model_name="node",
            name="restored_from",
            field=models.DateTimeField(
                help_text="Real time of the backup this node was restored from, while it is recovering; else null",
                null=True,
            ),
        ),
        migrations.RunSQL(_GUARD, migrations.RunSQL.noop),
    ]

"""Migration operations that make a table INSERT-only: triggers against UPDATE, DELETE, TRUNCATE, and revoked rights."""

from __future__ import annotations

from django.db import migrations

_FUNCTION = """
CREATE OR REPLACE FUNCTION dengji_forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'dengji: % on % refused, the table is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
"""

_SUPPRESSIBLE = """
CREATE OR REPLACE FUNCTION dengji_forbid_all_but_suppression() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE emptied text[] := ARRAY['fields', 'request', 'salt', 'suppressed_at'];
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.suppressed_at IS NULL AND NEW.suppressed_at IS NOT NULL
       AND NEW.fields = '{}'::jsonb AND coalesce(to_jsonb(NEW) ->> 'salt', '\\x') = '\\x'
       AND to_jsonb(NEW) - emptied = to_jsonb(OLD) - emptied THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'dengji: % on % refused, only a suppression may empty it', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
"""

_EMPTIABLE = """
CREATE OR REPLACE FUNCTION dengji_forbid_all_but_emptying() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE emptied text[] := ARRAY['note', 'storage_key', 'suppressed_at'];
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.suppressed_at IS NULL AND NEW.suppressed_at IS NOT NULL
       AND NEW.note IS NULL AND NEW.storage_key = ''
       AND to_jsonb(NEW) - emptied = to_jsonb(OLD) - emptied THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'dengji: % on % refused, only a suppression may empty it', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
"""

_GUARD = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION {function}();
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION dengji_forbid_change();
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'dengji_app')
       AND NOT pg_has_role('dengji_app', current_user, 'USAGE') THEN
        REVOKE {rights} ON {table} FROM dengji_app;
    END IF;
END $$;
"""


def insert_only(*tables: str) -> migrations.RunSQL:
    """Return the operation that makes these tables append-only (design §3, facts R62)."""
    guards = (
        _GUARD.format(table=table, function="dengji_forbid_change", rights="UPDATE, DELETE, TRUNCATE")
        for table in tables
    )
    return migrations.RunSQL(_FUNCTION + "".join(guards), migrations.RunSQL.noop)


def suppressible(*tables: str) -> migrations.RunSQL:
    """Return the operation that makes these tables append-only but for emptying their text once (design §5)."""
    guards = (
        _GUARD.format(table=table, function="dengji_forbid_all_but_suppression", rights="DELETE, TRUNCATE")
        for table in tables
    )
    return migrations.RunSQL(_FUNCTION + _SUPPRESSIBLE + "".join(guards), migrations.RunSQL.noop)


def emptiable(*tables: str) -> migrations.RunSQL:
    """Return the operation that makes these tables append-only but for emptying note and file once (design §5)."""
    guards = (
        _GUARD.format(table=table, function="dengji_forbid_all_but_emptying", rights="DELETE, TRUNCATE")
        for table in tables
    )
    return migrations.RunSQL(_FUNCTION + _EMPTIABLE + "".join(guards), migrations.RunSQL.noop)

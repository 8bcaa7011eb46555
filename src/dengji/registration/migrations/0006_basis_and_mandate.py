"""On which version a file builds, whether an agent may speak for the registrant, and what a suppression removed."""

from django.db import migrations, models

#: What open files build on: the version of their registration that was there when they were opened.
_BASE = """
UPDATE registration_application a SET base_version = (
    SELECT max(v.number) FROM registration_registrationversion v
    WHERE v.registration_id = a.registration_id AND v.at <= (
        SELECT d.at FROM registration_decision d WHERE d.object_id = a.id AND d.act = 'create_application'))
WHERE a.kind <> 'first' AND a.ended_at IS NULL AND a.registration_id IS NOT NULL
"""
_MANDATE = """
UPDATE registration_application a SET mandated = false
WHERE a.agent_id IS NOT NULL AND a.state = 'DRAFT' AND EXISTS (
    SELECT FROM registration_decision d
    WHERE d.object_id = a.id AND d.act = 'create_application' AND d.role = 'agent')
AND NOT EXISTS (
    SELECT FROM registration_material m
    WHERE m.owner_id = a.id AND m.kind = 'agency_letter' AND m.removed_at IS NULL)
"""


class Migration(migrations.Migration):
    """New columns; the old code goes on without them."""

    dependencies = [("registration", "0005_bands_by_place")]
    operations = [
        migrations.AddField(
            "application",
            "base_version",
            models.PositiveIntegerField(
                null=True, help_text="The version of the registration that the draft builds on (every kind but first)"
            ),
        ),
        migrations.AddField(
            "application",
            "mandated",
            models.BooleanField(
                default=True,
                db_default=True,
                help_text="False while a draft opened by an agent holds no letter of authority: "
                "the organisation sees nothing",
            ),
        ),
        migrations.AddField(
            "material",
            "suppressed_at",
            models.DateTimeField(null=True, help_text="Since when its bytes and its name are gone (Art. 4)"),
        ),
        migrations.AddField(
            "version",
            "private_digest",
            models.CharField(
                max_length=80,
                blank=True,
                default="",
                db_default="",
                help_text="Of the personal fields; its salt lies with them",
            ),
        ),
        migrations.RunSQL(_BASE, migrations.RunSQL.noop),
        migrations.RunSQL(_MANDATE, migrations.RunSQL.noop),
    ]

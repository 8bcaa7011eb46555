"""Make what must never change append-only (design §3)."""

from django.db import migrations

from dengji.core.insert_only import insert_only, suppressible


class Migration(migrations.Migration):
    """Triggers and revoked rights."""

    dependencies = [("registration", "0001_initial")]
    operations = [
        insert_only(
            "registration_decision",
            "registration_rulebooksnapshot",
            "registration_calendarversion",
            "registration_clockmark",
        ),
        suppressible("registration_version", "registration_registrationversion"),
    ]

"""Keep the bands of one place side by side in their index, and drop indexes that others begin with."""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

from dengji.law.similarity import signature

_BATCH = 5000
_UPDATE = (
    "UPDATE registration_namekey k SET bands = u.bands::bigint[] "
    "FROM unnest(%s::uuid[], %s::text[]) AS u (id, bands) "
    "WHERE k.object_id = u.id AND k.bands <> u.bands::bigint[]"
)


def recompute(apps, schema_editor):
    """Give every stored name the bands that `signature` gives now."""
    with schema_editor.connection.cursor() as cursor:
        last = None
        while True:
            cursor.execute(
                "SELECT object_id, name, registrant_name FROM registration_namekey "
                "WHERE %s::uuid IS NULL OR object_id > %s::uuid ORDER BY object_id LIMIT %s",
                [last, last, _BATCH],
            )
            rows = cursor.fetchall()
            if not rows:
                return
            bands = ["{" + ",".join(map(str, signature(name, registrant))) + "}" for _, name, registrant in rows]
            cursor.execute(_UPDATE, [[row[0] for row in rows], bands])
            last = rows[-1][0]


def _key(to, related):
    return models.ForeignKey(
        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name=related, to=to
    )


class Migration(migrations.Migration):
    """Bands by place."""

    dependencies = [("parties", "0002_append_only"), ("registration", "0004_name_index")]
    operations = [
        migrations.AlterField("application", "organisation", _key("parties.organisation", "applications")),
        migrations.AlterField("registration", "organisation", _key("parties.organisation", "registrations")),
        migrations.AlterField("registrationversion", "registration", _key("registration.registration", "versions")),
        migrations.RemoveIndex("namekey", "registration_namekey_bands"),
        migrations.RunPython(recompute, migrations.RunPython.noop),
        migrations.AddIndex(
            "namekey",
            django.contrib.postgres.indexes.GinIndex(
                fastupdate=False, fields=["bands"], name="registration_namekey_bands"
            ),
        ),
    ]

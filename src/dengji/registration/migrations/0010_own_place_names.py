"""Tell places apart by how their own names begin: 117 counties end in 自治县 (ADR 0014)."""

from importlib import import_module

from django.db import migrations

_before = import_module("dengji.registration.migrations.0005_bands_by_place")


class Migration(migrations.Migration):
    """Bands by the beginning of the place's own name."""

    dependencies = [("registration", "0009_desk")]
    operations = [migrations.RunPython(_before.recompute, migrations.RunPython.noop)]

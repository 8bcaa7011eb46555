"""Decisions, registrations and names refer to a register that cannot be deleted: no check and no second index."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """See ADR 0014."""

    dependencies = [
        ("parties", "0003_lighter_rows"),
        ("registration", "0006_basis_and_mandate"),
    ]

    operations = [
        migrations.AlterField(
            model_name="decision",
            name="register",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="parties.register",
            ),
        ),
        migrations.AlterField(
            model_name="namekey",
            name="register",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="parties.register",
            ),
        ),
        migrations.AlterField(
            model_name="registration",
            name="register",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="parties.register",
            ),
        ),
    ]

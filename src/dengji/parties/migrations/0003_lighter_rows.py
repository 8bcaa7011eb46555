"""One index less for every unit, and registers that stay: what refers to them need not be checked row by row."""

from django.db import migrations, models

_KEEP = """
CREATE TRIGGER parties_register_stays BEFORE DELETE OR UPDATE OF id ON parties_register
    FOR EACH ROW EXECUTE FUNCTION dengji_forbid_change();
"""


class Migration(migrations.Migration):
    """No pattern index on credit codes; a register can neither go nor become another."""

    dependencies = [
        ("parties", "0002_append_only"),
    ]

    operations = [
        migrations.AlterField(
            model_name="organisation",
            name="credit_code",
            field=models.CharField(max_length=18),
        ),
        migrations.AddConstraint(
            model_name="organisation",
            constraint=models.UniqueConstraint(fields=("credit_code",), name="parties_organisation_code_once"),
        ),
        migrations.RunSQL(_KEEP, "DROP TRIGGER parties_register_stays ON parties_register"),
    ]

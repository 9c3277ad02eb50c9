from django.db import migrations, models

_GO_ON = """
    update checkpoint set status = 'running'
    where status = 'stopped' and error ~ '^(ValueError: a key (has|holds) |TypeError: a key is a string)'"""


class Migration(migrations.Migration):
    """Values that can't be keys are counted. A build that such a value had stopped goes on."""

    dependencies = [("projections", "0003_lag")]

    operations = [
        migrations.AddField(
            model_name="checkpoint",
            name="unkeyed",
            field=models.BigIntegerField(
                db_default=0, default=0, help_text="values that events gave as keys and that can't be keys"
            ),
        ),
        migrations.AddField(
            model_name="checkpoint",
            name="unkeyed_position",
            field=models.BigIntegerField(help_text="of the last event that gave such a value", null=True),
        ),
        migrations.RunSQL(_GO_ON, migrations.RunSQL.noop),
    ]
